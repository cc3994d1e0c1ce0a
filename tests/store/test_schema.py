"""The migrations make exactly the tables that the program uses; foreign databases are refused."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel, select

from store.deliveries import Alert
from store.engine import Store
from store.errors import StoreError
from store.schema import alembic_config, migrate
from store.search_index import is_index_table
from tests.support import postgresql
from tests.support.stores import Backend


def store_at(path: Path) -> Store:
    return Store(f"sqlite:///{path}")


def test_migrations_make_the_tables_that_the_program_uses(tmp_path: Path) -> None:
    store = store_at(tmp_path / "a.db")
    migrate(store)
    with store.read_engine.connect() as connection:
        described = {"include_name": lambda name, *_: not is_index_table(name)}
        context = MigrationContext.configure(connection, opts=described)
        assert compare_metadata(context, SQLModel.metadata) == []
    store.close()


@pytest.fixture
def empty(backend: Backend, tmp_path: Path) -> Iterator[Store]:
    """A store without schema."""
    if backend == "sqlite":
        store = store_at(tmp_path / "a.db")
        yield store
        store.close()
        return
    with postgresql.empty_database() as url:
        store = Store(url)
        yield store
        store.close()


OLD_ALERTS = """
INSERT INTO match (id, watchlist, article_id, story_id, matched_at, terms, excerpts, silent)
  VALUES (1, 'w', 1, 1, '2026-03-01 08:00:00.000000', '[]', '[]', '');
INSERT INTO change (id, match_id, revision, at, told)
  VALUES (1, 1, 2, '2026-03-03 09:00:00.000000', '{}');
INSERT INTO alert (id, match_id, watchlist, channel, recipient, revision, due_at)
  VALUES (1, 1, 'w', 'desk', '', 0, '2026-03-04 00:00:00.000000');
INSERT INTO alert (id, match_id, watchlist, channel, recipient, revision, due_at)
  VALUES (2, 1, 'w', 'desk', '', 2, '2026-03-04 00:00:00.000000')
"""


def test_old_alerts_learn_when_they_arose(empty: Store) -> None:
    """One of a match with the match, one of a change with the change; none is lost."""
    with empty.write_engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
    _run(empty, OLD_ALERTS)
    migrate(empty)
    with empty.reading() as session:
        alerts = session.exec(select(Alert).order_by(text("id"))).all()
    assert [(alert.made_at, alert.held) for alert in alerts] == [
        (datetime(2026, 3, 1, 8, tzinfo=UTC), ""),
        (datetime(2026, 3, 3, 9, tzinfo=UTC), ""),
    ]
    found = {str(index["name"]): index for index in inspect(empty.read_engine).get_indexes("alert")}
    assert {"ix_alert_waiting", "ix_alert_delivery", "ix_alert_made"} <= set(found)
    partial = found["ix_alert_waiting"]["dialect_options"].values()
    assert "delivery_id IS NULL" in " ".join(map(str, partial))


def _run(store: Store, statements: str) -> None:
    """Runs them without looking at foreign keys."""
    if store.path is not None:
        with sqlite3.connect(store.path) as connection:
            connection.executescript(statements)
        connection.close()
        return
    with store.write_engine.begin() as postgres:
        postgres.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {statements}")


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path / "a.db")
    migrate(store)
    migrate(store)
    store.close()


def test_a_database_newer_than_the_program_is_refused_in_words(tmp_path: Path) -> None:
    store = store_at(tmp_path / "a.db")
    migrate(store)
    store.close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer version of Wirewatch"):
        migrate(store)
    store.close()


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("not a database, " * 100)
    store = store_at(tmp_path / "a.db")
    with pytest.raises(StoreError, match="not a Wirewatch database"):
        migrate(store)
    store.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere does not exist"):
        migrate(store_at(tmp_path / "nowhere" / "a.db"))


def test_other_databases_are_refused_in_words() -> None:
    with pytest.raises(StoreError, match="mysql"):
        Store("mysql://localhost/wirewatch")


def test_a_password_in_the_address_is_never_shown() -> None:
    assert "secret" not in Store("postgresql+psycopg://user:secret@localhost/w").place
