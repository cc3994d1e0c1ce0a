"""What goes wrong on a bad day gets a clear message and loses nothing."""

import asyncio
import contextlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from store.engine import Store
from store.http_client import guarded_client
from store.schema import migrate
from store.sources import SourceState
from tests.support import postgresql
from tests.support.desk import Desk, until
from tests.support.http import HangUpError, HttpServer, Response
from tests.support.prose import headline, paragraphs
from tests.support.running import Finished, RunningService, run_command
from tests.support.site import Site
from tests.support.smtp import Fault, SmtpSink

BORDER = "Durand Line"
CHAT = """
[channel.chat]
kind = "apprise"
url = "json://127.0.0.1:{port}/"
group_wait = "0s"
allow_private = ["127.0.0.0/8"]
"""
CHANCE = random.Random(8)


on_both = pytest.mark.parametrize(
    "desk", ["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)], indirect=True
)
"""What has to do with the store and not with files is tried on PostgreSQL as well."""


@pytest.fixture
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Site() as site, SmtpSink() as sink:
        desk = Desk(tmp_path, site, sink)
        publish(desk, "")
        with contextlib.ExitStack() as stack:
            if getattr(request, "param", "sqlite") == "postgresql":
                desk.configure(database=stack.enter_context(postgresql.empty_database()))
            else:
                desk.configure()
            yield desk


def publish(desk: Desk, names: str = BORDER) -> str:
    return desk.site.publish(headline(CHANCE), paragraphs(CHANCE, names))


def assert_clear(finished: Finished, *words: str, status: int = 1) -> None:
    """One message for a person, no traceback."""
    assert finished.status == status, finished.errors
    assert "Traceback" not in finished.errors
    for word in words:
        assert word in finished.errors


@contextlib.asynccontextmanager
async def running(desk: Desk, before: tuple[str, ...] = ()) -> AsyncIterator[RunningService]:
    """The service, its first visit done."""
    async with RunningService(desk.config, before) as service:
        await desk.first_visit()
        yield service


@on_both
async def test_sigterm_lets_the_mail_in_hand_be_settled_and_systemd_is_told(desk: Desk) -> None:
    desk.sink.fail("DOT", "250 2.0.0 queued", accept=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(str(desk.folder / "notify"))
        env = {"NOTIFY_SOCKET": str(desk.folder / "notify"), "WATCHDOG_USEC": "2000000"}
        async with RunningService(desk.config, env=env) as service:
            await desk.first_visit()
            url = publish(desk)
            await desk.alerted(url)
            told = [systemd.recv(99) for _ in range(3)]
            assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            assert await service.stop(within=10) == 0
        with contextlib.suppress(BlockingIOError):
            while said := systemd.recv(99):
                told.append(said)
        assert told[-1] == b"STOPPING=1"
    async with running(desk):
        await desk.first_visit()
    assert desk.links() == [url]


@pytest.mark.parametrize(
    "sign", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.campaign)]
)
async def test_a_signal_ends_the_service_within_ten_seconds_whatever_hangs(
    desk: Desk, sign: signal.Signals
) -> None:
    async with HttpServer() as chat:
        desk.configure(CHAT.format(port=chat.port))
        chat.on("*", Response(200, wait=60))
        url = await ended_while_everything_hangs(desk, chat, sign)
        chat.on("*", Response(200))
        desk.sink.recover()
        desk.site.recover()
        await desk.sink.hang_up()
        async with RunningService(desk.config):
            await desk.alerted(url, within=60)


async def ended_while_everything_hangs(desk: Desk, chat: HttpServer, sign: signal.Signals) -> str:
    """The address of the article whose alert was in hand."""
    async with running(desk) as service:
        desk.sink.fail("DATA", Fault.STALL)
        url = publish(desk)
        await until(lambda: "DATA" in desk.sink.commands and len(chat.requests) > 0, 20)
        desk.site.fail(Response(200, wait=60))
        await asyncio.sleep(1.5)
        assert await service.stop(within=10, sign=sign) == 0
        assert "Traceback" not in service.log
    return url


SLOW_PAGE = Response(
    200,
    b"<title>A slow page</title><article>" + b"<font>x<p>" * 450_000,
    {"Content-Type": "text/html"},
)
"""It takes a parser more than the ten seconds that a page is given."""


@pytest.mark.campaign
@pytest.mark.timeout(240)
async def test_sigterm_ends_it_in_ten_seconds_though_parsers_and_many_hosts_are_busy(
    desk: Desk,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(Site(host=f"127.0.2.{n}")) for n in range(1, 7)]
        more = ""
        for number, site in enumerate(sites):
            for _ in range(3):
                slow = site.publish(headline(CHANCE), paragraphs(CHANCE, ""))
                # Half of the hosts answer slowly instead.
                answer = SLOW_PAGE if number % 2 else Response(200, wait=60)
                site.fail(answer, path=slow.removeprefix(site.url))
            more += f'[source.slow{number}]\nurl = "{site.feed_url}"\nkind = "feed"\n'
        desk.configure(more)
        service = await stack.enter_async_context(RunningService(desk.config))
        # A feed, a robots.txt and a page.
        await until(lambda: all(len(site.requests) > 2 for site in sites), 110)
        await asyncio.sleep(2)  # The pages have come, and are being read for ten seconds.
        # By itself: one that has to be cut off, half a second before, has another exit status.
        assert await service.stop(within=10) == 0
        assert "Traceback" not in service.log


