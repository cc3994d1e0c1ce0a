"""Forgets what is older than people want to keep; told nothing else, everything is kept.

Forgotten is a whole story, once all its articles are old: a copy that comes later must find the
others, or it would be told as news. It stays while anything of it waits: to be matched, gathered,
delivered or archived. With its articles go their texts and revisions, evidence, matches, changes,
alerts and the messages that told of nothing else, with their attempts.

What stays is what an address needs to be known: the entries, emptied of what the source said, and
the keys of the addresses. So an old article that a source lists again is not found anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Delete, Update, and_, delete, or_, text, tuple_, update
from sqlmodel import Session, col, select

from store.articles import Article, ArticleUrl, Entry, Story
from store.deliveries import WAITING, Alert, Attempt, Change, Delivery, Match
from store.revisions import Evidence, KeptPage, Revision, Revisit
from store.search import Window, stored_texts
from store.search_index import take_from_index
from store.sources import CrawlRun
from store.types import bound_lists

BATCH = 100
"""Articles, messages or crawls that one transaction looks at: it holds up the others for some tens
of milliseconds."""
SLICES = 256
"""Parts of the sketches' table that are looked through one at a time."""


@dataclass(frozen=True, slots=True)
class Place:
    """An article by the order in which they are looked at: oldest first."""

    first_seen: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What one transaction did."""

    forgotten: int
    """Rows of the kind asked for that are gone."""
    last: Any
    """Where to go on; None when nothing is left to look at."""


def forget_stories(session: Session, before: datetime, after: Place | None) -> Swept:
    """Forgets the next of the stories whose articles were all first seen before that time."""
    query = (
        select(Article.id, Article.first_seen, Article.story_id)
        .where(col(Article.first_seen) < before)
        .order_by(col(Article.first_seen), col(Article.id))
        .limit(BATCH)
    )
    if after is not None:
        place = tuple_(col(Article.first_seen), col(Article.id))
        query = query.where(place > (after.first_seen, after.id))
    found = session.exec(query).all()
    if not found:
        return Swept(0, None)
    seen = found[-1][1]
    assert seen is not None
    last = Place(seen, found[-1][0] or 0)
    stories = sorted({row[2] for row in found})
    old = sorted(set(stories) - _kept(session, stories, before))
    articles = [id_ or 0 for id_ in session.exec(
        select(Article.id).where(col(Article.story_id).in_(old))
    )]  # fmt: skip
    for part in bound_lists(articles):
        _forget_articles(session, part)
    _run(session, delete(Story).where(col(Story.id).in_(old)))
    return Swept(len(articles), last)


def _kept(session: Session, stories: Sequence[int], before: datetime) -> set[int]:
    """Those of the stories that are not old, or of which something waits."""
    young = select(Article.story_id).where(
        col(Article.story_id).in_(stories),
        or_(col(Article.first_seen) >= before, col(Article.matched_at).is_(None)),
    )
    to_tell = (
        select(Article.story_id)
        .join(Match, col(Match.article_id) == col(Article.id))
        .join(Alert, col(Alert.match_id) == col(Match.id))
        .join(Delivery, col(Delivery.id) == col(Alert.delivery_id), isouter=True)
        .where(
            col(Article.story_id).in_(stories),
            or_(col(Alert.delivery_id).is_(None), col(Delivery.state).in_(WAITING)),
        )
    )
    to_archive = (
        select(Article.story_id)
        .join(Evidence, col(Evidence.article_id) == col(Article.id))
        .join(KeptPage, col(KeptPage.evidence_id) == col(Evidence.id))
        .where(col(Article.story_id).in_(stories))
    )
    return {story for query in (young, to_tell, to_archive) for story in session.exec(query)}


def _forget_articles(session: Session, ids: Sequence[int]) -> None:
    """The rows that point to the articles, then the articles."""
    connection = session.connection()
    for article in list(stored_texts(session, ids, Window())):
        take_from_index(connection, article.id, article.fields.values())
    matches = session.exec(select(Match.id).where(col(Match.article_id).in_(ids))).all()
    for part in bound_lists(list(matches)):
        _forget_matches(session, part)
    for table in (Evidence, Revision, Revisit):
        _run(session, delete(table).where(col(table.article_id).in_(ids)))
    named = update(ArticleUrl).where(col(ArticleUrl.article_id).in_(ids))
    _run(session, named.values(article_id=None))
    listed = update(Entry).where(col(Entry.article_id).in_(ids))
    _run(session, listed.values(article_id=None, title=None, item={}, given_by=None))
    _run(session, delete(Article).where(col(Article.id).in_(ids)))


def _forget_matches(session: Session, ids: Sequence[int | None]) -> None:
    of_matches = col(Alert.match_id).in_(ids)
    told = session.exec(select(Alert.delivery_id).where(of_matches).distinct()).all()
    _run(session, delete(Change).where(col(Change.match_id).in_(ids)))
    _run(session, delete(Alert).where(of_matches))
    _run(session, delete(Match).where(col(Match.id).in_(ids)))
    _forget_messages(session, [number for number in told if number is not None])


def forget_messages(session: Session, before: datetime, after: int) -> Swept:
    """Forgets the next of the messages that tell of no article, as of a source's health.

    Those made before that time, in the order of their numbers; `after` is 0 at first.
    """
    query = (
        select(Delivery.id, Delivery.created_at)
        .where(col(Delivery.id) > after)
        .order_by(col(Delivery.id))
        .limit(BATCH)
    )
    found = [(number or 0, made) for number, made in session.exec(query)]
    old = [number for number, made in found if made is not None and made < before]
    forgotten = _forget_messages(session, old)
    return Swept(forgotten, found[-1][0] if old else None)


def _forget_messages(session: Session, ids: Sequence[int]) -> int:
    """Those that no alert points to any more and that do not wait; their number."""
    carried = select(Alert.id).where(col(Alert.delivery_id) == col(Delivery.id)).exists()
    query = select(Delivery.id).where(
        and_(col(Delivery.id).in_(ids), col(Delivery.state).not_in(WAITING), ~carried)
    )
    gone = session.exec(query).all()
    _run(session, delete(Attempt).where(col(Attempt.delivery_id).in_(gone)))
    _run(session, delete(Delivery).where(col(Delivery.id).in_(gone)))
    return len(gone)


def forget_crawls(session: Session, before: datetime) -> int:
    """Forgets the oldest of the crawls that were begun before that time; their number."""
    query = (
        select(CrawlRun.id)
        .where(col(CrawlRun.started_at) < before)
        .order_by(col(CrawlRun.started_at))
        .limit(BATCH)
    )
    ids = session.exec(query).all()
    _run(session, delete(CrawlRun).where(col(CrawlRun.id).in_(ids)))
    return len(ids)


def forget_sketches(session: Session, before: datetime, part: int) -> None:
    """Forgets sketches from before that time in one of SLICES parts of their table.

    They are found by hash, not by article or time, so the table is looked through part by part.
    """
    width = 2**64 // SLICES
    first = -(2**63) + part * width
    session.connection().execute(
        text("DELETE FROM sketch WHERE hash BETWEEN :first AND :last AND hour < :hour"),
        {
            "first": first,
            "last": first + width - 1,
            "hour": int(before.astimezone(UTC).timestamp() // 3600),
        },
    )


def _run(session: Session, statement: Delete | Update) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
