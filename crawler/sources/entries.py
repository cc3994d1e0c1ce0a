"""What all feed formats share: a feed as read, and the cleaning of its fields."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from crawler.dates import ParsedDate, parse_date
from crawler.items import DocumentError, EntryItem
from crawler.sources.markup import plain_text
from crawler.text import clean_line, clean_text

_LONGEST_TITLE = 500
_LOOKED_AT = 50_000
"""Characters of a headline's markup."""
_LONGEST_SUMMARY = 5_000
_LONGEST_CONTENT = 512 * 1024
"""Characters; what goes on is no article, and its page is asked for instead."""
LONGEST_GUID = 1_000
_MOST_ENTRIES = 10_000
"""Of a feed or API; the longest archives seen in feeds have three thousand."""
_LONGEST_NAME = 200
_MOST_NAMES = 50


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as read, before the last checks."""

    entries: tuple[EntryItem, ...] = ()
    nameless: int = 0
    """Entries without a usable address."""
    older: str | None = None
    title: str | None = None
    lang: str | None = None
    refresh: timedelta | None = None
    warnings: tuple[str, ...] = ()


def title_of(markup: str | None) -> str | None:
    """A headline as plain text: markup goes, references become characters, twice if need be."""
    if not markup:
        return None
    return clean_line(plain_text(html.unescape(markup[:_LOOKED_AT])), _LONGEST_TITLE) or None


def summary_of(markup: str | None) -> str | None:
    """A summary as plain text, cut at 5,000 characters."""
    return clean_text(plain_text(markup or "")).strip()[:_LONGEST_SUMMARY] or None


def refuse_too_many(entries: int) -> None:
    """Raises DocumentError for a feed with more entries than any has.

    Taking some of them would hide the others for ever, the newest perhaps: a 304 vouches for all.
    """
    if entries > _MOST_ENTRIES:
        raise DocumentError(
            f"it lists {entries:,} entries, more than the {_MOST_ENTRIES:,} that a feed may have; "
            "its sitemap may have 50,000"
        )


def content_of(markup: str) -> str | None:
    """The HTML of a whole article; None when there is none, or too much of it to be one."""
    content = clean_text(markup).strip() if len(markup) <= _LONGEST_CONTENT else ""
    return content or None


def names_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Distinct names or tags, each one line."""
    found = dict.fromkeys(clean_line(plain_text(text), _LONGEST_NAME) for text in texts)
    return tuple(name for name in found if name)[:_MOST_NAMES]


_EMAIL_NAME = re.compile(r"^\s*\S+@\S+\s*\((.+)\)\s*$|^\s*(.+?)\s*[<(]\s*\S+@\S+\s*[>)]\s*$")


def person(text: str) -> str:
    """The name in "a@b.org (Name)" or "Name <a@b.org>"; nothing for an address alone."""
    found = _EMAIL_NAME.match(text)
    if found:
        return found[1] or found[2]
    return "" if re.fullmatch(r"\s*\S+@\S+\s*", text) else text


def dated(entry: EntryItem, published: ParsedDate | None, modified: ParsedDate | None) -> EntryItem:
    """The entry with its times; a modification alone is never taken for the publication."""
    if published:
        entry = replace(
            entry,
            published=published.at,
            published_precision=published.precision,
            published_from="feed",
        )
    return replace(entry, modified=modified.at) if modified else entry


def first_date(texts: Iterable[str], timezone: str) -> ParsedDate | None:
    """The first of the texts that is a date."""
    dates = (parse_date(text.strip(), timezone=timezone) for text in texts)
    return next((found for found in dates if found), None)


def language_of(text: str | None) -> str | None:
    """A language tag in its usual form, or None for what is no tag."""
    tag = (text or "").strip().replace("_", "-")
    return tag if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", tag) else None