@on_both
async def test_a_second_sigterm_ends_the_service_at_once_and_no_process_shows_a_secret(
    desk: Desk,
) -> None:
    secret = "only-the-server-may-know"
    desk.sink.login = ("desk", secret)
    desk.configure(login=f"desk:{secret}@")
    async with running(desk) as service:
        desk.sink.fail("DATA", Fault.STALL)
        publish(desk)
        await until(lambda: "DATA" in desk.sink.commands, 20)
        itself = psutil.Process(service.pid)
        family = [itself, *itself.children(recursive=True)]
        assert len(family) > 1, "pages are read in processes of their own"
        assert secret not in " ".join(word for each in family for word in each.cmdline())
        itself.send_signal(signal.SIGTERM)
        await until(lambda: "stopping" in service.log, 5)
        # Waiting for the mail in hand would take longer.
        assert await service.stop(within=5) == 1
        assert secret not in service.log
        _, left = await asyncio.to_thread(psutil.wait_procs, family[1:], 5)
        assert left == [], "no process of it goes on"


@on_both
async def test_a_site_that_fails_for_a_while_loses_no_article(desk: Desk) -> None:
    async with running(desk):
        desk.site.fail(Response(500), path="/feed.xml", times=2)
        first = publish(desk)
        await desk.alerted(first, within=60)
        second_path = "/unsteady/page"
        desk.site.fail(HangUpError, path=second_path, times=1)
        second = desk.site.publish(headline(CHANCE), paragraphs(CHANCE, BORDER), path=second_path)
        await desk.alerted(second, within=60)
    assert desk.links() == [first, second]


@pytest.mark.campaign
@on_both
async def test_a_saved_configuration_takes_effect_without_a_restart(desk: Desk) -> None:
    async with running(desk) as service:
        desk.configure('[watchlist.rivers]\nany = ["Kunar"]\n')
        await until(lambda: "reload" in service.log, 20)
        await desk.first_visit()
        url = publish(desk, "Kunar")
        await desk.alerted(url)


@pytest.mark.campaign
async def test_a_broken_configuration_is_refused_and_the_old_one_stays(desk: Desk) -> None:
    async with running(desk) as service:
        desk.configure('[watchlist.rivers]\nanny = ["Kunar"]\n')
        await until(lambda: "anny" in service.log, 20)
        url = publish(desk)
        await desk.alerted(url)
        assert service.is_running
        assert "Traceback" not in service.log


@on_both
async def test_a_second_service_on_the_same_database_refuses_to_start(desk: Desk) -> None:
    async with running(desk) as service:
        second = await run_command(desk.config, "run")
        assert_clear(second, "another", str(service.pid))
        url = publish(desk)
        await desk.alerted(url)


@on_both
async def test_a_wrong_smtp_password_is_named_kept_secret_and_loses_nothing(desk: Desk) -> None:
    desk.sink.login = ("desk", "right-secret")
    desk.configure(login="desk:wrong-secret@")
    async with running(desk) as service:
        url = publish(desk)
        await until(lambda: any(line.startswith("AUTH") for line in desk.sink.commands), 20)
        await asyncio.sleep(1)
        shown = await run_command(desk.config, "deliveries", "--json")
        assert shown.status == 0, shown.errors
        assert "535" in shown.output
        assert "wrong-secret" not in shown.output + shown.errors + service.log
        desk.configure(login="desk:right-secret@")
        await desk.alerted(url)
        assert "Traceback" not in service.log


async def test_a_port_in_use_is_named(desk: Desk) -> None:
    address = f"127.0.0.1:{desk.sink.port}"
    desk.configure(listen=address)
    assert_clear(await run_command(desk.config, "run"), address)


def rows_of(store: Store) -> dict[str, list[Any]]:
    with store.reading() as session:
        connection = session.connection()
        return {
            name: list(connection.execute(table.select()))
            for name, table in SQLModel.metadata.tables.items()
        }


@on_both
async def test_a_newer_database_is_left_alone(desk: Desk) -> None:
    store = Store(desk.values.get("database", f"sqlite:///{desk.folder}/wirewatch.db"))
    migrate(store)
    try:
        with store.writing() as session:
            session.add(SourceState(id="dawn", url="https://dawn.example/", host="", kind="feed"))
            session.execute(text("UPDATE alembic_version SET version_num = 'f_of_a_later_day'"))
        before = rows_of(store)
        for words in (["run"], ["run", "--once"], ["status"]):
            assert_clear(await run_command(desk.config, *words), "wirewatch", "newer")
        assert rows_of(store) == before
    finally:
        store.close()


