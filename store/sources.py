"""What is known of sources, their documents and their hosts. Written by the crawler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, Session, SQLModel, col, func, or_, select

from store.types import UtcDateTime

ROLES = ("main", "second", "part", "spare")
"""What a document is to its source, see `Document.role`."""


def moment(*, nullable: bool = True, index: bool = False) -> Any:
    """A column for an aware time."""
    return Field(default=None, sa_column=Column(UtcDateTime(), nullable=nullable, index=index))


class SourceState(SQLModel, table=True):
    """One configured source: when it was visited, when it is due, how it fares."""

    __tablename__ = "source"

    id: str = Field(primary_key=True)
    url: str
    """The configured address; another address makes the source new again."""
    host: str = Field(index=True)
    kind: str
    """The configured kind."""
    title: str | None = None
    """The site's own name."""
    state: str = "ok"
    """ok | failing | blocked | silent | gone"""
    failures: int = 0
    """Visits that failed in a row."""
    last_error: str | None = None
    last_visit: datetime | None = moment()
    last_success: datetime | None = moment()
    next_visit: datetime | None = moment(index=True)
    last_new_article: datetime | None = moment()
    articles_per_day: float = 0.0
    baseline_at: datetime | None = moment()
    """When its first successful visit had listed what was there; later entries are news."""
    suspicion: str | None = None
    """Why its pages no longer look as they did, a sentence for people; None when they do."""
    reason: str | None = None
    """Why its state is what it is, in words."""
    state_since: datetime | None = moment()
    failing_since: datetime | None = moment()
    """The first of the visits that failed in a row."""
    told_state: str = "ok"
    """The state that people were last told of."""
    told_since: datetime | None = moment()
    """When the outage began that they were told of; None when they were told of its end."""
    rhythm: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """When it publishes: counters that `crawler.rhythm` keeps."""
    pace: float = 1.0
    """Below 1 its visits are closer together, because its window moves on too fast."""
    pages_failed: int = 0
    """Pages that could not be had since one last could."""
    page_error: str | None = None
    """What the last of them met."""
    remarks: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """What the last visit noticed that is no failure, in words."""


class Document(SQLModel, table=True):
    """One address that a source is read from: its feed, a sitemap, a section page."""

    __tablename__ = "document"

    source_id: str = Field(primary_key=True)
    url: str = Field(primary_key=True)
    kind: str
    """feed | sitemap | listing | wordpress | page (a front page that only names the others)"""
    role: str = "part"
    """main: visits begin here | second: read now and then, to check that the main one is whole |
    part: found through a main one, as the sitemaps of an index | spare: known, read to fill a gap
    """
    etag: str | None = None
    last_modified: str | None = None
    """Validators are saved as a pair and together with the entries that they vouch for."""
    body_hash: str | None = None
    visits: int = 0
    fetched_at: datetime | None = moment()
    entries: int = 0
    """Entries in it when it was last read."""
    span: int | None = None
    """Seconds between its oldest and its newest entry when it was last measured."""
    dated: float = 0.0
    """Share of entries with a publication date, likewise."""
    full_text: float = 0.0
    """Share of entries that carry the whole article, likewise."""
    seen_at: datetime | None = moment()
    """When it was last measured; None for one that is only likely to work."""
    newest: datetime | None = moment()
    """Of its entries, the time of the newest, by publication or modification."""
    lastmod: datetime | None = moment()
    """Of a part: what its index said of its last change when it was last read."""
    behind: int = 0
    """Of the main one: checks in a row in which the second listed what it did not."""
    doubted_at: datetime | None = moment()
    """Of the main one: when another was last looked for in its place."""
    overlap: float | None = None
    """Share of its window that was known when it was last read."""
    recent: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Keys of the entries that were new in it last: where one of them is, nothing was missed."""
    reached_at: datetime | None = moment()
    """The newest publication in it when it was last read."""
    whole_at: datetime | None = moment()
    """When it last came whole, and not as "not modified"."""
    unproved: int = 0
    """How often in a row it was "not modified" since then."""
    believed: int = 10
    """How often in a row that is believed; more often where it proved true."""
    trusted_from: int = 0
    """From so many visits on its validators are sent again; they were seen to lie."""
    edited_until: datetime | None = moment()
    """Of a WordPress channel: edits of its posts up to then are known, by the site's clock."""
    edits_page: int = 1
    """The page of the edits after that moment to go on with."""
    edits_asked_at: datetime | None = moment()
    """When its edited posts were asked for last."""
    edits_refused: bool = False
    """Whether it did not tell them then."""


class HostState(SQLModel, table=True):
    """Politeness towards one host: its robots.txt and how long it wants to be left alone."""

    __tablename__ = "host"

    host: str = Field(primary_key=True)
    robots_status: int | None = None
    """HTTP status of robots.txt; None when it could not be fetched."""
    robots_body: bytes | None = None
    robots_at: datetime | None = moment()
    """When that answer came."""
    robots_asked_at: datetime | None = moment()
    """When it was last asked for; later than the above when no newer answer could be had."""
    not_before: datetime | None = moment()
    """Set by Retry-After."""
    rests_until: datetime | None = moment()
    """The last crawl's end and the delay that the host wants: no request before, by whomever."""
    spacing: float = 0.0
    """That delay in seconds."""
    page_at: datetime | None = moment()
    """When an attempt at a page of it last ended, whatever became of it; to a minute."""


