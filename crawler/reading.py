"""A fetched document to what it lists, whatever its kind; run in a worker process. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crawler.items import DocumentError, DocumentItem
from crawler.sources import SOURCE_KINDS, Document
from crawler.sources.discover import Channel, Discovery, discover, usual_channels


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document is and lists."""

    kind: str
    """feed | sitemap | wordpress | listing, or "page": a page whose channels come first."""
    document: DocumentItem
    """What it lists; of a page, the article links on it."""
    channels: tuple[Channel, ...] = ()
    """What a page names, best first."""


def read_document(kind: str, document: Document) -> Reading:
    """Reads a document as its kind; `auto` finds out. Raises DocumentError."""
    if kind not in {"auto", "wordpress"}:
        return Reading(kind, SOURCE_KINDS[kind](document))
    found = discover(document.body, document.url, document.content_type)
    if kind == "wordpress":
        return _read_wordpress(document, found)
    if found.kind != "page":
        return Reading(found.kind, SOURCE_KINDS[found.kind](document))
    try:
        links = SOURCE_KINDS["listing"](document)
    except DocumentError:
        # The page may still name its channels.
        links = DocumentItem()
    return Reading("page", replace(links, title=links.title or found.title), found.channels)


def _read_wordpress(document: Document, found: Discovery) -> Reading:
    """Posts from the API, or from a page of the site the address of the API."""
    if found.kind != "page" or document.body.lstrip()[:1] in {b"{", b"["}:
        return Reading("wordpress", SOURCE_KINDS["wordpress"](document))
    api = [channel for channel in found.channels if channel.kind == "wordpress"]
    api = api or [one for one in usual_channels(document.url) if one.kind == "wordpress"]
    return Reading("page", DocumentItem(title=found.title), tuple(api))
