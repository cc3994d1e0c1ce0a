"""What articles said over time, when they are visited again, and proof of what was fetched.

Written by the crawler. A revision is the whole text of an article at one time. Each carries a hash
over its text and the hash of the one before it, so none can be changed, left out or put between
without breaking the chain; `wirewatch check --database` follows it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint, delete, exists, text
from sqlmodel import Field, Session, SQLModel, col, select

from store.articles import Article, Entry
from store.deliveries import Match
from store.sources import moment
from store.types import UtcDateTime, bound_lists


@dataclass(frozen=True, slots=True)
class Words:
    """The text of an article at one time."""

    title: str
    standfirst: str
    body: str
    captions: str = ""


class Revision(SQLModel, table=True):
    """One state of an article's text."""

    __tablename__ = "revision"

    article_id: int = Field(primary_key=True, foreign_key="article.id")
    number: int = Field(primary_key=True)
    """1 for the text as first seen."""
    at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    """When the page was fetched."""
    kind: str = "first"
    """first | edit | retracted (the page says so) | removed (the page is gone) | restored"""
    note: str = ""
    """Of a removal: what the site answered. Of a retraction: its words."""
    packed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The text, compressed; NULL of an only revision, whose text the article holds."""
    chain: str
    """SHA-256 over the text, the time, the kind and the chain of the revision before."""


class Revisit(SQLModel, table=True):
    """When an article's page is asked for again, and what came of it so far."""

    __tablename__ = "revisit"
    __table_args__ = (
        Index(
            "ix_revisit_waiting",
            "next_at",
            "host",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index(
            "ix_revisit_asking",
            "ask_at",
            sqlite_where=text("ask_at IS NOT NULL"),
            postgresql_where=text("ask_at IS NOT NULL"),
        ),
    )

    article_id: int = Field(primary_key=True, foreign_key="article.id")
    host: str
    next_at: datetime | None = moment()
    """NULL: not again, unless the source says that it changed."""
    checked_at: datetime | None = moment(nullable=False)
    checks: int = 0
    edits: int = 0
    missing: int = 0
    """How often in a row the page was not there."""
    etag: str | None = None
    last_modified: str | None = None
    modified: datetime | None = moment()
    """The latest time at which a source said it changed."""
    ask_at: datetime | None = moment()
    """When the API that gave the text is asked whether it still lists the post; NULL: never."""
    look_only: bool = False
    """The page is looked at for a removal only: what the API gives is the article's text."""


class Evidence(SQLModel, table=True):
    """What the site answered when a text of an article was fetched."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("article_id", "revision"),)

    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id")
    revision: int
    fetched_at: datetime | None = moment(nullable=False)
    url: str
    status: int
    headers: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Pairs of name and value, as they came."""
    page_sha256: str
    """Of the page as fetched, decompressed; of the whole answer where an API gave the text."""
    of: str = "page"
    """page | api"""
    warc: str | None = None
    """File and offset of the kept page, `2026-03-01.warc.gz:1234`."""


class KeptPage(SQLModel, table=True):
    """A page that waits until its article is matched: then it is archived, or forgotten."""

    __tablename__ = "kept_page"

    evidence_id: int = Field(primary_key=True, foreign_key="evidence.id")
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Compressed (zlib)."""


def words_of(article: Article) -> Words:
    """What the article says now."""
    return Words(article.title, article.standfirst, article.body, article.captions)


def pack(words: Words) -> bytes:
    """A text, compressed."""
    return zlib.compress(json.dumps(asdict(words), ensure_ascii=False).encode("utf-8", "replace"))


def unpack(packed: bytes) -> Words:
    """A text that was packed. Raises zlib.error or ValueError when it is damaged."""
    return Words(**json.loads(zlib.decompress(packed)))


def chained(before: str, revision: Revision, words: Words) -> str:
    """The hash of a revision, from that of the one before it ("" for the first)."""
    told: list[Any] = [
        before,
        revision.article_id,
        revision.number,
        revision.at.isoformat(),
        revision.kind,
        revision.note,
        *asdict(words).values(),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def begin_chain(session: Session, article: Article, at: datetime) -> None:
    """Keeps the hash of an article's first text; the text itself stands in the article."""
    first = Revision(article_id=article.id or 0, number=1, at=at, chain="")
    first.chain = chained("", first, words_of(article))
    session.add(first)


def add_revision(
    session: Session, article: Article, before: Words, at: datetime, kind: str, note: str = ""
) -> None:
    """Keeps what the article says now as its next revision; `before` is what it said."""
    revisions = revisions_of(session, article.id or 0)
    if revisions and revisions[-1].packed is None:
        revisions[-1].packed = pack(before)
        session.add(revisions[-1])
    article.revision += 1
    made = Revision(article_id=article.id or 0, number=article.revision, at=at, kind=kind, chain="")
    made.note, made.packed = note, pack(words_of(article))
    made.chain = chained(revisions[-1].chain if revisions else "", made, words_of(article))
    session.add(made)
    session.add(article)
    session.flush()


def revisions_of(session: Session, article_id: int) -> Sequence[Revision]:
    """The revisions of an article, the first one first."""
    query = select(Revision).where(Revision.article_id == article_id)
    return session.exec(query.order_by(col(Revision.number))).all()


def words_at(session: Session, article: Article, number: int) -> Words | None:
    """What an article said in a revision; None when that was not kept."""
    revision = session.get(Revision, (article.id, number))
    if revision is None:
        return words_of(article) if number == article.revision else None
    return words_of(article) if revision.packed is None else unpack(revision.packed)


def evidence_of(session: Session, article_id: int) -> Sequence[Evidence]:
    """What was answered for an article, by revision."""
    query = select(Evidence).where(Evidence.article_id == article_id)
    return session.exec(query.order_by(col(Evidence.revision))).all()


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A page of which it is known whether its article matched."""

    evidence: Evidence
    body: bytes
    """Compressed (zlib)."""
    matched: bool


def waiting_pages(session: Session, limit: int = 20) -> Sequence[WaitingPage]:
    """Pages whose articles have been matched since they were fetched, oldest first."""
    matched = exists().where(col(Match.article_id) == col(Evidence.article_id))
    query = (
        select(Evidence, KeptPage.body, matched)
        .join(KeptPage, col(KeptPage.evidence_id) == col(Evidence.id))
        .join(Article, col(Article.id) == col(Evidence.article_id))
        .where(
            col(Article.matched_at).is_not(None),
            col(Article.matched_revision) >= col(Evidence.revision),
        )
        .order_by(col(KeptPage.evidence_id))  # begins with the few that wait
        .limit(limit)
    )
    return [WaitingPage(row[0], row[1], bool(row[2])) for row in session.exec(query)]


def settle_page(session: Session, evidence_id: int, place: str | None) -> None:
    """The page stands in a file, or is not kept: the database forgets it."""
    if place is not None:
        evidence = session.get_one(Evidence, evidence_id)
        evidence.warc = place
        session.add(evidence)
    session.execute(delete(KeptPage).where(col(KeptPage.evidence_id) == evidence_id))


def due_revisits(
    session: Session, host: str, now: datetime, limit: int = 200
) -> Sequence[tuple[Revisit, Article]]:
    """Articles on a host that are to be visited again, the longest waiting first."""
    query = (
        select(Revisit, Article)
        .join(Article, col(Revisit.article_id) == col(Article.id))
        .where(Revisit.host == host, col(Revisit.next_at) <= now)
        .order_by(col(Revisit.next_at))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.exec(query)]


def due_questions(
    session: Session, source_id: str, now: datetime, limit: int
) -> Sequence[tuple[int, Entry]]:
    """Articles that the API of a source gave and is to be asked for again, with what it gave.

    The longest waiting first.
    """
    query = (
        select(Revisit.article_id, Entry)
        .join(Entry, col(Entry.article_id) == col(Revisit.article_id))
        .where(
            Entry.source_id == source_id,
            col(Entry.given_by).is_not(None),
            col(Revisit.ask_at) <= now,
        )
        .order_by(col(Revisit.ask_at), col(Entry.id))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.exec(query)]


def revisits_of(session: Session, articles: Iterable[int]) -> list[Revisit]:
    """Those of the articles that are visited again."""
    found: list[Revisit] = []
    for part in bound_lists(sorted(articles)):
        found += session.exec(select(Revisit).where(col(Revisit.article_id).in_(part)))
    return found


def fetched_among(session: Session, articles: Iterable[int]) -> set[int]:
    """Those of the articles whose page was fetched; the others are as their source gave them."""
    found: set[int] = set()
    for part in bound_lists(sorted(articles)):
        query = select(Evidence.article_id).where(
            col(Evidence.article_id).in_(part), Evidence.of == "page"
        )
        found.update(session.exec(query))
    return found


def hosts_to_revisit(session: Session, now: datetime) -> list[str]:
    """Hosts that have articles to be visited again."""
    query = select(Revisit.host).where(col(Revisit.next_at) <= now).distinct()
    return list(session.exec(query))


def broken_chains(session: Session) -> Iterator[str]:
    """Each revision that is not what it was when it was kept, in words."""
    query = select(Revision).order_by(col(Revision.article_id), col(Revision.number))
    article_id, before, awaited = 0, "", 1
    for (revision,) in session.execute(query).yield_per(500):
        if revision.article_id != article_id:
            article_id, before, awaited = revision.article_id, "", 1
        where = f"article {article_id}, revision {revision.number}"
        if revision.number != awaited:
            yield f"{where}: a revision before it is missing"
        elif not _is_whole(session, revision, before):
            yield f"{where}: its text or time is not the one that was kept"
        before, awaited = revision.chain, revision.number + 1


def _is_whole(session: Session, revision: Revision, before: str) -> bool:
    if revision.packed is None:
        words = words_of(session.get_one(Article, revision.article_id))
    else:
        try:
            words = unpack(revision.packed)
        except (zlib.error, ValueError, TypeError):
            return False
    return chained(before, revision, words) == revision.chain
