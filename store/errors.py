"""What can go wrong with the database, in words for the person who runs it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # half a second to import, and every command needs the classes below
    from sqlalchemy.exc import SQLAlchemyError


class StoreError(Exception):
    """The database could not do what was asked; the message says what to do about it."""


class StoreBusyError(StoreError):
    """Another process holds the database; trying again later helps."""


class DamagedStoreError(StoreError):
    """The database file is damaged."""


class RefusedChangeError(StoreError):
    """The database is well but does not take this change; trying it again will not help."""


class StoreFullError(StoreError):
    """There is no room to write; nothing of the batch was kept."""


_SQLITE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (
        StoreBusyError,
        "another process has held the database for too long (a backup, a second service?)",
    ),
    sqlite3.SQLITE_LOCKED: (StoreBusyError, "the database is locked by another connection"),
    sqlite3.SQLITE_FULL: (
        StoreFullError,
        "there is no room to write to the database; free some disk space, then the work goes on",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreError,
        "the database is not writable; give the user that runs Wirewatch write access to the file "
        "and its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "the database cannot be opened; does its folder exist and may it be written to?",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreFullError,
        "the disk refused to read or write the database (full, over quota or failing)",
    ),
    sqlite3.SQLITE_CORRUPT: (
        DamagedStoreError,
        "the database file is damaged; stop the service, keep a copy of the file and restore a "
        "backup (`wirewatch check --database` says more)",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreError,
        "the file is not a Wirewatch database; check `[service] database`",
    ),
}


# By the beginning of PostgreSQL's SQLSTATE.
_POSTGRESQL: tuple[tuple[str, type[StoreError], str], ...] = (
    (
        "53100",
        StoreFullError,
        "the server has no room to write; free some disk space there, then the work goes on",
    ),
    ("53", StoreBusyError, "the server has no connection or memory left for Wirewatch"),
    ("57P", StoreBusyError, "the server is stopping, starting or was restarted"),
    ("08", StoreBusyError, "the connection to the server was lost"),
    ("55P03", StoreBusyError, "another process has held a row or table for too long"),
    ("40", StoreBusyError, "another process wrote the same rows"),
    (
        "28",
        StoreError,
        "the server does not let this user in; check the user and password of `[service] database`",
    ),
    ("3D000", StoreError, "there is no such database; create it with `createdb`"),
    (
        "42501",
        StoreError,
        "the user may not do this; make the database's owner the user that Wirewatch logs in as",
    ),
)


def explain(error: SQLAlchemyError, place: str) -> StoreError:
    """The database driver's error as one of ours, naming the database (without its password)."""
    origin = getattr(error, "orig", None)  # what the driver raised, if it was the driver
    if origin is None:
        return StoreError(f"{place}: {error}")
    code = getattr(origin, "sqlite_errorcode", None)
    if isinstance(code, int) and (known := _SQLITE.get(code & 0xFF)):
        kind, words = known
        return kind(f"{place}: {words}")
    state = getattr(origin, "sqlstate", None) or ""
    reason = str(origin).strip().splitlines()
    for beginning, kind, words in _POSTGRESQL:
        if state.startswith(beginning):
            return kind(f"{place}: {words} ({reason[0]})" if reason else f"{place}: {words}")
    if getattr(error, "connection_invalidated", False) or _is_unreachable(origin):
        return StoreBusyError(f"{place}: the server cannot be reached ({reason[0]})")
    return StoreError(f"{place}: {reason[0] if reason else type(origin).__name__}")


def is_refusal(error: StoreError) -> bool:
    """Whether the database is well and refused what it was given: trying again will not help."""
    cause = error.__cause__
    refused = {"IntegrityError", "DataError"}
    return isinstance(error, RefusedChangeError) or type(cause).__name__ in refused


def _is_unreachable(origin: object) -> bool:
    """Whether the driver of PostgreSQL could not connect: its own error, without an answer."""
    return type(origin).__module__.startswith("psycopg") and type(origin).__name__ in {
        "OperationalError",
        "ConnectionTimeout",
    }
