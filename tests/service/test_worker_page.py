"""What a worker tells of itself: whether it lives, and what it has done."""

import os
import re
import signal
import socket
from ipaddress import ip_network
from pathlib import Path

import psycopg
import pytest

from service.metrics import Metrics
from service.serving import listening
from service.worker_page import worker_app
from store.http_client import guarded_client, httpx
from store.postgresql import MOST_CONNECTIONS
from tests.support import postgresql
from tests.support.desk import until
from tests.support.running import run_command
from tests.support.together import Sites, crew

LOOPBACK = [ip_network("127.0.0.0/8")]
CONNECTED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def connections(database: str) -> int:
    with psycopg.connect(database.replace("+psycopg", "")) as looking:
        row = looking.execute(CONNECTED).fetchone()
    assert row is not None
    return int(row[0])


async def counted(client: httpx.AsyncClient, url: str) -> dict[str, float]:
    """How often each event happened in the worker."""
    text = (await client.get(f"{url}/metrics")).text
    found: dict[str, float] = {}
    for event, number in re.findall(r'^wirewatch_events_total\{event="(\w+)".* (\S+)$', text, re.M):
        found[event] = found.get(event, 0) + float(number)
    return found


@pytest.mark.parametrize(("lost", "status"), [(False, 200), (True, 503)])
async def test_one_that_others_may_take_for_dead_says_so(lost: bool, status: int) -> None:
    async with (
        listening(worker_app(lambda: lost, Metrics()), "127.0.0.1") as url,
        guarded_client(LOOPBACK, timeout=5) as client,
    ):
        answer = await client.get(f"{url}/health")
    assert (answer.status_code, answer.json()) == (status, {"healthy": not lost})


@pytest.mark.campaign
async def test_a_worker_tells_what_it_has_done_and_nothing_when_it_hangs(tmp_path: Path) -> None:
    """It and a scheduler have no more connections than are counted with."""
    sites, port = Sites(2, first="127.9.4.1"), free_port()
    url = f"http://127.0.0.1:{port}"
    for host in sites.hosts:
        sites.publish(host, wanted=False)
    with postgresql.database(tcp=True) as database:
        async with (
            crew(tmp_path, sites, database) as one,
            guarded_client(LOOPBACK, timeout=20) as client,
        ):
            worker = await one.start("worker", "--listen", f"127.0.0.1:{port}", name="worker")
            await one.start("run", "--roles", "schedule", name="scheduler")
            await until(lambda: all(sites.paths[host, "/feed"] for host in sites.hosts), 60)
            assert (await client.get(f"{url}/health")).json() == {"healthy": True}
            await one.receiver.until([sites.publish(host) for host in sites.hosts], 60)
            assert {"visit", "page", "match", "alert"} <= (await counted(client, url)).keys()
            assert 2 < connections(database) <= 2 * MOST_CONNECTIONS
            os.kill(worker.pid, signal.SIGSTOP)
            with pytest.raises(httpx.TimeoutException):
                await client.get(f"{url}/health", timeout=1)
            os.kill(worker.pid, signal.SIGCONT)


async def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    done = await run_command(config, "worker", "--listen", "0.0.0.0:8781")
    assert done.status == 2
    assert "on this machine only" in done.errors
