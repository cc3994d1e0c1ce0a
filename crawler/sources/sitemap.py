"""Sitemaps and their indexes, news sitemaps, plain lists of addresses: bytes to entries.

`lastmod` is a modification, often that of the build, and never taken for the publication; only the
news namespace says when something was published. Pictures, videos and the other-language addresses
that sitemaps carry are passed over.
"""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from itertools import chain
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from lxml import etree

from crawler.dates import ParsedDate, parse_date
from crawler.extraction.bounds import short_tags
from crawler.items import DocumentError, DocumentItem, EntryItem
from crawler.sources.entries import language_of, names_of, title_of
from crawler.sources.feed import parse_feed
from crawler.sources.markup import CHUNK, document_in, repaired, root_name, texts, what_is
from crawler.sources.packed import EntryPacker
from crawler.urls import listed_url

_HEAD = 2 * CHUNK
"""Characters in which a document shows what it is."""
_LONGEST_PIECE = 16 * CHUNK
_REFERENCE = 40
"""Characters; no reference is longer, so none is cut in two."""
_FEEDS = {"rss", "feed", "rdf"}
_MEDIA = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|ico|mp[34]|m4[av]|webm|css|js)$", re.IGNORECASE
)

_NOT_ARTICLES = re.compile(
    r"(?:^|[/_-])(?:post_tag|tags?|category|categories|authors?|users?|pages?|images?|sections?"
    r"|topics?|attachments?|taxonomies-[a-z_]+)(?:[_-]\d+)?[_-]?(?:sitemap)?[_-]?\d*\.xml"
    r"|wp-sitemap-(?:taxonomies|users|posts-page)-",
    re.IGNORECASE,
)
"""Names that WordPress and its sitemap plugins give to lists of sections, tags, authors, pages."""
_NEWS_NAME = re.compile(r"news|latest|recent|today|current", re.IGNORECASE)
_DATE_IN_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[/_-]?((?:0[1-9]|1[0-2])(?!\d)|(?:0[1-9]|1[0-2])\d\d)?"
)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

Element = etree._Element


def parse_sitemap(
    body: bytes, url: str, content_type: str | None = None, *, timezone: str = "UTC"
) -> DocumentItem:
    """The addresses of a sitemap as entries, or the sitemaps of an index, newest first.

    An RSS or Atom feed given as a sitemap is read as a feed. `timezone` is for dates that name no
    zone. Raises DocumentError when the bytes are no sitemap, saying what they are instead. A
    sitemap without addresses is no error (a news sitemap holds two days only) but has a warning.
    """
    return read_sitemap(BytesIO(body), url, content_type, timezone=timezone)


def read_sitemap(
    source: BinaryIO, url: str, content_type: str | None = None, *, timezone: str = "UTC"
) -> DocumentItem:
    """As `parse_sitemap`, from a file: in pieces, with memory for the addresses alone."""
    pieces = texts(source, content_type)
    head = _head(pieces)
    if "<" not in head[:2_000]:
        return _plain_list(chain((head,), pieces), url)
    document, junk = document_in(head)
    root = root_name(document)
    if root in _FEEDS:
        source.seek(0)
        return parse_feed(source.read(), url, content_type, timezone=timezone)
    if root not in {"urlset", "sitemapindex"}:
        raise DocumentError(what_is(document))
    listed = _read(chain((document,), pieces), url, timezone)
    found = _index(listed) if root == "sitemapindex" else _urlset(listed)
    return replace(found, warnings=((junk,) if junk else ()) + found.warnings)


def _head(pieces: Iterator[str]) -> str:
    """The beginning of a document; all of it where it is short."""
    head = ""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD and head.rstrip().endswith(">"):
            break
        if len(head) >= _LONGEST_PIECE:
            break
    return head


def _plain_list(pieces: Iterable[str], url: str) -> DocumentItem:
    """The text form of a sitemap: one address a line."""
    entries, lines, first = EntryPacker(), 0, ""
    for line in _lines(pieces):
        lines += 1
        first = first or line
        if address := listed_url(line):
            entries.add(EntryItem(url=address))
    if not entries.count or entries.count * 2 < lines:
        raise DocumentError(what_is(first))
    return DocumentItem(entries=entries.entries(), warnings=_left_out(lines - entries.count))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines that hold something; one without end is cut, no address is so long."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).lstrip("\ufeff").splitlines(keepends=True) or [""]
        if rest.endswith(("\n", "\r")):
            whole, rest = [*whole, rest], ""
        yield from (line.strip() for line in whole if line.strip())
        rest = rest[:_LONGEST_PIECE]
    if rest.strip():
        yield rest.strip()


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} lines without a usable address were left out",) if count else ()


@dataclass(slots=True)
class _Listed:
    """What a sitemap lists, while it is read."""

    entries: EntryPacker
    documents: list[tuple[str, datetime | None]]
    title: str | None = None
    nameless: int = 0
    fault: str | None = None


