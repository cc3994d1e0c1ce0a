"""What an address leads to: is the document a feed, a sitemap or a page, and what does a page name?

Pure. Channels come best first: the feed that the page names first is by custom the site's main one;
feeds of comments, of one tag or of one author are left out as long as there is another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from selectolax.lexbor import LexborHTMLParser

from crawler.sources.markup import decoded, decompressed
from crawler.text import clean_line
from crawler.urls import listed_url

_FEED_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "application/xml+rss",
        "text/rss+xml",
    }
)
# Feeds that hold a part of the site only, or no articles.
_PARTIAL = re.compile(
    r"comment|kommentar|/tag/|/author/|/category/|/wp-json/|oembed|podcast", re.IGNORECASE
)
_HEAD = 4096
_ROOT = re.compile(r"<(?!\?|!)(?:[\w-]+:)?([A-Za-z][\w-]*)")
_PAGE_TITLE = 200


@dataclass(frozen=True, slots=True)
class Channel:
    """One way in which a site tells what it published."""

    kind: Literal["feed", "sitemap"]
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a fetched document is."""

    kind: Literal["feed", "sitemap", "page"]
    channels: tuple[Channel, ...] = ()
    """What a page names, best first."""
    title: str | None = None
    """A page's own title."""


def discover(body: bytes, url: str, content_type: str | None = None) -> Discovery:
    """Tells what the document is by its content; content types lie too often.

    Raises DocumentError when the bytes cannot be decompressed.
    """
    text = decoded(decompressed(body), content_type)
    kind = _kind(text[:_HEAD])
    return _page(text, url) if kind == "page" else Discovery(kind)


def _kind(head: str) -> Literal["feed", "sitemap", "page"]:
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith("{"):
        return "feed" if "jsonfeed.org" in start or '"items"' in start else "page"
    root = _ROOT.search(_without_comments(start))
    name = root[1].lower() if root else ""
    if name in {"rss", "feed", "rdf", "channel"}:
        return "feed"
    if name in {"urlset", "sitemapindex"}:
        return "sitemap"
    return "page"


def _without_comments(text: str) -> str:
    return re.sub(r"<!--.*?(-->|\Z)", "", text, flags=re.DOTALL)


def _page(text: str, url: str) -> Discovery:
    tree = LexborHTMLParser(text)
    base = tree.css_first("base[href]")
    root = listed_url(base.attributes.get("href") or "", base=url) if base else None
    feeds = list(_named_feeds(tree, root or url))
    whole = [feed for feed in feeds if not _PARTIAL.search(f"{feed.url} {feed.title}")]
    title = tree.css_first("title")
    named = clean_line(title.text(), _PAGE_TITLE) if title else None
    return Discovery("page", tuple(_unique([*whole, *feeds])), named or None)


def _named_feeds(tree: LexborHTMLParser, base: str) -> Iterator[Channel]:
    for link in tree.css("link[rel][href], a[rel][href]"):
        attributes = link.attributes
        relations = (attributes.get("rel") or "").lower().split()
        kind = (attributes.get("type") or "").split(";")[0].strip().lower()
        if "alternate" not in relations or kind not in _FEED_TYPES:
            continue
        address = listed_url(attributes.get("href") or "", base=base)
        if address:
            yield Channel("feed", address, clean_line(attributes.get("title") or "", _PAGE_TITLE))


def _unique(channels: Iterable[Channel]) -> list[Channel]:
    return list({channel.url: channel for channel in reversed(list(channels))}.values())[::-1]
