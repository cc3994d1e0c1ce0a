"""Whether our own network is down: kept in memory from visit to visit, begun and ended as rows.

The rule is `crawler.health.is_offline`; here stands what it is applied to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select, update

from crawler.health import Attempt, is_offline, is_online
from crawler.schedule import FIRST_RETRY, LATE, Spell
from store.sources import CrawlRun, Outage, SourceState, outages_since

REASONS = {"service": "the service was down", "network": "the network was down"}
PAUSE = timedelta(hours=1)
"""A shorter rest between two runs of the service is none to speak of."""


class Connection:
    """The last visit of every host, and what they say together."""

    def __init__(self) -> None:
        """Online until many hosts say otherwise."""
        self.offline_since: datetime | None = None
        self._last: OrderedDict[str, Attempt] = OrderedDict()

    def note(self, attempt: Attempt) -> None:
        """Takes a visit's outcome into account."""
        self._last.pop(attempt.host, None)
        self._last[attempt.host] = attempt
        if self.offline_since is None:
            if not attempt.read:
                self.offline_since = is_offline(list(self._last.values()), attempt.at)
        elif attempt.read and is_online(list(self._last.values())[-3:]):
            self.offline_since = None


def record_outage(session: Session, offline_since: datetime | None, now: datetime) -> None:
    """Opens or ends the row of an outage of our network.

    What failed since it began is no fault of the sources: it is not counted any more.
    """
    query = select(Outage).where(Outage.kind == "network", col(Outage.ended_at).is_(None))
    known = session.exec(query).first()
    if offline_since is not None and known is None:
        session.add(Outage(kind="network", began_at=offline_since))
        session.exec(
            update(SourceState)
            .where(col(SourceState.failing_since) >= offline_since)
            .values(
                failures=0, failing_since=None, state="ok", reason=None,
                next_visit=now + FIRST_RETRY,
            )
        )  # fmt: skip
    elif offline_since is None and known is not None:
        known.ended_at = now
        session.add(known)


def record_pause(session: Session, now: datetime) -> None:
    """Notes at the start how long the service did not run, if that was worth a word."""
    # A crawl that began long before another has ended before it as well: the latest will do.
    latest = select(CrawlRun.finished_at).order_by(col(CrawlRun.started_at).desc()).limit(1000)
    ended = select(func.max(latest.subquery().c.finished_at))
    visited = select(func.max(SourceState.last_visit))
    last = [session.exec(query).one() for query in (ended, visited)]
    began = max((at for at in last if at is not None), default=None)
    if began is not None and now - began >= PAUSE:
        session.add(Outage(kind="service", began_at=began, ended_at=now))


def spells(session: Session, state: SourceState, now: datetime) -> tuple[Spell, ...]:
    """The times since a source was last read in which it could not be, oldest first."""
    if state.last_success is None:
        return ()
    ours = _worth_a_word(outages_since(session, state.last_success), now)
    own = []
    if state.failing_since is not None and now - state.failing_since >= LATE:
        own.append(Spell(state.failing_since, now, "the source could not be read"))
    return (*ours, *own)


def _worth_a_word(outages: Iterable[Outage], now: datetime) -> Iterable[Spell]:
    for outage in outages:
        began, ended = outage.began_at, outage.ended_at or now
        if began is not None and ended - began >= LATE:
            yield Spell(began, ended, REASONS[outage.kind])
