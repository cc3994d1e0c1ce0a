"""What the look at the start finds is kept, sooner or later."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from service.soundness import looked_through
from store.articles import Story
from store.engine import Store
from store.installation import fact
from store.writer import Writer
from tests.support import stores
from tests.support.desk import until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Store]:
    """A database in which a page of stories is noise."""
    with stores.opened("sqlite", tmp_path) as store:
        with store.writing() as session:
            session.add_all(Story(created_at=NOON) for _ in range(5000))
        store.close()  # all is in the file then, and nothing of it in memory
        path = tmp_path / "wirewatch.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            query = "SELECT rootpage FROM sqlite_schema WHERE name = 'story'"
            [(root,)] = connection.execute(query)
            [(size,)] = connection.execute("PRAGMA page_size")
        with path.open("r+b") as file:
            file.seek((root - 1) * size)
            file.write(b"\xa5" * size)
        yield store


@contextlib.contextmanager
def unwritable_facts(store: Store) -> Iterator[None]:
    """The table of the installation is elsewhere."""
    path = store.path
    assert path is not None
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("ALTER TABLE installation RENAME TO elsewhere")
        yield
        other.execute("ALTER TABLE elsewhere RENAME TO installation")


def known(store: Store) -> str | None:
    with store.reading() as session:
        return fact(session, "damage")


@pytest.fixture
def writer(damaged: Store) -> Iterator[Writer]:
    with contextlib.closing(Writer(damaged)) as writer:
        yield writer


async def test_damage_that_cannot_be_written_down_at_once_is_written_down_later(
    damaged: Store, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.soundness.KEEP_AGAIN", 0.1)
    with structlog.testing.capture_logs() as told, contextlib.ExitStack() as stack:
        stack.enter_context(unwritable_facts(damaged))
        async with looked_through(damaged, writer):
            await until(lambda: "finding not kept" in {e["status"] for e in told}, 20)
            stack.close()
            await until(lambda: bool(known(damaged)), 20)
    assert told[0]["status"] == "damaged"


async def test_an_end_does_not_wait_for_what_cannot_be_written_down(
    damaged: Store, writer: Writer
) -> None:
    with structlog.testing.capture_logs() as told, unwritable_facts(damaged):
        async with looked_through(damaged, writer):
            await until(lambda: "finding not kept" in {e["status"] for e in told}, 20)
            ended = time.monotonic()
        assert time.monotonic() - ended < 10
