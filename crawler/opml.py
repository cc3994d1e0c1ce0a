"""The outlines of an OPML document that name a source. Pure; nothing is fetched.

A reader's list names the feed of each site (`xmlUrl`) and the site (`htmlUrl`); the feed is what
is read. What `export` wrote has attributes of ours beside them, by which a source comes back as it
was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from lxml import etree

from crawler.config import Kind
from crawler.extraction.bounds import short_tags
from crawler.items import DocumentError
from crawler.sources.markup import decoded, parse_xml, root_name, what_is
from crawler.text import clean_line
from crawler.urls import listed_url

OWN = "urn:wirewatch"
"""Namespace of the attributes `id`, `kind` and `enabled` that `export` writes."""
_FEEDS = frozenset({"", "rss", "rss1", "rss2", "atom", "atom1", "rdf", "feed", "jsonfeed"})
"""What a feed's `type` says."""
_LINKS = frozenset({"include", "link"})
"""Types of outlines that lead to further lists, which are not fetched."""
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Outline:
    """A source as an outline names it."""

    number: int
    """From 1, of all outlines of the document."""
    url: str = ""
    """What is read; empty where the outline is at fault."""
    kind: Kind = "auto"
    name: str = ""
    id: str = ""
    """Only of what `export` wrote: as it was configured."""
    enabled: bool = True
    fault: str = ""
    """Why it names no source, in words; empty where nothing is wrong."""


def outlines(body: bytes) -> Iterator[Outline]:
    """Every outline that names a source or should, folders left out, in the document's order.

    Raises DocumentError when the bytes are no OPML document; the message says what they are.
    """
    text = decoded(body)
    if root_name(text.lstrip("\ufeff \t\r\n")) != "opml":
        raise DocumentError(f"this is {what_is(text)}, no OPML list")
    # Lists have thousands of elements that end themselves, which `bounded` would take for deep
    # nesting; of deep nesting libxml2 reads 256 levels.
    root, _ = parse_xml(text, "", short_tags)
    for number, element in enumerate(root.iter("{*}outline"), 1):
        is_folder = len(element) > 0
        found = _outline(number, element)
        if found.url or not is_folder or found.fault != _NAMES_NOTHING:
            yield found


_NAMES_NOTHING = "it names no address (xmlUrl, htmlUrl)"


def _outline(number: int, element: etree._Element) -> Outline:
    said = {str(name).lower(): str(value).strip() for name, value in element.items()}
    kind = said.get("type", "").lower().replace(" ", "")
    feed, site = said.get("xmlurl", ""), said.get("htmlurl", "")
    if kind in _LINKS and not feed:
        return Outline(number, fault="it leads to another list or page, which is not fetched")
    if not (feed or site):
        return Outline(number, fault=_NAMES_NOTHING)
    own = said.get(f"{{{OWN}}}kind", "")
    if own in get_args(Kind) and site:
        wanted, read_as = site, own
    else:
        wanted, read_as = feed or site, "feed" if feed and kind in _FEEDS else "auto"
    url = _address(wanted)
    if url is None:
        return Outline(number, fault=f"no web address: {clean_line(wanted, 80)}")
    return Outline(
        number=number,
        url=url,
        kind=read_as,  # type: ignore[arg-type]
        name=_name(said),
        id=said.get(f"{{{OWN}}}id", ""),
        enabled=said.get(f"{{{OWN}}}enabled") != "false",
    )


def _name(said: Mapping[str, str]) -> str:
    return clean_line(said.get("text") or said.get("title") or "", LONGEST_NAME)


def _address(written: str) -> str | None:
    """Some readers write `feed://example.org/rss` or `feed:https://…`."""
    if written.lower().startswith("feed:"):
        written = written[len("feed:") :]
        written = f"http:{written}" if written.startswith("//") else written
    return listed_url(written) if written else None
