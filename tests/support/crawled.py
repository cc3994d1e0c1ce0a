"""A site on loopback with a crawler on it and a clock, for tests of whole crawls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlmodel import select

from crawler.config import CrawlerConfig, SourceConfig
from crawler.context import CrawlContext
from crawler.guard import GuardedResolver
from crawler.run import CrawlReport, Crawls, HostJob, jobs_due
from store.articles import Article, Entry
from store.engine import Store
from store.sources import SourceState
from store.writer import Writer
from tests.support.http import HttpServer, Request, Response
from tests.support.reactor import in_reactor, shared_pool

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = "The commission met in the valley on Monday and read the report of the surveyors aloud. "


def page(title: str) -> Response:
    text = "".join(f"<p>{title}: paragraph {number}. {WORDS * 3}</p>" for number in range(4))
    html = (
        f"<html lang='en'><head><title>{title}</title></head><body><article><h1>{title}</h1>"
        f"{text}</article></body></html>"
    )
    return Response(200, html.encode(), {"Content-Type": "text/html; charset=utf-8"})


def feed(server: HttpServer, *paths: str) -> Response:
    items = "".join(
        f"<item><title>Story {path}</title><link>{server.url}{path}</link></item>" for path in paths
    )
    rss = f"<rss version='2.0'><channel><title>News</title>{items}</channel></rss>"
    return Response(
        200, rss.encode(), {"Content-Type": "application/rss+xml", "ETag": f'"{len(paths)}"'}
    )


@dataclass
class Site:
    """A site, a crawler on it, and the clock."""

    server: HttpServer
    store: Store
    resolver: GuardedResolver
    now: datetime = NOON
    config: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    may_ask: Callable[[], bool] = lambda: True

    def publish(self, *paths: str) -> None:
        """These stories are in the feed."""
        self.server.on("/feed", feed(self.server, *paths))
        for path in paths:
            self.server.on(path, page(f"Story {path}"))

    async def crawl(self) -> CrawlReport:
        """One crawl of the site's host, with what is due there."""
        writer = Writer(self.store)
        try:
            context = self._context(writer, await shared_pool())
            due = jobs_due(context, self.now)
            return await Crawls(context).crawl(
                due[0] if due else HostJob("127.0.0.1"), self.may_ask
            )
        finally:
            writer.close()

    def is_due(self) -> bool:
        """Whether a crawl would be started now."""
        return bool(jobs_due(self._context(None, None), self.now))

    def _context(self, writer: Any, pool: Any) -> CrawlContext:
        config = CrawlerConfig.model_validate(
            {"delay": "0s", "allow_private": ["127.0.0.1/32"], "timeout": "2s", **self.config}
        )
        source = SourceConfig.model_validate({"url": f"{self.server.url}/feed", **self.source})
        self.resolver.allow = config.allow_private
        return CrawlContext(
            store=self.store,
            writer=writer,
            pool=pool,
            config=config,
            sources={"site": source},
            clock=lambda: self.now,
            chance=lambda: 0.0,
            why_refused=self.resolver.why_refused,
        )

    def asked(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [request for request in self.server.requests if request.path == path]

    def articles(self) -> list[Article]:
        """What is stored, in order."""
        with self.store.reading() as session:
            return list(session.exec(select(Article).order_by(Article.url)))

    def entries(self) -> list[Entry]:
        """What was listed, in order."""
        with self.store.reading() as session:
            return list(session.exec(select(Entry).order_by(Entry.url)))

    def state(self) -> SourceState:
        """What is known of the source."""
        with self.store.reading() as session:
            return session.get_one(SourceState, "site")


Script = Callable[[Site], Awaitable[None]]


class Run(Protocol):
    """Runs a script on a site of its own."""

    def __call__(self, script: Script, /, **parts: Any) -> None: ...


def run_on_a_site(store: Store, script: Script, **parts: Any) -> None:
    """Runs a script on a site of its own, in the reactor."""

    async def main(resolver: GuardedResolver) -> None:
        async with HttpServer() as server:
            await script(Site(server, store, resolver, **parts))

    in_reactor(main)
