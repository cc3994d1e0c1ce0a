"""One of several processes on a PostgreSQL database: its roles, and what wakes it.

Imported only where such a process is wanted: it needs the extra `postgres`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import structlog

from crawler.guard import GuardedResolver
from service import queue
from service.announcements import Announcements
from service.app import App, running
from service.config import Config, load
from service.handing import Handing
from service.metrics import Metrics
from service.problems import InstallationError
from service.queue import CrawlQueue
from service.roles import Roles
from service.scheduler import Look, Scheduler
from service.serve import reloading, status_page
from service.serving import listening
from service.supervised import supervised
from service.worker import Worker
from service.worker_page import worker_app

log = structlog.get_logger("service")


async def serve_together(
    path: Path,
    env: Mapping[str, str],
    resolver: GuardedResolver,
    stop: asyncio.Event,
    roles: Roles,
    *,
    concurrency: int | None = None,
    metrics: Metrics | None = None,
    listen: tuple[str, int] | None = None,
) -> None:
    """Does what its roles say until `stop` is set, then finishes or gives back what is in hand.

    `concurrency`: crawls at a time. `listen`: where it tells of itself, host and port. Raises
    ConfigError, StoreError, InstallationError or OSError when it cannot start.
    """
    config = load(path, env)
    displaced = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        app = await enter(running(config, resolver, roles=roles, displaced=displaced))
        await app.writer.write(queue.install)
        await enter(reloading(app, env))
        if "web" in roles:
            await enter(status_page(app, metrics))
        if listen is not None:
            await enter(_telling(app, metrics or Metrics(), listen))
        crawls = CrawlQueue(app.store)
        worker = await _worker(app, crawls, stack, concurrency) if "crawl" in roles else None
        scheduler = Scheduler(app, looks(app, crawls, roles))
        await enter(_listening(app, scheduler, worker))
        log.info("service", status="started", roles=sorted(roles), config=str(path))
        await enter(_working(worker, stop))
        async with scheduler.running(), supervised(env):
            await stop.wait()
            log.info("service", status="stopping")
    log.info("service", status="stopped")


@asynccontextmanager
async def _telling(app: App, metrics: Metrics, address: tuple[str, int]) -> AsyncIterator[None]:
    presence = app.presence
    assert presence is not None
    async with listening(worker_app(lambda: presence.is_lost, metrics), *address) as url:
        log.info("web", status="listening", url=url)
        yield


async def _worker(
    app: App, crawls: CrawlQueue, stack: AsyncExitStack, concurrency: int | None
) -> Worker:
    assert app.presence is not None
    await asyncio.to_thread(app.presence.enlist)
    await stack.enter_async_context(crawls)
    return Worker(app, crawls, app.presence, concurrency)


def looks(app: App, crawls: CrawlQueue, roles: Roles) -> dict[str, Look]:
    """What a process with these roles looks for, by the names under which it is announced."""
    found: dict[str, Look] = {}
    if "schedule" in roles:
        handing = Handing(app, crawls)
        found |= {"hand": handing.hand, "rescue": handing.rescue}
        found |= {"archive": app.archive, "health": app.watch, "forget": app.forget}
    if "match" in roles:
        found["match"] = app.match
    if "deliver" in roles:
        found |= {"gather": app.gather, "deliver": app.deliver}
    return found


def check_database(config: Config) -> None:
    """Raises InstallationError for a database that one process must have for itself."""
    if not config.service.database.startswith("postgresql"):
        raise InstallationError(
            "several processes can share a PostgreSQL database only; give [service] database its "
            "address (postgresql+psycopg://…), or let one `wirewatch run` without --roles do it all"
        )


@asynccontextmanager
async def _listening(app: App, scheduler: Scheduler, worker: Worker | None) -> AsyncIterator[None]:
    def told(name: str) -> None:
        if name == queue.ANNOUNCED:
            if worker is not None:
                worker.wake()
        else:
            scheduler.wake(name)

    others = () if worker is None else (queue.ANNOUNCED,)
    announcements = Announcements(app.store, told, others)
    try:
        yield
    finally:
        await asyncio.to_thread(announcements.end)


@asynccontextmanager
async def _working(worker: Worker | None, stop: asyncio.Event) -> AsyncIterator[None]:
    if worker is None:
        yield
        return
    working = asyncio.create_task(worker.work(), name="worker")
    # Crawls end beside whatever else ends: all of it must be over in ten seconds.
    ending = asyncio.create_task(_end_when(worker, stop), name="worker's end")
    try:
        yield
    finally:
        stop.set()
        await ending
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _end_when(worker: Worker, stop: asyncio.Event) -> None:
    await stop.wait()
    await worker.end()
