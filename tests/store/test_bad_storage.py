"""A database that others hold, of an older version or half upgraded: told, or mended."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, func, select

from store import schema
from store.articles import Story
from store.engine import Store
from store.errors import StoreBusyError, StoreError
from store.integrity import check_database
from store.revision import REVISIONS, require_current
from store.writer import Writer
from tests.support import stores

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.opened("sqlite", tmp_path) as store:
        yield store


def file_of(store: Store) -> Path:
    assert store.path is not None
    return store.path


def add_story(session: Session) -> None:
    session.add(Story(created_at=NOON))


def stories(store: Store) -> int:
    with store.reading() as session:
        return session.exec(select(func.count()).select_from(Story)).one()


@contextmanager
def held_for(path: Path, seconds: float) -> Iterator[None]:
    """Another program's long write transaction."""
    begun = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            begun.set()
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(5)
    yield
    thread.join()


async def test_a_write_waits_for_another_programs_transaction(store: Store) -> None:
    writer = Writer(store)
    begun = time.monotonic()
    with held_for(file_of(store), 0.4):
        await writer.write(add_story)
        assert time.monotonic() - begun > 0.3
    writer.close()
    assert stories(store) == 1


async def test_who_waits_for_too_long_is_told_and_the_next_write_is_kept(store: Store) -> None:
    with store.write_engine.connect() as connection:
        # The pool hands the same connection to the writer, which then waits less long.
        connection.execute(text("PRAGMA busy_timeout=100"))
        connection.rollback()
    writer = Writer(store)
    with held_for(file_of(store), 0.5):
        with pytest.raises(StoreBusyError, match="another process has held the database"):
            await writer.write(add_story)
        assert stories(store) == 0  # reading goes on meanwhile
    await writer.write(add_story)
    writer.close()
    assert stories(store) == 1


STEP = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "{number}", "{before}", None, None


def upgrade() -> None:
    op.execute("ALTER TABLE story ADD COLUMN weight INTEGER NOT NULL DEFAULT 7")
    op.execute("UPDATE story SET weight = id")
    op.execute("CREATE TABLE {made} (id INTEGER)")
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The number of a step that a later version of the program would bring."""
    folder = tmp_path / "later"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    number = f"{int(REVISIONS[-1]) + 1:04}"
    step = STEP.format(number=number, before=REVISIONS[-1], made="of_tomorrow")
    (folder / "versions" / f"{number}_of_tomorrow.py").write_text(step)
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    return number


def ask(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(question))


def test_an_older_database_is_upgraded_and_keeps_its_rows(store: Store, next_version: str) -> None:
    with store.writing() as session:
        session.add_all(Story(created_at=NOON) for _ in range(3))
    schema.migrate(store)
    path = file_of(store)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(next_version,)]
    assert ask(path, "SELECT weight FROM story") == [(1,), (2,), (3,)]
    assert stories(store) == 3


def test_commands_that_read_refuse_an_older_database_in_words(store: Store) -> None:
    with closing(sqlite3.connect(file_of(store))) as connection, connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(StoreError, match="older than this program; `wirewatch run` upgrades"):
        require_current(store)


def test_a_step_that_fails_half_way_is_undone_and_the_next_start_goes_on(
    store: Store, next_version: str
) -> None:
    path = file_of(store)
    with store.writing() as session:
        add_story(session)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE of_tomorrow (in_the_way INTEGER)")
    before = ask(path, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with pytest.raises(StoreError, match="of_tomorrow already exists"):
        schema.migrate(store)
    assert ask(path, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
    assert ask(path, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE of_tomorrow")
    schema.migrate(store)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(next_version,)]
    assert ask(path, "SELECT weight FROM story") == [(1,)]


KILLED = """
import os, signal, sys
from sqlalchemy import event
from store.engine import Store
from store.schema import migrate

def migrate_until(path, last):
    store, done = Store(f"sqlite:///{path}"), 0

    @event.listens_for(store.write_engine, "after_cursor_execute")
    def count(*_):
        nonlocal done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    migrate(store)

for word in sys.argv[1:]:
    path, last = word.split("=")
    child = os.fork()
    if child == 0:
        migrate_until(path, int(last))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Migrates each file in a process that is killed after so many statements."""


def test_a_migration_that_is_killed_leaves_a_database_that_the_next_start_mends(
    tmp_path: Path,
) -> None:
    files = {tmp_path / f"{last}.db": last for last in (1, 5, 30, 60)}
    words = [f"{path}={last}" for path, last in files.items()]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *words], capture_output=True, text=True, check=True
    )
    assert killed.stdout.split() == [str(-signal.SIGKILL)] * len(files)
    for path in files:
        store = Store(f"sqlite:///{path}")
        schema.migrate(store)
        assert check_database(store) == []
        store.close()
