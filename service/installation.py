"""What makes an installation itself: its id, and the lock that keeps a second service away."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from service.problems import InstallationError
from store.engine import Store
from store.installation import fact, keep_fact
from store.turns import Turn, await_turn


def installation_id(path: Path) -> str:
    """The id in the file at `path` (`wirewatch.id` beside the database), made on first use.

    It stands in a file of its own, not in the database, so that a restored backup of the database
    keeps giving its messages the same ids. Raises InstallationError when it cannot be kept.
    """
    try:
        if not path.exists():
            # Written whole under another name first: a crash must not leave an empty id behind.
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_text(secrets.token_hex(16) + "\n")
            fresh.replace(path)
        known = path.read_text().strip()
    except OSError as error:
        raise InstallationError(
            f"{path}: {error.strerror}; Wirewatch keeps the id of this installation there, "
            "give it write access to the folder"
        ) from error
    if not known:
        raise InstallationError(
            f"{path} is empty; restore it from a backup, or delete it to get a new id "
            "(messages sent before could then be sent again under new ids)"
        )
    return known


def shared_installation_id(path: Path, store: Store, *, may_make: bool = True) -> str | None:
    """The id of the installation that a database belongs to, wherever this process runs.

    On PostgreSQL the database tells machines that have no file of their own; the file stays what
    survives a restored database. None when nobody has made one and this process may not.
    Raises InstallationError when the two name different ones.
    """
    if store.path is not None:
        return installation_id(path)
    with store.writing() as session:
        await_turn(session, Turn.MIGRATE)
        known = fact(session, "id")
        if known is None and may_make:
            known = installation_id(path)
            keep_fact(session, "id", known)
        elif known is not None and path.exists() and (own := installation_id(path)) != known:
            raise InstallationError(
                f"{store.place} belongs to another installation ({known}) than {path} ({own}); "
                "delete the file to join it, or give this installation a database of its own"
            )
        return known


CLOCKS_DIFFER = timedelta(seconds=30)


def check_clock(store: Store, now: datetime) -> None:
    """Compares the clock of this machine with that of a PostgreSQL server.

    Leases and due times are written by many machines and read by others. Raises InstallationError.
    """
    with store.reading() as session:
        theirs: datetime = session.connection().execute(text("SELECT now()")).scalar_one()
    if abs(theirs - now) > CLOCKS_DIFFER:
        raise InstallationError(
            f"the clock of this machine says {now:%Y-%m-%d %H:%M:%S} UTC and that of {store.place} "
            f"{theirs.astimezone(UTC):%Y-%m-%d %H:%M:%S}; set both by NTP, then start again"
        )


@contextmanager
def only_service(path: Path, place: str) -> Iterator[None]:
    """Holds the lock file of a database's service. Raises InstallationError when another has it.

    The operating system lets go of the lock when the process ends, however it ends.
    """
    try:
        lock = path.open("a+")
    except OSError as error:
        raise InstallationError(f"{path}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise InstallationError(
                f"another Wirewatch service (process {lock.read().strip() or 'unknown'}) works on "
                f"{place}; stop it first, or give this one a database of its own"
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
