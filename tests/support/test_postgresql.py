"""The PostgreSQL that other tests rely on."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlmodel import func, select

from store.articles import Story
from store.engine import Store
from tests.support import postgresql, stores

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def add_story(url: str) -> int | None:
    store = Store(url)
    with store.writing() as session:
        story = Story(created_at=NOON)
        session.add(story)
    store.close()
    return story.id


def count_stories(url: str) -> int:
    store = Store(url)
    with store.reading() as session:
        count = session.exec(select(func.count()).select_from(Story)).one()
    store.close()
    return count


@pytest.mark.parametrize("tcp", [False, True])
def test_every_borrower_gets_an_empty_database_whose_numbers_begin_at_one(tcp: bool) -> None:
    for _ in range(2):
        with postgresql.database(tcp=tcp) as url:
            assert count_stories(url) == 0
            assert add_story(url) == 1


def test_a_session_that_was_left_open_does_not_keep_its_rows() -> None:
    with postgresql.database() as url:
        left = psycopg.connect(url.replace("+psycopg", ""))
        left.execute("INSERT INTO story (created_at) VALUES (now())")
    with postgresql.database() as url:
        assert count_stories(url) == 0
    left.close()


def test_two_databases_at_a_time_are_two() -> None:
    with postgresql.database() as one, postgresql.database() as other:
        add_story(one)
        assert count_stories(other) == 0


@pytest.mark.parametrize("crash", [False, True])
def test_a_restart_cuts_connections_and_keeps_what_was_committed(crash: bool) -> None:
    server = postgresql.server()
    with postgresql.database() as url:
        add_story(url)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            server.restart(crash=crash)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        assert count_stories(url) == 1


def test_sqlite_stores_are_copies_of_one_that_was_migrated(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with stores.database("sqlite", tmp_path / name) as url:
            assert count_stories(url) == 0
            assert add_story(url) == 1
