"""The main line: the due sources of a host, one Scrapy crawl, what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.crawler import Crawler as ScrapyCrawler
from sqlmodel import Session, col, select

from crawler.config import CrawlerConfig, SourceConfig
from crawler.context import CrawlContext
from crawler.health import RECENT, Attempt
from crawler.outages import Connection, record_outage, spells
from crawler.record import forget_documents
from crawler.revisits import pages_again
from crawler.schedule import FURTHEST, RETRY_AFTER_LONGEST, longest_wait
from crawler.settings import crawl_settings
from crawler.spiders.news import NewsSpider
from crawler.urls import host_of
from crawler.visit import Visit
from crawler.visits import record_pages, record_visit, rest
from store.articles import hosts_waiting, waiting_entries
from store.revisions import hosts_to_revisit
from store.sources import CrawlRun, HostState, PlannedVisit, SourceState, planned_visits

log = structlog.get_logger("crawler")

# Its warnings are about answers, of which our own events tell in one line each.
logging.getLogger("scrapy").setLevel(logging.ERROR)

DEADLINE = timedelta(minutes=30)
"""A crawl that takes longer is stopped; what is left of it waits for the host's next turn."""
CLOCKS_DIFFER = timedelta(minutes=5)
FURTHEST_HELD = RETRY_AFTER_LONGEST + CLOCKS_DIFFER
"""No host is held longer than this; a later time is a wrong clock's."""
GRACE = timedelta(seconds=3)
"""How long requests in flight may take once a crawl is told to stop; what is cut off is asked for
again. A mail in hand gets more, within the ten seconds that an end may take: cut off it may come
twice."""


@dataclass(frozen=True, slots=True)
class HostJob:
    """Work on one host: its due sources; the entries that wait there are found by the crawl."""

    host: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """What one crawl of a host did."""

    host: str
    sources: tuple[str, ...]
    requests: int
    entries: int
    articles: int
    errors: tuple[str, ...]
    failed_sources: tuple[str, ...]


def jobs_due(context: CrawlContext, now: datetime, *, every_source: bool = False) -> list[HostJob]:
    """One job for each host that has a due source or a waiting entry, and is not held.

    `every_source` takes all enabled sources for due.
    """
    with context.store.reading() as session:
        planned = planned_visits(session)
        held = held_until(session, now)
        waiting = [
            *hosts_waiting(session, now, now + FURTHEST),
            *hosts_to_revisit(session, now),
        ]
    # Hosts with a due source first: backlogs of pages must not keep a feed from being read.
    hosts: dict[str, list[str]] = {}
    for source_id, source in context.sources.items():
        plan = planned.get(source_id)
        if source.enabled and (every_source or is_due(plan, source, context.config, now)):
            hosts.setdefault(host_of(source.url), []).append(source_id)
    for host in waiting:
        hosts.setdefault(host, [])
    return [HostJob(host, tuple(ids)) for host, ids in hosts.items() if host not in held]


def is_due(
    plan: PlannedVisit | None, source: SourceConfig, config: CrawlerConfig, now: datetime
) -> bool:
    """Whether a source is to be visited now."""
    if plan is None or plan.url != source.url or plan.next_visit is None or plan.next_visit <= now:
        return True
    every = source.every or config.every
    # A time beyond any plan was written by a wrong clock, or before `every` was shortened; what a
    # host asked for is looked at apart.
    return plan.next_visit > now + longest_wait(every, plan.state) + CLOCKS_DIFFER


def held_until(session: Session, now: datetime) -> dict[str, datetime]:
    """The hosts that wish to be left alone, and until when."""
    query = select(HostState.host, HostState.not_before).where(
        col(HostState.not_before) > now, col(HostState.not_before) <= now + FURTHEST_HELD
    )
    return {host: until for host, until in session.exec(query) if until is not None}


def is_wanted(context: CrawlContext, job: HostJob, now: datetime) -> bool:
    """Whether a job that has waited is still worth a crawl: not held, and something to ask for."""
    with context.store.reading() as session:
        if job.host in held_until(session, now):
            return False
        fresh = waiting_entries(session, job.host, now, now + FURTHEST, limit=1)
        return bool(job.sources or fresh) or job.host in hosts_to_revisit(session, now)


