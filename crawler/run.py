"""The main line: the due sources of a host, one Scrapy crawl, what came of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.crawler import Crawler as ScrapyCrawler
from sqlmodel import Session, col, select

from crawler.config import SourceConfig
from crawler.context import CrawlContext
from crawler.record import forget_documents, recent_articles_per_day
from crawler.revisits import pages_again
from crawler.schedule import VisitOutcome, next_visit
from crawler.settings import crawl_settings
from crawler.spiders.news import NewsSpider
from crawler.urls import host_of
from crawler.visit import Visit
from store.articles import hosts_waiting, waiting_entries
from store.revisions import hosts_to_revisit
from store.sources import CrawlRun, HostState, SourceState, source_states

log = structlog.get_logger("crawler")

# It warns at each crawl that redirects carry no Referer, which is as it should be.
logging.getLogger("scrapy.downloadermiddlewares.redirect").setLevel(logging.ERROR)

DEADLINE = timedelta(minutes=30)
"""A crawl that takes longer is stopped; what is left of it waits for the host's next turn."""
GRACE = timedelta(seconds=6)
"""How long requests in flight may take once a crawl is told to stop."""


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
        states = source_states(session)
        held = set(session.exec(select(HostState.host).where(col(HostState.not_before) > now)))
        waiting = [*hosts_waiting(session, now), *hosts_to_revisit(session, now)]
    # Hosts with a due source first: backlogs of pages must not keep a feed from being read.
    hosts: dict[str, list[str]] = {}
    for source_id, source in context.sources.items():
        if source.enabled and (every_source or _is_due(states.get(source_id), source, now)):
            hosts.setdefault(host_of(source.url), []).append(source_id)
    for host in waiting:
        hosts.setdefault(host, [])
    return [HostJob(host, tuple(ids)) for host, ids in hosts.items() if host not in held]


def _is_due(state: SourceState | None, source: SourceConfig, now: datetime) -> bool:
    if state is None or state.url != source.url or state.next_visit is None:
        return True
    # A time beyond any plan was written by a wrong clock.
    return state.next_visit <= now or state.next_visit > now + timedelta(days=31)


class Crawls:
    """Runs crawls in the service's event loop; never two of one host at once."""

    def __init__(self, context: CrawlContext) -> None:
        """Needs the asyncio reactor to be installed (`service.loop`)."""
        self.context = context
        self._running: dict[str, ScrapyCrawler] = {}

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts being crawled now."""
        return frozenset(self._running)

    async def crawl(self, job: HostJob) -> CrawlReport:
        """Visits the job's sources and fetches what waits on the host.

        Raises StoreError when the database failed; what was not kept goes on waiting.
        """
        context, started = self.context, self.context.clock()
        visits = await context.writer.write(lambda session: self._visits(session, job))
        with context.store.reading() as session:
            entries = waiting_entries(session, job.host, started)
            again = pages_again(session, context.sources, job.host, started)
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
        return await context.writer.write(
            lambda session: self._close(session, job, spider, started)
        )

    async def _visited(self, visit: Visit) -> None:
        """Records a visit as soon as its documents are read: its pages may take half an hour."""
        now = self.context.clock()
        await self.context.writer.write(lambda session: self._record_visit(session, visit, now))

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

    def _visits(self, session: Session, job: HostJob) -> list[Visit]:
        visits = []
        for source_id in job.sources:
            source = self.context.sources[source_id]
            state = session.get(SourceState, source_id)
            if state is None or state.url != source.url:
                state = _new_state(session, source_id, source, state)
            if state.kind != source.kind:
                forget_documents(session, source_id)
                state.kind = source.kind
                session.add(state)
            visits.append(Visit(source_id, source, state.last_success, self.context))
        return visits

    def _close(
        self, session: Session, job: HostJob, spider: NewsSpider, started: datetime
    ) -> CrawlReport:
        now = self.context.clock()
        for visit in spider.visits:
            if not visit.recorded:
                self._record_visit(session, visit, now)
        errors = tuple(error for visit in spider.visits for error in visit.errors)
        report = CrawlReport(
            host=job.host,
            sources=job.sources,
            requests=spider.requests,
            entries=sum(visit.new_entries for visit in spider.visits),
            articles=spider.articles,
            errors=errors,
            failed_sources=tuple(v.source_id for v in spider.visits if not v.succeeded),
        )
        session.add(_run_row(report, started, now))
        return report

    def _record_visit(self, session: Session, visit: Visit, now: datetime) -> None:
        visit.recorded = True
        state = session.get(SourceState, visit.source_id)
        if state is None or state.url != visit.source.url:
            return  # the source moved to another address meanwhile
        state.last_visit = now
        state.title = visit.title or state.title
        if visit.succeeded:
            state.failures, state.last_error, state.state = 0, None, "ok"
            state.last_success = now
            state.baseline_at = state.baseline_at or now
        else:
            state.failures += 1
            state.last_error = "; ".join(visit.errors)[:1000] or "the visit was interrupted"
            state.state = "gone" if visit.gone else "failing"
        if visit.new_entries and not visit.first:
            state.last_new_article = now
        state.articles_per_day = recent_articles_per_day(session, visit.source_id, now)
        state.next_visit = next_visit(self._outcome(visit, state), now, self.context.chance())
        session.add(state)
        log.info(
            "visit",
            source=visit.source_id,
            status="ok" if visit.succeeded else "error",
            new=visit.new_entries,
            first=visit.first,
            error=state.last_error,
            next_visit=state.next_visit,
        )

    def _outcome(self, visit: Visit, state: SourceState) -> VisitOutcome:
        every = visit.source.every or self.context.config.every
        return VisitOutcome(
            every=every,
            failures=state.failures,
            gone=visit.gone,
            articles_per_day=state.articles_per_day,
            refresh_asked=visit.refresh_asked,
        )


def _new_state(
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
