"""Under which names the status page may be asked for, when no password protects it. Pure.

A page of the web can make its own host name resolve to 127.0.0.1 after it was loaded (DNS
rebinding), and then read what listens there as if it were its own. The browser still sends that
name, which is how it is told apart. An address cannot be made to lead elsewhere, nor `localhost`.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address


def is_own_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header, with or without a port, is an address, localhost or one of `names`."""
    name = _without_port(host).rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return name in {own.lower() for own in names} or _is_address(name)


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() else host


def _is_address(name: str) -> bool:
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        ip_address(bare)
    except ValueError:
        return False
    return True
