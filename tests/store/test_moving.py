"""From SQLite to PostgreSQL: everything, once, however often it is killed on the way."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlmodel import select

from store.articles import Article, Entry, Story
from store.engine import Store
from store.errors import StoreError
from store.integrity import check_database
from store.moving import move, tables
from store.schema import migrate
from store.search_index import articles_in_index
from store.search_terms import Word
from store.sources import HostState
from tests.service.configs import write
from tests.service.stored import CONFIG, fill, on_store
from tests.support import postgresql, stores
from tests.support.desk import until
from tests.support.running import command, environment, run_command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class StoppedError(Exception):
    """Stands for whatever ends a call in the middle."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Store]:
    with stores.opened("sqlite", tmp_path) as store:
        fill(store)
        with store.writing() as session:
            session.add(HostState(host="dawn.example", robots_body=b"\x00\xff", robots_at=NOON))
            session.add(entry(900, title="a NUL\0 and a \ud7ff", late="émigré ڈیورنڈ"))
        yield store


def entry(number: int, **parts: object) -> Entry:
    key = f"dawn.example/{number}"
    at = NOON + timedelta(microseconds=number)
    return Entry(
        id=number, source_id="dawn", url=key, url_key=key, host="dawn", found_at=at, **parts
    )


def add_entries(store: Store, numbers: range) -> None:
    with store.writing() as session:
        session.add_all([entry(number) for number in numbers])


@pytest.fixture
def target() -> Iterator[Store]:
    with postgresql.empty_database() as url:
        store = Store(url)
        yield store
        store.close()


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.reading() as session:
        connection = session.connection()
        return {
            table.name: [
                tuple(v.replace("\0", "") if isinstance(v, str) else v for v in row)
                for row in connection.execute(table.select().order_by(*table.primary_key.columns))
            ]
            for table in tables()
        }


def nobody(table: str, done: int, total: int) -> None:
    """Nobody watches."""


def test_every_table_of_the_schema_is_moved(source: Store) -> None:
    with source.reading() as session:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        there = {row[0] for row in session.connection().exec_driver_sql(query)}
    others = ("article_search", "sqlite_", "alembic_")
    ours = {name for name in there if not name.startswith(others)}
    assert ours == {table.name for table in tables()}


def test_both_sides_are_the_same_and_the_next_row_has_a_new_number(
    source: Store, target: Store
) -> None:
    moved = move(source, target, nobody)
    assert rows(target) == rows(source)
    assert {each.table: each.rows for each in moved}["article"] == 2
    assert all(len(each.sha256) == 64 for each in moved)
    assert check_database(target) == []
    with target.reading() as session:
        assert articles_in_index(session.connection(), Word("durand"), 0) == [2, 1]
    with target.writing() as session:
        story = Story(created_at=NOON)
        session.add(story)
        session.flush()
        assert story.id == 8


def test_a_move_that_stopped_goes_on_where_it_was(source: Store, target: Store) -> None:
    add_entries(source, range(1000, 6000))

    def stop(table: str, done: int, total: int) -> None:
        if table == "entry" and done >= 2000:
            raise StoppedError

    with pytest.raises(StoppedError):
        move(source, target, stop)
    with pytest.raises(StoreError, match="is being moved here and not all of it has arrived"):
        migrate(target)
    begun: list[int] = []
    move(source, target, lambda table, done, _: begun.append(done) if table == "entry" else None)
    assert begun[0] >= 2000
    assert rows(target) == rows(source)
    migrate(target)


def test_a_database_that_was_written_to_in_between_is_found_out(
    source: Store, target: Store
) -> None:
    def stop(table: str, done: int, total: int) -> None:
        if table == "entry, compared":
            raise StoppedError

    with pytest.raises(StoppedError):
        move(source, target, stop)
    with source.writing() as session:
        session.get_one(Article, 1).title = "Another"
    with pytest.raises(StoreError, match="table article is not the same on both sides"):
        move(source, target, nobody)
    move(source, target, nobody, anew=True)
    assert rows(target) == rows(source)


def test_a_target_with_other_data_is_left_alone(
    source: Store, target: Store, tmp_path: Path
) -> None:
    migrate(target)
    with target.writing() as session:
        session.add(Story(id=1, created_at=NOON))
    for anew in (False, True):
        with pytest.raises(StoreError, match="holds data already"):
            move(source, target, nobody, anew=anew)
    with target.reading() as session:
        assert session.exec(select(Story.id)).all() == [1]
    with pytest.raises(StoreError, match="PostgreSQL only"):
        move(source, Store(f"sqlite:///{tmp_path}/other.db"), nobody)
    with pytest.raises(StoreError, match="SQLite database that exists"):
        move(Store(f"sqlite:///{tmp_path}/none.db"), target, nobody)


def test_another_database_half_moved_is_not_mixed_with_this_one(
    source: Store, target: Store, tmp_path: Path
) -> None:
    def stop(table: str, done: int, total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        move(source, target, stop)
    (tmp_path / "other").mkdir()
    with (
        stores.opened("sqlite", tmp_path / "other") as other,
        pytest.raises(StoreError, match=r"another database .* is being moved here"),
    ):
        move(other, target, nobody)


def test_a_schema_of_another_program_is_told(source: Store, target: Store) -> None:
    with source.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = 'future'")
    with pytest.raises(StoreError, match="newer version"):
        move(source, target, nobody)


@pytest.mark.campaign
async def test_the_command_killed_in_the_middle_goes_on_and_takes_the_id_along(
    source: Store, tmp_path: Path
) -> None:
    config = write(tmp_path, on_store(source, CONFIG), "etc/config.toml")
    (tmp_path / "wirewatch.id").write_text("same\n")
    add_entries(source, range(1000, 13_000))
    with postgresql.empty_database() as url:
        process = await asyncio.create_subprocess_exec(
            *command(config, "migrate", "--to", url), env=environment(), cwd=tmp_path
        )
        await until(lambda: entries_in(url) > 0, 30)
        process.kill()
        await process.wait()
        assert 0 < entries_in(url) < 12_000
        finished = await run_command(config, "migrate", "--to", url)
        assert finished.status == 0, finished.errors
        assert "compared with" in finished.output
        target = Store(url)
        assert rows(target) == rows(source) | {"installation": [("id", "same")]}
        target.close()
    assert (tmp_path / "etc" / "wirewatch.id").read_text() == "same\n"


def entries_in(url: str) -> int:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        if connection.execute("SELECT to_regclass('moving_from')").fetchone() == (None,):
            return 0
        found = connection.execute("SELECT count(*) FROM entry").fetchone()
    return found[0] if found else 0
