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
        StoreError,
        "the database file is damaged; stop the service, keep a copy of the file and restore a "
        "backup (`wirewatch check --database` says more)",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreError,
        "the file is not a Wirewatch database; check `[service] database`",
    ),
}


def explain(error: SQLAlchemyError, place: str) -> StoreError:
    """The database driver's error as one of ours, naming the database (without its password)."""
    origin = getattr(error, "orig", None)  # what the driver raised, if it was the driver
    if origin is None:
        return StoreError(f"{place}: {error}")
    code = getattr(origin, "sqlite_errorcode", None)
    if isinstance(code, int) and (known := _SQLITE.get(code & 0xFF)):
        kind, words = known
        return kind(f"{place}: {words}")
    reason = str(origin).strip().splitlines()
    return StoreError(f"{place}: {reason[0] if reason else type(origin).__name__}")


def is_refusal(error: StoreError) -> bool:
    """Whether the database is well and refused what it was given: trying again will not help."""
    cause = error.__cause__
    refused = {"IntegrityError", "DataError"}
    return isinstance(error, RefusedChangeError) or type(cause).__name__ in refused
