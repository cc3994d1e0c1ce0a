"""How PostgreSQL is spoken to: what every connection is told when it is opened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlmodel import Session

from store.errors import StoreBusyError, StoreError, explain

_CONNECT = {
    "application_name": "wirewatch",
    "client_encoding": "utf8",
    # A server that cannot be reached is noticed within half a minute, an answer that never comes
    # likewise: without these a connection through a dead network waits for hours.
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    # The server notices likewise; what a process that is cut off had locked is free again then.
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
}
"""libpq's parameters."""


def connect_arguments(url: URL) -> dict[str, str]:
    """What every connection to a database is told; what its address says itself takes precedence.

    They are libpq's parameters.
    """
    return {name: value for name, value in _CONNECT.items() if name not in url.query}


_POOL = {"pool_size": 4, "max_overflow": 4}
"""Connections that are kept, and how many more there may be."""
MOST_CONNECTIONS = 12
"""Of a process that shares the work: those, two of the queue, one that listens to announcements and
one that tells that the process lives."""

# What was told to be kept must be there after a power failure; stronger settings are left alone.
_KEEP = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)


# No transaction of ours that writes ever idles for long; one whose process was stopped or cut off
# must not keep its locks.
_NO_IDLING = "SET LOCAL idle_in_transaction_session_timeout = '30s'"


def standalone_engine(store_url: URL) -> Engine:
    """Connections that are nobody else's; each statement is a transaction of its own."""
    return create_engine(
        store_url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args=connect_arguments(store_url),
    )


def postgresql_engine(url: URL) -> Engine:
    """An engine whose connections survive a restart of the server between two transactions.

    Raises StoreError when the driver is not installed.
    """
    told = connect_arguments(url)
    try:
        # A connection that was cut while nobody used it is replaced before it is used
        # (pool_pre_ping); one that is cut in use is the caller's to begin again.
        engine = create_engine(url, connect_args=told, pool_pre_ping=True, **_POOL)
    except (NoSuchModuleError, ImportError) as error:
        raise StoreError(
            "PostgreSQL needs its driver: pip install 'wirewatch[postgres]'"
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP)
        connection.commit()

    @event.listens_for(engine, "begin")
    def bound(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("postgresql_readonly") and options.get("isolation_level") is None:
            connection.exec_driver_sql(_NO_IDLING)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def drop_nul(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any
    ) -> tuple[str, Any]:
        return statement, _without_nul(parameters)

    return engine


def order_by_code_point(connection: Connection) -> None:
    """Gives every text column the collation "C", whatever the database's own is.

    Lists come in the order in which SQLite gives them, an index on text serves look-ups by its
    beginning, and an upgrade of the system's locales cannot spoil it.
    """
    for table, column in connection.execute(text(_TEXTS)).all():
        connection.execute(
            text(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE varchar COLLATE "C"')
        )


_TEXTS = """
    SELECT c.relname, a.attname
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
        AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid = 'varchar'::regtype AND a.attcollation <> '"C"'::regcollation
        AND c.relname <> 'alembic_version' AND c.relname NOT LIKE 'procrastinate%'
    ORDER BY c.relname, a.attnum
"""


def _without_nul(value: Any) -> Any:
    """PostgreSQL refuses a whole row for one NUL in a text; what pages say may hold some."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict):
        return {name: _without_nul(part) for name, part in value.items()}
    return [_without_nul(part) for part in value] if isinstance(value, list) else value


def is_lost(error: SQLAlchemyError) -> bool:
    """Whether a transaction was lost for a reason that passes: it may be run again.

    The server went away or could not be reached, or another process's writes stood in the way.
    """
    if not type(getattr(error, "orig", None)).__module__.startswith("psycopg"):
        return False
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    return invalidated or isinstance(explain(error, ""), StoreBusyError)


def transaction_number(session: Session) -> str | None:
    """The number by which the server knows the session's transaction; None on SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    number = session.connection().scalar(text("SELECT CAST(pg_current_xact_id() AS text)"))
    return str(number)


def transaction_outcome(session: Session, number: str) -> str | None:
    """How a transaction ended: committed | aborted | in progress; None when it is forgotten."""
    query = text("SELECT pg_xact_status(CAST(:number AS xid8))")
    found = session.connection().scalar(query, {"number": number})
    return None if found is None else str(found)
