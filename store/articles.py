"""Entries waiting to be fetched, articles, and the stories they belong to. Written by the crawler.

`Article.matched_at` is the one hand-over: it is NULL until alerts has matched the article.

The search index follows the articles by the hooks at the end of this page, in the transaction that
writes the article, whoever writes it. They see articles that are written as objects; after copying
rows in bulk, `store.search.index_missing` makes up for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Index,
    UniqueConstraint,
    event,
    func,
    inspect,
    or_,
    text,
)
from sqlalchemy.orm import Mapper
from sqlmodel import Field, Session, SQLModel, col, select

from store.search_index import add_to_index, take_from_index
from store.sources import moment
from store.types import bound_lists


class Entry(SQLModel, table=True):
    """One thing a source listed. Without outcome it waits to be fetched."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("source_id", "url_key"),
        Index("ix_entry_key", "url_key"),
        Index(
            "ix_entry_waiting",
            "host",
            "next_attempt_at",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index("ix_entry_guid", "source_id", "guid"),
        Index("ix_entry_found", "source_id", "found_at"),
        Index(
            "ix_entry_failing",
            "id",
            sqlite_where=text("outcome IS NULL AND last_error IS NOT NULL"),
            postgresql_where=text("outcome IS NULL AND last_error IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: str
    url: str
    """As listed."""
    url_key: str
    """Identity of the address (`crawler.urls.url_key`)."""
    host: str
    guid: str | None = None
    title: str | None = None
    item: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """The rest of what the source said, as `crawler.items` writes it."""
    given_by: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """The answer of an API that gave the whole article: url, status, headers, fetched_at, sha256;
    None where its page is fetched."""
    baseline: bool = False
    """Listed on the source's first visit: stored, never alerted one by one."""
    found_at: datetime | None = moment(nullable=False)
    attempts: int = 0
    next_attempt_at: datetime | None = moment()
    last_error: str | None = None
    outcome: str | None = None
    """NULL (waiting) | article | duplicate | not_article | refused | failed | old (not fetched)"""
    article_id: int | None = Field(default=None, index=True)
    late: str | None = None
    """Why it was found long after its publication, in words; None when it was not."""


class Story(SQLModel, table=True):
    """The near-identical articles of one event, across sources."""

    __tablename__ = "story"

    id: int | None = Field(default=None, primary_key=True)
    created_at: datetime | None = moment(nullable=False)


class Article(SQLModel, table=True):
    """What was extracted from a page and is kept, once per canonical URL."""

    __tablename__ = "article"
    __table_args__ = (
        Index("ix_article_fingerprint", "fingerprint"),
        Index("ix_article_seen", "first_seen"),
        Index("ix_article_source_seen", "source_id", "first_seen"),
        Index("ix_article_story", "story_id"),
        Index(
            "ix_article_unmatched",
            "id",
            sqlite_where=text("matched_at IS NULL"),
            postgresql_where=text("matched_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    url: str
    """Where redirects ended."""
    canonical_url: str
    url_key: str = Field(unique=True)
    source_id: str
    story_id: int = Field(foreign_key="story.id")
    title: str
    standfirst: str = ""
    body: str = ""
    captions: str = ""
    authors: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    section: str | None = None
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    lang: str | None = None
    image: str | None = None
    published: datetime | None = moment()
    published_precision: str = "unknown"
    published_from: str = "unknown"
    published_offset: int | None = None
    """Minutes from UTC of the zone it was written in: tells the day as readers there saw it."""
    modified: datetime | None = moment()
    first_seen: datetime | None = moment(nullable=False)
    paywalled: bool = False
    revision: int = 1
    fingerprint: str = ""
    """Hash of the normalised text; empty for texts too short to be told apart by it."""
    page_sha256: str = ""
    """Of the page as fetched, decompressed."""
    extractor: str = ""
    confidence: float = 0.0
    candidates: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False)
    )
    """The texts that were compared, the one taken first: name, words, agreement."""
    form: str = "article"
    """article | live (a running report) | video"""
    baseline: bool = False
    removed_at: datetime | None = moment()
    """When its page was found to be gone; NULL while it is there."""
    late: str | None = None
    """Why it was found long after its publication, in words; None when it was not."""
    matched_at: datetime | None = moment()
    matched_revision: int = 0
    """The revision that was matched last; 0 before the first time."""


class ArticleUrl(SQLModel, table=True):
    """Every address an article is known under."""

    __tablename__ = "article_url"

    url_key: str = Field(primary_key=True)
    article_id: int | None = Field(default=None, foreign_key="article.id", index=True)
    """NULL: the article was forgotten (`store.retention`); its addresses are no news."""


def known_keys(session: Session, source_id: str, keys: Iterable[str]) -> set[str]:
    """Those of the keys that the source has listed before."""
    known: set[str] = set()
    for part in bound_lists(list(keys)):
        query = select(Entry.url_key).where(
            Entry.source_id == source_id, col(Entry.url_key).in_(part)
        )
        known.update(session.exec(query))
    return known


def article_urls_of(session: Session, source_id: str, limit: int = 200) -> Sequence[str]:
    """Addresses at which a source listed what turned out to be articles, the latest first."""
    query = (
        select(Entry.url)
        .where(Entry.source_id == source_id, Entry.outcome == "article")
        .order_by(col(Entry.found_at).desc(), col(Entry.id).desc())
        .limit(limit)
    )
    return session.exec(query).all()


def articles_at(session: Session, keys: Iterable[str]) -> dict[str, int]:
    """Article ids by the address keys they are known under; without forgotten ones."""
    return {key: number for key, number in named_keys(session, keys).items() if number is not None}


def forgotten_keys(session: Session, keys: Iterable[str]) -> set[str]:
    """Those of the keys that lead to an article which was forgotten."""
    return {key for key, number in named_keys(session, keys).items() if number is None}


def named_keys(session: Session, keys: Iterable[str]) -> dict[str, int | None]:
    """Those of the keys that an article is known under, with its id; None for a forgotten one."""
    found: dict[str, int | None] = {}
    for part in bound_lists(list(keys)):
        query = select(ArticleUrl.url_key, col(ArticleUrl.article_id))
        query = query.where(col(ArticleUrl.url_key).in_(part))
        found.update((row[0], row[1]) for row in session.exec(query))
    return found


def articles_with_fingerprint(session: Session, fingerprint: str) -> Sequence[Article]:
    """Articles whose normalised text is the same, oldest first."""
    query = select(Article).where(Article.fingerprint == fingerprint).order_by(col(Article.id))
    return session.exec(query).all()


def waiting_entries(
    session: Session, host: str, now: datetime, furthest: datetime | None = None, limit: int = 1000
) -> Sequence[Entry]:
    """Entries on a host whose next attempt has come, oldest first.

    A time after `furthest` was written by a wrong clock and counts as come.
    """
    query = (
        select(Entry)
        .where(col(Entry.outcome).is_(None), Entry.host == host, _has_come(now, furthest))
        .order_by(col(Entry.id))
        .limit(limit)
    )
    return session.exec(query).all()


def hosts_waiting(session: Session, now: datetime, furthest: datetime | None = None) -> list[str]:
    """Hosts that have entries whose next attempt has come; `furthest` as for `waiting_entries`."""
    query = (
        select(Entry.host).where(col(Entry.outcome).is_(None), _has_come(now, furthest)).distinct()
    )
    return list(session.exec(query))


def _has_come(now: datetime, furthest: datetime | None) -> ColumnElement[bool]:
    at = col(Entry.next_attempt_at)
    return at <= now if furthest is None else or_(at <= now, at > furthest)


def unmatched_articles(session: Session, limit: int = 200) -> Sequence[Article]:
    """Articles that wait to be matched, oldest first."""
    query = (
        select(Article)
        .where(col(Article.matched_at).is_(None))
        .order_by(col(Article.id))
        .limit(limit)
    )
    return session.exec(query).all()


def lock_unmatched(
    session: Session, limit: int, without: Collection[int] = (), only: int | None = None
) -> Sequence[Article]:
    """Articles that wait to be matched and that no other transaction has locked, oldest first.

    They stay locked until the session's transaction ends.
    """
    query = select(Article).where(
        col(Article.matched_at).is_(None), col(Article.id).not_in(list(without))
    )
    if only is not None:
        query = query.where(col(Article.id) == only)
    query = query.order_by(col(Article.id)).limit(limit).with_for_update(skip_locked=True)
    return session.exec(query).all()


def count_waiting(session: Session) -> tuple[int, int]:
    """How many entries wait to be fetched, and how many articles wait to be matched."""
    entries = select(func.count()).select_from(Entry).where(col(Entry.outcome).is_(None))
    articles = select(func.count()).select_from(Article).where(col(Article.matched_at).is_(None))
    return session.exec(entries).one(), session.exec(articles).one()


def oldest_due_entry(
    session: Session, now: datetime, without: Collection[str] = ()
) -> datetime | None:
    """Since when the entry waits that has been due longest; None when none is due.

    `without`: hosts of which none counts.
    """
    query = select(func.min(Entry.next_attempt_at)).where(
        col(Entry.outcome).is_(None),
        col(Entry.next_attempt_at) <= now,
        col(Entry.host).not_in(without),
    )
    return session.exec(query).one()


def oldest_unmatched(session: Session) -> datetime | None:
    """When the article was first seen that waits longest to be matched; None when none waits."""
    # By the index of those that wait: asked for the lowest time at once, a database may walk all
    # articles from the oldest on.
    waiting = (
        select(Article.first_seen)
        .where(col(Article.matched_at).is_(None))
        .order_by(col(Article.id))
        .limit(200)
        .subquery()
    )
    oldest: datetime | None = session.exec(select(func.min(waiting.c.first_seen))).one()
    return oldest


def failing_pages(session: Session) -> tuple[int, str | None]:
    """How many pages wait for another attempt after one that failed, and what the newest met."""
    failing = (col(Entry.outcome).is_(None), col(Entry.last_error).is_not(None))
    count = session.exec(select(func.count()).select_from(Entry).where(*failing)).one()
    query = select(Entry.url, Entry.last_error).where(*failing).order_by(col(Entry.id).desc())
    newest = session.exec(query.limit(1)).first()
    return count, f"{newest[0]}: {newest[1]}" if newest else None


COUNTED = 100_000
"""Articles that are counted one by one; of more, every look would read a whole index."""
STRETCHES = STRETCH = 100
"""How many stretches of ids are looked at instead, and how many ids are in each."""


def count_stored(session: Session, exactly: int = COUNTED) -> tuple[int, bool]:
    """How many articles are stored, and whether that is exact.

    It is up to `exactly`. More are estimated: ids are given in a row and leave holes where articles
    were forgotten, so what is missing from stretches all over them is likely to be missing between.
    """
    first, last = (session.exec(select(end(Article.id))).one() or 0 for end in (func.min, func.max))
    width = last - first + 1
    if width <= max(exactly, STRETCH):
        return session.exec(select(func.count()).select_from(Article)).one(), True
    found = sum(
        session.exec(
            select(func.count()).where(col(Article.id).between(begin, begin + STRETCH - 1))
        ).one()
        for begin in (first + number * (width - STRETCH) // (STRETCHES - 1)
                      for number in range(STRETCHES))
    )  # fmt: skip
    return round(width * found / (STRETCHES * STRETCH)), False


# The search index

SEARCHED = ("url", "title", "standfirst", "body", "captions", "authors", "section", "tags")
"""The columns that hold what can be looked for."""


def text_fields(article: Any) -> dict[str, str]:
    """The fields of an article, or of a row with its columns, by the names of the query language.

    Authors and tags stand a line each; what the article does not have is left out.
    """
    fields = {
        "title": article.title,
        "standfirst": article.standfirst,
        "body": article.body,
        "caption": article.captions,
        "author": "\n".join(article.authors),
        "section": article.section or "",
        "tag": "\n".join(article.tags),
        "url": article.url,
    }
    return {name: content for name, content in fields.items() if content}


@event.listens_for(Article, "after_insert")
def _index(_: Mapper[Article], connection: Connection, article: Article) -> None:
    add_to_index(connection, article.id or 0, text_fields(article).values())


@event.listens_for(Article, "before_update")
def _index_again(_: Mapper[Article], connection: Connection, article: Article) -> None:
    changes = inspect(article).attrs
    if any(changes[name].history.has_changes() for name in SEARCHED):
        _forget(connection, article)
        add_to_index(connection, article.id or 0, text_fields(article).values())


@event.listens_for(Article, "before_delete")
def _index_no_more(_: Mapper[Article], connection: Connection, article: Article) -> None:
    _forget(connection, article)


def _forget(connection: Connection, article: Article) -> None:
    """The index forgets only what it is told again, so the text as it still stands is read."""
    table = SQLModel.metadata.tables["article"]
    columns = [table.c[name] for name in SEARCHED]
    row = connection.execute(select(*columns).where(table.c.id == article.id)).one()
    take_from_index(connection, article.id or 0, text_fields(row).values())
