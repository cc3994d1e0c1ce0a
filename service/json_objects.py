"""What scripts read: one function for each object, its fields as the manual lists them.

Times are RFC 3339 in UTC; offsets count Unicode code points of the field's stored text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.records import article_record, match_record
from crawler.config import SourceConfig
from crawler.items import ArticleItem
from store.articles import Article
from store.deliveries import Delivery, Match
from store.sources import SourceState

if TYPE_CHECKING:  # brings every reader of pages and feeds along, which no list of rows needs
    from crawler.sources.ranking import Measure


def article_object(article: Article) -> dict[str, Any]:
    """An article with its text; in a match it stands without."""
    return {**article_record(article), "body": article.body, "captions": article.captions}


def delivery_object(
    delivery: Delivery, matches: Sequence[tuple[Match, Article]], why_held: str = ""
) -> dict[str, Any]:
    """A delivery with the matches it tells of; `id` is the one that its message carries.

    It is null while the message is still being gathered: more may join it, and change the id.
    `why_held`: what keeps it for as long as nobody acts.
    """
    is_planned = is_waiting(delivery) and not why_held
    return {
        "id": delivery.key or None,
        "channel": delivery.channel,
        "watchlist": ",".join(delivery.watchlists),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": moment(delivery.next_attempt_at) if is_planned else None,
        "held_because": why_held or None,
        "last_error": delivery.last_error,
        "created_at": moment(delivery.created_at),
        "delivered_at": moment(delivery.delivered_at),
        "kind": delivery.kind,
        "subject": delivery.subject,
        "matches": [match_record(match, article) for match, article in matches],
    }


def is_waiting(delivery: Delivery) -> bool:
    """Whether a delivery still has an attempt before it."""
    return delivery.state in {"pending", "held"}


def source_object(
    name: str, source: SourceConfig | None, state: SourceState | None
) -> dict[str, Any]:
    """A source as configured and as it fares; one that is no longer configured is disabled."""
    return {
        "id": name,
        "url": source.url if source else state.url if state else "",
        "kind": source.kind if source else state.kind if state else "auto",
        "name": (source.name if source else "") or (state.title if state else None),
        "state": source_state(source, state),
        "last_visit": moment(state.last_visit) if state else None,
        "next_visit": moment(state.next_visit) if state and source and source.enabled else None,
        "last_new_article": moment(state.last_new_article) if state else None,
        "articles_per_day": round(state.articles_per_day, 2) if state else 0.0,
        "last_error": (state.last_error or state.page_error) if state else None,
        "reason": state.reason if state else None,
        "state_since": moment(state.state_since) if state else None,
    }


def channel_object(measure: Measure, use: str | None) -> dict[str, Any]:
    """A channel of a site, as `source doctor` measures it."""
    return {
        "kind": measure.kind,
        "url": measure.url,
        "title": measure.title or None,
        "use": use,
        "scope": measure.scope,
        "items": measure.items,
        "newest": moment(measure.newest),
        "span_seconds": int(measure.span.total_seconds()) if measure.span is not None else None,
        "dated": round(measure.dated, 3),
        "full_text": round(measure.full_text, 3),
        "bytes": measure.size,
        "parts": measure.parts,
        "notes": list(measure.notes),
        "error": measure.error,
    }


def source_state(source: SourceConfig | None, state: SourceState | None) -> str:
    """ok, failing, blocked, silent, gone or disabled."""
    if source is None or not source.enabled:
        return "disabled"
    return state.state if state else "ok"


def moment(at: datetime | None) -> str | None:
    """`2026-03-01T08:15:00Z`; fractions of a second are kept."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def extracted_object(article: ArticleItem) -> dict[str, Any]:
    """An article as a page yields it; what only the store knows is null."""
    return {
        "id": None,
        "url": article.url,
        "canonical_url": article.canonical_url,
        "source": None,
        "title": article.title,
        "standfirst": article.standfirst,
        "body": article.body,
        "captions": article.captions,
        "authors": list(article.authors),
        "section": article.section,
        "tags": list(article.tags),
        "lang": article.lang,
        "image": article.image,
        "published": moment(article.published),
        "published_precision": article.published_precision,
        "published_from": article.published_from,
        "modified": moment(article.modified),
        "first_seen": None,
        "story": None,
        "revision": 1,
        "paywalled": article.paywalled,
        "late": None,
        "published_offset": minutes(article.published_offset),
        "form": article.form,
        "further_pages": list(article.further_pages),
        "extractor": article.extractor,
        "confidence": round(article.confidence, 3),
        "candidates": [asdict(candidate) for candidate in article.candidates],
    }


def minutes(offset: timedelta | None) -> int | None:
    """An offset from UTC in minutes."""
    return None if offset is None else round(offset / timedelta(minutes=1))
