"""A saved configuration is taken as a whole or not at all, whatever goes wrong with it."""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
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


async def test_a_folder_that_is_gone_for_a_while_is_watched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.serve.WATCH_AGAIN", 0.2)
    write(tmp_path, "", "more/a.toml")
    write(tmp_path, 'include = ["more/*.toml"]')
    resolver = GuardedResolver(SimpleNamespace(nameResolver=None))
    config = load(tmp_path / "config.toml", {})
    shutil.rmtree(tmp_path / "more")
    with structlog.testing.capture_logs() as told:
        async with running(config, resolver) as app, reloading(app, {}):
            await until(lambda: any(event.get("status") == "not watched" for event in told), 20)
            write(tmp_path, "[crawler]\nconcurrency = 4\n", "more/a.toml")
            await until(lambda: app.config.crawler.concurrency == 4, 20)
