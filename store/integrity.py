"""Is the database whole? What `wirewatch check --database` asks."""

from itertools import islice

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.engine import Store
from store.errors import explain
from store.revisions import broken_chains
from store.schema import migrate
from store.search import index_missing

_MOST = 20
"""Findings that are told; a damaged file has thousands."""


def check_database(store: Store) -> list[str]:
    """What is wrong with a database and the revisions in it; nothing when it is whole.

    Creates or upgrades the schema first, which shows that it can be written to, and enters articles
    that the search index lacks. Raises StoreError when it cannot be opened or written.
    """
    migrate(store)
    with store.reading() as session:
        found = list(islice(broken_chains(session), _MOST))
    index_missing(store)
    if store.path is None:
        return found  # foreign keys are always held, and the server checks its pages itself
    try:
        with store.read_engine.connect() as connection:
            for (line,) in connection.execute(text(f"PRAGMA integrity_check({_MOST})")):
                if line != "ok":
                    found.append(str(line))
            for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
                found.append(f"row {row} of {table} points to no {parent}")
    except DBAPIError as error:
        raise explain(error, store.place) from error
    return found[:_MOST]
