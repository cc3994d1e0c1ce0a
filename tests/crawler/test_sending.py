"""The last look before a request leaves, and from when a delay counts."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IHostnameResolver
from zope.interface import implementer

from store.sources import HostState
from tests.support.crawled import HOUR, Run, Site, feed
from tests.support.http import Request, Response


@implementer(IHostnameResolver)
class SlowResolver:
    """Takes its time for every connection; tells when it is asked."""

    def __init__(self, inner: Any, seconds: float, asked: Callable[[], object]) -> None:
        self._inner, self._seconds, self._asked = inner, seconds, asked

    def resolveHostName(self, receiver: Any, *question: Any, **more: Any) -> Any:
        """Twisted's interface."""
        self._asked()
        loop = asyncio.get_running_loop()
        loop.call_later(
            self._seconds, lambda: self._inner.resolveHostName(receiver, *question, **more)
        )


@contextlib.contextmanager
def slow_connections(seconds: float, asked: Callable[[], object] = lambda: None) -> Iterator[None]:
    from twisted.internet import reactor  # noqa: PLC0415 - there is none before the loop runs

    installed: Any = reactor
    usual = installed.nameResolver
    installed.installNameResolver(SlowResolver(usual, seconds, asked))
    try:
        yield
    finally:
        installed.installNameResolver(usual)


def test_what_waited_for_a_connection_is_not_sent_without_leave(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        asked: list[bool] = []
        site.may_ask = lambda: not asked
        with slow_connections(0.05, lambda: asked.append(True)):
            await site.crawl()
        assert asked
        assert site.server.requests == []
        # Nobody was asked: neither robots.txt nor the source has failed.
        with site.store.reading() as session:
            assert session.get(HostState, site.server.url) is None
        assert site.state().failures == 0
        assert site.is_due()

    on_a_site(script)


def test_what_waited_for_its_turn_is_not_sent_without_leave(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b")
        await site.crawl()
        loop, until = asyncio.get_running_loop(), [float("inf")]
        before = len(site.server.requests)
        listed = feed(site.server, "/a", "/b", "/c")

        def last(_: Request) -> Response:
            until[0] = loop.time() + 0.3
            return listed

        site.server.on("/feed", last)
        site.config["delay"] = "500ms"
        site.may_ask = lambda: loop.time() < until[0]
        site.now += HOUR
        await site.crawl()
        assert [request.path for request in site.server.requests[before:]] == ["/feed"]
        assert [(each.attempts, each.outcome) for each in site.entries()][2:] == [(0, None)]

    on_a_site(script)


def test_a_delay_counts_from_when_a_request_left(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        asked: list[float] = []

        def answer(request: Request) -> Response:
            asked.append(asyncio.get_running_loop().time())
            return feed(site.server) if request.path == "/feed" else Response(404)

        site.server.on("*", answer)
        site.config["delay"] = "300ms"
        with slow_connections(0.4):
            await site.crawl()
        assert len(asked) == 2
        assert asked[1] - asked[0] > 0.29

    on_a_site(script)
