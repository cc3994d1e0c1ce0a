"""What a site offers, found out by looking: the search of a visit, and nothing kept of it.

The same spider asks, so robots.txt, politeness, the address guard and the proxy count as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta

from scrapy.crawler import AsyncCrawlerRunner

from crawler.answer import Answer
from crawler.channel_search import Search
from crawler.config import SourceConfig
from crawler.context import CrawlContext
from crawler.settings import crawl_settings
from crawler.spiders.news import NewsSpider
from crawler.urls import host_of
from crawler.visit import NOTHING, Next, Visit, Wanted

LONGEST = timedelta(minutes=10)
"""A search asks forty times at most; a slow site's Crawl-delay could make hours of it."""
GRACE = timedelta(seconds=6)


class Examination(Visit):
    """A visit that measures every channel and keeps none."""

    def __init__(
        self,
        source_id: str,
        source: SourceConfig,
        context: CrawlContext,
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is called with each address before it is judged."""
        super().__init__(source_id, source, None, context)
        self.search = Search(source, context.pool, context.clock, thorough=True)
        self.in_time = True
        """Whether the search came to its end."""
        self._tell = tell

    def begin(self) -> tuple[Wanted, ...]:
        """The source's own address."""
        self._search = self.search
        self.outstanding = 1
        return (self._probe(self.search.first()),)

    async def take(self, wanted: Wanted, answer: Answer, sitemaps: Iterable[str]) -> Next:
        """Measures what came."""
        self._tell(f"{wanted.url}: {answer.error or 'read'}")
        return await super().take(wanted, answer, sitemaps)

    async def _end_search(self, search: Search) -> Next:
        """Nothing is kept."""
        if not search.chosen() and not search.errors:
            search.errors.append(f"{search.address}: {NOTHING}")
        return Next()


async def examine(
    source_id: str, source: SourceConfig, context: CrawlContext, tell: Callable[[str], None]
) -> Examination:
    """Looks for every channel of a source; the store of `context` keeps robots.txt only."""
    examination = Examination(source_id, source, context, tell)
    runner = AsyncCrawlerRunner(
        crawl_settings(context.config, source.delay or context.config.delay)
    )
    crawler = runner.create_crawler(NewsSpider)
    task = runner.crawl(
        crawler,
        host=host_of(source.url),
        visits=[examination],
        entries=[],
        context=context,
        visited=_done,
    )
    ended, _ = await asyncio.wait({task}, timeout=LONGEST.total_seconds())
    if not ended:
        examination.in_time = False
        await crawler.stop_async()
        await asyncio.wait({task}, timeout=GRACE.total_seconds())
    if task.done():
        task.result()
    return examination


async def _done(visit: Visit) -> None:
    """Nothing is recorded of an examination."""
