"""One round: visit every source, match, deliver what is due, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crawler.run import CrawlReport, HostJob
from service.app import App
from service.scheduler import log_failure

ROUNDS = 10
"""Rounds over the hosts that sources point to: entries on other hosts are jobs of those hosts."""

Progress = Callable[[int, int], None]
"""Told how many hosts were crawled, of how many known so far."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    reports: Sequence[CrawlReport]
    matched: int
    deliveries: int
    held: Mapping[str, str] = field(default_factory=dict)
    """Sources that were not visited because their host asked to be left alone: until when."""

    @property
    def failed_sources(self) -> tuple[str, ...]:
        """Sources of which nothing could be read."""
        read = (source for report in self.reports for source in report.failed_sources)
        return (*read, *self.held)


async def one_round(app: App, progress: Progress = lambda done, known: None) -> Round:
    """Does the round. Raises StoreError."""
    reports: list[CrawlReport] = []
    held = app.held()
    jobs = app.due(every_source=True)
    for _ in range(ROUNDS):
        if not jobs:
            break
        known = len(reports) + len(jobs)
        await _crawl_all(app, jobs, reports, lambda done, known=known: progress(done, known))  # type: ignore[misc]
        await app.match()
        jobs = [HostJob(job.host) for job in app.due()]
    matched = await app.match()
    await app.watch()
    try:
        await app.archive()
    except OSError as error:
        log_failure("archive", error)
    await app.gather(flush=True)
    deliveries = await app.deliver()
    await app.forget()
    return Round(reports, matched, deliveries, held)


async def _crawl_all(
    app: App, jobs: Sequence[HostJob], reports: list[CrawlReport], tell: Callable[[int], None]
) -> None:
    at_once = asyncio.Semaphore(app.config.crawler.concurrency)

    async def crawl(job: HostJob) -> None:
        async with at_once:
            try:
                report = await app.crawl(job)
            except Exception as error:  # noqa: BLE001 - the job's edge: the other hosts go on
                log_failure("crawl", error, host=job.host)
                why = f"{job.host}: the crawl broke off ({error})"
                report = CrawlReport(job.host, job.sources, 0, 0, 0, (why,), job.sources)
            reports.append(report)
            tell(len(reports))

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(crawl(job))
