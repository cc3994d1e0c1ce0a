"""A sitemap of 50,000 addresses: memory to read and to keep it, and how long others wait to write.

    .venv/bin/python bench/sitemap.py [--addresses N] [--whole]

The sitemaps are made here: addresses of 80 characters with lastmod, two pictures and two addresses
of other languages each. Visits run as in a crawl, from the answer to the rows in a SQLite database,
with the worker process and the writer thread: the first visit, one that finds all known, one with a
hundred new addresses. Memory is the peak of what is resident, of the process that crawls and of
the one that reads, above what either holds before (here the body is among that) when it has done a
small sitemap; Linux tells it. A transaction is what holds
the writer, its commit included; on a busy machine its processor time tells what it would be on a
quiet one.

`--whole` keeps the entries in one transaction, for comparison.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import structlog

from crawler import visit as visits
from crawler.answer import Answer
from crawler.catching_up import take_answer
from crawler.config import CrawlerConfig, SourceConfig
from crawler.context import CrawlContext
from crawler.keeping import Kept
from crawler.pool import ProcessorPool
from crawler.record import Listing, record_listing
from crawler.run import Crawls, HostJob
from store.engine import Store
from store.schema import migrate
from store.writer import Writer

URL = "https://www.news.example/sitemap.xml"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def sitemap(addresses: int, first: int = 0) -> bytes:
    """The document."""
    rows = "".join(
        f"<url><loc>https://www.news.example/2026/03/01/a-story-of-some-length-{n:07}</loc>"
        f"<lastmod>2026-03-01T{n % 24:02}:00:00Z</lastmod>"
        "<image:image><image:loc>https://cdn.news.example/a.jpg</image:loc></image:image>"
        "<image:image><image:loc>https://cdn.news.example/b.jpg</image:loc></image:image>"
        '<xhtml:link rel="alternate" hreflang="ur" href="https://www.news.example/ur/a"/>'
        '<xhtml:link rel="alternate" hreflang="fa" href="https://www.news.example/fa/a"/></url>'
        for n in range(first, first + addresses)
    )
    return (
        '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" '
        f'xmlns:xhtml="http://www.w3.org/1999/xhtml">{rows}</urlset>'
    ).encode()


def resident() -> float:
    """MB resident now."""
    return _told("VmRSS")


def forget_peak() -> None:
    """From now on the peak is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """MB of the peak since it was forgotten."""
    return _told("VmHWM")


def _told(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


class TimedWriter(Writer):
    """Knows how long its longest transaction took."""

    longest = 0.0
    longest_work = 0.0

    def _commit(self, batch: Any) -> None:
        started, worked = time.perf_counter(), time.thread_time()
        super()._commit(batch)
        self.longest = max(self.longest, time.perf_counter() - started)
        self.longest_work = max(self.longest_work, time.thread_time() - worked)


async def keep_whole(context: CrawlContext, listing: Listing) -> Kept:
    """As `crawler.keeping.keep_listing`, in one transaction."""
    change = partial(record_listing, listing=listing)
    return Kept(listing).with_more(await context.writer.write(change))


async def visited(context: CrawlContext, crawls: Crawls, body: bytes) -> None:
    """One visit that is answered so."""
    job = HostJob("www.news.example", tuple(context.sources))
    [visit] = await context.writer.write(lambda session: crawls.visits_of(session, job))
    [wanted] = visit.begin()
    await take_answer(visit, wanted, Answer(wanted.url, 200, body, "application/xml"), (), context)
    assert not visit.errors, visit.errors
    await context.writer.write(crawls.recording(visit, context.clock()))


async def measure(folder: str, bodies: list[Path]) -> None:
    """Prints what each of the visits took; the first is to warm up."""
    store = Store(f"sqlite:///{Path(folder, 'bench.db')}")
    migrate(store)
    now = [BEGIN]
    async with ProcessorPool(1) as pool:
        for name in bodies:
            body = name.read_bytes()
            writer = TimedWriter(store)
            context = CrawlContext(
                store=store,
                writer=writer,
                pool=pool,
                config=CrawlerConfig(),
                sources={
                    "small" if name.stem == "small" else "news": SourceConfig(
                        url=URL, kind="sitemap"
                    )
                },
                clock=lambda: now[0],
                chance=lambda: 0.0,
                why_refused=lambda _: None,
            )
            forget_peak()
            await pool.run(forget_peak)
            before, before_worker = resident(), await pool.run(resident)
            started = time.perf_counter()
            await visited(context, Crawls(context), body)
            figures = {
                "document_mb": round(len(body) / 2**20, 1),
                "seconds": round(time.perf_counter() - started, 2),
                "longest_transaction": round(writer.longest, 3),
                "of_it_processor": round(writer.longest_work, 3),
                "crawler_mb": round(peak() - before, 1),
                "worker_mb": round(await pool.run(peak) - before_worker, 1),
            }
            print(f"{name.stem:14}", json.dumps(figures))
            writer.close()
            now[0] += timedelta(hours=1)
    store.close()


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="a large sitemap")
    parser.add_argument("--addresses", type=int, default=50_000)
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if args.whole:
        visits.keep_listing = keep_whole
    with tempfile.TemporaryDirectory() as folder:
        many = args.addresses
        # Made by another process, so that this one never held more than it is given.
        made = [("small", 10, -100), ("first", many, 0), ("known", many, 0), ("new", many, 100)]
        files = []
        for name, addresses, first in made:
            path = Path(folder, f"{name}.xml")
            text = sitemap(addresses, max(first, 0))
            path.write_bytes(text if name != "known" else text + b"\n")
            files.append(path)
        del text
        asyncio.run(measure(folder, files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
