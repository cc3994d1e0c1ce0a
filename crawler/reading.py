"""A fetched document to what it lists, whatever its kind; run in a worker process. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crawler.items import DocumentError, DocumentItem
from crawler.sources import SOURCE_KINDS, Document
from crawler.sources.discover import Channel, discover


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document is and lists."""

    kind: str
    """feed | sitemap | wordpress | listing, or "page": a page whose channels come first."""
    document: DocumentItem
    """What it lists; of a page, the article links on it."""
    channels: tuple[Channel, ...] = ()
    """What a page names, best first."""
    hub: str | None = None
    """The WebSub hub that a page names."""
    is_wordpress: bool = False
    """Whether a page looks like one of WordPress."""
    is_article: bool = False
    """Whether a page says that it is an article."""


def read_document(kind: str, document: Document) -> Reading:
    """Reads a document as its kind; `auto` finds out. Raises DocumentError."""
    if kind != "auto":
        return Reading(kind, SOURCE_KINDS[kind](document))
    found = discover(document.body, document.url, document.content_type)
    if found.kind != "page":
        return Reading(found.kind, SOURCE_KINDS[found.kind](document))
    try:
        links = SOURCE_KINDS["listing"](document)
    except DocumentError:
        # The page may still name its channels.
        links = DocumentItem()
    page = replace(links, title=links.title or found.title)
    return Reading("page", page, found.channels, found.hub, found.is_wordpress, found.is_article)
