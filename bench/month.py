"""A simulated month of synthetic news sites: is anything missed, and what do the visits cost?

    .venv/bin/python bench/month.py [--days 30] [--sites 60] [--every 180] [--seed 1]

Time is passed in, not slept. Everything between an answer and the store is the program's own:
the search for channels, parsing, entries, gaps, rhythm, schedule, articles, on a real database.
The seam is the downloader: answers come from the sites below instead of a socket, parsing runs in
this process, and an article's page is not fetched but filed with the title its site gave it.

The sites publish after habits of their own (hours, weekends, 0.75 to 60 articles a day) and differ
in how their older entries can be had: `?paged=2`, archive pages that the feed names, a sitemap.
Among them are sites with bursts of three times their feed's window, one that is redesigned (all
addresses change), one whose feed dies while another one appears, some whose validators lie, some
whose GUIDs change with every build and some that pin an old article. The service is down for two
days in the middle.

Beside it stands a visit every 15 minutes as most readers make it, without filling gaps, computed
from the same publications: once as if all validators were honest, once asking the sites whose
validators lie without them, since that is what seeing their articles at all takes. Bytes are those
of lists, not of pages, for all alike in three measures: the lists as they are read; what goes over
the wire, gzip and the heads of request and answer; and the same with a TLS handshake for each
visit, which no server keeps a connection for that long.
"""

import argparse
import asyncio
import heapq
import json
import random
import statistics
import tempfile
import time
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import structlog
from sqlalchemy import event
from sqlmodel import Session, select

from crawler.answer import Answer
from crawler.catching_up import take_answer
from crawler.config import CrawlerConfig, SourceConfig
from crawler.context import CrawlContext
from crawler.items import ArticleItem
from crawler.outages import record_pause
from crawler.record import record_article
from crawler.run import Crawls, HostJob
from store.articles import Article, Entry
from store.engine import Store
from store.schema import migrate
from store.sources import Gap, Outage, SourceState

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
DAY, HOUR, QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
HEADERS = 300
"""Bytes of an answer without its body."""
REQUEST = 350
"""Bytes of a request, as ours are."""
HANDSHAKE = 4500
"""Bytes of a TLS 1.3 handshake in full, with a usual chain of two certificates."""
PAUSE = 2
"""Days without service."""
ARCHIVES = ("paged", "named", "sitemap")


@dataclass(frozen=True)
class Story:
    """One article of a site."""

    number: int
    at: datetime
    title: str
    text: str


