"""What an address leads to: is the document a feed, a sitemap or a page, and what does a page name?

Pure. The channels of a page come best first:

1. feeds it names (`<link rel="alternate">`): on a section's page the section's own, elsewhere the
   first, which is by custom the site's main one; feeds of comments, tags, authors or categories
   and those in another language than the page's come last;
2. its WordPress API, which tells dates and whole texts but is often walled off;
3. feeds that only a visible link leads to.

Content types are not believed: too many feeds come as text/html.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.extraction.bounds import bounded
from crawler.extraction.encoding import decode
from crawler.sources.markup import decoded, decompressed, root_name
from crawler.sources.wordpress import posts_address
from crawler.text import clean_line
from crawler.urls import listed_url, same_site

ChannelKind = Literal["feed", "sitemap", "wordpress", "listing"]
Scope = Literal["own", "site", "part"]

_FEED_TYPES = frozenset(
    {
        "application/rss+xml", "application/atom+xml", "application/feed+json",
        "application/rdf+xml", "application/xml+rss", "text/rss+xml",
    }
)  # fmt: skip
_COMMENTS = re.compile(
    r"comment|kommentar|comentari|reacties|yorum|коммент|komentarz|تعليق|تبصر|دیدگاه", re.IGNORECASE
)
_PARTIAL = re.compile(
    r"/(?:tags?|author|category|topics?)/|/wp-json/|oembed|podcast"
    r"|[?&](?:cat|tag|author|withcomments|p)=|/rsd\b",
    re.IGNORECASE,
)
"""Feeds that hold a part of the site only, or no articles."""
_LOOKS_LIKE_FEED = re.compile(
    r"/(?:rss|feeds?|atom)(?:/|\.xml|\.rss|\.aspx|\.php|$)|/index\.(?:rdf|rss|xml)$|\.rss$|/\?feed=",
    re.IGNORECASE,
)
_WORDPRESS = re.compile(r"/wp-(?:content|includes)/|content=.WordPress", re.IGNORECASE)
_VISIBLE_LINKS = 5
"""Of the feeds that only a visible link leads to; pages that list feeds list hundreds."""
_HEAD = 8192
_TITLE = 200

_USUAL_FEEDS = (
    "/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/feed", "/index.xml", "/?feed=rss2",
    "/feeds/posts/default",
)  # fmt: skip
_USUAL_SITEMAPS = (
    "/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml", "/news_sitemap.xml",
    "/sitemaps/news.xml", "/sitemap/news.xml", "/googlenews.xml", "/sitemap-google-news.xml",
    "/arc/outboundfeeds/news-sitemap/?outputType=xml", "/arc/outboundfeeds/rss/?outputType=xml",
    "/tncms/sitemap/news.xml", "/sitemap_index.xml", "/wp-sitemap.xml", "/sitemap.xml",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Channel:
    """One way in which a site tells what it published."""

    kind: ChannelKind
    url: str
    title: str = ""
    scope: Scope = "site"
    """own: of the section whose page names it | site: of the whole site, as far as can be told |
    part: of a tag, an author, the comments, or in another language: no substitute for the others
    """
    is_named: bool = True
    """Whether the site names it; False for one of the usual paths."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a fetched document is."""

    kind: Literal["feed", "sitemap", "wordpress", "page"]
    channels: tuple[Channel, ...] = ()
    """What a page names, best first."""
    title: str | None = None
    """A page's own title."""
    hub: str | None = None
    """The WebSub hub that a page names."""
    is_wordpress: bool = False
    """Whether the page looks like one of WordPress, whether or not it names the API."""
    is_article: bool = False
    """Whether the page says that it is an article, so that its links are no list of the news."""


def discover(body: bytes, url: str, content_type: str | None = None) -> Discovery:
    """Tells what the document is, by its content. `url` is where redirects ended.

    Raises DocumentError when the bytes cannot be decompressed.
    """
    content = decompressed(body)
    kind = _kind(decoded(content[: 4 * _HEAD], content_type)[:_HEAD])
    return Discovery(kind) if kind != "page" else _page(decode(content, content_type), url)


