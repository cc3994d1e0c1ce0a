"""The composition root: the one place that builds store, crawler, alerts and clock from a Config.

What waits is in the store, so everything here may be thrown away and built again at any moment:
a reload builds the parts that read the configuration anew and leaves work in hand alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from alerts.context import AlertContext
from alerts.dispatch import Dispatcher
from alerts.outbox import Outbox
from crawler.context import CrawlContext
from crawler.guard import GuardedResolver
from crawler.outages import record_pause
from crawler.pool import ProcessorPool
from crawler.run import CrawlReport, Crawls, HostJob, held_sources, jobs_due
from service.alerting import alert_context, state_path
from service.archive import Archive
from service.config import Config
from service.health import HealthWatch
from service.installation import installation_id, only_service
from service.retention import Retention
from store.engine import Store
from store.schema import migrate
from store.writer import Writer


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
        return alert_context(
            config, self.store, self.writer, self.installation, self.clock, self.chance
        )

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
        self._crawls = Crawls(parts.crawl_context(config))
        self._outbox = Outbox(parts.alert_context(config))
        self._dispatcher = Dispatcher(parts.alert_context(config))
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

    async def reload(self, config: Config) -> None:
        """Takes a new configuration; crawls and deliveries in hand finish under the old one."""
        self.config = config
        self._parts.guard(config)
        self._crawls.context = self._parts.crawl_context(config)
        self._health.config = config
        context = self._parts.alert_context(config)
        self._outbox.reload(context)
        await self._dispatcher.reload(context)

    def due(self, *, every_source: bool = False) -> list[HostJob]:
        """One job a host for what is due now; `every_source`: whether its time has come or not."""
        return jobs_due(self._crawls.context, self._parts.clock(), every_source=every_source)

    def held(self) -> dict[str, str]:
        """Sources that are not visited now because their host is held: why, by source."""
        return held_sources(self._crawls.context, self._parts.clock())

    async def watch(self) -> None:
        """Tells what is new about the sources' health; sends the heartbeat when all is well."""
        await self._health.look()
        await self._health.beat()

    def is_crawling(self, host: str) -> bool:
        """Whether a crawl of the host runs now."""
        return host in self._crawls.hosts

    async def crawl(self, job: HostJob) -> CrawlReport:
        """One crawl of one host."""
        return await self._crawls.crawl(job)

    async def match(self) -> int:
        """Matches the articles that wait; returns their number."""
        return await self._outbox.match()

    async def archive(self) -> int:
        """Keeps the pages of matched articles, where that is wished; returns their number."""
        return await self._archive.keep()

    async def forget(self) -> int:
        """Forgets what is older than `[service] retention`; returns the number of articles."""
        return await self._retention.forget(self.config.service.retention)

    async def gather(self, *, flush: bool = False) -> int:
        """Makes deliveries of the alerts that are due; returns their number.

        `flush` ends the wait for company (`group_wait`), for a service that runs one round only.
        """
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

    async def finish(self) -> None:
        """Lets the work in hand end: crawls their requests, the dispatcher its messages."""
        await asyncio.gather(self._crawls.stop(), self._dispatcher.close())


@asynccontextmanager
async def running(
    config: Config,
    resolver: GuardedResolver,
    *,
    clock: Callable[[], datetime] = utc_now,
    chance: Callable[[], float] = random.random,
) -> AsyncIterator[App]:
    """An App on its database, alone with it, until the block ends.

    Raises StoreError or InstallationError when it cannot start.
    """
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(open_store, config)
        stack.callback(store.close)
        beside = state_path(config, store)
        stack.enter_context(only_service(beside.with_suffix(".lock"), store.place))
        writer = Writer(store)
        stack.callback(writer.close)
        now = clock()
        await writer.write(lambda session: record_pause(session, now))
        pool = await stack.enter_async_context(ProcessorPool())
        installation = installation_id(beside.with_suffix(".id"))
        parts = Parts(store, writer, pool, resolver, installation, clock, chance)
        yield App(config, parts)