@dataclass
class Paper:
    """A news site: what it has published by a moment, and how it shows it."""

    name: str
    window: int
    archive: str
    lies: bool = False
    new_guids: bool = False
    pins: bool = False
    redesign: datetime | None = None
    feed_dies: datetime | None = None
    stories: list[Story] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    @property
    def root(self) -> str:
        return f"https://{self.name}"

    def published(self, now: datetime) -> list[Story]:
        return self.stories[: bisect_right(self.times, now)]

    def link(self, story: Story, now: datetime) -> str:
        form = "news" if self.redesign and now >= self.redesign else "story"
        return f"{self.root}/{form}/{story.number}-{story.title.lower().replace(' ', '-')}"

    def feed_path(self, now: datetime) -> str:
        return "/news/feed" if self.feed_dies and now >= self.feed_dies else "/feed"

    def answer(self, url: str, headers: dict[str, str], now: datetime) -> Answer:
        """What the site answers to a GET."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        shown = self.published(now)[::-1]
        kind = "application/rss+xml"
        if parts.path == "/":
            body, kind = self._front(shown, now), "text/html; charset=utf-8"
        elif parts.path == self.feed_path(now):
            page = int(query.get("paged", ["1"])[0]) if self.archive == "paged" else 1
            body = self._feed(shown, page, now)
        elif parts.path.startswith("/archive/") and self.archive == "named":
            body = self._feed(shown, int(parts.path.rsplit("/", 1)[1]), now)
        elif parts.path == "/sitemap.xml" and self.archive == "sitemap":
            body, kind = self._sitemap(shown, now), "application/xml"
        else:
            return Answer(url, 404, b"no such page", error="HTTP 404")
        etag = '"x"' if self.lies else f'"{sha256(body.encode()).hexdigest()[:16]}"'
        if headers.get("If-None-Match") == etag:
            return Answer(url, 304, etag=etag)
        return Answer(url, 200, body.encode(), kind, etag=etag)

    def _feed(self, shown: list[Story], page: int, now: datetime) -> str:
        part = shown[(page - 1) * self.window : page * self.window]
        if self.pins and page == 1 and self.stories:
            part = [self.stories[0], *part]
        items = "".join(
            f"<item><title>{story.title}</title><link>{self.link(story, now)}</link>"
            f"<guid isPermaLink='false'>{self._guid(story, now)}</guid>"
            f"<pubDate>{format_datetime(story.at)}</pubDate>"
            f"<description>{story.text}</description></item>"
            for story in part
        )
        older = ""
        if self.archive == "named" and len(shown) > page * self.window:
            older = f"<a:link rel='prev-archive' href='{self.root}/archive/{page + 1}'/>"
        return (
            "<?xml version='1.0'?><rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom'>"
            f"<channel><title>{self.name}</title>{older}{items}</channel></rss>"
        )

    def _guid(self, story: Story, now: datetime) -> str:
        build = f"{now:%Y%m%d%H}-" if self.new_guids else ""
        return f"{build}{self.name}-{story.number}"

    def _front(self, shown: list[Story], now: datetime) -> str:
        links = "".join(
            f"<h2><a href='{self.link(story, now)}'>{story.title}</a></h2>" for story in shown[:15]
        )
        return (
            f"<html><head><title>{self.name}</title><link rel='alternate' "
            f"type='application/rss+xml' href='{self.feed_path(now)}'></head>"
            f"<body><main>{links}</main></body></html>"
        )

    def _sitemap(self, shown: list[Story], now: datetime) -> str:
        urls = "".join(
            f"<url><loc>{self.link(story, now)}</loc>"
            f"<lastmod>{story.at.isoformat()}</lastmod></url>"
            for story in shown[:150]
        )
        schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
        return f"<?xml version='1.0'?><urlset xmlns='{schema}'>{urls}</urlset>"


WORDS = (
    *("border", "river", "council", "harvest", "market", "strike"),
    *("budget", "school", "bridge", "winter", "court", "storm"),
)

VOCABULARY = [
    f"{first}{middle}{last}"
    for first in ("br", "c", "gr", "m", "s", "st", "t", "w")
    for middle in ("ane", "edi", "ilo", "ou", "un", "ar")
    for last in ("", "ded", "ing", "ler", "ness", "rs", "t")
]
"""Text of it is packed to a third or so, as that of real feeds is."""


def make_papers(count: int, days: int, chance: random.Random) -> list[Paper]:
    """Sites with habits and faults, by turns."""
    papers = []
    for number in range(count):
        paper = Paper(
            name=f"paper{number}.example",
            window=chance.choice((10, 10, 15, 20, 30)),
            archive=ARCHIVES[number % 3],
            lies=number % 12 == 5,
            new_guids=number % 12 == 7,
            pins=number % 12 == 9,
            redesign=BEGIN + 0.7 * days * DAY if number == 3 else None,
            feed_dies=BEGIN + 0.3 * days * DAY if number == 4 else None,
        )
        a_day = 0.75 * 80 ** ((number * 7 % count + chance.random()) / count)
        _write(paper, a_day, days, chance, bursts=number % 6 == 0)
        papers.append(paper)
    return papers


def _write(paper: Paper, a_day: float, days: int, chance: random.Random, *, bursts: bool) -> None:
    """Publications by the site's own rhythm, and an archive from before our time."""
    morning, length = chance.uniform(3, 9), chance.uniform(9, 15)
    weekend = chance.uniform(0.1, 0.9)
    times = [BEGIN - chance.expovariate(a_day) * DAY * 2 for _ in range(2 * paper.window)]
    for day in range(days):
        busy = weekend if (BEGIN + day * DAY).weekday() >= 5 else 1.0
        for _ in range(_poisson(a_day * busy, chance)):
            asleep = chance.random() < 0.06
            hour = chance.uniform(0, 24) if asleep else morning + length * chance.betavariate(2, 2)
            times.append(BEGIN + day * DAY + hour * HOUR)
        if bursts and day % 5 == min(2, days - 1):
            start = BEGIN + day * DAY + chance.uniform(6, 20) * HOUR
            wave = range(3 * paper.window)
            times += [start + chance.uniform(0, 20) * timedelta(minutes=1) for _ in wave]
    end = BEGIN + days * DAY
    paper.times = sorted(at.replace(microsecond=0) for at in times if at < end)
    for number, at in enumerate(paper.times):
        words = " ".join(chance.sample(WORDS, 4))
        text = " ".join(chance.choices(VOCABULARY, k=100))
        paper.stories.append(Story(number, at, f"{words.capitalize()} no {number}", text))


