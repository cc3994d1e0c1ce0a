"""What of a host is sold by a registry, and what its owner chose: by the Public Suffix List.

The list is the one that comes with the package `tldextract`. The package itself is not imported:
it would bring a client of HTTP to fetch newer lists, which is never done here, and its trees of the
list took 20 MB in the service and its worker processes; a set of lines takes two.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from ipaddress import ip_address
from pathlib import Path

import idna

_LIST = "tldextract/.tld_set_snapshot"


def split_host(host: str) -> tuple[str, str]:
    """The label that its owner chose and the suffix it stands under: "bbc", "co.uk".

    `host` is in lower case, in ASCII or not, without port. A suffix by itself has no label; a host
    under no known suffix has its last label and no suffix, an IP address is all label.
    """
    labels = host.split(".")
    length = _suffix_length([_decoded(label) for label in labels])
    if not length:
        return (host if _is_address(host) else labels[-1]), ""
    label = labels[-length - 1] if len(labels) > length else ""
    return label, ".".join(labels[-length:])


def _suffix_length(labels: list[str]) -> int:
    """Of how many labels the longest suffix is made; an exception (`!www.ck`) beats a wildcard."""
    rules = _rules()
    for start in range(len(labels)):
        name = ".".join(labels[start:])
        if f"!{name}" in rules:
            return len(labels) - start - 1
        if name in rules or ".".join(["*", *labels[start + 1 :]]) in rules:
            return len(labels) - start
    return 0


@cache
def _rules() -> frozenset[str]:
    """The lines of the list, those of private domains (blogspot.com) too."""
    text = Path(str(distribution("tldextract").locate_file(_LIST))).read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("//"))


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (UnicodeError, IndexError):
        return label


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
