"""The database for commands that look at what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from service.cli.output import complain
from service.config import Config
from store.engine import Store
from store.revision import require_current


@contextmanager
def opened(config: Config) -> Iterator[Store | None]:
    """The database as it is; None, after saying so, when nothing was ever stored."""
    store = Store(config.service.database)
    try:
        if store.path is not None and not store.path.exists():
            complain(f"{store.path}: nothing is stored yet; `wirewatch run` begins to")
            yield None
            return
        require_current(store)
        yield store
    finally:
        store.close()


@contextmanager
def stored(config: Config) -> Iterator[Session | None]:
    """A session to read with; None, after saying so, when nothing was ever stored."""
    with opened(config) as store:
        if store is None:
            yield None
            return
        with store.reading() as session:
            yield session