def _poisson(mean: float, chance: random.Random) -> int:
    """How many events of that mean number happen."""
    left, count = chance.expovariate(1), 0
    while left < mean:
        left += chance.expovariate(1)
        count += 1
    return count


class DirectWriter:
    """The writer's interface, without a thread: one change, one commit."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, change: Callable[[Session], Any]) -> Any:
        with self._store.writing() as session:
            return change(session)


class DirectPool:
    """The pool's interface, in this process."""

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        return work(*args)


@dataclass
class Figures:
    """What a month came to."""

    published: int = 0
    missing: list[str] = field(default_factory=list)
    twice: int = 0
    visits: int = 0
    requests: int = 0
    bytes: int = 0
    wire: int = 0
    connections: int = 0
    delays: list[float] = field(default_factory=list)
    """Minutes."""
    gaps: Counter[str] = field(default_factory=Counter)
    late: int = 0
    seconds: float = 0.0

    def line(self) -> dict[str, Any]:
        """The figures that are compared."""
        return {
            "articles": self.published,
            "never stored": len(self.missing),
            "visits per article": round(self.requests / self.published, 2),
            "kB per article": round(self.bytes / self.published / 1000, 2),
            "kB on the wire": round(self.wire / self.published / 1000, 2),
            "with handshakes": round(
                (self.wire + HANDSHAKE * self.connections) / self.published / 1000, 2
            ),
            "median delay, min": round(statistics.median(self.delays), 1),
            "9 in 10 within, min": round(statistics.quantiles(self.delays, n=10)[8], 1),
        }


def packed_size(body: bytes) -> int:
    """Bytes of a body as it goes over the wire."""
    return len(zlib.compress(body)) if body else 0


class Month:
    """The program's crawl path over the sites, visit after visit in the order of their times."""

    def __init__(
        self, papers: list[Paper], store: Store, every: timedelta, days: int, chance: random.Random
    ) -> None:
        self.papers = {paper.name: paper for paper in papers}
        self.store = store
        self.writer = DirectWriter(store)
        self.now = BEGIN
        self.days = days
        self.figures = Figures()
        config = CrawlerConfig(every=every)
        sources = {p.name: SourceConfig(url=f"{p.root}/", kind="auto") for p in papers}
        self.context = CrawlContext(
            store=store,
            writer=cast("Any", self.writer),
            pool=cast("Any", DirectPool()),
            config=config,
            sources=sources,
            clock=lambda: self.now,
            chance=chance.random,
            why_refused=lambda _: None,
        )
        self.crawls = Crawls(self.context)

    async def run(self) -> None:
        """From the first visit to the end of the month and as long as nothing may be put off."""
        due = [(BEGIN + n * timedelta(seconds=5), name) for n, name in enumerate(self.papers)]
        heapq.heapify(due)
        end = BEGIN + self.days * DAY
        down = BEGIN + self.days * DAY / 2
        up = down + PAUSE * DAY if self.days > 2 * PAUSE else down + 8 * HOUR
        while due:
            at, name = heapq.heappop(due)
            if at > end + self.context.config.every:
                break
            if down <= at < up:
                self.now = up
                heapq.heappush(due, (up, name))
                if down < up and not self._has_paused:
                    await self.writer.write(lambda session: record_pause(session, up))
                continue
            self.now = at
            await self._visit(name)
            heapq.heappush(due, (self._planned(name), name))

    @property
    def _has_paused(self) -> bool:
        with self.store.reading() as session:
            return session.exec(select(Outage)).first() is not None

    def _planned(self, name: str) -> datetime:
        with self.store.reading() as session:
            planned = session.get_one(SourceState, name).next_visit
        assert planned is not None
        return planned

    async def _visit(self, name: str) -> None:
        """What the spider does with a source, without the network."""
        paper, job = self.papers[name], HostJob(name, (name,))
        [visit] = await self.writer.write(lambda session: self.crawls.visits_of(session, job))
        wanted, found = list(visit.begin()), []
        self.figures.visits += 1
        self.figures.connections += 1
        sitemaps = (f"{paper.root}/sitemap.xml",) if paper.archive == "sitemap" else ()
        while wanted:
            document = wanted.pop(0)
            answer = paper.answer(document.url, dict(document.headers), self.now)
            self.figures.requests += 1
            self.figures.bytes += HEADERS + len(answer.body)
            self.figures.wire += REQUEST + HEADERS + packed_size(answer.body)
            following = await take_answer(visit, document, answer, sitemaps, self.context)
            visit.outstanding += len(following.documents) - 1
            wanted += following.documents
            found += following.entries
        await self.writer.write(self.crawls.recording(visit, self.now))
        if found:
            await self.writer.write(lambda session: self._file(session, found))

    def _file(self, session: Session, found: list[Entry]) -> None:
        for entry in found:
            kept = session.get_one(Entry, entry.id)
            if kept.outcome is not None:
                continue
            title = kept.title or kept.url.rsplit("-", 5)[-1]
            number = int(kept.url.rsplit("/", 1)[1].split("-")[0])
            paper = self.papers[kept.host]
            title = paper.stories[number].title
            text = f"{title} at {paper.name}. " * 12
            item = ArticleItem(kept.url, kept.url, title, "", text)
            record_article(session, entry.id or 0, item, "", self.now)

    def count(self) -> Figures:
        """Compares what is stored with what was published."""
        stored: dict[tuple[str, str], list[Article]] = {}
        with self.store.reading() as session:
            for article in session.exec(select(Article)):
                stored.setdefault((article.source_id, article.title), []).append(article)
            self.figures.gaps.update(gap.state for gap in session.exec(select(Gap)))
        for paper in self.papers.values():
            for story in paper.stories[bisect_left(paper.times, BEGIN) :]:
                self.figures.published += 1
                known = stored.get((paper.name, story.title), [])
                if not known:
                    self.figures.missing.append(f"{paper.name} {story.at} {story.title}")
                    continue
                self.figures.twice += len(known) > 1
                first = min(known, key=lambda article: article.first_seen or BEGIN)
                assert first.first_seen is not None
                self.figures.late += first.late is not None
                self.figures.delays.append((first.first_seen - story.at) / timedelta(minutes=1))
        return self.figures


