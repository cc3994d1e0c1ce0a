"""Keeps time: APScheduler says when to look, the store says what is due.

APScheduler's own defaults lose runs (a job that starts a second late is skipped), so every job
coalesces, has no grace time and never runs twice at once; and each only looks whether something
waits, so a run that came late or not at all loses nothing.

It plans by the machine's clock. When that is set back by a day, every look would be a day away; so
what lies further ahead than any plan is looked at now.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crawler.run import HostJob
from service.app import App
from store.errors import StoreError

log = structlog.get_logger("service")

Look = Callable[[], Awaitable[int | None]]
"""Works off what waits, and tells how much that was."""
FOLLOWED_BY = {"match": "gather", "gather": "deliver"}
"""The line behind each."""
FIRST = "match"
"""The line that new articles wait in."""
AGAIN = timedelta(seconds=0.2)
"""Where something was found, more is likely."""
LOOK_EVERY = 1.0
"""Seconds between two looks at what is due."""
SELDOM = {"health": 10.0, "forget": 600.0}
"""Seconds between two looks that cost more: the sources are read one by one, and what retention
forgets is not urgent."""
SET_RIGHT_EVERY = 2.0
"""Seconds between two looks at the plan itself, by a clock that nobody sets."""
GRACE = 1.0
"""Seconds that the last looks may take once crawls and dispatcher have ended."""
SLOW = 60.0
"""Seconds after which a look that has not ended is worth a line, and another as often."""
PAUSE_AFTER_ERROR = 60.0
"""Seconds that a host rests after a crawl that broke off by a fault of ours."""
PAUSE_WITHOUT_STORE = 5.0
"""Seconds that a host rests after a crawl that the database ended."""


class Scheduler:
    """Starts what is due, as often and as much at once as the configuration allows."""

    def __init__(
        self, app: App, looks: Mapping[str, Look] | None = None, slow: float = SLOW
    ) -> None:
        """Nothing runs before `running`. `looks` by name; None: all there are, and crawls.

        `slow`: seconds after which a look that has not ended is told.
        """
        self._app, self._slow = app, slow
        self._crawling: set[asyncio.Task[None]] = set()
        self._looking: set[asyncio.Task[None]] = set()
        self._resting: dict[str, float] = {}
        self._jobs = AsyncIOScheduler(timezone="UTC")
        self._jobs.add_listener(self._log_event, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
        self._busy: dict[str, float] = {}
        """The looks under way and since when, or when they were last told, by the loop's clock."""
        self._missed: set[str] = set()
        """Looks that were wanted while they ran."""
        self._soonest: dict[str, datetime] = {}
        """What is woken earlier waits until then: articles that come one by one go together."""
        if looks is None:
            looks = {
                "crawl": self._start_crawls,
                "match": app.match,
                "archive": app.archive,
                "gather": app.gather,
                "deliver": app.deliver,
                "health": app.watch,
                "forget": app.forget,
            }
        self._names = looks.keys()
        for name, look in looks.items():
            self._jobs.add_job(
                self._look,
                "interval",
                args=(name, look),
                id=name,
                seconds=SELDOM.get(name, LOOK_EVERY),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks for work until the block ends; then lets the work in hand finish."""
        self._jobs.start()
        loop = asyncio.get_running_loop()
        self._app.tell_of_articles(lambda: loop.call_soon_threadsafe(self.wake, FIRST))
        setting_right = loop.create_task(self._set_right())
        try:
            yield
        finally:
            setting_right.cancel()
            # Shutting APScheduler down cancels what it runs, a mail half sent among it: first let
            # the looks under way end by themselves.
            self._app.tell_of_articles(None)
            self._jobs.pause()
            await self._app.finish()
            if in_hand := self._crawling | self._looking:
                await asyncio.wait(in_hand, timeout=GRACE)
            self._jobs.shutdown(wait=False)

    def wake(self, name: str) -> None:
        """Something new waits: looks at once, or again as soon as the present look has ended."""
        if name in self._busy:
            self._missed.add(name)
        elif name in self._names and self._jobs.running:
            now = datetime.now(UTC)
            self._jobs.modify_job(name, next_run_time=max(now, self._soonest.get(name, now)))

    async def _set_right(self) -> None:
        """Looks at once at what a clock that was ahead had planned."""
        while True:
            await asyncio.sleep(SET_RIGHT_EVERY)
            now = datetime.now(UTC)
            for job in self._jobs.get_jobs():
                longest = timedelta(seconds=SELDOM.get(job.id, LOOK_EVERY) + SET_RIGHT_EVERY)
                if job.next_run_time is not None and job.next_run_time > now + longest:
                    self._soonest.pop(job.id, None)
                    self._jobs.modify_job(job.id, next_run_time=now)

    async def _look(self, name: str, look: Look) -> None:
        """Runs one look; what waits goes on waiting when it fails.

        Where it found something, the line behind it is looked at at once, and itself again soon.
        """
        task = asyncio.current_task()
        assert task is not None
        self._looking.add(task)
        self._busy[name] = time.monotonic()
        try:
            # One id for all events of a look; a crawl gives its own.
            with structlog.contextvars.bound_contextvars(run=f"{name}-{int(time.time())}"):
                found = await look()
            if found and name in FOLLOWED_BY:
                self.wake(FOLLOWED_BY[name])
                again = datetime.now(UTC) + AGAIN
                self._jobs.modify_job(name, next_run_time=again)
                if name == FIRST:
                    self._soonest[name] = again
        except Exception as error:  # noqa: BLE001 - the job's edge: the next look comes in a second
            log_failure(name, error)
        finally:
            self._looking.discard(task)
            del self._busy[name]
            if name in self._missed:
                self._missed.discard(name)
                asyncio.get_running_loop().call_soon(self.wake, name)

    def _log_event(self, event: JobExecutionEvent) -> None:
        if event.code == EVENT_JOB_ERROR:
            log.error("job", job=event.job_id, status="failed", exc_info=event.exception)
            return
        # A look that takes longer than a second is no fault: the next one follows when it ends.
        now = time.monotonic()
        if now - self._busy.get(event.job_id, now) >= self._slow:
            self._busy[event.job_id] = now
            log.warning("job", job=event.job_id, status="still running")

    async def _start_crawls(self) -> None:
        now = time.monotonic()
        for job in self._app.due():
            if len(self._crawling) >= self._app.config.crawler.concurrency:
                return
            if self._resting.get(job.host, 0) <= now and not self._app.is_crawling(job.host):
                task = asyncio.create_task(self._crawl(job))
                self._crawling.add(task)
                task.add_done_callback(self._crawling.discard)

    async def _crawl(self, job: HostJob) -> None:
        try:
            await self._app.crawl(job)
        except Exception as error:  # noqa: BLE001 - the job's edge: the other hosts go on
            pause = PAUSE_WITHOUT_STORE if isinstance(error, StoreError) else PAUSE_AFTER_ERROR
            self._resting[job.host] = time.monotonic() + pause
            log_failure("crawl", error, host=job.host)


def log_failure(job: str, error: Exception, **what: str) -> None:
    """One line for a database that fails, a traceback for a fault of ours."""
    if isinstance(error, StoreError):
        log.error("job", job=job, status="failed", why=str(error), **what)
    else:
        log.error("job", job=job, status="failed", exc_info=error, **what)
