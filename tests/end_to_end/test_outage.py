"""Our own network fails while forty sites are read: one message, and one when it is back."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from alerts.message import HealthEvent
from crawler.config import CrawlerConfig
from crawler.context import CrawlContext
from crawler.guard import GuardedResolver
from crawler.run import Crawls, HostJob
from service.config import load
from service.health import HealthWatch
from store.articles import Article
from store.engine import Store
from store.sources import Outage, SourceState
from store.writer import Writer
from tests.service.configs import write
from tests.support.crawled import HOUR, NOON, page
from tests.support.http import HttpServer, Response
from tests.support.reactor import in_reactor, shared_pool

HOSTS = 4


class Paper(HttpServer):
    """A site on a host of its own, with a feed."""

    def publish(self, *paths: str, at: Any) -> None:
        items = "".join(
            f"<item><title>Story {path} of {self.host}</title><link>{self.url}{path}</link>"
            f"<pubDate>{format_datetime(at)}</pubDate></item>"
            for path in paths
        )
        self.on("/feed", Response(200, f"<rss><channel>{items}</channel></rss>".encode()))
        for path in paths:
            self.on(path, page(f"Story {path} of {self.host}"))


def some_papers() -> list[Paper]:
    return [Paper(host=f"127.0.0.{number + 1}") for number in range(HOSTS)]


class World:
    """Crawler and health watch on one store, and a clock."""

    def __init__(self, store: Store, writer: Writer, folder: Path, papers: Sequence[Paper]) -> None:
        self.now = NOON
        self.store, self.writer = store, writer
        tables = "".join(
            f'[source.paper{n}]\nurl = "{paper.url}/feed"\nkind = "feed"\n'
            for n, paper in enumerate(papers)
        )
        inbox = '[channel.inbox]\nkind = "maildir"\npath = "inbox"\n'
        crawler = '[crawler]\ndelay = "0s"\nallow_private = ["127.0.0.0/8"]\n'
        self.config = load(write(folder, crawler + tables + inbox), {})
        self.told: list[str] = []
        self.watch = HealthWatch(self.config, store, writer, self._tell, lambda: self.now)

    async def _tell(self, event: HealthEvent, _: Sequence[str]) -> int:
        self.told.append(event.type)
        return 1

    async def visit_all(self, crawls: Crawls, papers: Sequence[Paper]) -> None:
        for number, paper in enumerate(papers):
            await crawls.crawl(HostJob(paper.host, (f"paper{number}",)))
        await self.watch.look()

    def states(self) -> set[tuple[str, int]]:
        with self.store.reading() as session:
            return {(state.state, state.failures) for state in session.exec(select(SourceState))}


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    writer = Writer(store)
    yield writer
    writer.close()


def test_an_outage_of_our_network_is_one_message_and_no_sources_fault(
    store: Store, writer: Writer, tmp_path: Path
) -> None:
    async def script(resolver: GuardedResolver) -> None:
        papers = some_papers()
        async with AsyncExitStack() as network:
            for paper in papers:
                await network.enter_async_context(paper)
                paper.publish("/a", at=NOON - HOUR)
            world = World(store, writer, tmp_path, papers)
            resolver.allow = world.config.crawler.allow_private
            crawls = Crawls(await context_of(world, resolver))
            await world.visit_all(crawls, papers)
            assert (world.states(), world.told) == ({("ok", 0)}, [])
        began = world.now + 5 * HOUR
        for hours in (5, 6):
            world.now = NOON + hours * HOUR
            await world.visit_all(crawls, papers)
        assert world.states() == {("ok", 0)}
        assert world.told == ["network.failing"]
        async with AsyncExitStack() as network:
            for paper in papers:
                await network.enter_async_context(paper)
                paper.publish("/b", "/a", at=began + HOUR)
            world.now += HOUR
            await world.visit_all(crawls, papers)
            world.now += timedelta(minutes=1)
            await world.watch.look()
        assert world.told == ["network.failing", "network.recovered"]
        with store.reading() as session:
            [outage] = session.exec(select(Outage)).all()
            late = {a.late for a in session.exec(select(Article)) if not a.baseline}
        assert (outage.kind, outage.began_at) == ("network", began)
        assert outage.ended_at is not None
        assert late == {"the network was down"}

    in_reactor(script)


def test_sites_that_we_may_not_ask_are_no_outage_of_our_network(
    store: Store, writer: Writer, tmp_path: Path
) -> None:
    async def script(resolver: GuardedResolver) -> None:
        papers = some_papers()
        async with AsyncExitStack() as network:
            for paper in papers:
                await network.enter_async_context(paper)
            world = World(store, writer, tmp_path, papers)
            context = await context_of(world, resolver)
            closed = context.config.model_copy(update={"allow_private": ()})
            await world.visit_all(Crawls(replace(context, config=closed)), papers)
        assert world.states() == {("failing", 1)}
        assert "network.failing" not in world.told
        with store.reading() as session:
            assert session.exec(select(Outage)).all() == []

    in_reactor(script)


async def context_of(world: World, resolver: GuardedResolver) -> CrawlContext:
    config: CrawlerConfig = world.config.crawler
    return CrawlContext(
        store=world.store,
        writer=world.writer,
        pool=await shared_pool(),
        config=config,
        sources=world.config.sources,
        clock=lambda: world.now,
        chance=lambda: 0.0,
        why_refused=resolver.why_refused,
    )
