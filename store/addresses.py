"""Which network addresses may be reached, and the one HTTP client that reaches no others.

The check stands where the address is final: names are resolved, refused addresses dropped, and the
connection goes to an address that was checked. So redirects, unusual spellings of an address and
names that change their address between check and use all meet it. This is the only module that
imports httpx.
"""

import asyncio
import re
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpcore
import httpx

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2000
"""Characters."""

# Beyond what `is_global` knows in every supported Python: shared address space (RFC 6598), 6to4
# relays (RFC 7526), NAT64 (RFC 6052, 8215), site-local (RFC 3879), documentation (RFC 9637), SRv6.
_REFUSED: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10", "3fff::/20", "5f00::/16",
    )
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")

_BLOCKED_PORTS = frozenset(
    (
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
        101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161,
        179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563,
        587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
        6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080
    )
)  # fmt: skip
"""The "bad ports" of the WHATWG Fetch standard: those of other protocols."""

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_LOCAL_NAME = re.compile(r"(?:.*\.)?localhost\.?", re.IGNORECASE)


def refusal(address: Address, allow: Sequence[Network] = ()) -> str | None:
    """Why the address may not be reached, or None when it may.

    Reachable are global unicast addresses and the ranges of `allow`. An address inside an address
    (v4-mapped, 6to4, Teredo, NAT64) must be reachable itself.
    """
    inner = _embedded(address)
    if any(candidate in network for network in allow for candidate in (*inner, address)):
        return None
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    kinds = (_kind(candidate) for candidate in (inner if mapped else (*inner, address)))
    kind = next(filter(None, kinds), None)
    return f"{address} is {kind}" if kind else None


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    candidates = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
    inner = tuple(candidate for candidate in candidates if candidate)
    return (*inner, IPv4Address(int(address) & 0xFFFFFFFF)) if address in _NAT64 else inner


def _kind(address: Address) -> str | None:
    """What an address is that is not global unicast, in words."""
    if address.is_multicast:
        return "a multicast address"
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address (cloud metadata lives there)"
    if address.is_global and not any(address in network for network in _REFUSED):
        return None
    return "a private or reserved address"


def url_refusal(url: str, allow: Sequence[Network] = ()) -> str | None:
    """Why the URL may not be fetched whatever it resolves to, or None.

    Judges the spelling, the port and a literal address in any of its forms (127.1, 0x7f000001);
    behind a proxy, where names are resolved by others, this is all that can be judged.
    """
    if len(url) > LONGEST_URL:
        return f"the address is longer than {LONGEST_URL} characters"
    if _UNSAFE.search(url):
        return "the address holds a backslash, a space or a control character"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"not an address: {error}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "not an http:// or https:// address"
    if "@" in parts.netloc:
        return "the address holds a user name"
    if port in _BLOCKED_PORTS:
        return f"port {port} belongs to another protocol"
    return _host_refusal(parts.hostname, allow)


def _host_refusal(host: str, allow: Sequence[Network]) -> str | None:
    address = literal_address(host)
    if address is None and _LOCAL_NAME.fullmatch(host):
        address = IPv4Address("127.0.0.1")
    return refusal(address, allow) if address else None


def literal_address(host: str) -> Address | None:
    """The address a host spells out, in any form the C library takes; None for a name."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host.isascii() else None
    except (OSError, ValueError):
        return None


def reachable(addresses: Iterable[str], allow: Sequence[Network]) -> tuple[list[str], list[str]]:
    """The addresses that may be reached, in their order, and the refusals of the others."""
    kept: list[str] = []
    refusals: list[str] = []
    for text in dict.fromkeys(addresses):
        reason = refusal(ip_address(text.partition("%")[0]), allow)
        if reason is None:
            kept.append(text)
        else:
            refusals.append(reason)
    return kept, refusals


# --- the HTTP client ---------------------------------------------------------------------------

AsyncClient = httpx.AsyncClient
HTTPError = httpx.HTTPError
"""What every failed request raises: a network error, a timeout, a broken answer."""
TimeoutException = httpx.TimeoutException
Response = httpx.Response


class AddressRefused(httpcore.ConnectError):
    """The name has no address that may be reached. httpx shows it as the cause of ConnectError."""


class _GuardedBackend(httpcore.AnyIOBackend):
    """Opens connections to checked addresses only; TLS still names the host."""

    def __init__(self, allow: Sequence[Network]) -> None:
        self._allow = tuple(allow)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in await self._checked_addresses(host, port, deadline):
            left = max(deadline - asyncio.get_running_loop().time(), 0.001) if deadline else None
            try:
                return await super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused(f"{path} is a socket of this machine")

    async def _checked_addresses(self, host: str, port: int, deadline: float | None) -> list[str]:
        """Raises AddressRefused when none may be reached, ConnectError when there is none."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        addresses, refusals = reachable((str(entry[4][0]) for entry in found), self._allow)
        if refusals and not addresses:
            raise AddressRefused(f"{host} is refused: {'; '.join(refusals)}")
        return addresses


class _GuardedTransport(httpx.AsyncHTTPTransport):
    def __init__(self, allow: Sequence[Network], ca_file: str | None) -> None:
        super().__init__(verify=ca_file or True, trust_env=False, limits=_LIMITS)
        # httpx takes no network backend; its pool is the place where httpcore takes one. The
        # tests hold that connections really go through it.
        self._pool._network_backend = _GuardedBackend(allow)


_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=30)


def guarded_client(
    allow: Sequence[Network] = (), *, timeout: float = 20.0, ca_file: str | None = None
) -> httpx.AsyncClient:
    """A client that connects to global addresses and the ranges of `allow` only.

    It follows no redirects, reads no proxy or credentials from the environment, and waits `timeout`
    seconds for each of resolving and connecting, sending, and receiving. `ca_file` names further
    certificate authorities. A refused address raises httpx.ConnectError whose message says why.
    """
    return httpx.AsyncClient(
        transport=_GuardedTransport(allow, ca_file),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
    )
