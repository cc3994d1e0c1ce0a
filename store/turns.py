"""What one process at a time may do, where several work on one PostgreSQL database.

A turn is an advisory lock of a transaction: whoever has it loses it when the transaction ends, when
its connection does, or when it has said nothing for as long as the database lets a transaction
idle. So no turn outlives its process. Losing one is harmless: what is done in turns is guarded by
unique constraints or conditional updates as well; the turn only saves work in vain.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from store.engine import Store
from store.errors import explain


class Turn(IntEnum):
    """Names of the locks: any numbers, known to nobody else."""

    STORIES = 7_305_116
    """Looking for stories and filing articles."""
    MIGRATE = 7_305_117
    SERVICE = 7_305_118
    """Held exclusively by a service that is alone with its database, shared by all others."""
    HAND = 7_305_119
    """Handing crawls to the queue and taking them from workers that have died."""
    GATHER = 7_305_120
    """Making messages of alerts."""
    WATCH = 7_305_121
    """Telling how the monitor itself fares."""
    ARCHIVE = 7_305_122
    """Keeping the pages of matched articles."""
    FORGET = 7_305_123
    """Forgetting what is older than people want to keep."""


def is_my_turn(session: Session, turn: Turn) -> bool:
    """Whether nobody else has the turn; it is kept until the transaction ends."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    query = text("SELECT pg_try_advisory_xact_lock(:number)")
    return bool(session.connection().execute(query, {"number": int(turn)}).scalar_one())


def await_turn(session: Session, turn: Turn) -> None:
    """Waits until nobody else has the turn; it is kept until the transaction ends.

    On SQLite every writer is alone already (BEGIN IMMEDIATE).
    """
    if session.get_bind().dialect.name == "postgresql":
        query = text("SELECT pg_advisory_xact_lock(:number)")
        session.connection().execute(query, {"number": int(turn)})


@contextmanager
def turn_at(store: Store, turn: Turn) -> Iterator[bool]:
    """Whether it is this process's turn until the block ends. Raises StoreError."""
    if store.path is not None:
        yield True
        return
    try:
        with Session(store.write_engine) as session:
            yield is_my_turn(session, turn)
    except DBAPIError as error:
        raise explain(error, store.place) from error
