"""What PostgreSQL announces: rows that began to wait a moment ago, whoever wrote them.

The announcements are part of the transactions that write the rows (see the schema), so none comes
too early. One may be missed while there is no connection: nothing depends on them, everybody looks
by himself every second as well.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from store.engine import Store
from store.postgresql import standalone_engine

log = structlog.get_logger("service")

LINES = "wirewatch"
"""The channel of our own lines; what is said on it is the name of the line."""
PATIENCE = 1.0
"""Seconds after which the thread sees whether it is to end, and between two tries to connect."""


class Announcements:
    """Listens in a thread; tells the event loop in which it was begun."""

    def __init__(
        self, store: Store, told: Callable[[str], None], others: Iterable[str] = ()
    ) -> None:
        """`told` gets the names of our lines, and of other channels when anything is said there."""
        self._engine: Engine = standalone_engine(store.url)
        self._told, self._channels = told, (LINES, *others)
        self._loop = asyncio.get_running_loop()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcements", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Listens no more."""
        self._ending.set()
        self._thread.join(2 * PATIENCE)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                with self._engine.connect() as connection:
                    try:
                        self._listen(connection.connection.driver_connection)
                    finally:
                        connection.invalidate()  # it may be dead, and listens
            except Exception as error:
                if not isinstance(error, SQLAlchemyError | OSError) and not _is_driver(error):
                    log.error("announcements", status="failed", exc_info=error)
            self._ending.wait(PATIENCE)

    def _listen(self, driver: Any) -> None:
        for channel in self._channels:
            driver.execute(f'LISTEN "{channel}"')
        while not self._ending.is_set():
            for heard in driver.notifies(timeout=PATIENCE):
                self._pass_on(heard.payload if heard.channel == LINES else heard.channel)

    def _pass_on(self, name: str) -> None:
        if not self._ending.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told, name)


def _is_driver(error: Exception) -> bool:
    """Whether the database driver raised it by itself: a connection that was cut."""
    return type(error).__module__.startswith("psycopg")