def fixed(
    papers: list[Paper], days: int, every: timedelta = QUARTER, *, honest: bool = True
) -> Figures:
    """The same month with a visit every quarter of an hour, and nothing beside the feed.

    `honest`: as if all validators were; else sites whose validators lie are asked without.
    """
    figures = Figures()
    down = BEGIN + days * DAY / 2
    up = down + PAUSE * DAY if days > 2 * PAUSE else down + 8 * HOUR
    for number, paper in enumerate(papers):
        body = paper.answer(f"{paper.root}/feed", {}, BEGIN).body
        packed = packed_size(body)
        at, seen = BEGIN + every * (number / len(papers)), 0
        while at <= BEGIN + days * DAY + HOUR:
            if down <= at < up:
                at = up
            published = bisect_right(paper.times, at)
            figures.visits += 1
            whole = published > seen or (paper.lies and not honest)
            figures.requests += 1
            figures.connections += 1
            figures.bytes += HEADERS + len(body) * whole
            figures.wire += REQUEST + HEADERS + packed * whole
            for index in range(seen, published):
                _tell(figures, paper, index, at, index < published - paper.window)
            seen, at = published, at + every
    return figures


def _tell(figures: Figures, paper: Paper, index: int, at: datetime, rolled_out: bool) -> None:
    story = paper.stories[index]
    if story.at < BEGIN:
        return
    figures.published += 1
    if rolled_out:
        figures.missing.append(f"{paper.name} {story.at}")
    else:
        figures.delays.append((at - story.at) / timedelta(minutes=1))


def _without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def simulate(
    days: int, sites: int, every: timedelta, seed: int
) -> tuple[Figures, Figures, Figures]:
    """Ours and the fixed interval in both ways, on the same publications."""
    chance = random.Random(seed)
    papers = make_papers(sites, days, chance)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'month.db'}")
        migrate(store)
        event.listen(store.write_engine, "connect", _without_waiting_for_the_disk)
        month = Month(papers, store, every, days, chance)
        asyncio.run(month.run())
        figures = month.count()
        store.close()
    figures.seconds = time.process_time() - began
    return figures, fixed(papers, days), fixed(papers, days, honest=False)


def main() -> None:
    """Runs the month and prints both."""
    parser = argparse.ArgumentParser(description="A simulated month.")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--every", type=int, default=180, help="minutes, our longest wait")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    ours, quarter, whole = simulate(args.days, args.sites, timedelta(minutes=args.every), args.seed)
    print("ours        ", json.dumps(ours.line()))
    print("every 15 min", json.dumps(quarter.line()))
    print("and liars   ", json.dumps(whole.line()))
    print(f"visits {ours.visits}, gaps {dict(ours.gaps)}, late {ours.late}, twice {ours.twice}")
    print(f"cost {ours.requests / quarter.requests:.2f} of the visits, CPU {ours.seconds:.0f} s")
    for line in ours.missing[:20]:
        print("never stored:", line)


if __name__ == "__main__":
    main()
