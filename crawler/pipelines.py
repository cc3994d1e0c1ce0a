"""Scrapy's item pipelines: a page becomes an article, an article becomes a row."""

from __future__ import annotations

from dataclasses import replace

import structlog
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from crawler import reading
from crawler.extraction.pages import MOST_PAGES, is_continued, joined
from crawler.items import ArticleItem, Hints, NotArticle, OutcomeItem, Page, PageItem, Traits
from crawler.pool import PoolClosedError, ProcessingError
from crawler.record import Recorded, record_unread
from crawler.revisions import file_page
from crawler.revisits import page_of
from crawler.spiders.news import NewsSpider
from crawler.spooling import spooled
from crawler.urls import host_of, url_key
from store.errors import RefusedChangeError
from store.sources import site_furniture

log = structlog.get_logger("crawler")

JOINING_ATTEMPTS = 2
"""So often an article waits for a further page of it that cannot be had."""
DEADLY_ATTEMPTS = 1
"""A page that stopped its worker is given to another once; then what the source said is kept."""
UNREAD = frozenset({"empty", "index"})
"""What a page of articles looks like after a redesign."""


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
        hints = replace(item.hints, furniture=self._furniture(item.page.url))
        outcome = await read_page(self.spider, item.page, hints)
        if item.by_source and isinstance(outcome, NotArticle):
            # What the source gave is no article; the page itself may well be one.
            outcome = replace(outcome, retry=True)
        elif item.by_source and isinstance(outcome, ArticleItem):
            # It is made of the source's text alone and tells nothing of how the site's pages look.
            outcome = replace(outcome, traits=Traits())
        return OutcomeItem(
            item.entry_id, item.page, hints, outcome, item.article_id, item.look_only
        )

    def _furniture(self, url: str) -> bytes:
        with self.spider.context.store.reading() as session:
            return site_furniture(session, host_of(url))


async def read_page(spider: NewsSpider, page: Page, hints: Hints) -> ArticleItem | NotArticle:
    """What a page holds, read in a worker process. Raises DropItem when the service ends."""
    try:
        with spooled(page) as sent:
            return await spider.context.pool.run(reading.read_page, sent, hints)
    except PoolClosedError as error:
        raise DropItem("the service is ending", log_level="DEBUG") from error
    except ProcessingError as error:
        return NotArticle(page.url, "too_large", str(error), retry=True)
    except Exception as error:
        log.error("page", url=page.url, status="failed", exc_info=error)
        why = f"reading it failed ({type(error).__name__})"
        return NotArticle(page.url, "too_large", why, retry=True)


class JoinPipeline(_Pipeline):
    """The further pages of an article that is printed on several, under the same politeness."""

    async def process_item(self, item: OutcomeItem) -> OutcomeItem:
        """The whole article.

        Where a further page cannot be had, the article is tried again later; what there is of it
        is kept at the last attempt. Raises DropItem when the host asked to be left alone.
        """
        first = item.outcome
        if isinstance(first, NotArticle) or not is_continued(first):
            return item
        pages, missing = await self._further(item, first)
        # A known article must not lose a page because it did not come today.
        is_known = item.article_id is not None
        if missing and (is_known or self.spider.attempts(item.entry_id) < JOINING_ATTEMPTS):
            outcome = NotArticle(first.url, "empty", f"its next page: {missing}", retry=True)
            return replace(item, outcome=outcome)
        return replace(item, outcome=joined(first, pages))

    async def _further(
        self, item: OutcomeItem, first: ArticleItem
    ) -> tuple[list[ArticleItem], str | None]:
        """The pages after the first, and why there are no more of them where there should be."""
        pages: list[ArticleItem] = []
        hints = replace(item.hints, entry=None)
        asked = {url_key(first.url)}
        address = first.next_page
        while address and url_key(address) not in asked and len(pages) + 1 < MOST_PAGES:
            asked.add(url_key(address))
            answer = await self.spider.ask_further_page(item.entry_id, address)
            if answer.error is not None:
                return pages, None if answer.gone or answer.refused else answer.error
            page = page_of(answer, item.page.fetched_at)
            found = await read_page(self.spider, page, hints)
            if isinstance(found, NotArticle):
                return pages, found.detail if found.retry else None
            pages.append(found)
            address = found.next_page
        return pages, None


class SavePipeline(_Pipeline):
    """Article to row; duplicates are recognised in the same transaction."""

    async def process_item(self, item: OutcomeItem) -> OutcomeItem:
        """Files the article, or remembers what the page was instead."""
        with self.spider.surviving():
            if item.article_id is not None:
                await self.spider.revisits.keep(
                    item.article_id, item.page, item.outcome, look_only=item.look_only
                )
            elif isinstance(item.outcome, NotArticle):
                await self._set_aside(item.entry_id, item.outcome)
            else:
                try:
                    await self._file(item, item.outcome)
                except (RefusedChangeError, ValueError, TypeError, LookupError) as error:
                    await self._count_failure(item, error)
        return item

    async def _set_aside(self, entry_id: int, what: NotArticle) -> None:
        if what.reason in UNREAD:
            now = self.spider.context.clock()
            await self.spider.context.writer.write(
                lambda session: record_unread(session, entry_id, what.url, now)
            )
        deadly = what.reason == "too_large" and self.spider.attempts(entry_id) >= DEADLY_ATTEMPTS
        await self.spider.page_failed(
            entry_id,
            what.detail,
            final=not what.retry,
            hopeless=deadly,
            outcome="not_article",
        )

    async def _file(self, item: OutcomeItem, article: ArticleItem) -> None:
        keep_pages = self.spider.context.keep_pages
        recorded: Recorded = await self.spider.context.writer.write(
            lambda session: file_page(session, item.entry_id, article, item.page, keep_pages)
        )
        self.spider.page_recorded(recorded, article)

    async def _count_failure(self, item: OutcomeItem, error: Exception) -> None:
        """One page that cannot be filed must not be asked for every second."""
        log.error("page", url=item.page.url, status="failed", exc_info=error)
        await self.spider.page_failed(item.entry_id, f"it could not be filed ({error})"[:1000])
