"""Is it working? The sources, the three waiting lines and what went wrong last, in one reading."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from service.config import Config
from store.articles import (
    Article,
    count_stored,
    count_waiting,
    failing_pages,
    oldest_due_entry,
    oldest_unmatched,
)
from store.deliveries import Match
from store.engine import Store
from store.installation import fact
from store.outbox import (
    count_deliveries,
    count_held,
    gathering,
    oldest_due_alert,
    stopped_channels,
)
from store.sources import HostState, SourceState, Visited, last_visited

STUCK = timedelta(minutes=15)
"""A line whose oldest member has been due for so long does not move."""

OVERDUE = timedelta(minutes=45)
"""A visit may wait for the end of a crawl of its host, which takes half an hour at most."""

_SOME = 50

PAGELESS = timedelta(hours=1)
"""While pages wait that may be asked for, one of them ends in such a time, read or not."""


CLOCKS_DIFFER = timedelta(minutes=5)
"""What lies further ahead was written by a clock that was."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Whose rows count: what is left of others says nothing about whether all is well."""

    channels: Collection[str]
    sources: Collection[str]
    """Those that are visited."""


def configured(config: Config) -> Configured:
    """What a configuration knows."""
    enabled = (id_ for id_, source in config.sources.items() if source.enabled)
    return Configured(config.channels.keys(), frozenset(enabled))


@dataclass(frozen=True, slots=True)
class Lines:
    """The three waiting lines and the visits: what tells whether all is well."""

    at: datetime
    started: datetime | None
    """When the service last started; None when it never did."""
    damage: str
    """What is wrong with the database's file, as the service found at its start; "" if nothing."""
    visited: Sequence[Visited]
    """Of the sources that are configured, in each state those that were visited last."""
    entries_waiting: int
    articles_waiting: int
    deliveries_waiting: int
    dead_letters: int
    oldest_due_entry: datetime | None
    oldest_free_entry: datetime | None
    """Of those that are due, the oldest on a host that did not ask to be left alone."""
    last_page: datetime | None
    """When an attempt at a page last ended, to a minute, by a clock that was not ahead."""
    oldest_unmatched: datetime | None
    oldest_due_alert: datetime | None
    """Of the alerts for a channel there is, the oldest that is due and not gathered."""
    oldest_due_delivery: datetime | None


@dataclass(frozen=True, slots=True)
class Status(Lines):
    """The state of the service as the database shows it."""

    sources: Sequence[SourceState]
    deliveries_held: int
    """Of those that wait: held by quiet hours, or for a channel that was told to stop or is not
    there."""
    alerts_waiting: int
    """Alerts that are gathered for company, a digest or the morning."""
    next_gathering: datetime | None
    stopped: Mapping[str, str]
    """Channels that were told to stop, with the reason."""
    articles: int
    articles_exact: bool
    """Whether they were counted; a large number of articles is estimated."""
    articles_today: int
    matches_today: int
    last_visit: datetime | None
    pages_failing: int
    """Pages that could not be had yet and are tried again."""
    page_error: str | None
    """What the newest of them met."""


def read_lines(store: Store, now: datetime, known: Configured | None = None) -> Lines:
    """Reads what tells whether all is well, and no more: it is asked often. Raises StoreError.

    `known`: what is configured, for alerts to other channels wait until they are; None: any.
    """
    with store.reading() as session:
        return lines(session, now, known)


def lines(session: Session, now: datetime, known: Configured | None = None) -> Lines:
    """The same in a session that there is."""
    return Lines(**_lines(session, now, known))


def _visited(session: Session, now: datetime, known: Configured | None) -> list[Visited]:
    # Few are read, unless so many sources were left out that none of them is configured.
    for most in (_SOME, sys.maxsize):
        visited = last_visited(session, now + CLOCKS_DIFFER, most)
        if ours := [each for each in visited if known is None or each.id in known.sources]:
            return ours
    return []


def _lines(session: Session, now: datetime, known: Configured | None) -> dict[str, Any]:
    entries, articles = count_waiting(session)
    deliveries = count_deliveries(session, now)
    return {
        "at": now,
        "started": _started(session),
        "damage": fact(session, "damage") or "",
        "entries_waiting": entries,
        "articles_waiting": articles,
        "deliveries_waiting": deliveries.waiting,
        "dead_letters": deliveries.dead,
        "oldest_due_entry": oldest_due_entry(session, now),
        "oldest_free_entry": oldest_due_entry(session, now, _held_hosts(session, now)),
        "visited": _visited(session, now, known),
        "last_page": session.exec(
            select(func.max(HostState.page_at)).where(col(HostState.page_at) <= now + CLOCKS_DIFFER)
        ).one(),
        "oldest_unmatched": oldest_unmatched(session),
        "oldest_due_alert": oldest_due_alert(session, now, known.channels if known else None),
        "oldest_due_delivery": deliveries.oldest_due,
    }


def read_status(store: Store, now: datetime, known: Configured | None = None) -> Status:
    """Reads the state; `known` as for `read_lines`. Raises StoreError."""
    with store.reading() as session:
        sources = session.exec(select(SourceState).order_by(col(SourceState.id))).all()
        day = now - timedelta(days=1)
        pages_failing, page_error = failing_pages(session)
        alerts_waiting, next_gathering = gathering(session)
        articles, articles_exact = count_stored(session)
        return Status(
            **_lines(session, now, known),
            sources=sources,
            deliveries_held=count_held(session),
            alerts_waiting=alerts_waiting,
            next_gathering=next_gathering,
            stopped={
                id_: state.reason or "" for id_, state in sorted(stopped_channels(session).items())
            },
            articles=articles,
            articles_exact=articles_exact,
            articles_today=session.exec(
                select(func.count()).where(col(Article.first_seen) > day)
            ).one(),
            matches_today=session.exec(
                select(func.count()).where(col(Match.matched_at) > day)
            ).one(),
            last_visit=max((s.last_visit for s in sources if s.last_visit), default=None),
            pages_failing=pages_failing,
            page_error=page_error,
        )


def _started(session: Session) -> datetime | None:
    told = fact(session, "started")
    return datetime.fromisoformat(told) if told else None


def _held_hosts(session: Session, now: datetime) -> Sequence[str]:
    return session.exec(select(HostState.host).where(col(HostState.not_before) > now)).all()


def is_healthy(status: Lines) -> bool:
    """Whether crawling, gathering, matching and delivery move, some source could be read, and the
    database is not known to be damaged.
    """
    due = (status.oldest_unmatched, status.oldest_due_alert, status.oldest_due_delivery)
    moving = all(oldest is None or status.at - oldest < STUCK for oldest in due)
    states = {source.state for source in status.visited}
    readable = not states or bool(states & {"ok", "silent"})
    sound = not status.damage
    return sound and moving and readable and _visits_move(status) and _pages_move(status)


def _visits_move(status: Lines) -> bool:
    """Visits stand still when the source that was visited last is long overdue: then no other was
    visited since. One that starts anew has as long for its first.
    """
    latest = max(status.visited, key=lambda source: source.last_visit, default=None)
    due_visit = latest.next_visit if latest else status.started
    return due_visit is None or status.at - due_visit < OVERDUE


def _pages_move(status: Lines) -> bool:
    """Pages are not judged by their age: a first visit or a slow host rightly takes hours. They
    stand still when none has ended for long, though some might have been asked for all the while.
    """
    if status.oldest_free_entry is None:
        return True
    since = (status.oldest_free_entry, status.last_page, status.started)
    quiet_since = max(at for at in since if at is not None and at <= status.at + CLOCKS_DIFFER)
    return status.at - quiet_since < PAGELESS
