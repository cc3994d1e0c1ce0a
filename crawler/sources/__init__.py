"""Fetched documents to entries: one module a kind, registered here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crawler.items import DocumentItem
from crawler.sources.feed import parse_feed
from crawler.sources.listing import parse_listing
from crawler.sources.sitemap import parse_sitemap
from crawler.sources.wordpress import parse_wordpress


@dataclass(frozen=True, slots=True)
class Document:
    """A document as fetched, with what its source's table says about reading it."""

    body: bytes
    url: str
    """Where redirects ended."""
    content_type: str | None = None
    timezone: str = "UTC"
    """For dates that name no zone."""
    links: str = ""
    """A CSS selector for the article links of a page; empty: the automatic way."""
    spooled: str = ""
    """Path of a file that holds the body in place of `body`; empty: none does."""
    known: tuple[str, ...] = ()
    """Addresses of articles that the source was seen to publish."""


def _feed(document: Document) -> DocumentItem:
    return parse_feed(
        document.body, document.url, document.content_type, timezone=document.timezone
    )


def _sitemap(document: Document) -> DocumentItem:
    return parse_sitemap(
        document.body, document.url, document.content_type, timezone=document.timezone
    )


def _listing(document: Document) -> DocumentItem:
    return parse_listing(
        document.body,
        document.url,
        links=document.links,
        content_type=document.content_type,
        known=document.known,
    )


def _wordpress(document: Document) -> DocumentItem:
    return parse_wordpress(
        document.body, document.url, document.content_type, timezone=document.timezone
    )


SOURCE_KINDS: Mapping[str, Callable[[Document], DocumentItem]] = {
    "feed": _feed,
    "sitemap": _sitemap,
    "wordpress": _wordpress,
    "listing": _listing,
}
"""What reads a document of each kind; raises DocumentError when it is of another."""
