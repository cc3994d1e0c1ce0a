"""What one machine carries, from what each thing costs, and what a thousand times as much asks.

    python -m bench.capacity load [--sources 20000] [--watchlists 50000]
    python -m bench.capacity costs [--sources 20000]
    python -m bench.capacity model [--visit-ms N] [--article-ms N] [--filing-ms N] …

`load`: a configuration of that size: reading it, memory, matcher, articles matched a second, and
the reload of one changed watchlist. `costs`: reading a page, and what the shared database does:
filing articles and what they take on the disk, handing crawls over, taking them from queues of
several lengths, one and several workers at once, and how soon an announced row is heard of.
`model`: sources that a number of machines carry, by those costs; every figure is an argument, so
that it can be computed again with figures of another machine. What a visit and an article cost in
processor time is told by bench/many_sources.py and bench/workers.py.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import wait
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import text

from alerts.matcher import Matcher
from alerts.rules import Text
from crawler.answer import Answer
from crawler.config import CrawlerConfig, SourceConfig
from crawler.extraction import extract
from crawler.handing import Handed, due_jobs, enrol, hand_over
from crawler.items import ArticleItem, EntryItem, Hints, Page
from crawler.record import Listing, record_article, record_listing
from crawler.run import HostJob
from service import queue
from service.alerting import compile_rules
from service.announcements import Announcements
from service.config import load
from service.queue import MOST_WAITING, CrawlQueue
from store.engine import Store
from store.postgresql import MOST_CONNECTIONS
from store.writer import Writer
from tests.support import postgresql
from tests.support.prose import headline, paragraphs

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_MS = 86_400_000
RESERVED = 20
"""Connections for a scheduler, the server itself and whoever looks at it."""
SYLLABLES = ("ba", "den", "ko", "lar", "mi", "no", "per", "sul", "tan", "vor", "wes", "zin")


def name(chance: random.Random) -> str:
    """A made-up family name; there are some 20,000."""
    return "".join(chance.choices(SYLLABLES, k=4)).capitalize()


def memory() -> float:
    """MB of this process."""
    return float(psutil.Process().memory_info().rss / 2**20)


def timed(label: str, began: tuple[float, float]) -> None:
    """One line."""
    seconds, processor = (now - then for now, then in zip(clock(), began, strict=True))
    print(
        f"{label}: {seconds:.2f} s, {processor:.2f} s of processor time, {memory():.0f} MB",
        flush=True,
    )


def clock() -> tuple[float, float]:
    """Seconds that pass, and seconds of processor time of this process."""
    return time.monotonic(), time.process_time()


def measure_load(sources: int, watchlists: int, folder: Path) -> None:
    """Start-up, memory, matches, reload."""
    chance = random.Random(1)
    names = [f"{name(chance)} {name(chance)}" for _ in range(watchlists)]
    path = folder / "config.toml"
    tables = [
        f'[source.s{n}]\nurl = "https://s{n}.example.org/feed"\nkind = "feed"\n'
        for n in range(sources)
    ]
    (folder / "watchlists.toml").write_text(
        "".join(
            f"[watchlist.w{n}]\nany = ['\"{who}\"', '\"{who.split()[1]} group\"']\n"
            for n, who in enumerate(names)
        )
    )
    path.write_text(
        'include = ["watchlists.toml"]\n[channel.inbox]\nkind = "maildir"\npath = "inbox"\n'
        + "".join(tables)
    )
    print(f"{sources} sources, {watchlists} watchlists; {memory():.0f} MB before")
    began = clock()
    config = load(path, {})
    timed("configuration read", began)
    began = clock()
    rules = compile_rules(config)
    matcher = Matcher(rules)
    timed("matcher made", began)
    articles = [_article(chance, names) for _ in range(200)]
    began, hits = clock(), 0
    for article in articles:
        hits += len(matcher.match(article))
    seconds = time.process_time() - began[1]
    print(
        f"matched: {len(articles) / seconds:.0f} articles a second of processor time, "
        f"{hits} hits in {len(articles)}"
    )
    changed = (folder / "watchlists.toml").read_text().replace(names[0], "Quite Another", 1)
    (folder / "watchlists.toml").write_text(changed)
    began = clock()
    config = load(path, {})
    timed("one changed watchlist: read", began)
    began = clock()
    matcher.updated(compile_rules(config))
    timed("one changed watchlist: matcher", began)


def _article(chance: random.Random, names: list[str]) -> Text:
    body = paragraphs(chance, " and ".join(chance.choices(names, k=2)), count=8)
    return Text({"title": headline(chance), "body": "\n\n".join(body)}, "en", "s1")


async def measure_costs(sources: int) -> None:
    """What goes through the one database."""
    with postgresql.database() as url:
        store = Store(url)
        with store.writing() as session:
            queue.install(session)
        writer = Writer(store)
        try:
            await asyncio.to_thread(_pages)
            await asyncio.to_thread(_filing, store, writer)
            _handing(store, sources)
            await _taking(store)
            await _announcing(store)
        finally:
            writer.close()
            store.close()


def _pages(count: int = 60) -> None:
    """What becomes of a page before it is filed, in processor time of ours."""
    chance = random.Random(3)
    pages = [
        f"<html><head><title>{headline(chance)}</title></head><body><nav><a href=/>Home</a></nav>"
        f"<article><h1>{headline(chance)}</h1>"
        + "".join(f"<p>{each}</p>" for each in paragraphs(chance, count=8))
        + "</article><footer>All rights reserved</footer></body></html>"
        for _ in range(count)
    ]
    asked = [
        Page(f"https://news.example/{number}", page.encode(), None, NOON)
        for number, page in enumerate(pages)
    ]
    extract(asked[0], Hints())
    cpu = time.process_time()
    for each in asked:
        extract(each, Hints())
    print(f"a page read: {1000 * (time.process_time() - cpu) / count:.1f} ms", flush=True)


def _filing(store: Store, writer: Writer, count: int = 400) -> None:
    chance = random.Random(2)
    entries = tuple(
        EntryItem(f"https://news{n % 50}.example/{n}", title=headline(chance)) for n in range(count)
    )
    feed = Answer("https://news.example/feed", 200, etag='"1"')
    with store.writing() as session:
        kept = record_listing(
            session,
            Listing("news", feed.url, "feed", "main", feed, "", entries, NOON, False, count),
        )
    items = [
        ArticleItem(e.url, e.url, e.title or "", "", "\n\n".join(paragraphs(chance, count=6)))
        for e in kept
    ]
    began, cpu = time.monotonic(), time.process_time()
    before = _size(store)
    wait(
        [
            writer.submit(lambda s, e=entry.id or 0, i=item: record_article(s, e, i, "", NOON))  # type: ignore[misc]
            for entry, item in zip(kept, items, strict=True)
        ]
    )
    seconds = time.monotonic() - began
    print(
        f"filing: {count / seconds:.0f} articles/s one at a time, "
        f"{1000 * seconds / count:.1f} ms each, "
        f"{1000 * (time.process_time() - cpu) / count:.1f} ms of it processor time of ours, "
        f"{(_size(store) - before) / count / 1024:.1f} kB on the disk",
        flush=True,
    )


def _size(store: Store) -> int:
    with store.reading() as session:
        size = text("SELECT pg_database_size(current_database())")
        return int(session.connection().execute(size).scalar_one())


def _handing(store: Store, count: int) -> None:
    table = {"kind": "feed"}
    sources = {
        f"s{n}": SourceConfig.model_validate({"url": f"https://s{n}.example/feed", **table})
        for n in range(count)
    }
    began = clock()
    with store.writing() as session:
        enrol(session, sources, CrawlerConfig(), NOON)
    timed(f"{count} sources enrolled", began)
    began = clock()
    with store.writing() as session:
        jobs = due_jobs(session, sources, NOON, frozenset(), 500)
        CrawlQueue(store).put(session, hand_over(session, jobs, NOON))
    timed(f"{len(jobs)} of {count} due handed over", began)
    later = text("UPDATE source SET next_visit = :at")
    with store.writing() as session:
        session.connection().execute(later, {"at": NOON + timedelta(hours=1)})
    began = time.monotonic()
    with store.writing() as session:
        due_jobs(session, sources, NOON, frozenset(), 500)
    print(f"a look at {count} of which none is due: {1000 * (time.monotonic() - began):.1f} ms")


async def _taking(store: Store) -> None:
    for length in (100, 500, 2000):
        for takers in (1, 4):
            took = await _taken_by(store, length, takers)
            print(
                f"taking from {length} jobs, {takers} at once: {1000 * took:.1f} ms a job",
                flush=True,
            )


async def _taken_by(store: Store, length: int, takers: int, jobs: int = 40) -> float:
    """Seconds for each of some jobs that several workers take at once."""
    enlist = text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
    with store.writing() as session:
        session.connection().execute(text("DELETE FROM procrastinate_jobs"))
        CrawlQueue(store).put(
            session, [Handed(HostJob(f"h{n}.example"), NOON) for n in range(length)]
        )
        worker = int(session.connection().execute(enlist).scalar_one())

    async def take(crawls: CrawlQueue, number: int) -> None:
        for _ in range(number):
            assert await crawls.take(worker)

    async with AsyncExitStack() as stack:
        queues = [await stack.enter_async_context(CrawlQueue(store)) for _ in range(takers)]
        await asyncio.gather(*(take(crawls, 1) for crawls in queues))
        began = time.monotonic()
        await asyncio.gather(*(take(crawls, jobs // takers) for crawls in queues))
        return (time.monotonic() - began) / jobs


async def _announcing(store: Store) -> None:
    heard: asyncio.Queue[float] = asyncio.Queue()
    announcements = Announcements(store, lambda _: heard.put_nowait(time.monotonic()))
    await asyncio.sleep(0.5)
    delays = []
    for _ in range(100):
        with store.writing() as session:
            session.connection().execute(text("SELECT pg_notify('wirewatch', 'match')"))
        began = time.monotonic()
        delays.append(await heard.get() - began)
    announcements.end()
    delays.sort()
    print(
        f"announced: heard {1000 * median(delays):.1f} ms after the commit (median), "
        f"{1000 * delays[94]:.1f} ms (95 %)"
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Sources at which one thing gives way, by what it is."""

    machine: float
    """That one machine carries, busy as wished at the mean."""
    shared: Mapping[str, float]
    """At which something that all machines share is at its end in peak hours."""

    @property
    def first(self) -> tuple[str, float]:
        """What gives way first."""
        return min(self.shared.items(), key=lambda item: item[1])