def _read(pieces: Iterable[str], url: str, timezone: str) -> _Listed:
    """Reads in pieces and forgets each element once read: memory for the entries only."""
    listed, end = _Listed(EntryPacker(), []), ""
    parser = etree.XMLPullParser(
        events=("end",),
        tag=("{*}url", "{*}sitemap"),
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for piece in _cut_between_tags(pieces):
        end = (end + piece)[-200:]
        parser.feed(repaired(short_tags(piece)))
        for _, found in parser.read_events():
            element = cast(Element, found)
            _take(element, url, timezone, listed)
            element.clear()
            parent = element.getparent()
            while parent is not None and (before := element.getprevious()) is not None:
                parent.remove(before)
    if not re.search(r"</(?:\w+:)?(?:urlset|sitemapindex)\s*>\s*$", end):
        listed.fault = "the sitemap broke off before its end"
    return listed


def _short(pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]


def _cut_between_tags(pieces: Iterable[str]) -> Iterator[str]:
    """The text in pieces that end with a tag, so that no reference (`&amp;`) is cut in two."""
    rest = ""
    for part in _short(pieces):
        rest += part
        while len(rest) >= CHUNK:
            end = rest.rfind(">", 0, CHUNK) + 1 or rest.find(">") + 1
            if not end and len(rest) < _LONGEST_PIECE:
                break
            end = end or len(rest) - _REFERENCE
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _take(element: Element, url: str, timezone: str, listed: _Listed) -> None:
    """Adds what one <url> or <sitemap> says."""
    own, _, kind = str(element.tag).rpartition("}")
    said: dict[str, str] = {}
    for child in element.iter():
        said.setdefault(_key(str(child.tag), own), (child.text or "").strip())
    address = listed_url(html.unescape(said.get("loc", "")), url)
    modified = parse_date(said.get("lastmod", ""), timezone=timezone)
    if address is None or _MEDIA.search(address.partition("?")[0]):
        listed.nameless += address is None
    elif kind == "sitemap":
        listed.documents.append((address, modified.at if modified else None))
    elif any(name.startswith("news:") for name in said):
        listed.entries.add(_news_entry(address, modified, said, timezone))
        listed.title = listed.title or title_of(said.get("news:name"))
    else:
        listed.entries.add(EntryItem(url=address, modified=modified.at if modified else None))


@lru_cache(maxsize=1024)
def _key(tag: str, own: str) -> str:
    """The element's name; of other namespaces than the sitemap's own, only news counts."""
    namespace, _, local = tag.rpartition("}")
    if "sitemap-news" in namespace:
        return f"news:{local.lower()}"
    return local.lower() if namespace == own else f"{namespace}:{local}"


def _news_entry(
    address: str, modified: ParsedDate | None, said: dict[str, str], timezone: str
) -> EntryItem:
    published = parse_date(said.get("news:publication_date", ""), timezone=timezone)
    return EntryItem(
        url=address,
        title=title_of(said.get("news:title")),
        published=published.at if published else None,
        published_precision=published.precision if published else "unknown",
        published_from="news_sitemap" if published else "unknown",
        modified=modified.at if modified else None,
        lang=language_of(said.get("news:language")),
        tags=names_of(said.get("news:keywords", "").split(",")),
    )


def _urlset(listed: _Listed) -> DocumentItem:
    if not listed.entries.count and listed.nameless:
        raise DocumentError(f"a sitemap whose {listed.nameless} entries name no address")
    warnings = [warning for warning in (listed.fault,) if warning]
    if listed.nameless:
        warnings.append(f"{listed.nameless} entries without a usable address were left out")
    if not listed.entries.count:
        warnings.append("the sitemap lists no pages")
    entries = listed.entries.entries()
    return DocumentItem(entries=entries, title=listed.title, warnings=tuple(warnings))


def _index(listed: _Listed) -> DocumentItem:
    kept = [found for found in listed.documents if not _NOT_ARTICLES.search(found[0])]
    kept = kept or listed.documents
    if not kept:
        raise DocumentError("an index of sitemaps that names none")
    left_out = len(listed.documents) - len(kept)
    warnings = [warning for warning in (listed.fault,) if warning]
    if left_out:
        warnings.append(f"{left_out} sitemaps of sections, tags, authors or pictures were left out")
    ordered = sorted(kept, key=_recency, reverse=True)
    lastmods: dict[str, datetime | None] = {}
    for address, modified in ordered:
        lastmods.setdefault(address, modified)
    return DocumentItem(
        documents=tuple(lastmods), lastmods=tuple(lastmods.values()), warnings=tuple(warnings)
    )


def _recency(document: tuple[str, datetime | None]) -> tuple[datetime, bool, str]:
    """Newest first: by lastmod, else news before others, else by a date in the name.

    Names may rotate (a timestamp, a hash), so nothing is remembered of them.
    """
    address, modified = document
    dated = _DATE_IN_NAME.search(urlsplit(address).path)
    named = "".join(part or "" for part in dated.groups()) if dated else ""
    return modified or _LONG_AGO, bool(_NEWS_NAME.search(urlsplit(address).path)), named
