"""This process among those that work on one PostgreSQL database: who is there, and who is alive.

A thread of its own tells the database every BEAT seconds that the process lives, so that a busy
event loop is not taken for death. When the database has not heard it for LOST seconds the process
asks nothing of any host any more; only later, when every request it may have begun has ended, do
others take its crawls (`stalled_after`, `Signs`). One that finds itself taken for dead goes on
under another number, and what it had begun under the former asks nothing any more. So no host is
crawled by two, whatever breaks where.

Silence is measured on both sides by clocks that nobody sets: the worker's own since it gave its
last sign, the scheduler's own since it first saw that sign. Neither compares its time with another
machine's, so a clock that is set forward kills nobody.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from service.problems import InstallationError
from store.engine import Store
from store.errors import explain
from store.postgresql import standalone_engine
from store.turns import Turn

log = structlog.get_logger("service")

BEAT = 2.0
"""Seconds between two signs of life."""
LOST = 8.0
"""Seconds without one that reached the database, after which a process must ask nothing more."""
MARGIN = 6.0
"""Seconds for the end of requests in hand."""
DISPLACED_AFTER = 60.0
"""Seconds: by then the server has dropped what is left of our own former connection."""


def stalled_after(timeout: timedelta) -> timedelta:
    """How long a worker must have been silent before its crawls are given to others.

    `timeout`: how long one request may take.
    """
    return timedelta(seconds=LOST + MARGIN) + timeout


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Signs:
    """The workers' signs of life as one process sees them, and for how long each was the last."""

    def __init__(self) -> None:
        """None is known: whoever died before is seen to be silent from now on."""
        self._seen: dict[int, tuple[datetime, float]] = {}

    def silent(
        self, signs: Mapping[int, datetime], now: float, silent_for: timedelta
    ) -> dict[int, datetime]:
        """The workers that gave no sign for so long, with their last one.

        `signs`: the last sign of every worker, by its number. `now`: seconds, see `elapsed`.
        """
        self._seen = {
            worker: before
            if (before := self._seen.get(worker)) is not None and before[0] == sign
            else (sign, now)
            for worker, sign in signs.items()
        }
        longest = silent_for.total_seconds()
        return {worker: sign for worker, (sign, at) in self._seen.items() if now - at > longest}


class Presence:
    """One process on the database, from `begin` to `end`."""

    def __init__(
        self,
        store: Store,
        *,
        alone: bool,
        displaced: Callable[[], object],
        beat: float = BEAT,
        lost: float = LOST,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        """`alone`: no other process may work on the database. `displaced` is called from another
        thread when somebody else has it after a loss of connection. `beat`, `lost`: seconds, see
        BEAT and LOST."""
        self._store, self._alone, self._displaced = store, alone, displaced
        self._pause, self._lost, self._clock = beat, lost, clock
        self._engine = standalone_engine(store.url)
        self._connection: Connection | None = None
        self._worker: int | None = None
        self._enlisted = False
        self._heard = clock()
        self._refused_since: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    @property
    def is_lost(self) -> bool:
        """Whether others may soon take this process for dead."""
        return self._clock() - self._heard > self._lost

    @property
    def worker(self) -> int | None:
        """Its number among the workers of the queue; another one after others took it for dead."""
        return self._worker

    def may_ask(self, worker: int) -> bool:
        """Whether what was begun under that number may still ask anything of a host."""
        # In this order: a new number is there before the sign that was given under it counts.
        return not self.is_lost and worker == self._worker

    def begin(self) -> None:
        """Appears. Raises InstallationError when it may not, StoreError when it cannot."""
        try:
            free = self._connect()
        except SQLAlchemyError as error:
            raise explain(error, self._store.place) from error
        if not free:
            self._disconnect()
            raise InstallationError(
                f"another Wirewatch service works on {self._store.place}"
                + (
                    "; stop it first, or start both with --roles"
                    if self._alone
                    else " alone; start it with --roles, so that others may join it"
                )
            )
        self._thread.start()

    def enlist(self) -> None:
        """Becomes a worker of the queue, whose tables are there. Raises StoreError."""
        assert self._connection is not None
        try:
            with self._engine.connect() as connection:
                self._worker = _enlist(connection)
        except SQLAlchemyError as error:
            raise explain(error, self._store.place) from error
        self._enlisted = True

    def end(self) -> None:
        """Disappears; jobs that it still has are taken by others at once.

        Where the database does not answer it cannot say so: they are taken as those of the dead.
        """
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(BEAT)
        try:
            if self._worker is not None and not self._thread.is_alive():
                with self._engine.connect() as connection:
                    gone = text("SELECT procrastinate_unregister_worker_v1(:id)")
                    connection.execute(gone, {"id": self._worker})
            if self._connection is not None and not self._thread.is_alive():
                # A server notices a while later that a connection is gone: whoever starts at once
                # in our place would be refused.
                self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
        except SQLAlchemyError as error:
            log.warning("presence", status="not signed off", why=str(error.__cause__ or error))
        self._disconnect()

    def _run(self) -> None:
        while not self._ending.wait(self._pause):
            try:
                self._beat()
                continue
            except SQLAlchemyError as error:
                why = str(explain(error, self._store.place))
                log.warning("presence", status="no sign of life could be given", why=why)
            except Exception as error:  # the thread's edge: without it all would be lost for ever
                log.error("presence", status="failed", exc_info=error)
            self._disconnect()

    def _beat(self) -> None:
        # What counts is when the sign was on its way: the database cannot have heard it earlier.
        begun = self._clock()
        if self._connection is None and not self._connect():
            self._refused(begun)
            return
        self._refused_since = None
        assert self._connection is not None
        if not self._enlisted:
            self._connection.execute(text("SELECT 1"))
        elif self._worker is None or not _is_known(self._connection, self._worker):
            log.warning("presence", status="was taken for dead", worker=self._worker)
            # Whatever enlisting comes to: the former number is nobody's from here on.
            self._worker = None
            self._worker = _enlist(self._connection)
        self._heard = begun

    def _refused(self, now: float) -> None:
        self._disconnect()
        self._refused_since = self._refused_since or now
        if now - self._refused_since > DISPLACED_AFTER:
            log.error("service", status="displaced", place=self._store.place)
            self._displaced()

    def _connect(self) -> bool:
        """Whether nobody keeps us away."""
        self._connection = self._engine.connect()
        kind = "" if self._alone else "_shared"
        query = text(f"SELECT pg_try_advisory_lock{kind}(:number)")
        free = self._connection.execute(query, {"number": int(Turn.SERVICE)}).scalar_one()
        return bool(free)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # What cannot even be let go of is nobody's any more.
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()


def _enlist(connection: Connection) -> int:
    number = connection.execute(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
    return int(number.scalar_one())


def _is_known(connection: Connection, worker: int) -> bool:
    """Gives a sign of life; False when the worker is not on the list any more."""
    beat = text("UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = :id")
    return bool(connection.execute(beat, {"id": worker}).rowcount)
