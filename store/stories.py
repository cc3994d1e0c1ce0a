"""Sketches of texts, by which near-identical articles are found. Written by the crawler.

A text's sketch is a handful of 64-bit hashes (`crawler.shingles`). The table is its own index:
rows lie in the order in which they are asked for, newest hour last, so a look-up reads a few pages
however many articles are stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import BigInteger, Column, TextClause, text
from sqlmodel import Field, Session, SQLModel, col, select

from store.articles import Article
from store.turns import Turn, await_turn

MOST_POSTINGS = 32
"""Articles read of one hash, the latest. A hash that more have is a phrase of everybody's, or of a
story that is found by any of them; sixteen such ones are still a bounded number of rows."""


_KEEP = text(
    "INSERT INTO sketch (hash, hour, article_id) VALUES (:hash, :hour, :article_id) "
    "ON CONFLICT DO NOTHING"
)


class Sketch(SQLModel, table=True):
    """One of the hashes of an article's sketch."""

    __tablename__ = "sketch"
    __table_args__ = {"sqlite_with_rowid": False}

    hash: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hour: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """When the article was first seen, in hours since 1970."""
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """No foreign key: it would want an index of its own, as large as the table. A row that points
    to no article any more finds nothing, for texts are compared before anything is believed."""


def one_at_a_time(session: Session) -> None:
    """Lets one writer at a time look for stories and file articles, until its transaction ends.

    Two copies that two workers file at once would not see each other and become two stories.
    """
    await_turn(session, Turn.STORIES)


def keep_sketch(
    session: Session, article_id: int, hashes: Sequence[int], first_seen: datetime
) -> None:
    """Makes an article findable by its sketch, beside those it may have of earlier texts."""
    rows = [
        {"hash": number, "hour": _hour(first_seen), "article_id": article_id} for number in hashes
    ]
    if rows:
        session.connection().execute(_KEEP, rows)


def sketched_alike(
    session: Session, hashes: Sequence[int], around: datetime, window: timedelta, shared: int
) -> list[int]:
    """Articles first seen within the window that have so many of the hashes; most first.

    One statement; of each hash the MOST_POSTINGS latest articles are read.
    """
    if len(hashes) < shared:
        return []
    values = {f"h{number}": hash_ for number, hash_ in enumerate(hashes)}
    values |= {"first": _hour(around - window), "last": _hour(around + window)}
    values["most"] = MOST_POSTINGS
    rows = session.connection().execute(_postings(len(hashes)), values)
    found = Counter(int(row[0]) for row in rows)
    alike = [(-count, article) for article, count in found.items() if count >= shared]
    return [article for _, article in sorted(alike)]


@cache
def _postings(hashes: int) -> TextClause:
    one = """SELECT * FROM (
        SELECT article_id FROM sketch WHERE hash = :h{0} AND hour BETWEEN :first AND :last
        ORDER BY hour DESC LIMIT :most) AS p{0}"""
    return text(" UNION ALL ".join(one.format(number) for number in range(hashes)))


def latest_of_source(
    session: Session, source_id: str, without: Sequence[int], limit: int
) -> Sequence[tuple[str, str]]:
    """Headlines and bodies of the latest articles of a source, but some."""
    query = (
        select(Article.title, Article.body)
        .where(Article.source_id == source_id, col(Article.id).not_in(without))
        .order_by(col(Article.first_seen).desc(), col(Article.id).desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.exec(query)]


def _hour(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() // 3600)
