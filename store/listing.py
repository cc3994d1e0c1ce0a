"""What people ask to see: articles, matches and deliveries, newest first. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from store.articles import Article, ArticleUrl, Entry
from store.deliveries import (
    WAITING,
    Alert,
    Attempt,
    ChannelState,
    Delivery,
    Match,
    attempts_of,
    is_dead,
    is_waiting,
)
from store.types import bound_lists

_PART = 500
"""Rows that are held at once while a long list is read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None asks for everything."""

    since: datetime | None = None
    source: str | None = None
    watchlist: str | None = None
    state: str | None = None
    story: int | None = None
    delivery: str | None = None
    """The id of a message: only what it tells of."""
    limit: int | None = None


def list_articles(session: Session, wanted: Wanted) -> Iterator[Article]:
    """Articles by when they were first seen."""
    query: Any = select(Article).order_by(col(Article.first_seen).desc(), col(Article.id).desc())
    if wanted.watchlist is not None:
        matched = select(Match.article_id).where(Match.watchlist == wanted.watchlist)
        query = query.where(col(Article.id).in_(matched))
    if wanted.since is not None:
        query = query.where(col(Article.first_seen) >= wanted.since)
    yield from _stream(session, _of_article(query, wanted).limit(wanted.limit))


def list_matches(session: Session, wanted: Wanted) -> Iterator[tuple[Match, Article]]:
    """Matches with their articles, by when they were made."""
    query: Any = (
        select(Match, Article)
        .join(Article, col(Match.article_id) == col(Article.id))
        .order_by(col(Match.matched_at).desc(), col(Match.id).desc())
    )
    if wanted.watchlist is not None:
        query = query.where(Match.watchlist == wanted.watchlist)
    if wanted.since is not None:
        query = query.where(col(Match.matched_at) >= wanted.since)
    if wanted.delivery is not None:
        carried = select(Delivery.id).where(Delivery.key == wanted.delivery)
        told = select(Alert.match_id).where(col(Alert.delivery_id).in_(carried))
        query = query.where(col(Match.id).in_(told))
    for row in _stream(session, _of_article(query, wanted).limit(wanted.limit)):
        yield row[0], row[1]


def list_deliveries(session: Session, wanted: Wanted) -> Iterator[Delivery]:
    """Deliveries by when they were made."""
    query: Any = select(Delivery).order_by(col(Delivery.id).desc())
    if wanted.state is not None:
        query = query.where(_in_state(wanted.state))
    if wanted.since is not None:
        query = query.where(col(Delivery.created_at) >= wanted.since)
    if wanted.watchlist is not None or wanted.source is not None or wanted.story is not None:
        told = (
            select(Alert.delivery_id)
            .join(Match, col(Alert.match_id) == col(Match.id))
            .join(Article, col(Match.article_id) == col(Article.id))
        )
        if wanted.watchlist is not None:
            told = told.where(Alert.watchlist == wanted.watchlist)
        query = query.where(col(Delivery.id).in_(_of_article(told, wanted)))
    yield from _stream(session, query.limit(wanted.limit))


def _in_state(state: str) -> ColumnElement[bool]:
    """By the index of those that wait or are dead; the others are nearly all there are."""
    exactly = col(Delivery.state) == state
    if state not in {*WAITING, "dead"}:
        return exactly
    found = is_dead() if state == "dead" else is_waiting()
    return col(Delivery.id).in_(select(Delivery.id).where(found, exactly))


def _of_article(query: Any, wanted: Wanted) -> Any:
    if wanted.source is not None:
        query = query.where(Article.source_id == wanted.source)
    if wanted.story is not None:
        query = query.where(Article.story_id == wanted.story)
    return query


def _stream(session: Session, query: Any) -> Iterator[Any]:
    return iter(session.exec(query.execution_options(yield_per=_PART)))


@dataclass(frozen=True, slots=True)
class Gathering:
    """Alerts that wait to become one message: for company, a digest's time or the morning."""

    channel: str
    recipient: str
    due_at: datetime
    found: list[tuple[Match, Article]]


def gatherings(session: Session, wanted: Wanted) -> list[Gathering]:
    """What is being gathered for each destination, the next due first."""
    query: Any = (
        select(Alert, Match, Article)
        .join(Match, col(Alert.match_id) == col(Match.id))
        .join(Article, col(Match.article_id) == col(Article.id))
        .where(col(Alert.delivery_id).is_(None))
        .order_by(col(Alert.due_at), col(Alert.id))
    )
    if wanted.watchlist is not None:
        query = query.where(Alert.watchlist == wanted.watchlist)
    if wanted.since is not None:
        query = query.where(col(Match.matched_at) >= wanted.since)
    found: dict[tuple[str, str, datetime], Gathering] = {}
    for alert, match, article in _stream(session, _of_article(query, wanted)):
        key = (alert.channel, alert.recipient, alert.due_at)
        found.setdefault(key, Gathering(*key, [])).found.append((match, article))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Telling:
    """What became of one match for one destination."""

    alert: Alert
    delivery: Delivery | None
    attempts: Sequence[Attempt]


