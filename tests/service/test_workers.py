"""Processes that share the work: nothing lost, nothing told twice, no host asked by two at once."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.service.commands import Run
from tests.service.configs import write
from tests.support import postgresql
from tests.support.prose import paragraphs
from tests.support.together import TOPIC, Sites, Wire, crew

PATIENCE = 180
"""Seconds for what takes a few on a machine with nothing else to do."""


DELAY = 0.3
"""Seconds between two requests to one host."""


@pytest.mark.timeout(900)
@pytest.mark.long
@pytest.mark.campaign
async def test_workers_lose_nothing_when_one_is_cut_off_and_one_is_killed(tmp_path: Path) -> None:
    sites = Sites(5, first="127.2.1.1")
    hosts = sites.hosts
    server = postgresql.server()
    for host in hosts:
        sites.publish(host, wanted=False)
    with postgresql.database(tcp=True) as url:
        async with (
            crew(
                tmp_path, sites, url, every="3s", delay=f"{DELAY * 1000:.0f}ms", hosts=hosts[:4]
            ) as one,
            Wire(server.port) as wire,
        ):
            by_wire = url.replace(f":{server.port}/", f":{wire.port}/")
            roles = "schedule,match,deliver"
            steady = await one.start("run", "--roles", roles, name="steady")
            few = ("worker", "--concurrency", "2")
            await one.start(*few, name="unlucky", database=by_wire)
            doomed = await one.start(*few, name="doomed")
            await _visited(sites, hosts[:4])

            # An aggregator: what it lists elsewhere is fetched there, by whoever is free.
            wanted = [sites.publish(hosts[4], listed_by=hosts[number]) for number in range(3)]
            wanted += [sites.publish(host) for host in hosts[:4]]
            # One report on many sites at the same moment is one story.
            report = paragraphs(sites.chance, TOPIC)
            copies = [sites.publish(host, text=report) for host in hosts[:4]]
            await one.receiver.until(wanted, PATIENCE)

            wanted += [sites.publish(host) for host in hosts[:4] for _ in range(8)]
            victims = await _both_crawl(url)
            wire.freeze()
            await doomed.kill()
            await one.start("worker", name="heir")
            await one.receiver.until(wanted, PATIENCE)
            assert not victims & _workers(url, "SELECT id FROM procrastinate_workers")
            assert steady.log.count("worker status=died") >= 1

            wire.mend()
            held = hosts[3]
            sites.busy_until[held] = time.monotonic() + 3
            wanted += [sites.publish(host) for host in hosts[:4]]
            await one.receiver.until(wanted, PATIENCE)
            server.restart()
            wanted += [sites.publish(host) for host in hosts[:4]]
            await one.receiver.until(wanted, PATIENCE)

            assert await steady.stop(within=10) == 0, one.logs()
            assert len(set(copies) & one.receiver.told.keys()) == 1
            assert one.receiver.doubled() == {}
    # Retry-After said three seconds, to whichever process asked.
    assert max(b - a for a, b in pairwise(sites.asked[held])) > 2.9
    assert sum(sites.overlaps.values()) == 0
    assert min(map(sites.closest, hosts)) > DELAY - 0.02 - sites.late
    assert "Traceback" not in one.logs()


async def _both_crawl(url: str) -> set[int]:
    """The numbers of the two workers, once each of them has a crawl in hand."""
    async with asyncio.timeout(PATIENCE):
        while len(found := _workers(url, _CRAWLING)) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


_CRAWLING = "SELECT DISTINCT worker_id FROM procrastinate_jobs WHERE status = 'doing'"


def _workers(url: str, query: LiteralString) -> set[int]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return {number for (number,) in connection.execute(query)}


async def _visited(sites: Sites, hosts: list[str]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all(sites.paths[host, "/feed"] > 1 for host in hosts):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_workers_on_sqlite_are_refused_in_words(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "")
    for command in (("worker",), ("run", "--roles", "schedule")):
        done = run(*command)
        assert done.status == 1
        assert "PostgreSQL database only" in done.err


def test_an_unknown_role_is_named(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "")
    done = run("worker", "--roles", "crawl,cook")
    assert done.status == 2
    assert "cook is no role; there are schedule, web, crawl, match, deliver" in done.err
