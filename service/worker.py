"""A worker's hands: takes crawls from the queue, several at a time, and tells what became of them.

A job ends in the transaction that makes due again whatever it did not visit. Where that cannot be
written it is remembered and written later; where the process dies, others find the job
(`service.handing`). Where the database's answer to a `take` is lost, the job that it may have given
is found a few seconds later, and given back.

A crawl asks under the number that its job was taken under (`service.presence`). It stops asking by
itself, at its next request, when that does not hold any more; the worker ends it then, and takes
nothing new before all such crawls have ended: its jobs may lead to the very same hosts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlmodel import Session

from crawler.handing import give_back
from crawler.run import configured
from service.app import App
from service.presence import Presence
from service.queue import CrawlQueue, Taken, finish
from service.scheduler import PAUSE_AFTER_ERROR, PAUSE_WITHOUT_STORE, log_failure
from store.errors import StoreError

log = structlog.get_logger("service")

LOOK = 1.0
"""Seconds between two looks into the queue, if nothing is announced."""
WATCH = 0.5
"""Seconds between two looks at whether the crawls in hand may still ask."""
SEARCH = 10.0
"""Seconds between two searches for jobs that were taken unknowingly."""
GRACE = 1.0
"""Seconds that crawls get to record what they have, once their requests in hand had six."""
SETTLING = 1.5
"""Seconds in which their end must have been written by then."""


class Worker:
    """Crawls what is in the queue until it is told to end."""

    def __init__(
        self,
        app: App,
        queue: CrawlQueue,
        presence: Presence,
        concurrency: int | None,
        search: float = SEARCH,
    ) -> None:
        """`concurrency`: crawls at a time; None: as many as `[crawler] concurrency` says.

        `search`: seconds, see SEARCH.
        """
        self._app, self._queue, self._presence = app, queue, presence
        self._concurrency = concurrency
        self._running: dict[asyncio.Task[None], Taken] = {}
        self._ended: dict[int, tuple[Taken, datetime]] = {}
        """Jobs whose end is not written yet, and when what they left undone is due."""
        self._news = asyncio.Event()
        self._ending = False
        self._search_every, self._searched_at = search, 0.0

    def wake(self) -> None:
        """There is a new job."""
        self._news.set()

    async def work(self) -> None:
        """Takes jobs until `end` is called."""
        async with self._watching():
            while not self._ending:
                self._news.clear()
                if await self._settle() and await self._search() and await self._take():
                    continue
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK)

    async def end(self) -> None:
        """Lets requests in hand finish and gives back what is left."""
        self._ending = True
        self._news.set()
        await self._app.stop_crawls()
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        for taken in self._running.values():
            self._ended[taken.id] = (taken, self._app.now())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settle(), SETTLING)

    def _may_take(self, number: int) -> bool:
        most = self._concurrency or self._app.config.crawler.concurrency
        return (
            len(self._running) < most
            and self._presence.may_ask(number)
            and all(taken.worker == number for taken in self._running.values())
        )

    async def _take(self) -> bool:
        """Whether a job was taken."""
        number = self._presence.worker
        if number is None or not self._may_take(number):
            return False
        try:
            taken = await self._queue.take(number)
        except StoreError as error:
            log_failure("take", error)
            return False
        if taken is None:
            return False
        task = asyncio.create_task(self._crawl(taken), name=f"crawl {taken.handed.job.host}")
        self._running[task] = taken
        task.add_done_callback(self._done)
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._news.set()

    async def _crawl(self, taken: Taken) -> None:
        job, pause = taken.handed.job, 0.0
        mine = configured(job, self._app.config.sources)
        if mine.sources != job.sources:
            # Another configuration than the scheduler's: it will be the same in a moment.
            pause = PAUSE_AFTER_ERROR
        try:
            # Others may have crawled the host, or it asked to be left alone, while the job waited.
            if await asyncio.to_thread(self._app.is_wanted, mine):
                await self._app.crawl(mine, partial(self._presence.may_ask, taken.worker))
        except Exception as error:  # noqa: BLE001 - the job's edge: the other hosts go on
            pause = PAUSE_WITHOUT_STORE if isinstance(error, StoreError) else PAUSE_AFTER_ERROR
            log_failure("crawl", error, host=job.host)
        self._ended[taken.id] = (taken, self._app.now() + timedelta(seconds=pause))

    async def _settle(self) -> bool:
        """Writes down which jobs have ended; False when that was not possible."""
        ended = dict(self._ended)
        if not ended:
            return True
        try:
            await self._app.writer.write(lambda session: _end_all(session, [*ended.values()]))
        except StoreError as error:
            log_failure("settle", error)
            return False
        for number in ended:
            self._ended.pop(number, None)
        return True

    async def _search(self) -> bool:
        """Now and then: gives back jobs that it has without knowing; False when it cannot look."""
        number, now = self._presence.worker, asyncio.get_running_loop().time()
        if number is None or now - self._searched_at < self._search_every:
            return True
        known = self._ended.keys() | {taken.id for taken in self._running.values()}
        try:
            found = await self._queue.forgotten(number, known)
        except StoreError as error:
            log_failure("search", error)
            return False
        self._searched_at = now
        for taken in found:
            log.warning("worker", status="found a job", host=taken.handed.job.host)
            self._ended[taken.id] = (taken, self._app.now())
        return await self._settle()

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Beside whatever else waits for the database."""
        watching = asyncio.create_task(self._watch(), name="worker's watch")
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        """Ends the crawls that may not ask any more: others may crawl their hosts, or soon will."""
        told: set[int] = set()
        while True:
            await asyncio.sleep(WATCH)
            lost = {
                taken.id
                for taken in self._running.values()
                if not self._presence.may_ask(taken.worker)
            }
            if lost - told:
                log.error("worker", status="cut off", crawls=len(lost))
                if not await self._stop_crawls():
                    continue  # they are told again at the next look
            told = lost

    async def _stop_crawls(self) -> bool:
        try:
            await self._app.stop_crawls()
        except Exception as error:  # noqa: BLE001 - the watch's edge: others will be lost too
            log_failure("stop", error)
            return False
        return True


def _end_all(session: Session, ended: list[tuple[Taken, datetime]]) -> None:
    for taken, due_at in ended:
        if finish(session, taken):
            give_back(session, taken.handed, due_at)