def held_sources(context: CrawlContext, now: datetime) -> dict[str, str]:
    """Enabled sources that are not visited now because their host is held: why, by source."""
    with context.store.reading() as session:
        held = held_until(session, now)
    return {
        source_id: f"{host} asked to be left alone until {held[host]:%Y-%m-%d %H:%M} UTC"
        for source_id, source in context.sources.items()
        if source.enabled and (host := host_of(source.url)) in held
    }


class Crawls:
    """Runs crawls in the service's event loop; never two of one host at once."""

    def __init__(self, context: CrawlContext) -> None:
        """Needs the asyncio reactor to be installed (`service.loop`)."""
        self.context = context
        self._connection = Connection()
        self._running: dict[str, ScrapyCrawler] = {}

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts being crawled now."""
        return frozenset(self._running)

    async def crawl(self, job: HostJob, may_ask: Callable[[], bool] = lambda: True) -> CrawlReport:
        """Visits the job's sources and fetches what waits on the host, as long as it `may_ask`.

        Raises StoreError when the database failed; what was not kept goes on waiting.
        """
        began = int(self.context.clock().timestamp())
        # Every event of the crawl bears its name, whichever task or thread tells of it.
        with structlog.contextvars.bound_contextvars(run=f"{job.host}-{began}"):
            return await self._crawl(job, replace(self.context, may_ask=may_ask))

    async def _crawl(self, job: HostJob, context: CrawlContext) -> CrawlReport:
        await self._keep_distance(job.host)
        started = context.clock()
        visits = await context.writer.write(lambda session: self.visits_of(session, job))
        with context.store.reading() as session:
            again = pages_again(session, context.sources, job.host, started)
            entries = waiting_entries(session, job.host, started, started + FURTHEST)
        runner = AsyncCrawlerRunner(crawl_settings(context.config, self._delay(job)))
        scrapy_crawler = runner.create_crawler(NewsSpider)
        self._running[job.host] = scrapy_crawler
        try:
            task = runner.crawl(
                scrapy_crawler,
                host=job.host,
                visits=visits,
                entries=entries,
                context=context,
                visited=self._visited,
                again=again,
            )
            await self._finish(task, scrapy_crawler)
        finally:
            del self._running[job.host]
        spider = scrapy_crawler.spider
        assert isinstance(spider, NewsSpider)
        if spider.store_error is not None:
            raise spider.store_error
        now = context.clock()
        # What a crawl that was told to end has not visited is no failure: it is due as before.
        unrecorded = [visit for visit in spider.visits if not visit.recorded and not spider.stopped]
        records = [self.recording(visit, now) for visit in unrecorded]
        return await context.writer.write(
            lambda session: self._close(session, job, spider, started, records)
        )

    async def _keep_distance(self, host: str) -> None:
        """Waits until the delay has passed since another crawl of the host, by whatever process."""
        with self.context.store.reading() as session:
            state = session.get(HostState, host)
        if state is not None and state.rests_until is not None:
            wait = (state.rests_until - self.context.clock()).total_seconds()
            await asyncio.sleep(min(max(wait, 0.0), state.spacing))

    async def _visited(self, visit: Visit) -> None:
        """Records a visit as soon as its documents are read: its pages may take half an hour."""
        now = self.context.clock()
        record = self.recording(visit, now)
        await self.context.writer.write(record)

    def recording(self, visit: Visit, now: datetime) -> Callable[[Session], None]:
        """The change that records a visit, and an outage of ours where it shows one."""
        before = self._connection.offline_since
        if not visit.asked_nobody:
            self._connection.note(Attempt(visit.host, now, visit.succeeded, visit.read_before))
        since = self._connection.offline_since
        every = visit.source.every or self.context.config.every
        chance = self.context.chance()

        def record(session: Session) -> None:
            # One that a process now dead had begun is over when anything can be read.
            if since != before or (since is None and visit.succeeded):
                record_outage(session, since, now)
            record_visit(session, visit, every, now, chance, offline=since is not None)

        return record

    async def _finish(self, task: asyncio.Task[None], scrapy_crawler: ScrapyCrawler) -> None:
        """Waits for the crawl; cancelling its task would leave the engine running."""
        done, _ = await asyncio.wait({task}, timeout=DEADLINE.total_seconds())
        if not done:
            await scrapy_crawler.stop_async()
            await asyncio.wait({task}, timeout=GRACE.total_seconds())
        if task.done():
            task.result()

    async def stop(self) -> None:
        """Tells every crawl to finish the requests in hand and end."""
        for scrapy_crawler in self._running.values():
            if isinstance(scrapy_crawler.spider, NewsSpider):
                scrapy_crawler.spider.stopped = True
        stopping = [asyncio.ensure_future(c.stop_async()) for c in self._running.values()]
        if stopping:
            await asyncio.wait(stopping, timeout=GRACE.total_seconds())

    def _delay(self, job: HostJob) -> timedelta:
        """The longest of the delays that the host's sources ask for."""
        delays = [
            source.delay
            for source in self.context.sources.values()
            if source.delay is not None and host_of(source.url) == job.host
        ]
        return max(delays, default=self.context.config.delay)

    def _spacing(self, job: HostJob, spider: NewsSpider) -> timedelta:
        """What the host was given between two requests; robots.txt may have asked for more."""
        rules = spider.robots.get(job.host)
        asked = rules.crawl_delay if rules and self.context.config.obey_robots else None
        return max(self._delay(job), asked or timedelta())

    def visits_of(self, session: Session, job: HostJob) -> list[Visit]:
        """A visit for each source of the job that is still configured as it was."""
        visits = []
        for source_id in configured(job, self.context.sources).sources:
            source = self.context.sources[source_id]
            state = session.get(SourceState, source_id)
            if state is None or state.url != source.url:
                state = new_state(session, source_id, source, state)
            if state.kind != source.kind:
                forget_documents(session, source_id)
                state.kind = source.kind
                session.add(state)
            visits.append(self._visit(session, state, source))
        return visits

    def _visit(self, session: Session, state: SourceState, source: SourceConfig) -> Visit:
        visit, now = Visit(state.id, source, state.last_success, self.context), self.context.clock()
        visit.spells = spells(session, state, now)
        visit.host = state.host
        visit.read_before = state.failing_since is None or now - state.failing_since < RECENT
        return visit

    def _close(
        self,
        session: Session,
        job: HostJob,
        spider: NewsSpider,
        started: datetime,
        records: Sequence[Callable[[Session], None]],
    ) -> CrawlReport:
        now = self.context.clock()
        for record in records:
            record(session)
        record_pages(session, spider.pages, now)
        rest(session, job.host, now, self._spacing(job, spider))
        errors = tuple(error for visit in spider.visits for error in visit.errors)
        report = CrawlReport(
            host=job.host,
            sources=job.sources,
            requests=spider.requests,
            entries=sum(v.new_entries + v.filling.new_entries for v in spider.visits),
            articles=spider.articles,
            errors=errors,
            failed_sources=tuple(v.source_id for v in spider.visits if not v.succeeded),
        )
        session.add(_run_row(report, started, now))
        return report


def configured(job: HostJob, sources: Mapping[str, SourceConfig]) -> HostJob:
    """The job without sources that this process's configuration does not have on its host."""
    known = tuple(
        source_id
        for source_id in job.sources
        if (source := sources.get(source_id)) and source.enabled and host_of(source.url) == job.host
    )
    return HostJob(job.host, known)


def new_state(
    session: Session, source_id: str, source: SourceConfig, old: SourceState | None
) -> SourceState:
    """A source seen for the first time, or under a new address: its first visit is a baseline."""
    if old is not None:
        forget_documents(session, source_id)
        session.delete(old)
        session.flush()
    state = SourceState(id=source_id, url=source.url, host=host_of(source.url), kind=source.kind)
    session.add(state)
    session.flush()
    return state


def _run_row(report: CrawlReport, started: datetime, now: datetime) -> CrawlRun:
    return CrawlRun(
        host=report.host,
        sources=list(report.sources),
        started_at=started,
        finished_at=now,
        requests=report.requests,
        entries=report.entries,
        articles=report.articles,
        errors=len(report.errors),
        last_error=report.errors[-1][:1000] if report.errors else None,
    )
