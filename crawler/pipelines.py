"""Scrapy's item pipelines: a page becomes an article, an article becomes a row."""

from __future__ import annotations

import hashlib

import structlog
from scrapy import Spider
from scrapy.crawler import Crawler

from crawler.extraction import extract
from crawler.items import ArticleItem, NotArticle, OutcomeItem, PageItem
from crawler.pool import ProcessingError
from crawler.record import Recorded, record_article
from crawler.spiders.news import NewsSpider

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
        """What the page holds; a page that stops its worker is tried again later."""
        try:
            outcome = await self.spider.context.pool.run(extract, item.page, item.hints)
        except ProcessingError as error:
            outcome = NotArticle(item.page.url, "too_large", str(error), retry=True)
        return OutcomeItem(item.entry_id, item.page, outcome)


class SavePipeline(_Pipeline):
    """Article to row; duplicates are recognised in the same transaction."""

    async def process_item(self, item: OutcomeItem) -> OutcomeItem:
        """Files the article, or remembers what the page was instead."""
        with self.spider.surviving():
            if isinstance(item.outcome, NotArticle):
                await self._set_aside(item.entry_id, item.outcome)
            else:
                await self._file(item, item.outcome)
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