def limits(figures: argparse.Namespace) -> Limits:
    """What carries how much, by the costs of single things."""
    per_source = figures.visits * figures.visit_ms + figures.articles * figures.article_ms
    machine = figures.cores * figures.busy * DAY_MS / per_source
    peak_visits = figures.visits * figures.peak / DAY_MS
    peak_articles = figures.articles * figures.peak / DAY_MS
    per_process = machine / figures.processes
    return Limits(
        machine,
        {
            "filing, one article at a time": 1 / (peak_articles * figures.filing_ms),
            "taking jobs from the queue": 1 / (peak_visits * figures.take_ms),
            "jobs handed over in a second": MOST_WAITING / (peak_visits * 1000),
            "connections": (figures.max_connections - RESERVED) / MOST_CONNECTIONS * per_process,
        },
    )


def model(figures: argparse.Namespace) -> Iterator[str]:
    """Sources by machines, and what gives way first."""
    found = limits(figures)
    yield (
        f"a source: {figures.visits:g} visits and {figures.articles:g} articles a day; a visit "
        f"costs {figures.visit_ms:g} ms of processor time, an article {figures.article_ms:g} ms"
    )
    yield (
        f"one machine of {figures.cores} cores with {figures.processes} processes, "
        f"{figures.busy:.0%} busy at the mean: {found.machine:,.0f} sources"
    )
    yield f"what all machines share, with peaks of {figures.peak:g} times the mean, is at its end:"
    for what, sources in sorted(found.shared.items(), key=lambda item: item[1]):
        yield f"- {what}: {sources:,.0f} sources"
    for sources in (20_000, 100_000, 1_000_000):
        articles = sources * figures.articles
        machines = sources / found.machine
        used = ", ".join(f"{what} {sources / most:.0%}" for what, most in found.shared.items())
        yield (
            f"{sources:,} sources: {machines:.1f} machines, "
            f"{sources * figures.visits / 86_400:,.0f} visits/s, "
            f"{articles / 86_400:,.1f} articles/s, "
            f"{MOST_CONNECTIONS * max(machines * figures.processes, 1):,.0f} connections at most, "
            f"{articles * figures.article_kb / 2**20:,.1f} GB a day; {used}"
        )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="what a machine carries")
    parser.add_argument("what", choices=("load", "costs", "model"))
    parser.add_argument("--sources", type=int, default=20_000)
    parser.add_argument("--watchlists", type=int, default=50_000)
    parser.add_argument("--visits", type=float, default=40.0, help="of a source a day")
    parser.add_argument("--articles", type=float, default=10.0, help="new ones of a source a day")
    parser.add_argument("--visit-ms", type=float, default=36.0)
    parser.add_argument("--article-ms", type=float, default=50.0)
    parser.add_argument("--filing-ms", type=float, default=15.0)
    parser.add_argument("--take-ms", type=float, default=4.6, help="of a job, several at once")
    parser.add_argument("--processes", type=int, default=2, help="of a machine")
    parser.add_argument("--max-connections", type=int, default=200, help="of PostgreSQL")
    parser.add_argument("--article-kb", type=float, default=10.0, help="on the database's disk")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--busy", type=float, default=0.5)
    parser.add_argument("--peak", type=float, default=4.0)
    figures = parser.parse_args()
    if figures.what == "load":
        with tempfile.TemporaryDirectory() as folder:
            measure_load(figures.sources, figures.watchlists, Path(folder))
        print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    elif figures.what == "costs":
        asyncio.run(measure_costs(figures.sources))
    else:
        print("\n".join(model(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
