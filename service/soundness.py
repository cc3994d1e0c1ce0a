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
from store.installation import fact, keep_fact
from store.integrity import ADVICE, damage_seen_by
from store.writer import Writer

log = structlog.get_logger("service")


@contextlib.asynccontextmanager
async def looked_through(store: Store, writer: Writer) -> AsyncIterator[None]:
    """Looks while the block runs; its end breaks the look off."""
    if store.path is None:  # the server looks after its files
        yield
        return
    uri = f"{store.path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as connection:
        look = asyncio.create_task(_look(store, writer, connection))
        try:
            yield
        finally:
            connection.interrupt()
            await asyncio.gather(look, return_exceptions=True)


async def _look(store: Store, writer: Writer, connection: sqlite3.Connection) -> None:
    try:
        damage = await asyncio.to_thread(damage_seen_by, connection)
    except sqlite3.Error as error:
        log.warning("database", status="not looked through", why=str(error))
        return
    if damage:
        log.error("database", status="damaged", place=store.place, why=damage[0], advice=ADVICE)
    with store.reading() as session:
        known = fact(session, "damage")
    if damage or known:
        # It makes /health red and is told to whoever is told of the monitor's own troubles.
        found = damage[0] if damage else ""
        await writer.write(partial(keep_fact, name="damage", value=found))
