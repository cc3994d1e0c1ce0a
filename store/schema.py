"""Brings a database to the program's schema, or says why that cannot be."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from store.engine import Store
from store.errors import StoreError, explain
from store.postgresql import order_by_code_point
from store.turns import Turn

MIGRATIONS = Path(__file__).parent / "migrations"
"""Every step from one schema to the next."""


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for one connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


MARK = "moving_from"
"""The table by which a database is known that another one is being moved to."""


def migrate(store: Store, *, moving: bool = False) -> None:
    """Creates or upgrades the schema in one transaction: wholly or not at all.

    `moving` is for `store.moving` alone. Raises StoreError when the database is newer than the
    program, half moved, damaged or not writable.
    """
    if store.path is not None and not store.path.parent.is_dir():
        raise StoreError(f"{store.place}: the folder {store.path.parent} does not exist; create it")
    try:
        with store.write_engine.begin() as connection:
            # Several workers may start at once on an empty database.
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:number)")
                connection.execute(lock, {"number": int(Turn.MIGRATE)})
            config = alembic_config(connection)
            _refuse_newer(store, connection, ScriptDirectory.from_config(config))
            if not moving and (origin := marked_by(connection)) is not None:
                raise StoreError(
                    f"{store.place}: {origin} is being moved here and not all of it has arrived; "
                    "call `wirewatch migrate` again, it goes on where it was stopped"
                )
            command.upgrade(config, "head")
            if connection.dialect.name == "postgresql":
                order_by_code_point(connection)
    except DBAPIError as error:
        raise explain(error, store.place) from error


def _refuse_newer(store: Store, connection: Connection, scripts: ScriptDirectory) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return
    try:
        scripts.get_revision(current)
    except CommandError as error:
        raise StoreError(
            f"{store.place}: the database was written by a newer version of Wirewatch (schema "
            f"{current}); upgrade the program, or use another database"
        ) from error


def marked_by(connection: Connection) -> str | None:
    """The database that is being moved to this one; None when there is none."""
    if not inspect(connection).has_table(MARK):
        return None
    return str(connection.scalar(text(f"SELECT origin FROM {MARK}")))  # noqa: S608
