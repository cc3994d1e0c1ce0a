"""Articles as messages tell them, from what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from alerts.context import AlertContext
from alerts.message import ArticleView, ChangeView, CopyView, DiffPiece, ExcerptView
from alerts.records import match_record, why_line
from store.articles import Article
from store.deliveries import Change, Match
from store.sources import SourceState


def article_view(
    article: Article,
    matches: Sequence[Match],
    stories: Mapping[int, Sequence[Article]],
    names: Mapping[str, str],
) -> ArticleView:
    """One article as told; its excerpts are those of its first watchlist."""
    match = matches[0]
    terms = list(dict.fromkeys(term for each in matches for term in each.terms))
    fields = [excerpt["field"] for each in matches for excerpt in each.excerpts]
    return ArticleView(
        title=article.title,
        url=article.url,
        source_id=article.source_id,
        source_name=names.get(article.source_id, article.source_id),
        published=article.published,
        precision=article.published_precision,
        offset=_offset(article),
        first_seen=article.first_seen,
        excerpts=tuple(_excerpt(excerpt) for excerpt in match.excerpts),
        why=why_line(terms, fields),
        also_in=tuple(_copies(article, stories.get(article.story_id, ()), names)),
        story=article.story_id,
        record=match_record(match, article),
    )


def change_view(change: Change | None) -> ChangeView | None:
    """What changed; None for an alert of a match."""
    if change is None:
        return None
    pieces = tuple(DiffPiece(piece["mark"], piece["text"]) for piece in change.told["diff"])
    return ChangeView(tuple(change.told["lines"]), pieces, "removed" in change.told["kinds"])


def _offset(article: Article) -> timedelta | None:
    minutes = article.published_offset
    return None if minutes is None else timedelta(minutes=minutes)


def _excerpt(excerpt: Mapping[str, Any]) -> ExcerptView:
    marks = tuple((mark["start"], mark["end"]) for mark in excerpt["highlights"])
    return ExcerptView(excerpt["text"], marks)


def _copies(
    article: Article, story: Sequence[Article], names: Mapping[str, str]
) -> Iterator[CopyView]:
    for other in story:
        if other.id != article.id:
            yield CopyView(names.get(other.source_id, other.source_id), other.url)


def source_names(context: AlertContext, states: Mapping[str, SourceState]) -> dict[str, str]:
    """What each source is called: as configured, else as it calls itself, else its id."""
    names = {id_: state.title or id_ for id_, state in states.items()}
    return names | {id_: name for id_, name in context.source_names.items() if name}
