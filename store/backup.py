"""A copy of a SQLite database while the service writes to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from store.engine import BUSY_TIMEOUT, Store
from store.errors import StoreError

_PAGES = 2048
"""Copied between two reports of progress."""


def copy_database(store: Store, target: Path, tell: Callable[[int, int], None]) -> int:
    """Copies the database as it is now to a new file and verifies the copy; returns its bytes.

    All pages are read in one read transaction: the copy is one state of the database however much
    is written meanwhile, and no writer waits for it (write-ahead log). The file appears under its
    name only when it is whole. `tell` hears how many pages of how many are copied. Raises
    StoreError when there is nothing to copy, when `target` exists, or when the copy is not whole.
    """
    if store.path is None:
        raise StoreError(f"{store.place} is not a file; copy it with pg_dump")
    if not store.path.exists():
        raise StoreError(f"{store.path}: nothing is stored yet")
    if target.exists():
        raise StoreError(f"{target} is there already and is left as it is; name another file")
    partial = target.with_name(f"{target.name}.partial")
    try:
        _copy(store.path, partial, tell)
        # A hard link fails where a file of that name has come meanwhile; a rename would replace it.
        os.link(partial, target)
    except sqlite3.Error as error:
        raise StoreError(f"{store.path} could not be copied to {target}: {error}") from error
    except OSError as error:
        raise StoreError(f"{target}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, partial: Path, tell: Callable[[int, int], None]) -> None:
    partial.unlink(missing_ok=True)
    timeout = BUSY_TIMEOUT / 1000
    # Made by us first, so that nobody else may read what the installation stored.
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        closing(sqlite3.connect(source, timeout=timeout, isolation_level=None)) as original,
        closing(sqlite3.connect(partial, isolation_level=None)) as copy,
    ):
        # Without a transaction of its own the copying would begin anew at every commit.
        original.execute("BEGIN")
        original.execute("SELECT count(*) FROM sqlite_master").fetchone()
        original.backup(
            copy, pages=_PAGES, progress=lambda _, left, total: tell(total - left, total), sleep=0
        )
        # One file: what is copied must not depend on a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StoreError(f"the copy of {source} is not whole ({verdict}); the original may be "
                             "damaged: `wirewatch check --database` tells")  # fmt: skip
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
