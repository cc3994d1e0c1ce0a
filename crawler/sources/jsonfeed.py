"""JSON Feed 1.0 and 1.1: text to entries."""

import html
import json
from collections.abc import Iterator

from crawler.dates import parse_date
from crawler.items import DocumentError, EntryItem
from crawler.sources.entries import (
    LONGEST_GUID,
    Feed,
    content_of,
    dated,
    language_of,
    names_of,
    summary_of,
    title_of,
)  # fmt: skip
from crawler.text import clean_line
from crawler.urls import listed_url


def read_json(text: str, url: str, timezone: str) -> Feed:
    """The feed in a JSON text. Raises DocumentError when there is none, saying what there is."""
    try:
        feed = json.loads(text.lstrip("\ufeff \t\r\n"))
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"a broken JSON document: {str(error)[:100]}") from error
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in str(feed.get("version", "")):
        raise DocumentError("a JSON document that is no JSON Feed")
    entries = [_json_entry(item, url, timezone) for item in items if isinstance(item, dict)]
    kept = tuple(entry for entry in entries if entry)
    return Feed(
        entries=kept,
        nameless=len(items) - len(kept),
        older=listed_url(_string(feed, "next_url") or "", url),
        title=title_of(_string(feed, "title")),
        lang=language_of(_string(feed, "language")),
    )


def _string(table: dict[str, object], *keys: str) -> str | None:
    values = (table.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)


def _json_entry(item: dict[str, object], url: str, timezone: str) -> EntryItem | None:
    identity = item.get("id")
    guid = str(identity) if isinstance(identity, str | int) else ""
    claimed = _string(item, "url", "external_url") or (guid if "://" in guid else "")
    address = listed_url(claimed, url) if claimed else None
    if address is None:
        return None
    text = _string(item, "content_text")
    entry = EntryItem(
        url=address,
        guid=clean_line(guid, LONGEST_GUID) or None,
        title=title_of(_string(item, "title")),
        summary=summary_of(_string(item, "summary")),
        content=content_of(
            _string(item, "content_html")
            or (f"<p>{html.escape(text, quote=False)}</p>" if text else "")
        ),
        authors=names_of(_json_authors(item)),
        lang=language_of(_string(item, "language")),
        tags=names_of(tag for tag in _list(item, "tags") if isinstance(tag, str)),
    )
    published, modified = (
        parse_date(_string(item, key) or "", timezone=timezone)
        for key in ("date_published", "date_modified")
    )
    return dated(entry, published, modified)


def _list(table: dict[str, object], key: str) -> list[object]:
    value = table.get(key)
    return value if isinstance(value, list) else []


def _json_authors(item: dict[str, object]) -> Iterator[str]:
    for author in [*_list(item, "authors"), item.get("author")]:
        if isinstance(author, dict):
            yield _string(author, "name") or ""
