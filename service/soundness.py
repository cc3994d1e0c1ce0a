"""Looks through the database's file at the start: a damaged one must not be used without a word.

Beside the work, on a connection of its own, because a large file takes minutes; and once only,
because a file is damaged while nobody looks, by a disk or a copy that broke off.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from functools import partial

import structlog

from store.engine import Store
from store.errors import StoreError
from store.installation import fact, keep_fact
from store.integrity import ADVICE, damage_seen_by
from store.writer import Writer

log = structlog.get_logger("service")

KEEP_AGAIN = 60.0
"""Seconds after what was found could not be written down: the disk may be full."""


@contextlib.asynccontextmanager
async def looked_through(store: Store, writer: Writer) -> AsyncIterator[None]:
    """Looks while the block runs; its end breaks the look off."""
    if store.path is None:  # the server looks after its files
        yield
        return
    uri = f"{store.path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as connection:
        ending = asyncio.Event()
        look = asyncio.create_task(_look(store, writer, connection, ending))
        try:
            yield
        finally:
            ending.set()
            connection.interrupt()
            await asyncio.gather(look, return_exceptions=True)


async def _look(
    store: Store, writer: Writer, connection: sqlite3.Connection, ending: asyncio.Event
) -> None:
    try:
        damage = await asyncio.to_thread(damage_seen_by, connection)
    except sqlite3.Error as error:
        log.warning("database", status="not looked through", why=str(error))
        return
    if damage:
        log.error("database", status="damaged", place=store.place, why=damage[0], advice=ADVICE)
    found = damage[0] if damage else ""
    while not ending.is_set():
        try:
            await _keep(store, writer, found)
            return
        except StoreError as error:
            log.error("database", status="finding not kept", why=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), KEEP_AGAIN)


async def _keep(store: Store, writer: Writer, found: str) -> None:
    """Makes /health red, or green again, and has it told to who hears of the monitor's troubles."""
    if not found:
        with store.reading() as session:
            if not fact(session, "damage"):
                return
    await writer.write(partial(keep_fact, name="damage", value=found))
