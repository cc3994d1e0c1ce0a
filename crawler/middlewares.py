"""Scrapy's downloader middlewares of ours: which addresses and which pages may be asked for."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from sqlmodel import Session

from crawler.answer import (
    MOST_LAYERS,
    Answer,
    PackedTooOftenError,
    RefusedRequestError,
    answer_of,
)
from crawler.robots import LARGE, MOST_BYTES, RobotRules, rules_from
from crawler.settings import user_agent
from crawler.spiders.news import NewsSpider
from crawler.urls import host_of, same_site
from store.addresses import url_refusal
from store.sources import HostState

ROBOTS_FRESH = timedelta(hours=24)
"""How long a robots.txt is used before it is asked for again (RFC 9309, section 2.4)."""
ROBOTS_SERVES = timedelta(hours=48)
"""How old it may become while no newer one can be had; then everything is forbidden."""
ROBOTS_ABSENT = timedelta(hours=1)
"""How long after an answer of 5xx or 429 it is asked for again."""
ROBOTS_NO_ANSWER = timedelta(minutes=5)
"""The same without any answer: an outage, perhaps ours, must not last longer than it does."""

CLOCKS_DIFFER = timedelta(minutes=5)


class _Middleware:
    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Middleware:
        """Scrapy's way of handing over the crawler."""
        return cls(crawler)

    @property
    def spider(self) -> NewsSpider:
        """The spider whose requests these are."""
        spider = self._crawler.spider
        assert isinstance(spider, NewsSpider)
        return spider


class HoldMiddleware(_Middleware):
    """Asks nothing more of a host that has just asked to be left alone, or is another's by now."""

    async def process_request(self, request: Request) -> None:
        """Raises IgnoreRequest; the spider leaves what was asked for waiting."""
        self.spider.ask_leave()
        if self.spider.held:
            raise IgnoreRequest("the host asked to be left alone")


class AddressMiddleware(_Middleware):
    """Refuses addresses that are no public web addresses, redirects included.

    Host names are judged again where they are resolved (`crawler.guard`); behind a proxy, which
    resolves them itself, what is written in the URL is all that can be judged.
    """

    async def process_request(self, request: Request) -> None:
        """Raises RefusedRequestError."""
        if why := url_refusal(request.url, self.spider.context.config.allow_private):
            raise RefusedRequestError(why)


class PackingMiddleware(_Middleware):
    """Refuses answers that are packed again and again before Scrapy unpacks them.

    Scrapy bounds what comes out of each layer and not how many there are: a hundred layers of nine
    megabytes, packed once more, are 30 kB on the wire and ten seconds in which nothing else runs.
    """

    async def process_response(self, request: Request, response: Response) -> Response:
        """Raises PackedTooOftenError."""
        named = response.headers.getlist("Content-Encoding")
        if sum(1 + value.count(b",") for value in named) > MOST_LAYERS:
            raise PackedTooOftenError
        return response


class OwnHeadersMiddleware(_Middleware):
    """Leaves a source's own headers behind where a redirect leads to another site, or from https
    to http: a subscription's cookie or key is nobody else's business.

    Scrapy drops Cookie and Authorization, and passes on whatever else carries a secret.
    """

    async def process_request(self, request: Request) -> None:
        """Before Scrapy's own middlewares, which add what every request carries."""
        asked = request.meta.get("redirect_urls")
        if asked and not _is_trusted(asked[0], request.url):
            kept = {name: request.headers[name] for name in _HARMLESS if name in request.headers}
            request.headers.clear()
            request.headers.update(kept)


_HARMLESS = ("Cache-Control", "If-None-Match", "If-Modified-Since")
"""What the crawler itself says of the document it knows."""


def _is_trusted(asked: str, url: str) -> bool:
    downgraded = asked.startswith("https:") and not url.startswith("https:")
    return same_site(asked, url) and not downgraded


