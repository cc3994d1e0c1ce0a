"""The one spider: a host's due sources, then the pages of their new entries.

Order and politeness only: what answers mean is decided in `crawler.visit`, what is written in
`crawler.record`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from functools import partial
from typing import Any, Self

import structlog
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, DropItem, IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from twisted.python.failure import Failure

from crawler.answer import Answer, answer_of, answer_of_failure
from crawler.catching_up import take_answer
from crawler.contents import page_of as page_by_source
from crawler.context import CrawlContext
from crawler.health import PageTally, refusal
from crawler.items import ArticleItem, PageItem, entry_from_json
from crawler.pool import PoolClosedError
from crawler.record import (
    Recorded,
    article_from_entry,
    hold_host,
    record_article,
    record_failed_page,
    record_held_page,
    record_not_article,
)
from crawler.revisits import Again, Revisits, hints_of, own_headers, page_of
from crawler.robots import RobotRules
from crawler.schedule import PATIENCE, page_retry, retry_after_time
from crawler.urls import clean_url, host_of, listed_url
from crawler.visit import Next, Visit, Wanted
from store.articles import Entry
from store.errors import RefusedChangeError, StoreError

log = structlog.get_logger("crawler")

AGAIN_LAST = -10
"""What is new goes before what may have changed."""
DOCUMENT_FIRST = 10
"""Documents go before pages: what a source lists is known before anything else can fail."""


class NewsSpider(Spider):
    """Reads the documents of a host's sources and fetches the pages of entries on that host."""

    name = "news"

    def __init__(
        self,
        host: str,
        visits: Sequence[Visit],
        entries: Sequence[Entry],
        context: CrawlContext,
        visited: Callable[[Visit], Awaitable[None]],
        again: Sequence[Again] = (),
        **kwargs: Any,
    ) -> None:
        """`entries`: those that wait on this host from earlier crawls.

        `visited` is told of a visit when its last document has been read. `again`: pages of
        articles that we have, to be looked at for edits.
        """
        super().__init__(**kwargs)
        self.host = host
        self.visits = visits
        self.context = context
        self.articles = 0
        self.requests = 0
        self.pages = PageTally()
        self.store_error: StoreError | None = None
        """What ended the crawl, where that was the database."""
        self.robots: dict[str, RobotRules] = {}
        self._waiting = entries
        self._visited = visited
        self._again = again
        self.revisits = Revisits(context)
        self._asked: set[int] = set()
        self.held = False
        """Whether nothing more is to be asked: the host wishes so, or the database fails."""
        self.stopped = False
        """Whether the crawl was told to end: what it has not done is left as it was."""
        for visit in visits:
            visit.has_ended = lambda: self.stopped
        self._given = 0
        """Items that came from `start`, with no request, and are still in the pipelines."""
        self._none_given = asyncio.Event()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Scrapy's way of making a spider; it is told of each item that has left the pipelines."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        for ended in (signals.item_scraped, signals.item_dropped, signals.item_error):
            crawler.signals.connect(spider.item_ended, signal=ended)
        return spider

    def item_ended(self, response: Response | None) -> None:
        """An item has left the pipelines; one that came from `start` has no response."""
        if response is None:
            self._given -= 1
            if not self._given:
                self._none_given.set()

    def _handed_over(self, page: PageItem) -> PageItem:
        self._given += 1
        self._none_given.clear()
        return page

    async def start(self) -> AsyncIterator[Request | PageItem]:
        """The due sources' documents, then the pages that wait.

        Ends when the last item has left the pipelines. Scrapy notices that nothing is left to do
        when a request or this ends, and else every five seconds.
        """
        for visit in self.visits:
            for wanted in visit.begin():
                yield self._document_request(visit, wanted)
        for page in self._pages(self._waiting):
            yield self._handed_over(page) if isinstance(page, PageItem) else page
        for again in self._again:
            if again.given is not None:
                yield self._handed_over(
                    PageItem(
                        again.entry_id, again.given, again.hints, again.article_id, by_source=True
                    )
                )
                continue
            yield self._request(
                again.url,
                dict(again.headers),
                callback=self.read_again,
                cb_kwargs={"again": again},
                priority=AGAIN_LAST,
            )
        if self._given:
            await self._none_given.wait()

    def ask_leave(self) -> None:
        """Raises IgnoreRequest when the host must not be asked: it is another crawl's by now.

        What was asked for goes on waiting.
        """
        if not self.context.may_ask():
            self.held = self.stopped = True
            raise IgnoreRequest("the host may be crawled by another process")

    def _document_request(self, visit: Visit, wanted: Wanted) -> Request:
        return self._request(
            wanted.url,
            # Without max-age=0 a cache on the way may answer with yesterday's list.
            {
                "Cache-Control": "max-age=0",
                **own_headers(visit.source, wanted.url),
                **wanted.headers,
            },
            callback=self.read_document,
            cb_kwargs={"visit": visit, "wanted": wanted},
            priority=DOCUMENT_FIRST,
        )

    def _pages(self, entries: Iterable[Entry]) -> Iterable[Request | PageItem]:
        """What makes articles of entries on this host: their pages, or what the source gave."""
        for entry in entries:
            assert entry.id is not None
            if entry.host == self.host and entry.id not in self._asked:
                self._asked.add(entry.id)
                source = self.context.sources.get(entry.source_id)
                hints = hints_of(entry, source)
                given = page_by_source(hints.entry, self.context.clock()) if hints.entry else None
                if given is not None and entry.attempts == 0:
                    yield PageItem(entry.id, given, hints, by_source=True)
                    continue
                headers = own_headers(source, entry.url)
                yield self._request(
                    entry.url, headers, callback=self.read_page, cb_kwargs={"entry": entry}
                )

    def _request(self, url: str, headers: Mapping[str, str], **kwargs: Any) -> Request:
        proxy = self.context.config.proxy
        self.requests += 1
        return Request(
            url,
            headers=dict(headers),
            meta={"proxy": proxy} if proxy else {},
            errback=self.no_answer,
            dont_filter=True,
            **kwargs,
        )

    async def read_document(
        self, response: Response, visit: Visit, wanted: Wanted
    ) -> AsyncIterator[Request | PageItem]:
        """A source's document came."""
        with self.surviving():
            async for request in self._take_document(answer_of(response), visit, wanted):
                yield request
            self._end_if_held()

    async def read_page(self, response: Response, entry: Entry) -> AsyncIterator[PageItem]:
        """An entry's page came."""
        with self.surviving():
            item = await self._take_page(answer_of(response), entry)
            self._end_if_held()
            if item is not None:
                yield item

    async def read_again(self, response: Response, again: Again) -> AsyncIterator[PageItem]:
        """The page of an article that we have came."""
        with self.surviving():
            answer = answer_of(response)
            await self._heed(answer)
            item = None if self.held else await self.revisits.take(again, answer)
            self._end_if_held()
            if item is not None:
                yield item

    async def no_answer(self, failure: Failure) -> AsyncIterator[Request | PageItem]:
        """No answer came at all."""
        _let_go(failure.value)
        if self.held:
            return
        request: Request = failure.request  # type: ignore[attr-defined]
        guard = self.context.why_refused(host_of(request.url))
        answer = answer_of_failure(request.url, failure.value, guard)
        with self.surviving():
            if "entry" in request.cb_kwargs:
                await self._take_page(answer, request.cb_kwargs["entry"])
                return
            if "again" in request.cb_kwargs:
                await self.revisits.take(request.cb_kwargs["again"], answer)
                return
            async for following in self._take_document(answer, **request.cb_kwargs):
                yield following

    @contextlib.contextmanager
    def surviving(self) -> Iterator[None]:
        """Ends the crawl when store or service end: what it was about to keep goes on waiting."""
        try:
            yield
        except PoolClosedError:
            self.held = True
        except StoreError as error:
            self.store_error, self.held = error, True

    async def _take_document(
        self, answer: Answer, visit: Visit, wanted: Wanted
    ) -> AsyncIterator[Request | PageItem]:
        await self._heed(answer)
        try:
            sitemaps = self._sitemaps(answer.url)
            following = await take_answer(visit, wanted, answer, sitemaps, self.context)
        except RefusedChangeError as error:
            visit.errors.append(f"{wanted.url}: {error}")
            following = Next()
        visit.outstanding += len(following.documents) - 1
        if rules := self.robots.get(self.host):
            visit.crawl_delay = rules.crawl_delay
        if visit.outstanding == 0:
            await self._visited(visit)
        for document in following.documents:
            yield self._document_request(visit, document)
        for page in self._pages(following.entries):
            yield page

    def _sitemaps(self, url: str) -> tuple[str, ...]:
        rules = self.robots.get(self.host)
        named = rules.sitemaps if rules else ()
        return tuple(address for sitemap in named if (address := listed_url(sitemap, base=url)))

    async def _take_page(self, answer: Answer, entry: Entry) -> PageItem | None:
        assert entry.id is not None
        await self._heed(answer)
        if answer.refused:
            await self._give_up(entry, answer.error or "refused", "refused")
        elif answer.host_is_busy and self.context.clock() - found_at(entry) < PATIENCE:
            await self._put_off(entry, answer)
        elif answer.error is not None:
            await self.page_failed(entry.id, refusal(answer.status, answer.body) or answer.error)
        else:
            source = self.context.sources.get(entry.source_id)
            return PageItem(
                entry.id, page_of(answer, self.context.clock()), hints_of(entry, source)
            )
        return None

    async def ask_further_page(self, entry_id: int, url: str) -> Answer:
        """The answer to a further page of an entry's article; robots.txt and delays hold as ever.

        Raises DropItem when the host asked to be left alone: the entry goes on waiting.
        """
        source = self.context.sources.get(self._entry(entry_id).source_id)
        request = self._request(url, own_headers(source, url), callback=NO_CALLBACK)
        engine = self.crawler.engine
        assert engine is not None
        try:
            answer = answer_of(await engine.download_async(request))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the page did not come
            guard = self.context.why_refused(host_of(url))
            answer = answer_of_failure(url, error, guard)
        await self._heed(answer)
        if self.held:
            raise DropItem("the host asked to be left alone", log_level="DEBUG")
        return answer

    def attempts(self, entry_id: int) -> int:
        """How often an entry's page was asked for before."""
        return self._entry(entry_id).attempts

    async def _put_off(self, entry: Entry, answer: Answer) -> None:
        """429 and 503 are the host's state, not the page's: no attempt is used up."""
        number, why = entry.id or 0, answer.error or "the host is busy"
        until = retry_after_time(answer.retry_after, self.context.clock())
        await self.context.writer.write(
            lambda session: record_held_page(session, number, why, until)
        )
        self.pages.failed(entry.source_id, entry.url, refusal(answer.status, answer.body) or why)
        log.info(
            "page", url=entry.url, source=entry.source_id, status="put off", why=why, again_at=until
        )

    async def page_failed(
        self,
        entry_id: int,
        why: str,
        *,
        final: bool = False,
        hopeless: bool = False,
        outcome: str = "failed",
    ) -> None:
        """The page is tried again later, or given up when it will not become an article.

        `final`: it is none. `hopeless`: it may be one, but will not be had.
        """
        entry = self._entry(entry_id)
        if outcome == "failed":
            self.pages.failed(entry.source_id, entry.url, why)
        now = self.context.clock()
        again_at = page_retry(entry.attempts + 1, now, jitter=self.context.chance())
        if final:
            await self._end(entry, why, outcome)
        elif again_at is None or hopeless:
            again_at = None
            await self._give_up(entry, why, outcome)
        else:
            await self.context.writer.write(
                lambda session: record_failed_page(session, entry_id, why, now, again_at)
            )
        log.info(
            "page",
            url=entry.url,
            source=entry.source_id,
            status="failed",
            why=why,
            again_at=again_at,
        )

    def _entry(self, entry_id: int) -> Entry:
        with self.context.store.reading() as session:
            return session.get_one(Entry, entry_id)

    async def _end(self, entry: Entry, why: str, outcome: str) -> None:
        number, now = entry.id or 0, self.context.clock()
        await self.context.writer.write(
            lambda session: record_not_article(session, number, why, outcome, now)
        )

    async def _give_up(self, entry: Entry, why: str, outcome: str) -> None:
        """The page will not be had: what the source itself said is kept, if it said anything."""
        item = entry_from_json(entry.item)
        known = article_from_entry(item, clean_url(item.url) or item.url)
        if known is None:
            await self._end(entry, why, outcome)
            return
        number, now = entry.id or 0, self.context.clock()
        recorded = await self.context.writer.write(
            lambda session: record_article(session, number, known, "", now)
        )
        self.page_recorded(recorded, known)

    def page_recorded(self, recorded: Recorded, article: ArticleItem) -> None:
        """An article was filed or recognised."""
        if article.body:
            self.pages.had(recorded.source_id)
        self.articles += recorded.outcome == "article"
        log.info(
            "page",
            url=article.url,
            source=recorded.source_id,
            status=recorded.outcome,
            article=recorded.article_id,
            title=article.title,
            **_seconds(recorded),
        )

    def _end_if_held(self) -> None:
        """Ends the crawl of a host that asked to be left alone; what waits goes on waiting."""
        if self.held:
            raise CloseSpider("the host asked to be left alone")

    async def _heed(self, answer: Answer) -> None:
        """429 and 503 hold the whole host, for as long as it says."""
        if not answer.host_is_busy or self.held:
            return
        self.held = True
        until = retry_after_time(answer.retry_after, self.context.clock())
        # After a redirect both: its entries lead there again.
        for host in {self.host, host_of(answer.url)}:
            await self.context.writer.write(partial(hold_host, host=host, until=until))
            log.info("host", host=host, status="held", until=until)


def _let_go(error: BaseException | None) -> None:
    """Frees what a failed download holds: half an answer of 10 MB, in the frames it passed."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _seconds(recorded: Recorded) -> dict[str, float]:
    waited = recorded.waited
    return {} if waited is None else {"seconds": round(waited.total_seconds(), 3)}


def found_at(entry: Entry) -> datetime:
    """When an entry was listed; every row has it."""
    assert entry.found_at is not None
    return entry.found_at
