"""Moves a SQLite database to PostgreSQL: in steps, so that it may be killed and go on.

Rows are copied in the order of their keys, a step a transaction, so the last key in the target says
where to go on. The target is marked until everything is there and has been compared, row by row: a
marked database is not taken by the service, and one with rows that is not marked is not touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, text, tuple_
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from store import articles, deliveries, installation, revisions, sources, stories
from store.engine import Store
from store.errors import StoreError, explain
from store.revision import require_current
from store.schema import MARK, marked_by, migrate
from store.search import index_missing

STEP = 1000
"""Rows of one transaction."""

_FILLED_BY = (articles, deliveries, installation, revisions, sources, stories)
"""Importing these fills the metadata."""

Tell = Callable[[str, int, int], None]
"""Told of a table how many rows are done, of how many."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A table that is the same on both sides."""

    table: str
    rows: int
    sha256: str
    """Over all rows in the order of their keys, see `_digest`."""


def tables() -> Sequence[Table]:
    """Every table that is moved; what one refers to comes before it."""
    assert _FILLED_BY
    return SQLModel.metadata.sorted_tables


def move(source: Store, target: Store, tell: Tell, *, anew: bool = False) -> list[Moved]:
    """Copies everything and compares both sides; goes on where an earlier call was stopped.

    Nobody may write to either side meanwhile. `anew` forgets what an earlier call has copied.
    Raises StoreError when the schemas differ, when the target holds anything else, or when the two
    sides are not the same in the end.
    """
    if source.path is None or not source.path.exists():
        raise StoreError(f"{source.place}: only a SQLite database that exists can be moved")
    if target.path is not None:
        raise StoreError(f"{target.place}: a database is moved to PostgreSQL only")
    require_current(source)
    migrate(target, moving=True)
    origin = str(source.path.resolve())
    try:
        _mark(target, origin, anew=anew)
        with source.read_engine.connect() as reading:
            for table in tables():
                _copy(reading, target, table, tell)
            moved = [_compared(reading, target, table, tell) for table in tables()]
    except DBAPIError as error:
        store = source if "sqlite" in type(error.orig).__module__ else target
        raise explain(error, store.place) from error
    index_missing(target, lambda done, of: tell("search index", done, of))
    with target.write_engine.begin() as connection:
        _set_sequences(connection)
        connection.execute(text(f"DROP TABLE {MARK}"))
    return moved


def _mark(target: Store, origin: str, *, anew: bool) -> None:
    with target.write_engine.begin() as connection:
        known = marked_by(connection)
        if known is not None and known != origin:
            raise StoreError(
                f"{target.place}: another database ({known}) is being moved here; finish that, or "
                "name another target"
            )
        filled = [table.name for table in tables() if _has_rows(connection, table)]
        if known is None:
            if filled:
                raise StoreError(
                    f"{target.place} holds data already (table {filled[0]}); name an empty database"
                )
            connection.execute(text(f"CREATE TABLE {MARK} (origin varchar NOT NULL)"))
            mark = text(f"INSERT INTO {MARK} (origin) VALUES (:origin)")  # noqa: S608
            connection.execute(mark, {"origin": origin})
        elif anew and filled:
            for table in reversed(tables()):
                connection.execute(table.delete())
            connection.execute(text("DELETE FROM article_search"))


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(1).select_from(table).limit(1)).first() is not None


def _copy(reading: Connection, target: Store, table: Table, tell: Tell) -> None:
    keys = list(table.primary_key.columns)
    total = reading.scalar(select(func.count()).select_from(table)) or 0
    with target.read_engine.connect() as connection:
        last = connection.execute(
            select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
        ).first()
        done = connection.scalar(select(func.count()).select_from(table)) or 0
    query = table.select().order_by(*keys)
    if last is not None:
        query = query.where(tuple_(*keys) > tuple_(*last))
    tell(table.name, done, total)
    with closing(reading.execute(query.execution_options(yield_per=STEP))) as result:
        for rows in result.partitions():
            with target.write_engine.begin() as connection:
                connection.execute(table.insert(), [dict(row._mapping) for row in rows])
            done += len(rows)
            tell(table.name, done, total)


def _compared(reading: Connection, target: Store, table: Table, tell: Tell) -> Moved:
    with target.read_engine.connect() as connection:
        there = _digest(connection, table, lambda done: tell(f"{table.name}, compared", done, 0))
    here = _digest(reading, table, lambda done: None)
    if here != there:
        raise StoreError(
            f"table {table.name} is not the same on both sides ({here.rows} rows, {there.rows} in "
            f"{target.place}): the database was written to between two calls; begin again with "
            "--anew, and leave the service stopped meanwhile"
        )
    return here


def _digest(connection: Connection, table: Table, tell: Callable[[int], None]) -> Moved:
    """Count and hash of a table: SHA-256 over its rows, each a line of JSON, in order of key."""
    keys = list(table.primary_key.columns)
    query = table.select().order_by(*keys).execution_options(yield_per=STEP, stream_results=True)
    digest, count = hashlib.sha256(), 0
    with closing(connection.execute(query)) as result:
        for rows in result.partitions():
            for row in rows:
                told = [_plain(value) for value in row]
                digest.update(json.dumps(told, sort_keys=True).encode() + b"\n")
            count += len(rows)
            tell(count)
    return Moved(table.name, count, digest.hexdigest())


def _plain(value: Any) -> Any:
    """A value as JSON has it, the same from both databases; PostgreSQL keeps no NUL in texts."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value


def _set_sequences(connection: Connection) -> None:
    """The next row gets a number that no row has."""
    for table in tables():
        if "id" not in table.columns or not table.c.id.autoincrement:
            continue
        query = text("SELECT pg_get_serial_sequence(:name, 'id')")
        sequence = connection.scalar(query, {"name": f'"{table.name}"'})
        last = connection.scalar(select(func.max(table.c.id)))
        if sequence and last is not None:
            set_it = text("SELECT setval(CAST(:name AS regclass), :last)")
            connection.execute(set_it, {"name": sequence, "last": last})
