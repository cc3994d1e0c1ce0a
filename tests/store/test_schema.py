"""The migrations make exactly the tables that the program uses; foreign databases are refused."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel

from store.engine import Store
from store.errors import StoreError
from store.schema import migrate
from store.search_index import is_index_table


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
