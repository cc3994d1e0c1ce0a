"""Is the database whole? What `wirewatch check --database` asks, and `run` at its start."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.engine import Store
from store.errors import DamagedStoreError, explain
from store.revisions import broken_chains
from store.schema import migrate
from store.search import index_missing

_MOST = 20
"""Findings that are told; a damaged file has thousands."""
ADVICE = "the file is damaged: stop the service, keep a copy of the file and restore a backup"


def check_database(store: Store) -> list[str]:
    """What is wrong with a database and the revisions in it; nothing when it is whole.

    A SQLite file is looked through first, and left as it is when it is damaged. Then the schema is
    created or upgraded, which shows that it can be written to, and articles that the search index
    lacks are entered. Raises StoreError when it cannot be opened or written.
    """
    if damage := _damage(store):
        return [*damage, ADVICE]
    migrate(store)
    with store.reading() as session:
        found = list(islice(broken_chains(session), _MOST))
    index_missing(store)
    if store.path is None:
        return found  # foreign keys are always held, and the server checks its pages itself
    with _explained(store), store.read_engine.connect() as connection:
        for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
            found.append(f"row {row} of {table} points to no {parent}")
    return found[:_MOST]


def _damage(store: Store) -> list[str]:
    """What SQLite finds wrong with its file; nothing where there is no file yet."""
    if store.path is None or not store.path.exists():
        return []
    found: list[str] = []
    try:
        with _explained(store), store.read_engine.connect() as connection:
            for (line,) in connection.execute(text(f"PRAGMA integrity_check({_MOST})")):
                # Several findings may stand in one row, each in a line of its own.
                found += [part for part in str(line).splitlines() if part != "ok"]
    except DamagedStoreError as error:
        found.append(_first_cause(error))
    return found[:_MOST]


def damage_seen_by(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the structure of a file, which takes a tenth of a whole check.

    Raises sqlite3.Error when it cannot look, or was interrupted.
    """
    found: list[str] = []
    try:
        for (line,) in connection.execute(f"PRAGMA quick_check({_MOST})"):
            found += [part for part in str(line).splitlines() if part != "ok"]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        found.append(str(error))
    return [line for line in found if not line.startswith("***")] or found


@contextmanager
def _explained(store: Store) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise explain(error, store.place) from error


def _first_cause(error: BaseException) -> str:
    """What the driver said, without our words and SQLAlchemy's."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)
