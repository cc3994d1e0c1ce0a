"""The composition root: the one place that builds store, crawler, alerts and clock from a Config.

What waits is in the store, so everything here may be thrown away and built again at any moment:
a reload builds the parts that read the configuration anew and leaves work in hand alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from sqlmodel import Session

from alerts.context import AlertContext
from alerts.dispatch import Dispatcher
from alerts.outbox import Outbox
from crawler.context import CrawlContext
from crawler.guard import GuardedResolver
from crawler.outages import record_pause
from crawler.pool import ProcessorPool
from crawler.run import CrawlReport, Crawls, HostJob, held_sources, is_wanted, jobs_due
from service.alerting import alert_context, state_path
from service.archive import Archive
from service.config import Config
from service.health import HealthWatch
from service.installation import check_clock, only_service, shared_installation_id
from service.presence import Presence
from service.problems import InstallationError
from service.retention import Retention
from service.roles import Roles
from store.engine import Store
from store.installation import keep_fact
from store.schema import migrate
from store.turns import Turn, turn_at
from store.writer import Writer

SCHEDULER_AWAITED = 60
"""Seconds."""


def utc_now() -> datetime:
    """The time now, aware and in UTC."""
    return datetime.now(UTC)


def open_store(config: Config) -> Store:
    """The configured database, brought to the program's schema. Raises StoreError."""
    store = Store(config.service.database)
    migrate(store)
    return store


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a reload, and how the rest is built from it and a configuration."""

    store: Store
    writer: Writer
    pool: ProcessorPool
    resolver: GuardedResolver
    installation: str
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    presence: Presence | None = None
    roles: Roles | None = None
    """What this process does beside others; None: it is alone and does everything."""

    @property
    def together(self) -> bool:
        """Whether other processes may work on the same database."""
        return self.roles is not None

    def crawl_context(self, config: Config) -> CrawlContext:
        """What crawls share."""
        return CrawlContext(
            store=self.store,
            writer=self.writer,
            pool=self.pool,
            config=config.crawler,
            sources=config.sources,
            clock=self.clock,
            chance=self.chance,
            why_refused=self.resolver.why_refused,
            keep_pages=config.service.keep_pages,
        )

    def alert_context(self, config: Config) -> AlertContext:
        """What matching and delivery share."""
        context = alert_context(
            config,
            self.store,
            self.writer,
            self.installation,
            self.clock,
            self.chance,
            matches=self.roles is None or "match" in self.roles,
        )
        return replace(context, alone=not self.together)

    def guard(self, config: Config) -> None:
        """Tells the resolver which private addresses this configuration opens."""
        self.resolver.allow = config.crawler.allow_private
        self.resolver.proxy_host = urlsplit(config.crawler.proxy).hostname


class App:
    """Crawl, match and deliver for one configuration; `service.scheduler` says when."""

    def __init__(self, config: Config, parts: Parts) -> None:
        """Use `running` to get one."""
        self.config = config
        self._parts = parts
        context = parts.alert_context(config)
        self._crawls = Crawls(parts.crawl_context(config))
        self._outbox = Outbox(context)
        self._dispatcher = Dispatcher(context)
        self._health = HealthWatch(
            config, parts.store, parts.writer, self._outbox.tell, parts.clock
        )
        folder = state_path(config, parts.store).parent / "pages"
        self._archive = Archive(folder, parts.store, parts.writer, parts.clock)
        self._retention = Retention(parts.writer, parts.clock, parts.chance)
        parts.guard(config)

    @property
    def store(self) -> Store:
        """The installation's database."""
        return self._parts.store

    @property
    def writer(self) -> Writer:
        """What commits for this process."""
        return self._parts.writer

    @property
    def presence(self) -> Presence | None:
        """This process on a database that others may use; None on SQLite."""
        return self._parts.presence

    def now(self) -> datetime:
        """The time, aware."""
        return self._parts.clock()

    async def reload(self, config: Config) -> None:
        """Takes a new configuration; crawls and deliveries in hand finish under the old one.

        Whatever it raises, a StoreError say, the old one is in force then, in all parts.
        """
        crawls, alerts = self._parts.crawl_context(config), self._parts.alert_context(config)
        await self._dispatcher.reload(alerts)
        self._parts.guard(config)
        self._outbox.reload(alerts)
        self._crawls.context = crawls
        self._health.config = config
        self.config = config

    def due(self, *, every_source: bool = False) -> list[HostJob]:
        """One job a host for what is due now; `every_source`: whether its time has come or not."""
        return jobs_due(self._crawls.context, self._parts.clock(), every_source=every_source)

    def held(self) -> dict[str, str]:
        """Sources that are not visited now because their host is held: why, by source."""
        return held_sources(self._crawls.context, self._parts.clock())

    def tell_of_articles(self, told: Callable[[], object] | None) -> None:
        """Calls `told`, in the writer's thread, whenever articles were committed that wait."""
        self._parts.writer.told = told

    async def watch(self) -> None:
        """Tells what is new about the sources' health; sends the heartbeat when all is well."""
        async with self._turn(Turn.WATCH) as mine:
            if mine:
                await self._health.look()
                await self._health.beat()

    def is_crawling(self, host: str) -> bool:
        """Whether a crawl of the host runs now."""
        return host in self._crawls.hosts

    def is_wanted(self, job: HostJob) -> bool:
        """Whether a job that has waited is still worth a crawl."""
        return is_wanted(self._crawls.context, job, self._parts.clock())

    async def crawl(self, job: HostJob, may_ask: Callable[[], bool] = lambda: True) -> CrawlReport:
        """One crawl of one host, which asks nothing more once it may not."""
        return await self._crawls.crawl(job, may_ask)

    async def stop_crawls(self) -> None:
        """Lets every crawl finish the requests in hand; what it has not done is due as before."""
        await self._crawls.stop()

    async def match(self) -> int:
        """Matches the articles that wait; returns their number."""
        if self._parts.together:
            return await self._outbox.match_claimed()
        return await self._outbox.match()

    async def archive(self) -> int:
        """Keeps the pages of matched articles, where that is wished; returns their number."""
        async with self._turn(Turn.ARCHIVE) as mine:
            return await self._archive.keep() if mine else 0

    async def forget(self) -> int:
        """Forgets what is older than `[service] retention`; returns the number of articles."""
        async with self._turn(Turn.FORGET) as mine:
            return await self._retention.forget(self.config.service.retention) if mine else 0

    async def gather(self, *, flush: bool = False) -> int:
        """Makes deliveries of the alerts that are due; returns their number.

        `flush` ends the wait for company (`group_wait`), for a service that runs one round only.
        """
        async with self._turn(Turn.GATHER) as mine:
            return await self._gather(flush) if mine else 0

    async def _gather(self, flush: bool) -> int:
        # News first: whatever is wrong with a summary must not hold it up.
        made = await self._outbox.gather(flush=flush)
        made += await self._outbox.summarise_first_visits(flush=flush)
        made += await self._outbox.report_dead_letters()
        if made:
            self._dispatcher.wake()
        return made

    async def deliver(self) -> int:
        """Attempts the deliveries that are due; returns their number."""
        return await self._dispatcher.send_due()

    @asynccontextmanager
    async def _turn(self, turn: Turn) -> AsyncIterator[bool]:
        """Whether no other process does that now; alone, none does."""
        if not self._parts.together:
            yield True
            return
        with ExitStack() as stack:
            yield await asyncio.to_thread(stack.enter_context, turn_at(self.store, turn))

    async def finish(self) -> None:
        """Lets the work in hand end: crawls their requests, the dispatcher its messages."""
        await asyncio.gather(self._crawls.stop(), self._dispatcher.close())


