"""Is it working? The sources, the three waiting lines and what went wrong last, in one reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from store.articles import Article, Entry, count_waiting
from store.deliveries import Alert, Delivery, Match
from store.engine import Store
from store.installation import fact
from store.outbox import stopped_channels
from store.sources import HostState, SourceState

STUCK = timedelta(minutes=15)
"""A line whose oldest member has been due for so long does not move."""

OVERDUE = timedelta(minutes=45)
"""A visit may wait for the end of a crawl of its host, which takes half an hour at most."""

PAGELESS = timedelta(hours=1)
"""While pages wait that may be asked for, one of them ends in such a time, read or not."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the service as the database shows it."""

    at: datetime
    started: datetime | None
    """When the service last started; None when it never did."""
    damage: str
    """What is wrong with the database's file, as the service found at its start; "" if nothing."""
    sources: Sequence[SourceState]
    entries_waiting: int
    articles_waiting: int
    deliveries_waiting: int
    deliveries_held: int
    """Of those: held by quiet hours, or for a channel that was told to stop or is not there."""
    alerts_waiting: int
    """Alerts that are gathered for company, a digest or the morning."""
    next_gathering: datetime | None
    stopped: Mapping[str, str]
    """Channels that were told to stop, with the reason."""
    dead_letters: int
    oldest_due_entry: datetime | None
    oldest_free_entry: datetime | None
    """Of those that are due, the oldest on a host that did not ask to be left alone."""
    last_page: datetime | None
    """When an attempt at a page last ended, to a minute."""
    oldest_unmatched: datetime | None
    oldest_due_alert: datetime | None
    """Of the alerts for a channel there is, the oldest that is due and not gathered."""
    oldest_due_delivery: datetime | None
    articles: int
    articles_today: int
    matches_today: int
    last_visit: datetime | None
    pages_failing: int
    """Pages that could not be had yet and are tried again."""
    page_error: str | None
    """What the newest of them met."""


def read_status(store: Store, now: datetime, channels: Collection[str] | None = None) -> Status:
    """Reads the state. Raises StoreError.

    `channels`: those that are configured, for alerts to others wait until they are; None: any.
    """
    with store.reading() as session:
        entries, articles = count_waiting(session)
        sources = session.exec(select(SourceState).order_by(col(SourceState.id))).all()
        day = now - timedelta(days=1)
        pages_failing, page_error = failing_pages(session)
        return Status(
            at=now,
            started=_started(session),
            damage=fact(session, "damage") or "",
            sources=sources,
            entries_waiting=entries,
            articles_waiting=articles,
            deliveries_waiting=_deliveries(session, "pending", "held"),
            deliveries_held=_deliveries(session, "held"),
            alerts_waiting=session.exec(
                select(func.count()).where(col(Alert.delivery_id).is_(None))
            ).one(),
            next_gathering=session.exec(
                select(func.min(Alert.due_at)).where(col(Alert.delivery_id).is_(None))
            ).one(),
            stopped={
                id_: state.reason or "" for id_, state in sorted(stopped_channels(session).items())
            },
            dead_letters=_deliveries(session, "dead"),
            oldest_due_entry=_oldest_due_entry(session, now),
            oldest_free_entry=_oldest_due_entry(session, now, _held_hosts(session, now)),
            last_page=session.exec(select(func.max(HostState.page_at))).one(),
            oldest_unmatched=session.exec(
                select(func.min(Article.first_seen)).where(col(Article.matched_at).is_(None))
            ).one(),
            oldest_due_alert=_oldest_due_alert(session, now, channels),
            oldest_due_delivery=_oldest_due_delivery(session, now),
            articles=session.exec(select(func.count()).select_from(Article)).one(),
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


def failing_pages(session: Session) -> tuple[int, str | None]:
    """How many pages wait for another attempt after one that failed, and what the newest met."""
    failing = (col(Entry.outcome).is_(None), col(Entry.last_error).is_not(None))
    count = session.exec(select(func.count()).select_from(Entry).where(*failing)).one()
    query = select(Entry.url, Entry.last_error).where(*failing).order_by(col(Entry.id).desc())
    newest = session.exec(query.limit(1)).first()
    return count, f"{newest[0]}: {newest[1]}" if newest else None


def _deliveries(session: Session, *states: str) -> int:
    return session.exec(select(func.count()).where(col(Delivery.state).in_(states))).one()


def _started(session: Session) -> datetime | None:
    told = fact(session, "started")
    return datetime.fromisoformat(told) if told else None


def _held_hosts(session: Session, now: datetime) -> Sequence[str]:
    return session.exec(select(HostState.host).where(col(HostState.not_before) > now)).all()


def _oldest_due_entry(
    session: Session, now: datetime, without: Collection[str] = ()
) -> datetime | None:
    query = select(func.min(Entry.next_attempt_at)).where(
        col(Entry.outcome).is_(None),
        col(Entry.next_attempt_at) <= now,
        col(Entry.host).not_in(without),
    )
    return session.exec(query).one()


def _oldest_due_alert(
    session: Session, now: datetime, channels: Collection[str] | None
) -> datetime | None:
    query = select(func.min(Alert.due_at)).where(
        col(Alert.delivery_id).is_(None), col(Alert.due_at) <= now
    )
    if channels is not None:
        query = query.where(col(Alert.channel).in_(list(channels)))
    return session.exec(query).one()


def _oldest_due_delivery(session: Session, now: datetime) -> datetime | None:
    query = select(func.min(Delivery.next_attempt_at)).where(
        col(Delivery.state) == "pending", col(Delivery.next_attempt_at) <= now
    )
    return session.exec(query).one()


def is_healthy(status: Status) -> bool:
    """Whether crawling, gathering, matching and delivery move, some source could be read, and the
    database is not known to be damaged.
    """
    due = (status.oldest_unmatched, status.oldest_due_alert, status.oldest_due_delivery)
    moving = all(oldest is None or status.at - oldest < STUCK for oldest in due)
    visited = [source for source in status.sources if source.last_visit]
    readable = not visited or any(source.state in {"ok", "silent"} for source in visited)
    sound = not status.damage
    return sound and moving and readable and _visits_move(status, visited) and _pages_move(status)


def _visits_move(status: Status, visited: Sequence[SourceState]) -> bool:
    """Visits stand still when the source that was visited last is long overdue: then no other was
    visited since. One that starts anew has as long for its first.
    """
    latest = max(visited, key=lambda source: source.last_visit or status.at, default=None)
    due_visit = latest.next_visit if latest else status.started
    return due_visit is None or status.at - due_visit < OVERDUE


def _pages_move(status: Status) -> bool:
    """Pages are not judged by their age: a first visit or a slow host rightly takes hours. They
    stand still when none has ended for long, though some might have been asked for all the while.
    """
    if status.oldest_free_entry is None:
        return True
    quiet_since = max(filter(None, (status.oldest_free_entry, status.last_page, status.started)))
    return status.at - quiet_since < PAGELESS
