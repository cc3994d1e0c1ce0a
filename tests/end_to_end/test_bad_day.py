"""What goes wrong on a bad day gets a clear message and loses nothing."""

import asyncio
import contextlib
import random
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from store.engine import Store
from tests.support import postgresql, stores
from tests.support.desk import Desk, until
from tests.support.http import HangUpError, Response
from tests.support.prose import headline, paragraphs
from tests.support.running import Finished, RunningService, run_command
from tests.support.site import Site
from tests.support.smtp import Fault, SmtpSink

BORDER = "Durand Line"
CHANCE = random.Random(8)


on_both = pytest.mark.parametrize("desk", stores.BACKENDS, indirect=True)
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
async def test_sigterm_lets_the_mail_in_hand_be_settled(desk: Desk) -> None:
    desk.sink.fail("DOT", "250 2.0.0 queued", accept=True)
    async with running(desk) as service:
        url = publish(desk)
        await desk.alerted(url)
        assert await service.stop(within=10) == 0
    async with running(desk):
        await desk.first_visit()
    assert desk.links() == [url]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_service_within_ten_seconds_whatever_hangs(
    desk: Desk, sign: signal.Signals
) -> None:
    async with running(desk) as service:
        desk.sink.fail("DATA", Fault.STALL)
        url = publish(desk)
        await until(lambda: "DATA" in desk.sink.commands, 20)
        desk.site.fail(Response(200, wait=60))
        await asyncio.sleep(1.5)
        assert await service.stop(within=10, sign=sign) == 0
        assert "Traceback" not in service.log
    desk.sink.recover()
    desk.site.recover()
    await desk.sink.hang_up()
    async with RunningService(desk.config):
        await desk.alerted(url, within=60)


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


@on_both
async def test_a_saved_configuration_takes_effect_without_a_restart(desk: Desk) -> None:
    async with running(desk) as service:
        desk.configure('[watchlist.rivers]\nany = ["Kunar"]\n')
        await until(lambda: "reload" in service.log, 20)
        await desk.first_visit()
        url = publish(desk, "Kunar")
        await desk.alerted(url)


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
        told = "another Wirewatch service works on" if "database" in desk.values else "another"
        assert_clear(second, told, *([] if "database" in desk.values else [str(service.pid)]))
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


@on_both
async def test_a_newer_database_is_left_alone(desk: Desk) -> None:
    async with running(desk) as service:
        assert await service.stop() == 0
    store = Store(desk.values.get("database", f"sqlite:///{desk.folder}/wirewatch.db"))
    try:
        with store.writing() as session:
            session.execute(text("UPDATE alembic_version SET version_num = 'f_of_a_later_day'"))
        before = stores.everything_in(store)
        for words in (["run"], ["run", "--once"], ["articles"], ["status"]):
            assert_clear(await run_command(desk.config, *words), "wirewatch", "newer")
        assert stores.everything_in(store) == before
    finally:
        store.close()


async def test_a_file_that_is_no_database_is_named(desk: Desk) -> None:
    (desk.folder / "wirewatch.db").write_text("these are my holiday notes\n" * 100)
    assert_clear(await run_command(desk.config, "run"), "wirewatch.db")


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
