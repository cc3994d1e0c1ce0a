"""The HTTP that Apprise's services speak, led through the address guard and bounded.

Apprise's modules call `requests` by themselves: they follow redirects, read whole answers whatever
their size, and connect to any address. Their `requests` is therefore replaced by one that judges
every address when it is connected to, follows nothing, reads little, and remembers how the service
answered, which Apprise reduces to yes or no. Outside of an exchange it refuses to do anything.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from types import ModuleType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from store.addresses import Network, refusal

REPLY_READ = 64 * 1024
"""Bytes of an answer that are read at most."""
_VERBS = ("delete", "get", "head", "patch", "post", "put")


@dataclass(slots=True)
class Exchange:
    """What one message may do, and how the service answered last."""

    allow: Sequence[Network]
    timeout: float
    """Seconds for each step, and for a whole answer."""
    code: int | None = None
    reply: str = ""
    retry_after: str | None = None
    refused: str = ""
    """Why an address may not be reached."""
    broken: str = ""
    """How the exchange broke off."""


_EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


@contextmanager
def exchange(allow: Sequence[Network], timeout: float) -> Iterator[Exchange]:
    """Lets the code inside speak HTTP within these bounds."""
    now = Exchange(allow, timeout)
    token = _EXCHANGE.set(now)
    try:
        yield now
    finally:
        _EXCHANGE.reset(token)


class _GuardedMixin:
    """Connects to an address that was judged, never to a name."""

    def _new_conn(self) -> socket.socket:
        current: Any = self
        now = _EXCHANGE.get()
        host, port = current._dns_host, current.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(current, f"{host} could not be resolved") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        for address in addresses:
            if why := refusal(ip_address(address), now.allow):
                now.refused = f"{host}: {why}"
                raise NewConnectionError(current, now.refused)
        try:
            return create_connection(
                (addresses[0], port), now.timeout, socket_options=current.socket_options
            )
        except OSError as error:
            raise NewConnectionError(current, error.strerror or str(error)) from error


class _Connection(_GuardedMixin, HTTPConnection):
    pass


class _SecureConnection(_GuardedMixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = {"http": _Pool, "https": _SecurePool}
        self.poolmanager.pool_classes_by_scheme = pools


class _BoundedRequests(ModuleType):
    """`requests` as Apprise's modules see it."""

    def __init__(self) -> None:
        super().__init__("requests")
        self.__dict__.update(vars(requests))
        self.request = _request
        for verb in _VERBS:
            setattr(self, verb, _verb(verb))
        # What would be a way around is not there.
        self.Session = self.session = None


def _verb(name: str) -> Any:
    def call(url: str, *_: Any, **keys: Any) -> requests.Response:
        return _request(name, url, **keys)

    return call


def _request(method: str, url: str, **keys: Any) -> requests.Response:
    now = _EXCHANGE.get(None)
    if now is None:
        raise requests.RequestException("no message is being sent")
    keys |= {"allow_redirects": False, "stream": True, "timeout": now.timeout, "proxies": None}
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _GuardedAdapter(max_retries=0))
        try:
            response = session.request(method, url, **keys)
        except requests.RequestException as error:
            now.broken = _words(error)
            raise
        now.code, now.retry_after = response.status_code, response.headers.get("retry-after")
        response._content = _beginning(response, now.timeout)
        now.reply = response._content.decode("utf-8", "replace")
        response.close()
    return response


def _beginning(response: requests.Response, within: float) -> bytes:
    """The answer's first bytes; what breaks while reading them changes nothing."""
    kept = bytearray()
    until = time.monotonic() + within
    try:
        while len(kept) < REPLY_READ and time.monotonic() < until:
            piece = response.raw.read1(REPLY_READ, decode_content=True)
            if not piece:
                break
            kept += piece
    except (HTTPError, OSError, ValueError):
        pass
    return bytes(kept[:REPLY_READ])


def _words(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failed"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


_BOUNDED = _BoundedRequests()


def bound(plugin: object) -> None:
    """Gives the modules that a service of Apprise is made of the bounded `requests`."""
    for class_ in type(plugin).__mro__:
        module = sys.modules[class_.__module__]
        if module.__name__.startswith("apprise.") and hasattr(module, "requests"):
            module.__dict__["requests"] = _BOUNDED
