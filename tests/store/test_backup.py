"""A copy of the database is one state of it, whole, however much is written meanwhile."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlmodel import func, select

from store.articles import Story
from store.backup import copy_database
from store.engine import Store
from store.errors import StoreError
from tests.support import stores

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.opened("sqlite", tmp_path) as store:
        add_stories(store, 20_000)
        yield store


def add_stories(store: Store, number: int) -> None:
    with store.writing() as session:
        session.execute(insert(Story), [{"created_at": NOON}] * number)


def stories(store: Store) -> int:
    with store.reading() as session:
        return session.exec(select(func.count()).select_from(Story)).one()


def nobody(done: int, total: int) -> None:
    """Nobody watches."""


def test_a_copy_made_while_the_service_writes_is_one_whole_state(
    store: Store, tmp_path: Path
) -> None:
    target, before = tmp_path / "copy.db", stories(store)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            add_stories(store, 10)

    writing = threading.Thread(target=write)
    seen: list[tuple[int, int]] = []
    writing.start()
    try:
        size = copy_database(store, target, lambda done, total: seen.append((done, total)))
    finally:
        ended.set()
        writing.join()
    assert seen[-1][0] == seen[-1][1] > 0
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]
    assert target.stat().st_size == size
    assert target.stat().st_mode & 0o077 == 0
    copy = Store(f"sqlite:///{target}")
    assert before <= stories(copy) <= stories(store)
    assert stories(copy) % 10 == 0
    copy.close()


def test_nothing_is_overwritten(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        copy_database(store, target, nobody)
    assert target.read_text() == "mine"


def test_where_there_is_nothing_and_where_nothing_can_be_written(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="nothing is stored yet"):
        copy_database(Store(f"sqlite:///{tmp_path}/none.db"), tmp_path / "copy.db", nobody)
    with pytest.raises(StoreError, match="No such file or directory"):
        copy_database(store, tmp_path / "no" / "copy.db", nobody)
    with pytest.raises(StoreError, match="pg_dump"):
        copy_database(Store("postgresql+psycopg://u@localhost/x"), tmp_path / "c.db", nobody)


def test_a_damaged_database_gives_no_copy(store: Store, tmp_path: Path) -> None:
    store.close()
    assert store.path
    whole = bytearray(store.path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 4096] = b"\x55" * 4096
    store.path.write_bytes(whole)
    with pytest.raises(StoreError, match=r"not whole|malformed"):
        copy_database(store, tmp_path / "copy.db", nobody)
    assert not (tmp_path / "copy.db").exists()