async def test_a_file_that_is_no_database_is_named(desk: Desk) -> None:
    (desk.folder / "wirewatch.db").write_text("these are my holiday notes\n" * 100)
    assert_clear(await run_command(desk.config, "run"), "wirewatch.db")


def damage_a_page_of_stories(database: Path) -> None:
    """64 bytes of a page that nothing reads day by day, where its rows' places are listed."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        with connection:
            row = "INSERT INTO story (created_at) VALUES ('2026-03-01 12:00:00.000000')"
            for _ in range(3000):
                connection.execute(row)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'story'")
        root, size = found.fetchone()[0], 4096
    pages = bytearray(database.read_bytes())
    begin = (root - 1) * size
    assert pages[begin] == 5, "it has pages below it"
    child = int.from_bytes(pages[begin + 8 : begin + 12], "big")
    leaf = int.from_bytes(pages[begin + 12 : begin + 14], "big")
    leaf = int.from_bytes(pages[begin + leaf : begin + leaf + 4], "big")
    assert child != leaf
    place = (leaf - 1) * size
    assert pages[place] == 13, "it is a leaf"
    pages[place + 8 : place + 72] = b"\xff" * 64
    database.write_bytes(pages)


@pytest.mark.timeout(240)
@pytest.mark.campaign
async def test_a_damaged_database_is_told_at_the_start_and_work_goes_on(desk: Desk) -> None:
    async with running(desk) as service:
        assert await service.stop(within=60) == 0
        assert "status=damaged" not in service.log
    damage_a_page_of_stories(desk.folder / "wirewatch.db")
    desk.configure(listen="127.0.0.1:0")
    async with running(desk) as service:
        await until(lambda: "status=damaged" in service.log, 20)
        page = re.findall(r"url=(http://[\d.:]+)", service.log)[-1]
        async with guarded_client([ip_network("127.0.0.1/32")], timeout=5) as client:
            assert (await client.get(f"{page}/health")).status_code == 503
        url = publish(desk)
        await desk.alerted(url)
        assert await service.stop(within=60) == 0
    shown = await run_command(desk.config, "status")
    assert "database    damaged: " in shown.output
    assert "health      not good" in shown.output


@pytest.mark.campaign
async def test_a_missing_configuration_is_named(desk: Desk) -> None:
    missing = desk.folder / "nowhere.toml"
    assert_clear(await run_command(missing, "run"), str(missing), status=2)
    desk.config.unlink()
    desk.config.mkdir()
    assert_clear(await run_command(desk.config, "run"), str(desk.config), status=2)


def can_mount() -> bool:
    """Whether this system lets a process without rights mount file systems of its own."""
    if not shutil.which("unshare"):
        return False
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
    return subprocess.run(mount, capture_output=True).returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="needs user namespaces")


def mounted(place: Path, options: str, then: str = ":") -> tuple[str, ...]:
    """A command that runs what follows with a file system of its own at `place`."""
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && {then} && exec "$@"'
    return ("unshare", "-rm", "sh", "-c", script, str(place))


def fill_up(file: Path) -> None:
    """Writes until the file system has no room."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as output:
        while output.write(b"x" * 512):
            pass


@needs_mounts
@pytest.mark.campaign
async def test_a_read_only_database_is_named(desk: Desk) -> None:
    async with running(desk) as service:
        assert await service.stop() == 0
    store = desk.folder / "store"
    store.mkdir()
    desk.configure(database="sqlite:///store/wirewatch.db")
    copy = f"cp {desk.folder}/wirewatch.* {store}/ && mount -o remount,ro {store}"
    async with RunningService(desk.config, mounted(store, "size=8m", copy)) as service:
        assert await service.ended() == 1
        assert "wirewatch" in service.log
        assert "Traceback" not in service.log
        assert "written to" in service.log


@needs_mounts
async def test_a_full_disk_loses_nothing_and_repeats_nothing(desk: Desk) -> None:
    store = desk.folder / "store"
    store.mkdir()
    desk.configure(database="sqlite:///store/wirewatch.db")
    async with running(desk, mounted(store, "size=3m")) as service:
        first = publish(desk)
        await desk.alerted(first)
        filler = Path(f"/proc/{service.pid}/root{store}/filler")
        fill_up(filler)
        urls = [publish(desk) for _ in range(12)]
        await asyncio.sleep(6)
        assert service.is_running
        await asyncio.to_thread(filler.unlink)
        await desk.alerted(*urls, within=90)
        assert await service.stop() == 0
        assert "Traceback" not in service.log
    assert sorted(desk.links()) == sorted([first, *urls])
