"""Workers on one PostgreSQL: what is lost when things break, and what more of them bring.

    python -m bench.workers ordeal [--sources 300] [--delay 0.5] [--rate 10] [--patience 300]
    python -m bench.workers speed [--sources 100] [--articles 6]

`ordeal`: a scheduler and three workers read so many sites, each a host of its own, that publish all
the time. One worker is killed (SIGKILL), one is cut off from the database for a while (its
connections break), another for longer than it takes to be taken for dead (a dead network: nothing
breaks, nothing arrives), and the database is restarted. Told are articles and alerts lost, alerts
doubled, overlapping requests to one host, and the two requests to one host that came closest to
each other. Exit status 1 unless nothing was lost, doubled or overlapped and that pair kept the
delay, as nearly as the sites could tell: they measure how late they noticed things at worst.

`speed`: every site publishes at once; articles a second from then until the last alert has arrived,
with one process on SQLite, then a scheduler with 1, 2 and 3 workers on PostgreSQL; and the
processor time of our processes for each article, from its list to its alert. Sites, receiver and
database share the machine with the workers.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg

from tests.support import postgresql
from tests.support.together import Crew, Sites, Wire, crew

DUE = "UPDATE source SET next_visit = NULL"
FROZEN = 24.0
"""Seconds; a silent worker's crawls are given to others after 15 (`[crawler] timeout` is 1 s)."""
PATIENT = "30s"
"""Sites share the processors with those who ask them: a shorter timeout would be a failed visit."""
STOPS = 60.0
"""Seconds in which a process must have ended: ten on a machine that is not shared."""
COUNT = "SELECT count(*) FROM article"


async def ordeal(sources: int, folder: Path, patience: float, delay: float, rate: float) -> bool:
    """The proof; whether it holds. `delay`: seconds between two requests to one host; `rate`:
    articles a second."""
    sites, server = Sites(sources, first="127.3.0.1"), postgresql.server()
    hosts = sites.hosts
    for host in hosts:
        sites.publish(host, wanted=False)
    with postgresql.database(tcp=True) as url:
        async with (
            crew(
                folder, sites, url, every="15s", delay=f"{delay * 1000:.0f}ms", answer_within="5s"
            ) as one,
            Wire(server.port) as frozen,
            Wire(server.port) as wire,
        ):
            by_frozen, by_wire = (
                url.replace(f":{server.port}/", f":{each.port}/") for each in (frozen, wire)
            )
            await one.start("run", "--roles", "schedule", name="scheduler")
            for name, database in (("first", url), ("second", by_frozen), ("third", by_wire)):
                await one.start("worker", "--concurrency", "8", name=name, database=database)
            await until(lambda: all(sites.paths[host, "/feed"] for host in hosts), patience)
            print("all sites visited", flush=True)
            wanted: list[str] = []
            publishing = asyncio.create_task(publish(sites, hosts, wanted, rate))
            await asyncio.sleep(8)
            await one.running[1].kill()
            print("first worker killed", flush=True)
            await asyncio.sleep(4)
            wire.cut()
            print("third worker cut off", flush=True)
            await asyncio.sleep(12)
            wire.mend()
            await asyncio.sleep(4)
            frozen.freeze()
            print("second worker's network dead", flush=True)
            await asyncio.sleep(FROZEN)
            frozen.mend()
            await asyncio.sleep(3)
            server.restart()
            print("database restarted", flush=True)
            await asyncio.sleep(5)
            publishing.cancel()
            began = time.monotonic()
            try:
                await one.receiver.until(wanted, patience)
            except TimeoutError as error:
                print(error)
            print(f"last alert {time.monotonic() - began:.0f} s after the last article")
            stops = [await one.running[number].stop(within=STOPS) for number in (0, 2, 3)]
            stored = await asyncio.to_thread(count, url)
    lost, doubled = one.receiver.missing(wanted), one.receiver.doubled()
    missing = len(sites.pages) - stored
    overlaps = sum(sites.overlaps.values())
    requests = sum(map(len, sites.asked.values()))
    print(
        f"{sources} sources, {requests} requests, {len(sites.pages)} articles, "
        f"{len(wanted)} alerts\n"
        f"articles lost {missing}, alerts lost {len(lost)}, alerts doubled {len(doubled)}, "
        f"repeats under the same id {one.receiver.repeats()}, "
        f"overlapping requests to one host {overlaps}, exit statuses {stops}"
    )
    apart = keeps_delay(sites, delay)
    return apart and not (missing or lost or doubled or overlaps or any(stops))