class RobotsMiddleware(_Middleware):
    """Obeys robots.txt, kept in the store for a day (RFC 9309; Scrapy's own crawls on when it
    cannot be had).
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._rules: dict[str, asyncio.Future[RobotRules]] = {}
        # The parser is not made for several threads at once.
        self._asking = asyncio.Lock()

    async def process_request(self, request: Request) -> None:
        """Raises RefusedRequestError when the host's robots.txt forbids the address."""
        if request.meta.get("robots"):
            return
        # Read in any case: it names the sitemaps.
        rules = await self._rules_for(request)
        if not self.spider.context.config.obey_robots:
            return
        self._slow_down(request, rules)
        if not await self._allows(rules, request.url):
            raise RefusedRequestError(rules.refusal, temporary=rules.temporary)

    async def _allows(self, rules: RobotRules, url: str) -> bool:
        if not rules.is_large:
            return rules.allows(url)
        async with self._asking:
            return await asyncio.to_thread(rules.allows, url)

    def _slow_down(self, request: Request, rules: RobotRules) -> None:
        engine = self._crawler.engine
        assert engine is not None
        slot = engine.downloader.slots.get(host_of(request.url))
        if slot is not None and rules.crawl_delay is not None:
            slot.delay = max(slot.delay, rules.crawl_delay.total_seconds())

    async def _rules_for(self, request: Request) -> RobotRules:
        scheme, _, rest = request.url.partition("://")
        origin = f"{scheme}://{rest.split('/')[0]}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._load(origin, request))
        rules = await asyncio.shield(self._rules[origin])
        self.spider.robots[host_of(request.url)] = rules
        return rules

    async def _load(self, origin: str, request: Request) -> RobotRules:
        now = self.spider.context.clock()
        with self.spider.context.store.reading() as session:
            known = session.get(HostState, origin)
        if known is None or not _is_fresh(known, now):
            known = await self._fetch(origin, request, known, now)
        agent = user_agent(self.spider.context.config.contact)
        body = known.robots_body or b""
        if len(body) > LARGE:
            return await asyncio.to_thread(rules_from, known.robots_status, body, agent)
        return rules_from(known.robots_status, body, agent)

    async def _fetch(
        self, origin: str, request: Request, known: HostState | None, now: datetime
    ) -> HostState:
        engine = self._crawler.engine
        assert engine is not None
        proxy = request.meta.get("proxy")
        asking = Request(
            f"{origin}/robots.txt",
            priority=1000,
            meta={"robots": True, **({"proxy": proxy} if proxy else {})},
            callback=NO_CALLBACK,
        )
        try:
            answer = answer_of(await engine.download_async(asking))
        except Exception:  # noqa: BLE001 - whatever went wrong, there is no robots.txt to obey
            self.spider.ask_leave()  # without it nobody was asked
            answer = Answer(asking.url, error="no answer")
        old = known is not None and _serves(known, now) and _is_unreachable(answer.status)
        keep = partial(_keep_asked, origin=origin, now=now)
        if not old:
            keep = partial(_keep_robots, origin=origin, answer=answer, now=now)
        return await self.spider.context.writer.write(keep)


def _is_unreachable(status: int | None) -> bool:
    return status is None or status >= 500 or status == 429


def _serves(known: HostState, now: datetime) -> bool:
    """Whether the copy that is kept is good, and not too old to go by while there is no other."""
    return (
        known.robots_at is not None
        and known.robots_at <= now + CLOCKS_DIFFER  # else by a clock that was ahead
        and not _is_unreachable(known.robots_status)
        and now - known.robots_at < ROBOTS_SERVES
    )


def _is_fresh(known: HostState, now: datetime) -> bool:
    """Whether it need not be asked for now."""
    got, asked = known.robots_at, known.robots_asked_at
    if got is None or asked is None or max(got, asked) > now + CLOCKS_DIFFER:
        return False
    if known.robots_status is None:
        return now - asked < ROBOTS_NO_ANSWER
    if _is_unreachable(known.robots_status):
        return now - asked < ROBOTS_ABSENT
    if asked > got:
        return now - asked < ROBOTS_ABSENT and _serves(known, now)
    return now - got < ROBOTS_FRESH


def _keep_asked(session: Session, origin: str, now: datetime) -> HostState:
    """No newer one came: the copy serves until the next try."""
    state = session.get_one(HostState, origin)
    state.robots_asked_at = now
    session.add(state)
    return state


def _keep_robots(session: Session, origin: str, answer: Answer, now: datetime) -> HostState:
    state = session.get(HostState, origin) or HostState(host=origin)
    state.robots_status, state.robots_at, state.robots_asked_at = answer.status, now, now
    # The rest counts for nothing, and would be read from the store at every crawl.
    state.robots_body = answer.body[:MOST_BYTES] if answer.status and answer.status < 300 else None
    session.add(state)
    return state
