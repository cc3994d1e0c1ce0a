"""Does a database have the program's schema? Asked by every command that reads, so without Alembic.

Importing Alembic takes a second; a migration's number is also the beginning of its file's name.
"""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from store.engine import Store
from store.errors import StoreError, explain

REVISIONS = sorted(
    path.name.split("_")[0] for path in Path(__file__).parent.glob("migrations/versions/[0-9]*.py")
)
"""Every schema there was, the program's own last."""


def require_current(store: Store) -> None:
    """Raises StoreError unless the database has the program's schema; changes nothing."""
    try:
        with store.read_engine.connect() as connection:
            current = None
            if inspect(connection).has_table("alembic_version"):
                current = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        raise explain(error, store.place) from error
    if current == REVISIONS[-1]:
        return
    if current is None or current in REVISIONS:
        raise StoreError(
            f"{store.place}: the database is older than this program; `wirewatch run` upgrades it"
        )
    raise StoreError(
        f"{store.place}: the database was written by a newer version of Wirewatch (schema "
        f"{current}); upgrade the program, or use another database"
    )
