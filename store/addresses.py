"""Which addresses of the network may be reached: the one policy for every client. Pure.

Whatever the web says, nothing is fetched from or sent to the inside of the network that Wirewatch
runs in: loopback, private and link-local ranges, the metadata services of cloud providers,
multicast, and addresses that stand for one of those in another notation. Only ranges that the
configuration names are open (`allow_private`).

Judged is the address that is connected to, after resolving; a name judged earlier may resolve
differently later (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from unicodedata import normalize
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2000

# Global by the registry, yet not the public web: carrier NAT, 6to4 relays, NAT64, SIIT (RFC 6598,
# 7526, 6052, 7915). Their embedded addresses are judged too.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "100.64.0.0/10",
        "192.88.99.0/24",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "::ffff:0:0:0/96",
    )
)

# What listens there is no web server (docs/decisions/0032): the "bad ports" of the WHATWG Fetch
# standard, and those of databases, caches, queues and machines' controls.
_BAD_PORTS = frozenset(
    (
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
        102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389,
        427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
        989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665,
        6666, 6667, 6668, 6669, 6679, 6697, 10080,
        873, 1433, 1521, 1883, 2181, 2375, 2376, 2377, 2379, 2380, 3306, 3389, 4369, 5432, 5672,
        5900, 5984, 6379, 6380, 6432, 7000, 7001, 8086, 8125, 9042, 9092, 9160, 9200, 9300, 10250,
        10255, 11211, 26379, 27017, 27018, 27019, 28015, 50000,
    )
)  # fmt: skip


_PREFIXES = {int(IPv6Address(prefix)) >> 32 for prefix in ("64:ff9b::", "::ffff:0:0:0", "::")}
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_LOCAL = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


def _embedded(address: Address) -> Iterable[Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    number = int(address)
    if number >> 32 in _PREFIXES:
        # NAT64, SIIT, and the deprecated "IPv4-compatible" form ::a.b.c.d
        yield IPv4Address(number & 0xFFFFFFFF)


def _contains(networks: Iterable[Network], address: Address) -> bool:
    return any(address.version == net.version and address in net for net in networks)


def refusal(address: Address, allow: Sequence[Network] = ()) -> str | None:
    """Why the address may not be reached, in words; None when it may.

    `allow` opens exactly the ranges it names. An IPv6 address that stands for an IPv4 address is
    open when that address is.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return f"{address} names a network interface"
    embedded = list(_embedded(address))
    if _contains(allow, address) or (embedded and all(_contains(allow, e) for e in embedded)):
        return None
    for judged in (address, *embedded):
        if not judged.is_global or judged.is_multicast or _contains(_NOT_PUBLIC, judged):
            return f"{address} is not a public address (see [crawler] allow_private)"
    return None


def url_refusal(url: str, allow: Sequence[Network] = ()) -> str | None:
    """Why a URL may not be asked for, as far as its text tells; None when it may.

    Host names are judged when they are resolved. Refused here: other schemes than http and https,
    user names and passwords, control characters and backslashes (parsers disagree about them),
    ports of other protocols, more than 2,000 characters, literal addresses that `refusal` refuses
    in whatever writing, and the names of this machine unless `allow` opens its loopback.
    """
    if len(url) > LONGEST_URL:
        return f"the address has more than {LONGEST_URL:,} characters"
    if any(ord(char) < 0x21 or char in "\\\x7f" for char in url):
        return "the address holds a space, a backslash or a control character"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"the address cannot be read ({error})"
    if parts.scheme not in {"http", "https"} or not host:
        return "the address is neither http nor https"
    if parts.username is not None or parts.password is not None:
        return "the address holds a user name or password"
    if port in _BAD_PORTS:
        return f"port {port} belongs to another protocol"
    return _host_refusal(host, allow)


def _host_refusal(host: str, allow: Sequence[Network]) -> str | None:
    """What is written, read as a proxy may read it: it resolves where no guard stands."""
    plain = _plain(host)
    if plain is None or ("%" in plain and ":" not in plain):
        return f"{host[:100]!r} is no host name"
    if plain in _LOCAL_NAMES or plain.endswith(".localhost"):
        if any(_contains(allow, local) for local in _LOCAL):
            return None
        return f"{plain} is not a public address (see [crawler] allow_private)"
    literal = literal_address(plain)
    return None if literal is None else refusal(literal, allow)


def _plain(host: str) -> str | None:
    """The name in lower case, ASCII and with plain dots, whatever it was written in (IDNA); None
    for what cannot be one.
    """
    text = normalize("NFKC", host).rstrip(".\u3002").lower()
    if text.isascii():
        return text or None
    try:
        return text.encode("idna").decode("ascii").rstrip(".").lower() or None
    except UnicodeError:
        return None


def literal_address(host: str) -> Address | None:
    """The address that a host is written as, in any notation that resolvers take; else None.

    Besides the usual forms: one decimal, octal or hexadecimal number, and fewer than four parts
    (`127.1`, `0x7f.1`, `2130706433`), as `inet_aton` reads them.
    """
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return _inet_aton(host.rstrip("."))


def _inet_aton(host: str) -> IPv4Address | None:
    parts = host.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    numbers = [_number(part) for part in parts]
    if None in numbers:
        return None
    *head, last = [number for number in numbers if number is not None]
    if any(number > 255 for number in head) or last >= 256 ** (4 - len(head)):
        return None
    value = last
    for place, number in enumerate(head):
        value += number << (8 * (3 - place))
    return IPv4Address(value)


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isalnum() or len(text) > 14:
        return None
    base = 16 if text[:2].lower() == "0x" else 8 if text[0] == "0" and len(text) > 1 else 10
    try:
        return int(text, base)
    except ValueError:
        return None
