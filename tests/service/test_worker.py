"""A worker's hands: what it lets go of, what it takes only then, what it finds that it has."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from crawler.config import CrawlerConfig, SourceConfig
from crawler.handing import Handed, enrol
from crawler.run import HostJob
from service import queue
from service.app import App
from service.presence import Presence
from service.queue import CrawlQueue
from service.worker import Worker
from store.engine import Store
from store.sources import SourceState
from store.writer import Writer
from tests.support import postgresql, wire
from tests.support.together import Wire

BEAT, LOST = 0.05, 0.5
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HANDED_UNTIL = NOW + timedelta(minutes=5)
SOURCES = {
    name: SourceConfig.model_validate({"url": f"https://{name}.example/feed"})
    for name in ("dawn", "geo")
}


@pytest.fixture
def url() -> Iterator[str]:
    """A database with a queue in which two hosts wait, by TCP."""
    with postgresql.database(tcp=True) as url:
        with contextlib.closing(Store(url)) as store:
            with store.writing() as session:
                queue.install(session)
                enrol(session, SOURCES, CrawlerConfig(), NOW)
            for name in SOURCES:
                put(store, name)
        yield url


def put(store: Store, name: str) -> None:
    with store.writing() as session:
        state = session.get_one(SourceState, name)
        state.next_visit = HANDED_UNTIL
        session.add(state)
        job = HostJob(f"{name}.example", (name,))
        CrawlQueue(store).put(session, [Handed(job, HANDED_UNTIL)])


@dataclass
class Crawling:
    """What a worker needs of an App; its crawls last until they are told to end."""

    store: Store
    writer: Writer
    lingering: asyncio.Event = field(default_factory=asyncio.Event)
    """Crawls end when it is set; they may take a while after they were told."""
    begun: list[str] = field(default_factory=list)
    may_ask: list[Callable[[], bool]] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    stumbles: int = 0
    """How many more times the crawls cannot be told to end."""
    config: Any = field(
        default_factory=lambda: SimpleNamespace(crawler=CrawlerConfig(), sources=SOURCES)
    )

    def now(self) -> datetime:
        return NOW

    def is_wanted(self, _: HostJob) -> bool:
        return True

    async def crawl(self, job: HostJob, may_ask: Callable[[], bool]) -> None:
        self.begun.append(job.host)
        self.may_ask.append(may_ask)
        await self.lingering.wait()

    async def stop_crawls(self) -> None:
        if self.stumbles:
            self.stumbles -= 1
            raise OSError("could not be told")
        self.told.set()


@contextlib.asynccontextmanager
async def working(
    url: str, of: str, *, concurrency: int, lost: float = LOST, search: float = 60
) -> AsyncIterator[tuple[Crawling, Presence]]:
    """A worker whose presence and queue reach the database at `of`; its writer at `url`."""
    store, far = Store(url), Store(of)
    writer = Writer(store)
    app = Crawling(store, writer)
    presence = Presence(far, alone=False, displaced=lambda: None, beat=BEAT, lost=lost)
    await asyncio.to_thread(presence.begin)
    await asyncio.to_thread(presence.enlist)
    async with CrawlQueue(far) as crawls:
        worker = Worker(cast(App, app), crawls, presence, concurrency, search)
        task = asyncio.create_task(worker.work())
        try:
            yield app, presence
        finally:
            app.lingering.set()
            await worker.end()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.to_thread(presence.end)
            await asyncio.to_thread(writer.close)
            store.close()
            far.close()


async def until(holds: Callable[[], bool], within: float = 20) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - threads and a server make it true
            await asyncio.sleep(0.01)


def ask(store: Store, statement: str) -> list[tuple[Any, ...]]:
    with store.writing() as session:
        found = session.connection().execute(text(statement))
        return [tuple(row) for row in found] if found.returns_rows else []


STRIKE_OFF = "DELETE FROM procrastinate_workers"
DOING = "SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing'"


async def test_one_taken_for_dead_ends_its_crawls_before_it_takes_others(url: str) -> None:
    async with working(url, url, concurrency=1, lost=1e9) as (app, _):
        await until(lambda: len(app.begun) == 1)
        assert app.may_ask[0]()
        await asyncio.to_thread(ask, app.store, STRIKE_OFF)
        await until(lambda: not app.may_ask[0]())
        await asyncio.wait_for(app.told.wait(), 10)
        # The crawl is still there, and might lead to the host of any job: nothing is taken.
        app.config.crawler = CrawlerConfig(concurrency=2)
        await asyncio.sleep(0.2)
        assert len(app.begun) == 1
        app.lingering.set()
        await until(lambda: len(app.begun) == 2)
        assert app.may_ask[1]()
        assert not app.may_ask[0]()


async def test_crawls_that_could_not_be_told_to_end_are_told_again(url: str) -> None:
    async with working(url, url, concurrency=1, lost=1e9) as (app, _):
        await until(lambda: len(app.begun) == 1)
        app.stumbles = 2
        await asyncio.to_thread(ask, app.store, STRIKE_OFF)
        await asyncio.wait_for(app.told.wait(), 10)


async def test_crawls_are_ended_while_the_queue_does_not_answer(url: str) -> None:
    server = postgresql.server()
    async with Wire(server.port) as line:
        by_wire = url.replace(f":{server.port}/", f":{line.port}/")
        async with working(url, by_wire, concurrency=3, lost=1.5) as (app, _):
            await until(lambda: len(app.begun) == 2)
            # Every second it asks for a third one: it will be waiting for the answer.
            line.freeze()
            began = time.monotonic()
            await asyncio.wait_for(app.told.wait(), 10)
            assert time.monotonic() - began < 4
            assert not app.may_ask[0]()
            line.mend()


async def test_a_job_whose_taking_was_not_answered_is_given_back(url: str) -> None:
    with wire.Wire(postgresql.server().port) as line, contextlib.closing(Store(url)) as store:
        by_wire = url.replace(f":{postgresql.server().port}/", f":{line.port}/")
        async with working(url, by_wire, concurrency=1, lost=1e9, search=1) as (app, _):
            await until(lambda: len(app.begun) == 1)
            [other] = {f"{name}.example" for name in SOURCES} - set(app.begun)
            line.cut_at(b"COMMIT", passes=True, after=b"fetch_job")
            app.lingering.set()
            await until(lambda: _due(store, other.removesuffix(".example")))
            assert other not in app.begun
            await until(lambda: ask(store, "SELECT id FROM procrastinate_jobs") == [])


def _due(store: Store, name: str) -> bool:
    with store.reading() as session:
        return session.get_one(SourceState, name).next_visit == NOW
