"""A hundred thousand visits in one process: do memory and file descriptors stay flat?

    nice .venv/bin/python -m bench.endurance [--visits 100000] [--sources 40] [--curve FILE]

A site in another process has many feeds. All are visited in one crawl after the other, an hour
apart by the clock that the crawler is given; most answers are "not modified", every fiftieth visit
finds a new article, whose page is fetched, read, matched and told of in a file. Each line of the
curve tells visits, articles, memory (proportional, without the pages of files) and file descriptors
of the process and of all its children, threads and tasks. The memory is more than a service's: each
worker process imports this module. Exit status 1 when the last fifth takes 10 MB more than the
second, or more descriptors.
"""

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import mean, median_low

import structlog
from sqlmodel import func, select

from bench.hostile import pss_of, tree_of
from crawler.guard import GuardedResolver
from crawler.run import HostJob
from service.app import App, running
from service.config import load
from service.loop import run
from store.articles import Article
from tests.support.crawled import feed, page
from tests.support.http import HttpServer, Request, Response

HOST = "127.3.0.1"
WINDOW = 5
"""Articles that a feed shows."""
SELDOM = 50
"""Visits of a feed from one new article to the next."""
LINES = 100
"""Of the curve."""
MOST_GROWTH = 10 * 2**20


def serve(pipe: Connection) -> None:
    """The site; tells its port."""

    async def main() -> None:
        server = HttpServer(host=HOST)
        visits = itertools.count()

        def answer(request: Request) -> Response:
            server.requests.clear()
            if not request.path.startswith("/feed"):
                return Response(404) if request.path == "/robots.txt" else page(request.path)
            newest = WINDOW + next(visits) // SELDOM
            found = feed(server, *(f"/{n}/story" for n in range(newest, newest - WINDOW, -1)))
            tag = f'"{newest}"'
            if request.headers.get("if-none-match") == tag:
                return Response(304, headers={"ETag": tag})
            return Response(200, found.body, {**found.headers, "ETag": tag})

        server.on("*", answer)
        async with server:
            pipe.send(server.port)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(main())


@dataclass(frozen=True)
class Point:
    """One line of the curve."""

    visits: int
    articles: int
    pss: int
    descriptors: int
    threads: int
    tasks: int
    seconds: float

    def line(self) -> str:
        """For a person."""
        return (
            f"{self.visits:>8,} visits {self.articles:>6,} articles {self.pss / 2**20:6.1f} MB "
            f"{self.descriptors:4} descriptors {self.threads:3} threads {self.tasks:3} tasks "
            f"{self.seconds:6.0f} s"
        )


def taken(site: int) -> tuple[int, int]:
    """Bytes and descriptors of this process and its children, but for the site's."""
    mine, foreign = list(tree_of(os.getpid())), {process.pid for process in tree_of(site)}
    # Without libraries: how much of them counts as ours hangs on who else uses them at the moment.
    memory = sum(pss_of(os.getpid(), "Pss_Anon")) - sum(pss_of(site, "Pss_Anon"))
    return memory, sum(process.num_fds() for process in mine if process.pid not in foreign)


async def endure(
    app: App, clock: "Clock", site: int, options: argparse.Namespace
) -> Iterator[Point]:
    """Crawls, matches and delivers until all visits are made; the curve."""
    began, points = time.monotonic(), []
    job = HostJob(HOST, tuple(app.config.sources))
    every = max(1, options.visits // options.sources // LINES)
    for turn in range(1, options.visits // options.sources + 1):
        clock.now += timedelta(hours=1)
        await app.crawl(job)
        await app.match()
        await app.gather(flush=True)
        await app.deliver()
        if turn % every == 0:
            with app.store.reading() as session:
                articles = session.exec(select(func.count()).select_from(Article)).one()
            points.append(
                Point(
                    turn * options.sources, articles, *taken(site),
                    threading.active_count(), len(asyncio.all_tasks()), time.monotonic() - began,
                )
            )  # fmt: skip
            print(points[-1].line(), flush=True)
    return iter(points)


@dataclass
class Clock:
    """Time, as far as the service knows."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def configuration(port: int, sources: int) -> str:
    """Many feeds of one site, one watchlist, one folder of mail."""
    tables = (
        f'[source.s{n}]\nurl = "http://{HOST}:{port}/feed{n}"\nkind = "feed"\n'
        for n in range(sources)
    )
    return (
        '[web]\nlisten = ""\n[crawler]\ndelay = "0s"\n'
        f'allow_private = ["{HOST}/32"]\n[health]\nnotify = []\n'
        '[channel.inbox]\nkind = "maildir"\npath = "inbox"\n'
        '[watchlist.w]\nany = ["surveyors"]\nmax_per_day = 10\n'
    ) + "".join(tables)


async def visited(
    resolver: GuardedResolver, path: Path, site: int, options: argparse.Namespace
) -> list[Point]:
    """The curve of a service on that configuration."""
    clock = Clock(datetime(2026, 3, 1, tzinfo=UTC))
    chance = random.Random(1).random
    async with running(load(path, {}), resolver, clock=clock, chance=chance) as app:
        return list(await endure(app, clock, site, options))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="does anything grow?")
    parser.add_argument("--visits", type=int, default=100_000)
    parser.add_argument("--sources", type=int, default=40)
    parser.add_argument("--curve", type=Path, help="a file for the points, as CSV")
    options = parser.parse_args()
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    pipe, end = multiprocessing.get_context("spawn").Pipe()
    site = multiprocessing.get_context("spawn").Process(target=serve, args=(end,))
    site.start()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(configuration(pipe.recv(), options.sources), "utf-8")
        points = run(lambda resolver: visited(resolver, path, site.pid or 0, options))
    pipe.send("end")
    site.join()
    if options.curve:
        names = [field.name for field in fields(Point)]
        rows = [",".join(str(getattr(point, name)) for name in names) for point in points]
        options.curve.write_text("\n".join([",".join(names), *rows]) + "\n")
    fifth = max(1, len(points) // 5)
    early, late = points[fifth : 2 * fifth] or points, points[-fifth:]
    growth = mean(p.pss for p in late) - mean(p.pss for p in early)
    # While a worker process is replaced there are two more for a moment.
    more = median_low([p.descriptors for p in late]) - median_low([p.descriptors for p in early])
    print(f"from the second fifth to the last: {growth / 2**20:+.1f} MB, {more:+} descriptors")
    return int(growth > MOST_GROWTH or more > 0)


if __name__ == "__main__":
    sys.exit(main())