def keeps_delay(sites: Sites, delay: float) -> bool:
    """Whether no two requests to a host were closer than that; tells how close they came."""
    nearest = min(sites.hosts, key=sites.closest)
    closest, late = sites.closest(nearest), sites.late
    print(
        f"closest requests to one host {closest:.3f} s apart ({nearest}), delay {delay:.3f} s, "
        f"noticed up to {late:.3f} s late"
    )
    if late > delay / 2 > 0:
        print("the machine was too busy to tell whether the delay was kept")
        return False
    return closest >= delay - late


async def publish(sites: Sites, hosts: list[str], wanted: list[str], rate: float) -> None:
    """So many articles a second, anywhere."""
    chance = random.Random(7)
    while True:
        wanted.append(sites.publish(chance.choice(hosts)))
        await asyncio.sleep(1 / rate)


async def until(holds: object, within: float) -> None:
    """Waits for it. Raises TimeoutError."""
    assert callable(holds)
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.1)


def count(url: str) -> int:
    """Articles in a PostgreSQL store."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(COUNT).fetchone()
    assert row is not None
    return int(row[0])


def make_due(url: str) -> None:
    """As if the time of every source had come."""
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30) as connection:
            connection.execute(DUE)
        return
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(DUE)


def processor(one: Crew) -> float:
    """Seconds of processor time that all of the processes have used."""
    times = [psutil.Process(each.pid).cpu_times() for each in one.running]
    return sum(each.user + each.system for each in times)


async def run(
    one: Crew, workers: int, articles: int, url: str, patience: float
) -> tuple[float, float]:
    """Articles a second, and processor time of ours for each, in milliseconds."""
    hosts = one.sites.hosts
    for host in hosts:
        one.sites.publish(host, wanted=False)
    if workers:
        await one.start("run", "--roles", "schedule", name="scheduler")
    for number in range(workers):
        await one.start("worker", name=f"worker{number}")
    if not workers:
        await one.start("run", name="alone")
    first = {(host, "/a/" + str(number)) for number, host in enumerate(hosts)}
    await until(lambda: all(one.sites.paths[page] for page in first), patience)
    await asyncio.sleep(5)
    wanted = [one.sites.publish(host) for host in hosts for _ in range(articles)]
    began, used = time.monotonic(), processor(one)
    make_due(url)
    await one.receiver.until(wanted, patience)
    seconds, used = one.receiver.last - began, processor(one) - used
    for each in one.running:
        await each.stop(within=STOPS)
    return len(wanted) / seconds, 1000 * used / len(wanted)


async def speed(sources: int, articles: int, parent: Path, patience: float) -> None:
    """One process on SQLite, then 1, 2 and 3 workers."""
    rates: list[tuple[float, float]] = []
    for workers in range(4):
        folder = parent / str(workers)
        folder.mkdir()
        sites = Sites(sources, first=f"127.{4 + workers}.0.1")
        if workers:
            with postgresql.database(tcp=True) as url:
                async with crew(folder, sites, url, every="1h", answer_within=PATIENT) as one:
                    rates.append(await run(one, workers, articles, url, patience))
        else:
            url = f"sqlite:///{folder / 'wirewatch.db'}"
            async with crew(folder, sites, url, every="1h", answer_within=PATIENT) as one:
                rates.append(await run(one, workers, articles, url, patience))
        name = f"{workers} workers on PostgreSQL" if workers else "one process on SQLite"
        print(
            f"{name}: {rates[-1][0]:.1f} articles/s, "
            f"{rates[-1][0] / rates[0][0]:.2f}; {rates[-1][1]:.0f} ms of processor time an article",
            flush=True,
        )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="workers on one PostgreSQL")
    parser.add_argument("what", choices=("ordeal", "speed"))
    parser.add_argument("--sources", type=int)
    parser.add_argument("--articles", type=int, default=6)
    parser.add_argument(
        "--delay", type=float, default=0.5, help="seconds between two requests to one host (ordeal)"
    )
    parser.add_argument(
        "--rate", type=float, default=10.0, help="articles a second that are published (ordeal)"
    )
    parser.add_argument(
        "--patience", type=float, default=300.0, help="seconds for first visits and last alerts"
    )
    parser.add_argument("--keep", type=Path, help="an empty folder for the logs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        if options.what == "ordeal":
            sources, patience = options.sources or 300, options.patience
            proof = ordeal(sources, folder, patience, options.delay, options.rate)
            return 0 if asyncio.run(proof) else 1
        asyncio.run(speed(options.sources or 100, options.articles, folder, options.patience))
    return 0


if __name__ == "__main__":
    sys.exit(main())
