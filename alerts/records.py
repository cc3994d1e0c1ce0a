"""Articles as the matcher reads them, and articles and matches as JSON for machines.

The fields are those of the manual's JSON objects; offsets count Unicode code points.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from alerts.excerpts import Excerpt, excerpts
from alerts.message import rfc3339
from alerts.rules import Hit, Text
from store.articles import Article, text_fields
from store.deliveries import Match

TERMS_SHOWN = 6
"""Terms that one line of a message names."""


def text_of(article: Article) -> Text:
    """The article as it is matched. Authors and tags stand on lines of their own."""
    return Text(text_fields(article), article.lang, article.source_id)


def terms_of(hit: Hit) -> list[str]:
    """The terms that stood, each once, in reading order."""
    return list(dict.fromkeys(span.term for span in hit.spans))


def excerpts_of(text: Text, hit: Hit) -> list[dict[str, Any]]:
    """The best excerpts as JSON."""
    return [excerpt_object(excerpt) for excerpt in excerpts(text, hit.spans)]


def excerpt_object(excerpt: Excerpt) -> dict[str, Any]:
    """An excerpt: `start` and `end` in the field, highlights in the excerpt's text."""
    return {**asdict(excerpt), "highlights": [asdict(mark) for mark in excerpt.highlights]}


def why_line(terms: Sequence[str], fields: Iterable[str]) -> str:
    """`Matched: "Durand Line", Torkham (title, body)`."""
    shown = ", ".join(terms[:TERMS_SHOWN])
    more = len(terms) - TERMS_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    places = ", ".join(dict.fromkeys(fields))
    return f"Matched: {shown}{rest}" + (f" ({places})" if places else "")


def article_record(article: Article) -> dict[str, Any]:
    """An article without its text."""
    return {
        "id": article.id,
        "url": article.url,
        "canonical_url": article.canonical_url,
        "source": article.source_id,
        "title": article.title,
        "standfirst": article.standfirst,
        "authors": article.authors,
        "section": article.section,
        "tags": article.tags,
        "lang": article.lang,
        "image": article.image,
        "published": _moment(article.published),
        "published_precision": article.published_precision,
        "published_from": article.published_from,
        "modified": _moment(article.modified),
        "first_seen": _moment(article.first_seen),
        "story": article.story_id,
        "revision": article.revision,
        "paywalled": article.paywalled,
        "late": article.late,
    }


def match_record(match: Match, article: Article) -> dict[str, Any]:
    """A match with its article, the terms that hit and the sentences they stand in."""
    return {
        "id": match.id,
        "watchlist": match.watchlist,
        "article": article_record(article),
        "matched_at": _moment(match.matched_at),
        "terms": match.terms,
        "excerpts": match.excerpts,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
