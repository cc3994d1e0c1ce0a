"""Visits for a shared queue: which hosts to hand over, and how a visit is handed over only once.

Any number of schedulers may look at the same time. A visit belongs to the one that moved the
source's `next_visit` on (compare-and-set, in the transaction that puts the job into the queue). The
source is due again when its visit is recorded, when its job is given back, or after HANDED if
neither ever happens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, or_, select, update

from crawler.config import CrawlerConfig, SourceConfig
from crawler.run import HostJob, held_until, is_due, new_state
from crawler.schedule import FURTHEST
from crawler.settings import LONGEST_DELAY
from crawler.urls import host_of
from crawler.visits import rest
from store.articles import hosts_waiting
from store.revisions import hosts_to_revisit
from store.sources import HostState, SourceState, planned_visits
from store.types import bound_lists

HANDED = timedelta(minutes=5)
"""A visit that was handed over and never heard of again is due again after this."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A job as it stands in the queue."""

    job: HostJob
    until: datetime
    """What `next_visit` of its sources was set to: who finds another value has nothing to undo."""


def enrol(
    session: Session,
    sources: Mapping[str, SourceConfig],
    config: CrawlerConfig,
    now: datetime,
) -> None:
    """Gives every enabled source a row; makes due what a rule says is. One caller at a time.

    Needed when the configuration was loaded, and now and then for times that a wrong clock wrote:
    between two such looks only rows that are due are read, however many sources there are.
    """
    planned = planned_visits(session)
    enabled = {name: source for name, source in sources.items() if source.enabled}
    unknown = {name: source for name, source in enabled.items() if name not in planned}
    rows = [_row(name, source) for name, source in unknown.items()]
    if rows:
        session.execute(insert(SourceState), rows)
    late = []
    for name in enabled.keys() - unknown.keys():
        plan, source = planned[name], enabled[name]
        if plan.url != source.url:
            new_state(session, name, source, session.get(SourceState, name))
        elif plan.next_visit is not None and plan.next_visit > now:
            late += [name] if is_due(plan, source, config, now) else []
    for part in bound_lists(late):
        session.exec(
            update(SourceState).where(col(SourceState.id).in_(part)).values(next_visit=now)
        )


def _row(name: str, source: SourceConfig) -> dict[str, Any]:
    """A source before its first visit; of twenty thousand no object of the session's for each."""
    state = SourceState(id=name, url=source.url, host=host_of(source.url), kind=source.kind)
    return state.model_dump()


def due_jobs(
    session: Session,
    sources: Mapping[str, SourceConfig],
    now: datetime,
    busy: Collection[str],
    most: int,
) -> list[HostJob]:
    """At most so many jobs for hosts that are due and neither held nor `busy`.

    Hosts with a due source come first, those that have waited longest before the others.
    """
    query = (
        select(SourceState.id, SourceState.host)
        .where(or_(col(SourceState.next_visit).is_(None), col(SourceState.next_visit) <= now))
        .order_by(col(SourceState.next_visit).asc().nulls_first(), col(SourceState.id))
    )
    without = held_until(session, now).keys() | resting(session, now) | set(busy)
    hosts: dict[str, list[str]] = {}
    for source_id, host in session.exec(query):
        source = sources.get(source_id)
        if source is None or not source.enabled or host in without:
            continue
        if host in hosts or len(hosts) < most:
            hosts.setdefault(host, []).append(source_id)
    for host in (
        *hosts_waiting(session, now, now + FURTHEST),
        *hosts_to_revisit(session, now),
    ):
        if len(hosts) < most and host not in without:
            hosts.setdefault(host, [])
    return [HostJob(host, tuple(ids)) for host, ids in hosts.items()]


def resting(session: Session, now: datetime) -> set[str]:
    """Hosts whose last crawl ended so lately that nothing may be asked of them yet."""
    query = select(HostState.host).where(
        col(HostState.rests_until) > now, col(HostState.rests_until) <= now + LONGEST_DELAY
    )
    return set(session.exec(query))


def hand_over(session: Session, jobs: Sequence[HostJob], now: datetime) -> list[Handed]:
    """Takes the jobs' visits; of each job the sources that nobody else has taken meanwhile."""
    until = now + HANDED
    mine: set[str] = set()
    for part in bound_lists([source for job in jobs for source in job.sources]):
        taken = (
            update(SourceState)
            .where(
                col(SourceState.id).in_(part),
                or_(col(SourceState.next_visit).is_(None), col(SourceState.next_visit) <= now),
            )
            .values(next_visit=until)
            .returning(col(SourceState.id))
            .execution_options(synchronize_session=False)
        )
        mine.update(session.execute(taken).scalars())
    handed = []
    for job in jobs:
        sources = tuple(source for source in job.sources if source in mine)
        if sources or not job.sources:
            handed.append(Handed(HostJob(job.host, sources), until))
    return handed


def give_back(session: Session, handed: Handed, at: datetime) -> None:
    """Makes due at that time what of a job was not visited; what was is left alone."""
    session.exec(
        update(SourceState)
        .where(
            col(SourceState.id).in_(handed.job.sources),
            col(SourceState.next_visit) == handed.until,
        )
        .values(next_visit=at)
        .execution_options(synchronize_session=False)
    )


def take_away(session: Session, handed: Handed, now: datetime) -> None:
    """The process that crawled the host has died: its visits are due once the host has rested."""
    give_back(session, handed, now)
    rest(session, handed.job.host, now)