@asynccontextmanager
async def running(
    config: Config,
    resolver: GuardedResolver,
    *,
    roles: Roles | None = None,
    displaced: Callable[[], object] = lambda: None,
    clock: Callable[[], datetime] = utc_now,
    chance: Callable[[], float] = random.random,
) -> AsyncIterator[App]:
    """An App on its database until the block ends; alone with it unless it was given `roles`.

    `displaced` is called from another thread when somebody else has the database after a loss of
    connection. Raises StoreError or InstallationError when it cannot start.
    """
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(open_store, config)
        stack.callback(store.close)
        beside = state_path(config, store)
        if roles is None:
            stack.enter_context(only_service(beside.with_suffix(".lock"), store.place))
        presence = await _appear(store, stack, alone=roles is None, displaced=displaced)
        if roles is not None:
            await asyncio.to_thread(check_clock, store, clock())
        writer = Writer(store)
        stack.callback(writer.close)
        now = clock()
        if roles is None or "schedule" in roles:
            await writer.write(partial(_record_start, now=now))
        pool = await stack.enter_async_context(ProcessorPool())
        installation = await _installation(beside.with_suffix(".id"), store, roles)
        yield App(
            config,
            Parts(store, writer, pool, resolver, installation, clock, chance, presence, roles),
        )


def _record_start(session: Session, now: datetime) -> None:
    record_pause(session, now)
    keep_fact(session, "started", now.isoformat())


async def _installation(path: Path, store: Store, roles: Roles | None) -> str:
    """The installation's id; a worker waits for the scheduler of a new one to make it."""
    may_make = roles is None or "schedule" in roles
    for _ in range(SCHEDULER_AWAITED):
        found = await asyncio.to_thread(shared_installation_id, path, store, may_make=may_make)
        if found is not None:
            return found
        await asyncio.sleep(1)
    raise InstallationError(
        f"no scheduler has worked on {store.place} yet; start `wirewatch run --roles schedule`"
    )


async def _appear(
    store: Store, stack: AsyncExitStack, *, alone: bool, displaced: Callable[[], object]
) -> Presence | None:
    if store.path is not None:
        return None
    presence = Presence(store, alone=alone, displaced=displaced)
    await asyncio.to_thread(presence.begin)
    stack.callback(presence.end)
    return presence
