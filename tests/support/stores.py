"""Stores for tests, of both kinds: SQLite in a file, and a real PostgreSQL.

A test that asks for the fixture `backend` (or one made of it) runs once for each kind. Both are
cheap: the schema is made once, then SQLite's file is copied and PostgreSQL's database is lent.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sqlmodel import SQLModel

from store.engine import Store
from store.schema import migrate
from tests.support import postgresql

Backend = Literal["sqlite", "postgresql"]
BACKENDS: tuple[Backend, ...] = ("sqlite", "postgresql")


@functools.cache
def _template() -> bytes:
    """A SQLite database of our schema without rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "template.db")
        store = Store(f"sqlite:///{path}")
        migrate(store)
        store.close()  # the last connection leaves no log beside the file
        return path.read_bytes()


@contextlib.contextmanager
def database(backend: Backend, folder: Path) -> Iterator[str]:
    """The URL of a database of our schema without rows; on SQLite `wirewatch.db` in the folder."""
    if backend == "postgresql":
        with postgresql.database() as url:
            yield url
    else:
        path = folder / "wirewatch.db"
        path.write_bytes(_template())
        yield f"sqlite:///{path}"


@contextlib.contextmanager
def empty_database(backend: Backend, folder: Path) -> Iterator[str]:
    """The URL of a database without our schema, which may be changed in any way."""
    if backend == "postgresql":
        with postgresql.empty_database() as url:
            yield url
    else:
        yield f"sqlite:///{folder / 'wirewatch.db'}"


@contextlib.contextmanager
def opened(backend: Backend, folder: Path) -> Iterator[Store]:
    """A store of our schema without rows."""
    with database(backend, folder) as url:
        store = Store(url)
        try:
            yield store
        finally:
            store.close()


def everything_in(store: Store) -> bytes:
    """All that a database holds, to look for what must not be in it."""
    if store.path is not None:
        return b"".join(path.read_bytes() for path in store.path.parent.glob(f"{store.path.name}*"))
    found: list[bytes] = []
    with store.reading() as session:
        for table in SQLModel.metadata.sorted_tables:
            for row in session.connection().execute(table.select()):
                found += [part if isinstance(part, bytes) else repr(part).encode() for part in row]
    return b" ".join(found)
