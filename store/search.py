"""Everything stored, searched: the index names candidates, whoever asks decides.

Candidates are rather too many than too few. They come in the order in which articles were stored,
the last one first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel, col, func, select

from store.articles import SEARCHED, Article, text_fields
from store.engine import Store
from store.search_index import (
    add_to_index,
    articles_in_index,
    clear_index,
    count_in_index,
    in_index,
    not_in_index,
    words_in_index,
)
from store.search_terms import Everything, Resembling, Sought
from store.types import bound_lists

PART = 500
"""Articles that are held at once while many are read."""

Tell = Callable[[int, int], None]
"""Told how many are done, of how many."""

_KEPT = ("id", "story_id", "first_seen", "baseline", "source_id", "lang")


@dataclass(frozen=True, slots=True)
class Window:
    """Which of the stored articles are searched; None asks for all."""

    since: datetime | None = None
    """First seen then or later."""
    source: str | None = None


@dataclass(frozen=True, slots=True)
class StoredText:
    """An article as far as it is searched and counted."""

    id: int
    story: int
    first_seen: datetime
    baseline: bool
    source: str
    lang: str | None
    fields: Mapping[str, str]
    """By the names of the query language; only those that it has."""


def candidates(session: Session, sought: Sought, window: Window) -> list[int]:
    """Ids of the articles that may hold what is sought."""
    first = _first_id(session, window.since)
    if first is None:
        return []
    if isinstance(sought, Everything):
        query = select(Article.id).where(col(Article.id) >= first)
        return [id_ or 0 for id_ in session.exec(query.order_by(col(Article.id).desc()))]
    return articles_in_index(session.connection(), sought, first)


def stored_texts(session: Session, ids: Sequence[int], window: Window) -> Iterator[StoredText]:
    """The articles of these ids that lie in the window, in the order of the ids."""
    table = SQLModel.metadata.tables["article"]
    columns = [table.c[name] for name in (*_KEPT, *SEARCHED)]
    for part in bound_lists(list(ids), PART):
        query = select(*columns).where(table.c.id.in_(part))
        if window.since is not None:
            query = query.where(table.c.first_seen >= window.since)
        if window.source is not None:
            query = query.where(table.c.source_id == window.source)
        found = {row.id: row for row in session.connection().execute(query)}
        yield from (_stored(found[id_]) for id_ in part if id_ in found)


def count_candidates(session: Session, sought: Sought) -> int:
    """How many articles may hold it; never fewer than do."""
    if isinstance(sought, Everything):
        return count_articles(session)
    return count_in_index(session.connection(), sought)


def count_articles(session: Session) -> int:
    """How many articles are stored."""
    return session.exec(select(func.count()).select_from(Article)).one()


def oldest_news(session: Session, window: Window) -> datetime | None:
    """When the first article in the window was seen that was no first visit's."""
    query = select(func.min(Article.first_seen)).where(col(Article.baseline).is_(False))
    if window.since is not None:
        query = query.where(col(Article.first_seen) >= window.since)
    if window.source is not None:
        query = query.where(Article.source_id == window.source)
    return session.exec(query).one()


def articles_with(session: Session, ids: Iterable[int]) -> dict[int, Article]:
    """The articles of these ids."""
    found: dict[int, Article] = {}
    for part in bound_lists(list(ids)):
        for article in session.exec(select(Article).where(col(Article.id).in_(part))):
            found[article.id or 0] = article
    return found


def vocabulary(session: Session, like: Resembling) -> Iterator[str]:
    """The words of the index that are asked for, each once, in no order."""
    yield from words_in_index(session.connection(), like)


def unindexed(session: Session) -> list[int]:
    """Articles that the index does not know."""
    return not_in_index(session.connection())


def index_missing(store: Store, tell: Tell = lambda done, of: None) -> int:
    """Enters the articles that the index does not know; their number.

    In short transactions: the service may go on writing. Raises StoreError.
    """
    with store.reading() as session:
        missing = unindexed(session)
    for start in range(0, len(missing), PART):
        part = missing[start : start + PART]
        with store.writing() as session:
            connection = session.connection()
            for article in list(stored_texts(session, part, Window())):
                # Somebody may have changed it, and so entered it, since we looked.
                if not in_index(connection, article.id):
                    add_to_index(connection, article.id, article.fields.values())
        tell(start + len(part), len(missing))
    return len(missing)


def rebuild_index(store: Store, tell: Tell = lambda done, of: None) -> int:
    """Makes the index anew from the articles; their number. Raises StoreError."""
    with store.writing() as session:
        clear_index(session.connection())
    return index_missing(store, tell)


def _first_id(session: Session, since: datetime | None) -> int | None:
    """The lowest id in the window; None when nothing lies in it."""
    if since is None:
        return 0
    return session.exec(select(func.min(Article.id)).where(col(Article.first_seen) >= since)).one()


def _stored(row: Any) -> StoredText:
    return StoredText(
        row.id,
        row.story_id,
        row.first_seen,
        row.baseline,
        row.source_id,
        row.lang,
        text_fields(row),
    )
