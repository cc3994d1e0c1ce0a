"""Matches, alerts waiting to be gathered, deliveries and their attempts. Written by alerts.

A match is one watchlist on one article. An alert is one match for one destination; it waits until
`due_at`, when it is gathered with others into one delivery, whose content is frozen from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlmodel import Field, Session, SQLModel, col, select

from store.sources import moment
from store.types import bound_lists


class Match(SQLModel, table=True):
    """One watchlist hit one article; once per pair."""

    __tablename__ = "match"
    __table_args__ = (
        UniqueConstraint("watchlist", "article_id"),
        Index("ix_match_story", "watchlist", "story_id"),
        # One alert a story, whoever matches its copies at the same moment.
        Index(
            "ix_match_told",
            "watchlist",
            "story_id",
            unique=True,
            sqlite_where=text("silent = ''"),
            postgresql_where=text("silent = ''"),
        ),
        Index("ix_match_at", "matched_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    watchlist: str
    article_id: int = Field(foreign_key="article.id", index=True)
    story_id: int
    matched_at: datetime | None = moment(nullable=False)
    terms: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    excerpts: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False)
    )
    silent: str = ""
    """Why no alert was made of it: "" | first_visit | story | backfill | import (which becomes
    backfill once its summary is made)"""


class Change(SQLModel, table=True):
    """What a new revision of its article means for a match that was told."""

    __tablename__ = "change"
    __table_args__ = (UniqueConstraint("match_id", "revision"),)

    id: int | None = Field(default=None, primary_key=True)
    match_id: int = Field(foreign_key="match.id")
    revision: int
    at: datetime | None = moment(nullable=False)
    told: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """As the manual describes it: kinds, terms that came and went, the words that changed."""


class Alert(SQLModel, table=True):
    """One match, or a change of it, for one destination. Without delivery it waits."""

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("match_id", "channel", "recipient", "revision"),
        Index(
            "ix_alert_waiting",
            "due_at",
            sqlite_where=text("delivery_id IS NULL"),
            postgresql_where=text("delivery_id IS NULL"),
        ),
        Index("ix_alert_delivery", "delivery_id"),
        Index("ix_alert_made", "watchlist", "made_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    match_id: int = Field(foreign_key="match.id")
    watchlist: str
    channel: str
    recipient: str = ""
    revision: int = 0
    """0 for the match itself, else the revision whose change is told."""
    made_at: datetime | None = moment(nullable=False)
    """When it arose; `max_per_day` counts by it."""
    held: str = ""
    """Why it waits for more than company: "" | quiet | max_per_day"""
    due_at: datetime | None = moment(nullable=False)
    delivery_id: int | None = Field(default=None, foreign_key="delivery.id")


class Delivery(SQLModel, table=True):
    """One message to one destination, frozen when made.

    Addresses and secrets stay out of the database: `recipient` is a short hash of the address
    (first 12 hex digits of its SHA-256), which the channel's table is searched for when sending;
    it is empty for channels with a single destination.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index(
            "ix_delivery_waiting",
            "next_attempt_at",
            sqlite_where=text("state IN ('pending', 'held')"),
            postgresql_where=text("state IN ('pending', 'held')"),
        ),
        Index(
            "ix_delivery_line",
            "channel",
            "id",
            sqlite_where=text("state IN ('pending', 'held')"),
            postgresql_where=text("state IN ('pending', 'held')"),
        ),
        Index(
            "ix_delivery_dead",
            "channel",
            sqlite_where=text("state = 'dead'"),
            postgresql_where=text("state = 'dead'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order in which deliveries were made."""
    key: str = Field(unique=True)
    """Derived from installation, watchlist, articles and channel; Message-ID and webhook-id."""
    channel: str
    recipient: str = ""
    kind: str = "alert"
    """alert | digest | summary | health"""
    watchlists: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    subject: str
    text: str
    html: str = ""
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    thread: str | None = None
    state: str = "pending"
    """pending | held | delivered | dead"""
    created_at: datetime | None = moment(nullable=False)
    next_attempt_at: datetime | None = moment()
    attempts: int = 0
    claim: str | None = None
    """Token of the dispatcher that is sending it; only its holder may settle."""
    claimed_until: datetime | None = moment()
    last_error: str | None = None
    delivered_at: datetime | None = moment()


WAITING = ("pending", "held")
"""States of a delivery that is still to be attempted."""


def is_waiting() -> ColumnElement[bool]:
    """Whether a delivery is still to be attempted.

    The states stand in the statement itself: of a parameter SQLite cannot know that the index of
    what waits will do, and would read every message there ever was.
    """
    return col(Delivery.state).in_([literal_column(f"'{state}'") for state in WAITING])


def is_dead() -> ColumnElement[bool]:
    """Whether a delivery was given up; written out like `is_waiting`."""
    return col(Delivery.state) == literal_column("'dead'")


class Attempt(SQLModel, table=True):
    """One try at a delivery, kept with its outcome."""

    __tablename__ = "attempt"

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    number: int
    at: datetime | None = moment(nullable=False)
    outcome: str
    """delivered | temporary | permanent"""
    code: int | None = None
    reply: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    """The first 512 bytes of the answer."""
    error: str | None = None


class ChannelState(SQLModel, table=True):
    """What is known of a channel beyond its configuration."""

    __tablename__ = "channel"

    id: str = Field(primary_key=True)
    stopped_at: datetime | None = moment()
    """When it told us to stop (410), until its configuration changes or a person retries."""
    reason: str | None = None
    reported_at: datetime | None = moment()
    """When its owner was last told of its dead letters."""


class FirstVisit(SQLModel, table=True):
    """A source whose first visit has been summed up in one message."""

    __tablename__ = "first_visit"

    source_id: str = Field(primary_key=True)
    summarised_at: datetime | None = moment(nullable=False)


def matches_of(session: Session, article_id: int) -> Sequence[Match]:
    """The matches of one article, by watchlist."""
    query = select(Match).where(Match.article_id == article_id).order_by(col(Match.watchlist))
    return session.exec(query).all()


def matches_of_all(session: Session, articles: Iterable[int]) -> dict[int, list[Match]]:
    """The matches of several articles; nothing for one that has none."""
    found: dict[int, list[Match]] = {}
    for part in bound_lists(list(articles)):
        for match in session.exec(select(Match).where(col(Match.article_id).in_(part))):
            found.setdefault(match.article_id, []).append(match)
    return found


def attempts_of(session: Session, delivery_id: int) -> Sequence[Attempt]:
    """The attempts at a delivery, first one first."""
    query = select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(col(Attempt.id))
    return session.exec(query).all()