def tellings(session: Session, match_id: int) -> list[Telling]:
    """The alerts that a match made, each with its delivery and what was tried."""
    query = (
        select(Alert, Delivery)
        .join(Delivery, col(Alert.delivery_id) == col(Delivery.id), isouter=True)
        .where(Alert.match_id == match_id)
        .order_by(col(Alert.id))
    )
    return [
        Telling(alert, delivery, attempts_of(session, delivery.id or 0) if delivery else ())
        for alert, delivery in session.exec(query).all()
    ]


def told_matches(
    session: Session, delivery_ids: Sequence[int]
) -> dict[int, list[tuple[Match, Article]]]:
    """The matches that each delivery tells of, with their articles, in the order of the matches."""
    told: dict[int, list[tuple[Match, Article]]] = {number: [] for number in delivery_ids}
    for part in bound_lists(list(delivery_ids)):
        query = (
            select(Alert.delivery_id, Match, Article)
            .join(Match, col(Alert.match_id) == col(Match.id))
            .join(Article, col(Match.article_id) == col(Article.id))
            .where(col(Alert.delivery_id).in_(part))
            .order_by(col(Match.id))
        )
        for delivery_id, match, article in session.exec(query):
            if delivery_id is not None:
                told[delivery_id].append((match, article))
    return told


def entries_at(session: Session, keys: Sequence[str]) -> Sequence[Entry]:
    """The entries of an address, whichever source listed it, oldest first."""
    query = select(Entry).where(col(Entry.url_key).in_(keys)).order_by(col(Entry.id))
    return session.exec(query).all()


def article_at(session: Session, keys: Sequence[str]) -> Article | None:
    """The article that one of the address keys leads to."""
    query = (
        select(Article)
        .join(ArticleUrl, col(ArticleUrl.article_id) == col(Article.id))
        .where(col(ArticleUrl.url_key).in_(keys))
    )
    return session.exec(query).first()


def entries_of(session: Session, article_id: int) -> Sequence[Entry]:
    """The entries that led to an article, oldest first."""
    query = select(Entry).where(Entry.article_id == article_id).order_by(col(Entry.id))
    return session.exec(query).all()


def addresses_of(session: Session, article_id: int) -> Sequence[str]:
    """The keys of every address that an article is known under."""
    query = select(ArticleUrl.url_key).where(ArticleUrl.article_id == article_id)
    return sorted(session.exec(query))


def copies_of(session: Session, article: Article) -> Sequence[Article]:
    """The other articles of the same story, oldest first."""
    query = (
        select(Article)
        .where(Article.story_id == article.story_id, Article.id != article.id)
        .order_by(col(Article.first_seen))
    )
    return session.exec(query).all()


def deliveries_named(session: Session, ids: Sequence[str]) -> Sequence[Delivery]:
    """The deliveries with these keys or numbers, in whatever state."""
    return session.exec(select(Delivery).where(_named(ids)).order_by(col(Delivery.id))).all()


def ids_that_begin(session: Session, begin: str) -> Sequence[str]:
    """Ids of deliveries that begin so, two at most."""
    query = select(Delivery.key).where(col(Delivery.key).startswith(begin, autoescape=True))
    return session.exec(query.order_by(col(Delivery.key)).limit(2)).all()


def _named(ids: Sequence[str]) -> ColumnElement[bool]:
    numbers = [int(name) for name in ids if name.isascii() and name.isdecimal() and len(name) < 18]
    return or_(col(Delivery.key).in_(ids), col(Delivery.id).in_(numbers))


def dead_letters(
    session: Session, ids: Sequence[str] | None, since: datetime | None = None
) -> Sequence[Delivery]:
    """Dead letters: all of them, or those with these keys or numbers; made since then.

    What waits for a channel that was told to stop counts as such: only a person sets it going.
    """
    stopped = select(ChannelState.id).where(col(ChannelState.stopped_at).is_not(None))
    dead = select(Delivery.id).where(is_dead())
    kept = select(Delivery.id).where(is_waiting(), col(Delivery.channel).in_(stopped))
    query = select(Delivery).where(col(Delivery.id).in_(dead.union_all(kept)))
    query = query.order_by(col(Delivery.id))
    if since is not None:
        query = query.where(col(Delivery.created_at) >= since)
    if ids is None:
        return session.exec(query).all()
    return session.exec(query.where(_named(ids))).all()
