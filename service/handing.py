"""The scheduler's part where workers crawl: due visits go to the queue, those of the dead back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from crawler.handing import due_jobs, enrol, hand_over, take_away
from service import queue
from service.app import App
from service.presence import Signs, elapsed, stalled_after
from service.queue import MOST_WAITING, CrawlQueue
from store.turns import Turn, is_my_turn

log = structlog.get_logger("service")

ENROL_EVERY = timedelta(minutes=10)
"""Between two looks through all sources, for times that a wrong clock wrote."""


class Handing:
    """Hands crawls over; any number of processes may do so at the same time."""

    def __init__(self, app: App, crawls: CrawlQueue, clock: Callable[[], float] = elapsed) -> None:
        """The queue's tables are there. `clock`: by which others' silence is measured."""
        self._app, self._queue, self._clock = app, crawls, clock
        self._signs = Signs()
        self._enrolled_at: datetime | None = None
        self._enrolled: object = None
        """The sources as they were configured then."""

    async def hand(self) -> int:
        """Puts what is due into the queue, as far as there is room; the number of jobs."""
        app, now = self._app, self._app.now()
        await self._enrol(now)
        handed = await app.writer.write(lambda session: self._hand(session, now))
        if handed:
            log.debug("hand", status="handed over", jobs=handed)
        return handed

    async def _enrol(self, now: datetime) -> None:
        config = self._app.config
        at = self._enrolled_at
        if self._enrolled is config and at is not None and abs(now - at) < ENROL_EVERY:
            return

        def enrol_all(session: Session) -> bool:
            if mine := is_my_turn(session, Turn.HAND):
                enrol(session, config.sources, config.crawler, now)
            return mine

        if await self._app.writer.write(enrol_all):
            self._enrolled, self._enrolled_at = config, now

    def _hand(self, session: Session, now: datetime) -> int:
        if not is_my_turn(session, Turn.HAND):
            return 0
        busy, waiting = queue.hosts_in_queue(session)
        room = MOST_WAITING - waiting
        if room <= 0:
            return 0
        jobs = due_jobs(session, self._app.config.sources, now, busy, room)
        handed = hand_over(session, jobs, now)
        self._queue.put(session, handed)
        return len(handed)

    async def rescue(self) -> int:
        """Makes due what workers had in hand that have died; the number of their crawls."""
        silent_for = stalled_after(self._app.config.crawler.timeout)
        now = self._app.now()

        def take_all(session: Session) -> list[str]:
            if not is_my_turn(session, Turn.HAND):
                return []
            # The time is that at which the signs were read: the change may have waited long.
            signs = queue.signs_of_life(session)
            dead = self._signs.silent(signs, self._clock(), silent_for)
            abandoned = queue.abandoned(session, dead)
            for handed in abandoned:
                take_away(session, handed, now)
            return [handed.job.host for handed in abandoned]

        hosts = await self._app.writer.write(take_all)
        if hosts:
            log.warning("worker", status="died", crawls=len(hosts), hosts=hosts[:10])
        return len(hosts)