class SiteState(SQLModel, table=True):
    """What the articles of one site have in common, as `crawler.site_memory` keeps it."""

    __tablename__ = "site"

    host: str = Field(primary_key=True)
    articles: int = 0
    """How many it was learnt from."""
    lines: bytes = b""
    """Repeated lines and how often each was seen: 20 bytes each, at most 1,024."""
    furniture: bytes = b""
    """Those that are no part of an article: 8 bytes each, at most 512; given to every reading."""
    looks: list[list[int]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Of the last pages: share of text that is article, blocks that are not."""
    learnt_at: datetime | None = moment()


class Gap(SQLModel, table=True):
    """A time of which a source's articles may not have been seen; read up until it is closed."""

    __tablename__ = "gap"
    __table_args__ = (Index("ix_gap_source", "source_id", "state"),)

    id: int | None = Field(default=None, primary_key=True)
    source_id: str
    url: str
    """The document whose window had moved on."""
    opened_at: datetime | None = moment(nullable=False)
    closed_at: datetime | None = moment()
    state: str = "open"
    """open | filled | unfilled"""
    after: datetime | None = moment()
    """The last known article before it."""
    before: datetime | None = moment()
    """The first known article after it."""
    known: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Keys of the last known articles: a page that lists one of them reaches back far enough."""
    pages: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Kind and address of what is still to be read, the next one first."""
    read: int = 0
    """Pages read."""
    failures: int = 0
    """Attempts at the next page that failed."""
    found: int = 0
    """Articles found in it."""


class Outage(SQLModel, table=True):
    """A time in which nothing could be read for a reason of ours."""

    __tablename__ = "outage"

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    """service (it did not run) | network (most sources could not be reached)"""
    began_at: datetime | None = moment(nullable=False)
    ended_at: datetime | None = moment()
    told: str = ""
    """"" | began | ended: what people were told of it"""


class CrawlRun(SQLModel, table=True):
    """One crawl of one host, for status and for reading back what happened."""

    __tablename__ = "crawl_run"
    __table_args__ = (Index("ix_crawl_run_started", "started_at"),)

    id: int | None = Field(default=None, primary_key=True)
    host: str
    sources: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    started_at: datetime | None = moment(nullable=False)
    finished_at: datetime | None = moment()
    requests: int = 0
    entries: int = 0
    """New entries found."""
    articles: int = 0
    """New articles stored."""
    errors: int = 0
    last_error: str | None = None


def site_furniture(session: Session, host: str) -> bytes:
    """The lines that are furniture on a site, packed; empty for a site not known."""
    query = select(SiteState.furniture).where(SiteState.host == host)
    return session.exec(query).first() or b""


def source_states(session: Session) -> dict[str, SourceState]:
    """All known sources by id, those no longer configured included."""
    return {state.id: state for state in session.exec(select(SourceState))}


class PlannedVisit(NamedTuple):
    """When a source is to be visited; thousands are looked through every second."""

    id: str
    url: str
    state: str
    next_visit: datetime | None


class Visited(NamedTuple):
    """A source that was visited, and when it is to be visited again."""

    id: str
    state: str
    last_visit: datetime
    next_visit: datetime | None


def last_visited(session: Session, until: datetime, most: int) -> list[Visited]:
    """Of each state the `most` sources that were visited last: what tells whether crawling moves.

    `until`: what was visited later was written by a clock that was ahead.
    """
    order = func.row_number().over(
        partition_by=SourceState.state, order_by=col(SourceState.last_visit).desc()
    )
    wanted: list[Any] = [col(getattr(SourceState, name)) for name in Visited._fields]
    wanted.append(order.label("th"))
    numbered = select(*wanted).where(col(SourceState.last_visit) <= until)
    visited = numbered.subquery()
    columns: list[Any] = [visited.c[name] for name in Visited._fields]
    return [Visited(*row) for row in session.exec(select(*columns).where(visited.c.th <= most))]


def states(session: Session) -> dict[str, int]:
    """How many of the known sources are in each state."""
    query = select(SourceState.state, func.count()).group_by(SourceState.state)
    return {row[0]: row[1] for row in session.exec(query.order_by(SourceState.state))}


def last_successes(session: Session) -> dict[str, datetime]:
    """When each source was last read, of those that were."""
    query = select(SourceState.id, col(SourceState.last_success))
    query = query.where(col(SourceState.last_success).is_not(None)).order_by(col(SourceState.id))
    return {row[0]: row[1] for row in session.exec(query) if row[1] is not None}


def planned_visits(session: Session) -> dict[str, PlannedVisit]:
    """The plans of all known sources by id."""
    query = select(SourceState.id, SourceState.url, SourceState.state, col(SourceState.next_visit))
    return {row[0]: PlannedVisit(*row) for row in session.exec(query)}


def documents_of(session: Session, source_id: str) -> Sequence[Document]:
    """The documents of a source in the order of their roles."""
    query = select(Document).where(Document.source_id == source_id)
    return sorted(
        session.exec(query), key=lambda document: (ROLES.index(document.role), document.url)
    )


def open_gaps(session: Session, source_id: str) -> Sequence[Gap]:
    """The source's gaps that are still being read up, oldest first."""
    query = select(Gap).where(Gap.source_id == source_id, Gap.state == "open")
    return session.exec(query.order_by(col(Gap.id))).all()


def unfilled_gaps(session: Session, since: datetime) -> Sequence[Gap]:
    """Gaps that could not be read up, given up since then, oldest first."""
    query = select(Gap).where(Gap.state == "unfilled", col(Gap.closed_at) >= since)
    return session.exec(query.order_by(col(Gap.id))).all()


def outages_since(session: Session, since: datetime) -> Sequence[Outage]:
    """Outages of ours that lasted beyond a moment, oldest first; open ones among them."""
    query = select(Outage).where(or_(col(Outage.ended_at).is_(None), col(Outage.ended_at) > since))
    return session.exec(query.order_by(col(Outage.id))).all()


def document(session: Session, source_id: str, url: str) -> Document | None:
    """One document of a source."""
    return session.get(Document, (source_id, url))
