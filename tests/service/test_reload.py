"""A saved configuration is taken as a whole or not at all, whatever goes wrong with it."""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import structlog

from crawler.guard import GuardedResolver
from service.app import App, running
from service.config import load
from service.serve import reloading
from tests.service.configs import write
from tests.support.desk import until

INBOX = """
    [watchlist.w]
    any = ["Kunar"]
    [channel.inbox]
    kind = "maildir"
    path = "{}"
"""


@contextlib.asynccontextmanager
async def reloaded(folder: Path) -> AsyncIterator[App]:
    """A service that looks at its configuration and does nothing else."""
    resolver = GuardedResolver(SimpleNamespace(nameResolver=None))
    config = load(folder / "config.toml", {})
    async with running(config, resolver) as app, reloading(app, {}):
        await asyncio.sleep(0.5)  # by then the folder is watched
        yield app


def save(folder: Path, text: str) -> None:
    """Saves the configuration as editors do: nobody reads half a file."""
    write(folder, text, "config.new").replace(folder / "config.toml")


@contextlib.contextmanager
def unwritable_channels(folder: Path) -> Iterator[None]:
    """A database in which no channel can be resumed."""
    path = folder / "wirewatch.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("ALTER TABLE channel RENAME TO elsewhere")
        yield
        store.execute("ALTER TABLE elsewhere RENAME TO channel")


async def test_a_configuration_that_cannot_be_put_in_force_is_refused_and_the_next_one_taken(
    tmp_path: Path,
) -> None:
    write(tmp_path, INBOX.format("one"))
    with structlog.testing.capture_logs() as told:
        async with reloaded(tmp_path) as app:
            before = app.config
            with unwritable_channels(tmp_path):
                save(tmp_path, INBOX.format("two") + "[crawler]\nconcurrency = 3\n")
                await until(lambda: any(event.get("status") == "refused" for event in told), 20)
                assert app.config is before
            save(tmp_path, INBOX.format("three") + "[crawler]\nconcurrency = 4\n")
            await until(lambda: app.config.crawler.concurrency == 4, 20)
    [refused] = [event for event in told if event.get("status") == "refused"]
    assert refused["kept"] == "the one loaded before"
    assert "channel" in refused["why"]


async def test_a_folder_that_was_empty_or_not_there_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path, 'include = ["empty/*.toml", "none/in/*/*.toml"]')
    async with reloaded(tmp_path) as app:
        write(tmp_path, "[crawler]\nconcurrency = 4\n", "empty/a.toml")
        await until(lambda: app.config.crawler.concurrency == 4, 20)
        (tmp_path / "none" / "in").mkdir(parents=True)
        (tmp_path / "none" / "in" / "it").mkdir()
        write(tmp_path, '[watchlist.w]\nany = ["Kunar"]\n', "none/in/it/b.toml")
        # Nobody sees into folders that a pattern may mean; saving anything else does.
        await asyncio.sleep(0.5)
        write(tmp_path, "[crawler]\nconcurrency = 5\n", "empty/a.toml")
        await until(lambda: "w" in app.config.watchlists, 20)


async def test_a_folder_that_is_replaced_is_watched_again(tmp_path: Path) -> None:
    write(tmp_path, "[crawler]\nconcurrency = 3\n", "more/a.toml")
    write(tmp_path, 'include = ["more/*.toml"]')
    async with reloaded(tmp_path) as app:
        shutil.rmtree(tmp_path / "more")
        await until(lambda: app.config.crawler.concurrency != 3, 20)
        for number in (5, 6):
            write(tmp_path, f"[crawler]\nconcurrency = {number}\n", "new/a.toml")
            if (tmp_path / "more").exists():
                (tmp_path / "more").rename(tmp_path / "old")
            (tmp_path / "new").rename(tmp_path / "more")
            await until(lambda wanted=number: app.config.crawler.concurrency == wanted, 20)  # type: ignore[misc]
            await asyncio.sleep(0.5)
