"""A feed's bytes to its entries: RSS, RDF, Atom, JSON Feed.

XML is read by lxml, strictly first and leniently when it is not well-formed, and by feedparser when
no entry comes of that. Dates are read by `crawler.dates`: other readers take a missing zone for
UTC, `updated` for `published` and today for a missing day, and this service must not.
"""

import io
import re
from dataclasses import replace
from typing import Any

import feedparser  # type: ignore[import-untyped]

from crawler.dates import parse_date
from crawler.extraction.bounds import bounded_xml
from crawler.items import DocumentError, DocumentItem, EntryItem
from crawler.sources.entries import (
    LONGEST_GUID,
    Feed,
    content_of,
    dated,
    language_of,
    names_of,
    person,
    refuse_too_many,
    summary_of,
    title_of,
)  # fmt: skip
from crawler.sources.jsonfeed import read_json
from crawler.sources.markup import decoded, decompressed, parse_xml, repaired
from crawler.sources.rss import read_xml
from crawler.text import clean_line
from crawler.urls import listed_url

_FEEDPARSER_LIMIT = 2_000_000
"""Bytes: feedparser takes 1 ms for 2 kB."""
_FEEDPARSER_DEPTH = 200
"""Levels of elements: feedparser takes quadratic time in them."""


def parse_feed(
    body: bytes, url: str, content_type: str | None = None, *, timezone: str = "UTC"
) -> DocumentItem:
    """The feed's entries in its own order. `timezone` is for dates that name no zone.

    Raises DocumentError when the bytes are no feed, saying what they are instead. A feed that is
    whole and empty gives no entries and a warning. An entry without a usable address is left out
    and counted in a warning.
    """
    text = decoded(decompressed(body), content_type)
    if text.lstrip("\ufeff \t\r\n")[:1] == "{":
        return _finished(read_json(text, url, timezone))
    return _finished(_read(text, url, timezone))


def _read(text: str, url: str, timezone: str) -> Feed:
    # feedparser as well takes time quadratic in the attributes of a tag.
    text, cut = _whole_entries(bounded_xml(text))
    # Before they are parsed: a tree of a hundred thousand takes eight times the document's size.
    refuse_too_many(len(_ENTRY_START.findall(text)))
    try:
        root, fault = parse_xml(text, url)
        feed = read_xml(root, url, timezone)
    except DocumentError as error:
        found = _by_feedparser(text, url, timezone)
        if found is None:
            raise
        return replace(found, warnings=(f"not a well-formed feed, but {error}",))
    if fault and len(feed.entries) < len(_ENTRY_START.findall(text)):
        feed = max(feed, _by_feedparser(text, url, timezone) or feed, key=lambda f: len(f.entries))
    if fault and not feed.entries and not feed.nameless:
        raise DocumentError(f"a broken feed without entries ({fault})")
    return replace(feed, warnings=tuple(warning for warning in (cut, fault) if warning))


def _whole_entries(text: str) -> tuple[str, str | None]:
    """The text without the half entry at its end when the document broke off.

    Half an entry has half an address or half a text, and would be stored as such.
    """
    if not _LOOKS_LIKE_FEED.search(text[:20_000]) or _ROOT_END.search(text[-1_000:]):
        return text, None
    ends = list(_ENTRY_END.finditer(text))
    if not ends or not _ENTRY_START.search(text, ends[-1].end()):
        return text, None
    return text[: ends[-1].end()], "broken off; the half entry at its end was left out"


def _finished(feed: Feed) -> DocumentItem:
    if feed.nameless and not feed.entries:
        raise DocumentError(f"a feed whose {feed.nameless} entries name no address")
    warnings = feed.warnings
    if feed.nameless:
        warnings += (f"{feed.nameless} entries without a usable address were left out",)
    if not feed.entries:
        warnings += ("the feed lists no entries",)
    return DocumentItem(
        entries=feed.entries,
        older=feed.older,
        title=feed.title,
        lang=feed.lang,
        refresh=feed.refresh,
        warnings=tuple(clean_line(warning, 300) for warning in warnings),
    )


_LOOKS_LIKE_FEED = re.compile(
    r"<(?:[\w-]+:)?(?:rss|feed|rdf|channel|item|entry)[\s>]", re.IGNORECASE
)
_ROOT_END = re.compile(r"</(?:[\w-]+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_ENTRY_END = re.compile(r"</(?:[\w-]+:)?(?:item|entry)\s*>", re.IGNORECASE)
_ENTRY_START = re.compile(r"<(?:[\w-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_OPEN_OR_CLOSE = re.compile(r"<(/?)[A-Za-z]")


def _by_feedparser(text: str, url: str, timezone: str) -> Feed | None:
    """What feedparser makes of a text that gave no entry; None when it finds none either."""
    if len(text) > _FEEDPARSER_LIMIT or _is_deep(text) or not _LOOKS_LIKE_FEED.search(text):
        return None
    found = _parsed_leniently(text)
    if found is None:
        return None
    entries = [_feedparser_entry(entry, url, timezone) for entry in found.entries]
    if not entries:
        return None
    kept = tuple(entry for entry in entries if entry)
    return Feed(
        entries=kept,
        nameless=len(entries) - len(kept),
        title=title_of(found.feed.get("title")),
        lang=language_of(found.feed.get("language")),
    )


def _parsed_leniently(text: str) -> Any:
    """feedparser's answer; None where it breaks."""
    try:
        return feedparser.parse(
            # A stream: a text might be taken for a URL.
            io.BytesIO(repaired(text).encode("utf-8", "replace")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - its parts raise anything on broken numbers and links
        return None


def _is_deep(text: str) -> bool:
    depth = deepest = 0
    for found in _OPEN_OR_CLOSE.finditer(text):
        depth += -1 if found[1] else 1
        deepest = max(deepest, depth)
        depth = max(depth, 0)
    return deepest > _FEEDPARSER_DEPTH


def _feedparser_entry(entry: dict[str, Any], url: str, timezone: str) -> EntryItem | None:
    links = [entry.get("link"), *(link.get("href") for link in entry.get("links", ()))]
    guid = entry.get("id") or ""
    if "://" in guid:
        links.append(guid)
    address = next(filter(None, (listed_url(str(link), url) for link in links if link)), None)
    if address is None:
        return None
    contents = (piece.get("value") for piece in entry.get("content", ()))
    found = EntryItem(
        url=address,
        guid=clean_line(guid, LONGEST_GUID) or None,
        title=title_of(entry.get("title")),
        summary=summary_of(entry.get("summary")),
        content=next(filter(None, (content_of(value) for value in contents if value)), None),
        authors=names_of(person(author.get("name") or "") for author in entry.get("authors", ())),
        tags=names_of(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags", ())),
    )
    # dict.get: feedparser's own get() answers "updated" with "published".
    published = parse_date(dict.get(entry, "published") or "", timezone=timezone)
    modified = parse_date(dict.get(entry, "updated") or "", timezone=timezone)
    return dated(found, published, modified)
