"""The HTTP client for everything but crawling: httpx, behind the address guard.

The one module that imports httpx; others take it from here, so that changing to another client with
the same interface is one line.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from store.addresses import Network, refusal

__all__ = ["ForbiddenAddressError", "guarded_client", "httpx"]

KEPT_CONNECTIONS = 20


class ForbiddenAddressError(httpx.ConnectError):
    """The host resolves to an address that may not be reached; the message says which."""


class _ForbiddenError(httpcore.ConnectError):
    pass


class _GuardedBackend(AsyncNetworkBackend):
    """Resolves, judges every address, and connects to one that was judged."""

    def __init__(self, allow: Sequence[Network]) -> None:
        self._allow = allow
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._addresses(host, port, timeout):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str, port: int, within: float | None) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} could not be resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} could not be resolved: {error}") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        for address in addresses:
            # One refused address refuses the name: which one is used is the resolver's whim.
            if why := refusal(ip_address(address), self._allow):
                raise _ForbiddenError(f"{host}: {why}")
        return addresses

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        raise _ForbiddenError("local sockets are not the network")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    def __init__(self, allow: Sequence[Network], verify: Any, proxy: str) -> None:
        super().__init__(verify=verify, trust_env=False)
        # httpx has no argument for the network backend; its connection pool is what it has.
        context = httpx.create_ssl_context(verify=verify, trust_env=False)
        if proxy:
            self._pool = httpcore.AsyncHTTPProxy(
                proxy_url=proxy,
                ssl_context=context,
                max_keepalive_connections=KEPT_CONNECTIONS,
                network_backend=_GuardedBackend(allow),
            )
        else:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_keepalive_connections=KEPT_CONNECTIONS,
                network_backend=_GuardedBackend(allow),
            )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.ConnectError as error:
            if isinstance(error.__cause__, _ForbiddenError):
                raise ForbiddenAddressError(str(error), request=request) from error
            raise


def guarded_client(
    allow: Sequence[Network], *, timeout: float, verify: Any = True, proxy: str = ""
) -> httpx.AsyncClient:
    """A client that reaches public addresses and the ranges in `allow`, and nothing else.

    It follows no redirects, keeps no cookies of its own will and ignores proxies of the
    environment, which would resolve names where no guard stands. `timeout` is in seconds, of each
    step; `verify` is an `ssl.SSLContext` for a certificate authority of one's own. An http://
    `proxy` resolves names itself: behind it the guard judges the proxy's address only, and whoever
    asks judges what URLs spell out (`store.addresses.url_refusal`).
    """
    return httpx.AsyncClient(
        transport=_GuardedTransport(allow, verify, proxy),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
    )
