"""Opens the database: one engine for the single writer, one for readers; pragmas, schema check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import Session

from store.errors import StoreError, explain
from store.postgresql import postgresql_engine

BUSY_TIMEOUT = 30_000
"""Milliseconds that a statement waits for another process's lock."""

# WAL lets readers go on while the writer writes; FULL because WAL with NORMAL may lose the last
# commits at power loss, and a lost commit is a lost alert.
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT}",
    "PRAGMA foreign_keys=ON",
)


class Store:
    """The database of one installation. Reading is free for all; writing is for `store.writer`."""

    def __init__(self, url: str) -> None:
        """Names the database; nothing is opened yet. Raises StoreError for an unusable URL."""
        self.url = parse_address(url)
        self.place = self.url.render_as_string(hide_password=True)
        if self.url.get_backend_name() == "sqlite":
            self.write_engine = _sqlite(self.url, "BEGIN IMMEDIATE")
            self.read_engine = _sqlite(self.url, "BEGIN")
        else:
            self.write_engine = postgresql_engine(self.url)
            # As on SQLite, a session that reads sees one state of the database.
            self.read_engine = self.write_engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database; None for PostgreSQL."""
        if self.url.get_backend_name() != "sqlite" or not self.url.database:
            return None
        return Path(self.url.database)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database. Raises StoreError."""
        with self._session(self.read_engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One short write transaction, committed at the end. Raises StoreError.

        For commands and tests; the service writes through `store.writer.Writer`.
        """
        with self._session(self.write_engine) as session:
            yield session
            session.commit()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False) as session:
                yield session
        except DBAPIError as error:
            raise explain(error, self.place) from error

    def close(self) -> None:
        """Closes all connections."""
        self.write_engine.dispose()
        self.read_engine.dispose()


def parse_address(url: str) -> URL:
    """A database's address in its parts. Raises StoreError, which shows nothing of a bad one."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        # What cannot be taken apart may hold a password anywhere.
        raise StoreError(
            "the database's address cannot be read; host and port are written like "
            "db.example:5432 or [::1]:5432, marks in the password like %40 for @"
        ) from error
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise StoreError(
            f"{parsed.drivername!r} databases are not supported; "
            'write "sqlite:///wirewatch.db" or "postgresql+psycopg://…"'
        )
    return parsed


def _sqlite(url: URL, begin: str) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling would begin late and upgrade a read lock, which
        # fails at once instead of waiting ("database is locked"); we begin ourselves.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