def is_sitemap(head: bytes, content_type: str | None = None) -> bool:
    """Whether a document that begins so is a sitemap or an index of sitemaps."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 4 * _HEAD)
        except zlib.error:
            return False
    return _kind(decoded(head[: 4 * _HEAD], content_type)[:_HEAD]) == "sitemap"


def usual_channels(url: str) -> tuple[Channel, ...]:
    """Where sites keep feeds and sitemaps that they name nowhere, likeliest first."""
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    feeds = (Channel("feed", root + path, is_named=False) for path in _USUAL_FEEDS)
    sitemaps = (Channel("sitemap", root + path, is_named=False) for path in _USUAL_SITEMAPS)
    api = Channel("wordpress", posts_address(f"{root}/wp-json/"), is_named=False)
    return (*feeds, api, *sitemaps)


def _kind(head: str) -> Literal["feed", "sitemap", "wordpress", "page"]:
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith("{"):
        return "feed" if "jsonfeed.org" in start else "page"
    if start.startswith("["):
        return "wordpress" if '"guid"' in start or '"link"' in start else "page"
    root = root_name(start)
    if root in {"rss", "feed", "rdf", "channel"}:
        return "feed"
    return "sitemap" if root in {"urlset", "sitemapindex"} else "page"


def _page(text: str, url: str) -> Discovery:
    tree = LexborHTMLParser(bounded(text))
    base = listed_url(_first(tree, "base[href]", "href"), url) or url
    title = tree.css_first("title")
    named = clean_line(title.text(), _TITLE) if title else ""
    named_feeds = _ranked(tree, base, url)
    channels = (*named_feeds, *_wordpress(tree, base), *_visible_feeds(tree, base, url))
    hub = listed_url(_first(tree, 'link[rel="hub"]', "href"), base)
    is_wordpress = bool(_WORDPRESS.search(text))
    is_article = "article" in _first(tree, 'meta[property="og:type"]', "content")
    return Discovery("page", _unique(channels), named or None, hub, is_wordpress, is_article)


def _first(tree: LexborHTMLParser, selector: str, name: str) -> str:
    found = tree.css_first(selector)
    return (found.attributes.get(name) or "") if found else ""


def _ranked(tree: LexborHTMLParser, base: str, url: str) -> list[Channel]:
    """The feeds the page names, best first; equals in the page's order."""
    language = _first(tree, "html[lang]", "lang").lower()[:2]
    found = list(_named_feeds(tree, base))
    path = urlsplit(url).path.rstrip("/")
    is_article = "article" in _first(tree, 'meta[property="og:type"]', "content")
    section = "" if is_article else path

    def judged(feed: tuple[Channel, str]) -> tuple[bool, bool, bool]:
        channel, hreflang = feed
        below = bool(path) and f"{urlsplit(channel.url).path}/".startswith(f"{path}/")
        own = below and not is_article  # below an article there are its comments
        comments = bool(_COMMENTS.search(f"{channel.url} {channel.title}"))
        partial = comments or (not own and (below or bool(_PARTIAL.search(channel.url))))
        foreign = bool(language and hreflang and hreflang[:2].lower() != language)
        return partial, foreign, bool(section) and not own

    def scoped(feed: tuple[Channel, str]) -> Channel:
        partial, foreign, not_own = judged(feed)
        scope: Scope = (
            "part" if partial or foreign else "own" if section and not not_own else "site"
        )
        return replace(feed[0], scope=scope)

    return [scoped(feed) for feed in sorted(found, key=judged)]


def _named_feeds(tree: LexborHTMLParser, base: str) -> Iterator[tuple[Channel, str]]:
    """Each named feed with its hreflang."""
    for link in tree.css("link[rel][href], a[rel][href]"):
        attributes = link.attributes
        kind = (attributes.get("type") or "").split(";")[0].strip().lower()
        address = listed_url(attributes.get("href") or "", base)
        if "alternate" in _relations(link) and kind in _FEED_TYPES and address:
            title = clean_line(attributes.get("title") or "", _TITLE)
            yield Channel("feed", address, title), attributes.get("hreflang") or ""


def _relations(link: LexborNode) -> list[str]:
    return (link.attributes.get("rel") or "").lower().split()


def _wordpress(tree: LexborHTMLParser, base: str) -> Iterator[Channel]:
    root = listed_url(_first(tree, 'link[rel="https://api.w.org/"]', "href"), base)
    if root:
        yield Channel("wordpress", posts_address(root))


def _visible_feeds(tree: LexborHTMLParser, base: str, url: str) -> list[Channel]:
    """Feeds of this site that only a visible link leads to, those nearest its root first."""
    addresses = (
        listed_url(link.attributes.get("href") or "", base) for link in tree.css("a[href]")
    )
    feeds = dict.fromkeys(
        address
        for address in addresses
        if address and _LOOKS_LIKE_FEED.search(address) and same_site(address, url)
    )
    whole = [address for address in feeds if not _PARTIAL.search(address)]
    nearest = sorted(whole, key=lambda address: address.count("/"))
    return [Channel("feed", address) for address in nearest[:_VISIBLE_LINKS]]


def _unique(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    found: dict[str, Channel] = {}
    for channel in channels:
        found.setdefault(channel.url, channel)
    return tuple(found.values())
