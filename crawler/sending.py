"""The last look before a request leaves: may this crawl still ask? And the time at which it left.

A request may have waited for a minute when it gets that far: for robots.txt, for its turn at the
host, for the host's name, a connection and TLS. Meanwhile the process may have slept, or been cut
off from the database, and another one crawls the host. So the question is put once more when the
connection is there, and the request is written in the very call that follows. The delay until the
next one counts from there too: Scrapy's own counts from the turn, so that after a connection that
took longer than the delay the next request would follow at once.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from twisted.internet.defer import Deferred
from twisted.web.client import HTTPConnectionPool

from crawler.heads import BoundedHandler, BoundedPool
from crawler.spiders.news import NewsSpider


class LastLookHandler(BoundedHandler):
    """Scrapy's own, with bounds, whose connections are had by crawls only that may still ask."""

    def __init__(self, crawler: Crawler) -> None:
        """Scrapy's way of making one."""
        super().__init__(crawler)
        self._looking = _LookingPool(self._pool, self._look)
        self._pool = self._looking

    async def download_request(self, request: Request) -> Response:
        """Raises IgnoreRequest, beside what Scrapy raises, when the crawl may not ask any more."""
        # Whoever asks for a connection does so before this is suspended for the first time.
        self._looking.slot = request.meta.get("download_slot", "")
        return await super().download_request(request)

    def _look(self, slot: str) -> None:
        crawler = self._crawler
        assert isinstance(crawler.spider, NewsSpider)
        crawler.spider.ask_leave()
        if crawler.engine is not None and (turns := crawler.engine.downloader.slots.get(slot)):
            turns.lastseen = monotonic()


class _LookingPool(BoundedPool):
    """Connections for requests that are looked at before they leave."""

    def __init__(self, pool: HTTPConnectionPool, look: Callable[[str], None]) -> None:
        """`pool`: another one, which serves as a model. `look`: told the slot, may raise."""
        super().__init__(pool)
        self._look = look
        self._slots: dict[Any, str] = {}
        self.slot = ""
        """Whose turn it is: of the request that asks for a connection next."""

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """A connection on which the caller writes its request at once."""
        self._slots[key] = self.slot
        self._look(self.slot)
        return super().getConnection(key, endpoint)

    def _newConnection(self, key: Any, endpoint: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """One that has to be made first; also for a request that a kept one could not carry."""
        made: Deferred[Any] = super()._newConnection(key, endpoint)
        return made.addCallback(self._looked_at, self._slots[key])

    def _looked_at(self, connection: Any, slot: str) -> Any:
        try:
            self._look(slot)
        except IgnoreRequest:
            connection.abort()
            raise
        return connection
