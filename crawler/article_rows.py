"""A row of JSON Lines that tells an article, as `export` and `extract` write them, to the article.

What the row says is taken as it stands, and cleaned as a page's text is: no control characters, no
address that is none, no time at which there can be no article. Keys that are not known count for
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_args

from crawler.dates import is_believable
from crawler.extraction.bounds import MAX_TEXT
from crawler.items import ArticleItem, Form, Origin, Precision
from crawler.text import clean_line, clean_text
from crawler.urls import believable_canonical, clean_url, listed_url

MOST_IN_LIST = 200
"""Authors or tags."""
_LONGEST_OFFSET = 24 * 60
"""Minutes."""
_LONGEST_LANG = 12
_DAY = len("2026-03-01")


class RowError(ValueError):
    """The row tells no article; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class ToldArticle:
    """What a row tells."""

    item: ArticleItem
    source: str | None
    """The id that it was filed under where it comes from."""
    first_seen: datetime | None
    text_at: datetime | None
    """When its text stood as it is here; None: the row does not say."""
    late: str | None


def article_in(row: object, now: datetime) -> ToldArticle:
    """The article that a row tells, as of `now`. Raises RowError."""
    if not isinstance(row, dict):
        raise RowError("this is no object with the fields of an article")
    if isinstance(row.get("error"), str):
        raise RowError(f"it tells of no article: {clean_line(row['error'], 100)}")
    url = _address(row)
    published = _moment(row, "published", now)
    first_seen, modified = _moment(row, "first_seen", now), _moment(row, "modified", now)
    item = ArticleItem(
        url=url,
        canonical_url=_canonical(row, url),
        title=clean_line(_text(row, "title")),
        standfirst=_long_text(row, "standfirst"),
        body=_long_text(row, "body"),
        captions=_long_text(row, "captions"),
        authors=_lines(row, "authors"),
        section=clean_line(_text(row, "section")) or None,
        tags=_lines(row, "tags"),
        lang=_lang(row),
        image=listed_url(_text(row, "image")),
        published=published,
        published_precision=_precision(row) if published else "unknown",
        published_from=_one_of(row, "published_from", Origin, "unknown")
        if published
        else "unknown",
        published_offset=_offset(row) if published else None,
        modified=modified,
        paywalled=row.get("paywalled") is True,
        extractor="import",
        form=_one_of(row, "form", Form, "article"),
    )
    if not item.title:
        raise RowError("it has no title")
    return ToldArticle(
        item=item,
        source=_text(row, "source") or None,
        first_seen=first_seen,
        text_at=_text_at(row, first_seen, modified),
        late=clean_line(_text(row, "late")) or None,
    )


def _address(row: Mapping[str, Any]) -> str:
    given = _text(row, "url") or _text(row, "canonical_url")
    if not given:
        raise RowError("it has no url")
    url = listed_url(given)
    if url is None:
        raise RowError(f"its url is no web address: {clean_line(given, 80)}")
    return url


def _canonical(row: Mapping[str, Any], url: str) -> str:
    """The row's claim where a page's would be believed, else its own address."""
    claimed = _text(row, "canonical_url")
    return (believable_canonical(claimed, url) if claimed else None) or clean_url(url) or url


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowError(f"its {name} is no text")
    return value


def _long_text(row: Mapping[str, Any], name: str) -> str:
    text = _text(row, name)
    if len(text) > MAX_TEXT:
        raise RowError(f"its {name} is longer than {MAX_TEXT:,} characters")
    return clean_text(text)


def _lines(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise RowError(f"its {name} are no list of texts")
    if len(value) > MOST_IN_LIST:
        raise RowError(f"it has more than {MOST_IN_LIST} {name}")
    return tuple(line for line in map(clean_line, value) if line)


def _lang(row: Mapping[str, Any]) -> str | None:
    """The primary tag: what an article's language is kept as."""
    tag = _text(row, "lang").replace("_", "-").split("-")[0].strip().lower()
    is_one = 2 <= len(tag) <= _LONGEST_LANG and tag.isascii() and tag.isalpha()
    return tag if is_one else None


def _moment(row: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    """A time of RFC 3339; one without a zone is UTC. None too where a page's would not count."""
    text = _text(row, name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:  # a zone behind the last or before the first day that there are
        return None
    except ValueError as error:
        raise RowError(f"its {name} is no time: {clean_line(text, 60)}") from error
    return at if is_believable(at, now) else None


def _precision(row: Mapping[str, Any]) -> Precision:
    """As the row says; else what its way of writing the time shows."""
    written: Precision = "day" if len(_text(row, "published")) == _DAY else "minute"
    return _one_of(row, "published_precision", Precision, written)


Choice = TypeVar("Choice")


def _one_of(row: Mapping[str, Any], name: str, choices: Any, otherwise: Choice) -> Choice:
    """One of the words that there are, or `otherwise` where the row says nothing."""
    word: Any = _text(row, name)
    if not word:
        return otherwise
    if word not in get_args(choices):
        known = ", ".join(get_args(choices))
        raise RowError(f"its {name} is {clean_line(word, 40)!r}, and none of {known}")
    return word  # type: ignore[no-any-return]


def _offset(row: Mapping[str, Any]) -> timedelta | None:
    minutes = row.get("published_offset")
    if minutes is None:
        return None
    if type(minutes) is not int or abs(minutes) > _LONGEST_OFFSET:
        raise RowError("its published_offset is no number of minutes of a day")
    return timedelta(minutes=minutes)


def _text_at(
    row: Mapping[str, Any], first_seen: datetime | None, modified: datetime | None
) -> datetime | None:
    """A first revision stood so when it was first seen, a later one when the site changed it."""
    if row.get("revision") in (None, 1):
        return first_seen
    return modified
