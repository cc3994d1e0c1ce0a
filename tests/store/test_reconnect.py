"""PostgreSQL goes away while it is written to: every change is kept once, or its caller hears."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from store.articles import Story
from store.engine import Store
from store.errors import StoreBusyError, StoreError, StoreFullError
from store.sources import CrawlRun
from store.writer import Writer
from tests.support import postgresql
from tests.support.wire import Wire

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(postgresql.server().port) as wire:
        yield wire


@pytest.fixture
def store(wire: Wire) -> Iterator[Store]:
    """A store behind the wire."""
    with postgresql.database(tcp=True) as url:
        port = str(postgresql.server().port)
        store = Store(url.replace(port, str(wire.port)))
        yield store
        store.close()


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    writer = Writer(store)
    yield writer
    writer.close()


def add(writer: Writer, name: str) -> Future[None]:
    """A change that is no longer the same when it is done twice."""
    return writer.submit(lambda session: session.add(CrawlRun(host=name, started_at=NOON)))


def kept(store: Store) -> list[str]:
    with store.reading() as session:
        return list(session.exec(select(CrawlRun.host).order_by(col(CrawlRun.id))))


@pytest.mark.parametrize("crash", [False, True])
def test_a_restart_between_two_writes_is_not_noticed(
    store: Store, writer: Writer, crash: bool
) -> None:
    add(writer, "before").result(5)
    assert kept(store) == ["before"]
    postgresql.server().restart(crash=crash)
    assert kept(store) == ["before"]
    add(writer, "after").result(5)
    assert kept(store) == ["before", "after"]


@pytest.mark.parametrize("passes", [True, False])
def test_a_commit_that_nobody_answers_is_kept_once(
    store: Store, writer: Writer, wire: Wire, passes: bool
) -> None:
    wire.cut_at(b"COMMIT", passes=passes)
    add(writer, "a").result(10)
    assert kept(store) == ["a"]


def test_a_cut_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    store: Store, writer: Writer, wire: Wire
) -> None:
    wire.cut_at(b"the third", passes=True)
    changes = [add(writer, name) for name in ("the first", "the second", "the third")]
    for change in changes:
        change.result(10)
    assert kept(store) == ["the first", "the second", "the third"]


def test_what_is_written_while_the_server_restarts_twice_is_all_there_once(
    store: Store, writer: Writer
) -> None:
    ended = threading.Event()
    futures: list[Future[None]] = []

    def write() -> None:
        while not ended.wait(0.005):
            futures.append(add(writer, f"{len(futures):05}"))

    writing = threading.Thread(target=write)
    writing.start()
    for crash in (False, True):
        time.sleep(0.2)
        postgresql.server().restart(crash=crash)
    ended.set()
    writing.join()
    for future in futures:
        future.result(30)
    assert kept(store) == [f"{number:05}" for number in range(len(futures))]


def test_when_patience_is_over_callers_hear_and_later_writes_are_kept(store: Store) -> None:
    writer = Writer(store, patience=0.3)
    postgresql.server().stop()
    try:
        with pytest.raises(StoreBusyError, match=r"cannot be reached|connection"):
            add(writer, "lost").result(10)
        with pytest.raises(StoreBusyError):
            kept(store)
    finally:
        postgresql.server().start()
    add(writer, "later").result(10)
    writer.close()
    assert kept(store) == ["later"]


def test_a_change_that_fails_by_itself_is_not_run_again(store: Store, writer: Writer) -> None:
    runs = []

    def fail(session: Session) -> None:
        runs.append(1)
        session.execute(text("SELECT 1 / 0"))

    with pytest.raises(StoreError, match="division by zero"):
        writer.submit(fail).result(5)
    assert runs == [1]


def test_a_full_disk_of_the_server_is_said_in_words(store: Store, writer: Writer) -> None:
    raising = "DO $$ BEGIN RAISE EXCEPTION 'No space left' USING ERRCODE = '53100'; END $$"
    with pytest.raises(StoreFullError, match="no room to write"):
        writer.submit(lambda session: session.execute(text(raising))).result(5)
    add(writer, "afterwards").result(5)
    assert kept(store) == ["afterwards"]


def test_two_writers_that_lock_each_other_out_both_succeed(store: Store) -> None:
    with store.writing() as session:
        session.add_all([Story(id=number, created_at=NOON) for number in (1, 2)])
    met = threading.Barrier(2)
    first_time = {1: True, 2: True}

    def touch(one: int, other: int) -> None:
        def change(session: Session) -> None:
            for number in (one, other):
                session.execute(text(f"UPDATE story SET created_at = now() WHERE id = {number}"))
                if number == one and first_time[one]:
                    first_time[one] = False
                    met.wait(5)

        writer = Writer(store)
        try:
            writer.submit(change).result(20)
        finally:
            writer.close()

    failures: list[BaseException] = []

    def run(one: int, other: int) -> None:
        try:
            touch(one, other)
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_commits_survive_a_power_cut_whatever_the_database_is_set_to(tmp_path: Path) -> None:
    with postgresql.empty_database() as url:
        name = url.partition("?")[0].rpartition("/")[2]
        postgresql.server().execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        store = Store(url)
        with store.writing() as session:
            assert session.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
        store.close()


def test_a_reader_sees_one_state_and_cannot_write(store: Store, writer: Writer) -> None:
    add(writer, "first").result(5)
    with store.reading() as session:
        assert len(session.exec(select(CrawlRun)).all()) == 1
        add(writer, "second").result(5)
        assert len(session.exec(select(CrawlRun)).all()) == 1
    with pytest.raises(StoreError, match="read-only"), store.reading() as session:
        session.execute(text("DELETE FROM crawl_run"))


def test_a_text_with_nul_is_kept_without_it(store: Store, writer: Writer) -> None:
    add(writer, "a\0b").result(5)
    assert kept(store) == ["ab"]
