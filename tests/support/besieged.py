"""Many hostile sites at once, on a few hosts: for each answer a feed, a page, a robots.txt, and a
source of one of the other kinds, in turn.

What is asked of a site besides is answered as a good site does, so that only the answer under test
can go wrong.
"""

import asyncio
import itertools
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel import select

from crawler.config import CrawlerConfig, SourceConfig
from crawler.context import CrawlContext
from crawler.guard import GuardedResolver
from crawler.run import Crawls, jobs_due
from store.articles import Article, Entry
from store.engine import Store
from store.sources import SourceState
from store.writer import Writer
from tests.support.crawled import feed, page
from tests.support.hostile import DOCUMENTS, Answers, Role
from tests.support.http import HttpServer, Request, Response
from tests.support.reactor import shared_pool

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHERS: tuple[Role, ...] = ("sitemap", "wordpress", "listing")
HOSTS = 5
"""They are crawled side by side; each holds the sites of every fifth answer."""


@dataclass(frozen=True)
class Outcome:
    """What became of one hostile answer."""

    error: str | None
    """What is said of the source or page; None where it was read."""
    articles: tuple[Article, ...] = ()
    """What was made of it."""
    ended: str | None = None
    """Of a page: how its entry ended; None while it waits."""
    listed: tuple[Entry, ...] = ()
    """Of a document: what it lists; the site has no such pages."""
    strayed: bool = False
    """Of a robots.txt: whether the page was asked for that an honest one forbids."""


@dataclass
class Besieger:
    """One hostile answer with its two sites: one whose documents and page it is, and one whose
    robots.txt it is.
    """

    name: str
    answers: Answers
    number: int
    server: HttpServer = field(init=False)
    robots: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        host = f"127.1.0.{1 + self.number % HOSTS}"
        self.server, self.robots = HttpServer(host=host), HttpServer(host=host)

    @property
    def roles(self) -> tuple[Role, ...]:
        """What its documents are asked for as."""
        return "feed", OTHERS[self.number % len(OTHERS)]

    def build(self) -> dict[str, str]:
        """Sets up the sites once they listen; the addresses of their sources by id."""
        server, robots = self.server, self.robots
        for role in self.roles:
            server.on(f"/{role}", self._hostile(server, role))
        server.on("/lists", feed(server, "/page", "/good"))
        server.on("/page", self._hostile(server, "page"))
        robots.on("/robots.txt", self._hostile(robots, "robots"))
        robots.on("/lists", feed(robots, "/good", "/closed/page"))
        robots.on("/closed/page", page("Story of the closed"))
        for site in (server, robots):
            site.on("/good", page("Story of the good"))
            # Where some of the answers lead, and where they began.
            site.on("/there", Response(302, headers={"Location": f"{site.url}/here"}))
            site.on("/here", Response(302, headers={"Location": f"{site.url}/there"}))
        urls = {f"s{self.number}-{role}": f"{server.url}/{role}" for role in (*self.roles, "lists")}
        return {**urls, f"s{self.number}-robots": f"{robots.url}/lists"}

    def _hostile(self, server: HttpServer, role: Role) -> "_Handler":
        return _Handler(self.answers, server, role)


@dataclass
class _Handler:
    answers: Answers
    server: HttpServer
    role: Role

    def __call__(self, _request: Request) -> Response:
        return self.answers(self.server.url, self.role)


@dataclass
class Siege:
    """Crawls the sites of all the answers."""

    store: Store
    resolver: GuardedResolver
    answers: Mapping[str, Answers]
    settings: dict[str, object] = field(default_factory=dict)
    besiegers: list[Besieger] = field(default_factory=list)

    async def run(self) -> dict[str, dict[Role, Outcome]]:
        """What became of each answer in each role."""
        async with AsyncExitStack() as stack:
            sources: dict[str, SourceConfig] = {}
            for number, (name, answers) in enumerate(self.answers.items(), 1):
                besieger = Besieger(name, answers, number)
                await stack.enter_async_context(besieger.server)
                await stack.enter_async_context(besieger.robots)
                for id_, url in besieger.build().items():
                    kind = id_.split("-")[1]
                    kind = kind if kind in DOCUMENTS else "feed"
                    sources[id_] = SourceConfig.model_validate({"url": url, "kind": kind})
                self.besiegers.append(besieger)
            await self._crawl(sources)
        return {besieger.name: self._outcomes(besieger) for besieger in self.besiegers}

    async def _crawl(self, sources: dict[str, SourceConfig]) -> None:
        config = CrawlerConfig.model_validate(
            {"delay": "0s", "allow_private": ["127.1.0.0/16"], **self.settings}
        )
        self.resolver.allow = config.allow_private
        writer = Writer(self.store)
        context = CrawlContext(
            store=self.store,
            writer=writer,
            pool=await shared_pool(),
            config=config,
            sources=sources,
            clock=lambda: NOON,
            chance=itertools.repeat(0.0).__next__,
            why_refused=self.resolver.why_refused,
        )
        crawls = Crawls(context)
        try:
            await asyncio.gather(*map(crawls.crawl, jobs_due(context, NOON)))
        finally:
            writer.close()

    def _outcomes(self, besieger: Besieger) -> dict[Role, Outcome]:
        with self.store.reading() as session:
            found: dict[Role, Outcome] = {}
            for role in (*besieger.roles, "robots"):
                id_ = f"s{besieger.number}-{role}"
                state = session.get_one(SourceState, id_)
                articles = session.exec(select(Article).where(Article.source_id == id_)).all()
                entries = session.exec(select(Entry).where(Entry.source_id == id_)).all()
                strayed = any(r.path == "/closed/page" for r in besieger.robots.requests)
                found[role] = Outcome(  # type: ignore[index]
                    state.last_error,
                    tuple(articles),
                    listed=tuple(entries),
                    strayed=strayed,
                )
            url = f"{besieger.server.url}/page"
            entry = session.exec(select(Entry).where(Entry.url == url)).one_or_none()
            assert entry is not None, f"{besieger.name}: its page was not listed"
            article = session.get(Article, entry.article_id) if entry.article_id else None
            found["page"] = Outcome(entry.last_error, (article,) if article else (), entry.outcome)
            return found
