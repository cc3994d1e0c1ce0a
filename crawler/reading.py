"""A fetched document to what it lists, whatever its kind, a page to its article; run in a worker
process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from crawler.extraction import extract
from crawler.items import ArticleItem, DocumentError, DocumentItem, Hints, NotArticle, Page
from crawler.sources import SOURCE_KINDS, Document
from crawler.sources.discover import Channel, discover, is_sitemap
from crawler.sources.markup import CHUNK
from crawler.sources.sitemap import read_sitemap


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


def _read_spooled(kind: str, document: Document) -> Reading | None:
    """A sitemap, read piece by piece; None for what has to be read as a whole."""
    with open(document.spooled, "rb") as source:
        head = source.read(CHUNK)
        if kind != "sitemap" and not (kind == "auto" and is_sitemap(head, document.content_type)):
            return None
        read = read_sitemap(source, document.url, document.content_type, timezone=document.timezone)
        return Reading("sitemap", read)


def read_document(kind: str, document: Document) -> Reading:
    """Reads a document as its kind; `auto` finds out. Raises DocumentError."""
    if document.spooled:
        found_sitemap = _read_spooled(kind, document)
        if found_sitemap is not None:
            return found_sitemap
        document = replace(document, body=Path(document.spooled).read_bytes(), spooled="")
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


def read_page(page: Page, hints: Hints) -> ArticleItem | NotArticle:
    """What a page holds, as `extract` does, also where its body is in a file."""
    if page.spooled:
        page = replace(page, body=Path(page.spooled).read_bytes(), spooled="")
    return extract(page, hints)
