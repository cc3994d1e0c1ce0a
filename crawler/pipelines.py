"""Scrapy's item pipelines: a page becomes an article, an article becomes a row."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import structlog
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from crawler.extraction import extract
from crawler.items import ArticleItem, NotArticle, OutcomeItem, PageItem
from crawler.pool import PoolClosedError, ProcessingError
from crawler.record import Recorded, record_article
from crawler.spiders.news import NewsSpider
from store.errors import RefusedChangeError

log = structlog.get_logger("crawler")


class _Pipeline:
    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Pipeline:
        """Scrapy's way of handing over the crawler."""
        return cls(crawler)

    @property
    def spider(self) -> NewsSpider:
        """The spider whose items these are."""
        spider: Spider | None = self._crawler.spider
        assert isinstance(spider, NewsSpider)
        return spider


class ExtractPipeline(_Pipeline):
    """Page to article, in a worker process."""

    async def process_item(self, item: PageItem) -> OutcomeItem:
        """What the page holds; a page that stops its worker is tried again later.

        Raises DropItem when the service ends: the entry goes on waiting.
        """
        try:
            outcome = await self.spider.context.pool.run(extract, item.page, item.hints)
        except PoolClosedError as error:
            raise DropItem("the service is ending", log_level="DEBUG") from error
        except ProcessingError as error:
            outcome = NotArticle(item.page.url, "too_large", str(error), retry=True)
        except Exception as error:
            log.error("page", url=item.page.url, status="failed", exc_info=error)
            why = f"reading it failed ({type(error).__name__})"
            outcome = NotArticle(item.page.url, "too_large", why, retry=True)
        if item.by_source and isinstance(outcome, NotArticle):
            # What the source gave is no article; the page itself may well be one.
            outcome = replace(outcome, retry=True)
        return OutcomeItem(item.entry_id, item.page, outcome)


class SavePipeline(_Pipeline):
    """Article to row; duplicates are recognised in the same transaction."""

    async def process_item(self, item: OutcomeItem) -> OutcomeItem:
        """Files the article, or remembers what the page was instead."""
        with self.spider.surviving():
            if isinstance(item.outcome, NotArticle):
                await self._set_aside(item.entry_id, item.outcome)
            else:
                try:
                    await self._file(item, item.outcome)
                except (RefusedChangeError, ValueError, TypeError, LookupError) as error:
                    await self._count_failure(item, error)
        return item

    async def _set_aside(self, entry_id: int, what: NotArticle) -> None:
        await self.spider.page_failed(
            entry_id, what.detail, final=not what.retry, outcome="not_article"
        )

    async def _file(self, item: OutcomeItem, article: ArticleItem) -> None:
        sha256 = hashlib.sha256(item.page.body).hexdigest()
        recorded: Recorded = await self.spider.context.writer.write(
            lambda session: record_article(
                session, item.entry_id, article, sha256, item.page.fetched_at
            )
        )
        self.spider.page_recorded(recorded, article)

    async def _count_failure(self, item: OutcomeItem, error: Exception) -> None:
        """One page that cannot be filed must not be asked for every second."""
        log.error("page", url=item.page.url, status="failed", exc_info=error)
        await self.spider.page_failed(item.entry_id, f"it could not be filed ({error})"[:1000])
