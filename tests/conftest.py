"""Stores of both kinds for all tests, and how properties are tested.

Properties meet fixed examples in `./test`, fresh ones when asked:

    ./test --hypothesis-profile fresh tests/store/test_folding.py

A run that everybody relies on must not fail by a chance that its change has nothing to do with;
what a fresh run finds becomes an example of its own. No example has a deadline: machines are
shared.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from store.engine import Store
from tests.support import stores

settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("fresh", deadline=None)
settings.load_profile("fixed")

# Drawn with every variable of every frame, as is the default, one traceback takes seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take long begin first in each process: at the end they would be waited for."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if _takes_long(item)]
    short = [item for item in items if not _takes_long(item)]
    share = -(-len(short) // processes)
    items[:] = [
        item
        for number in range(processes)
        for item in (*long[number::processes], *short[number * share : (number + 1) * share])
    ]


def _takes_long(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("long"))


@pytest.fixture(params=stores.BACKENDS)
def backend(request: pytest.FixtureRequest) -> stores.Backend:
    """The kind of database: whoever asks for it runs once for each."""
    chosen: stores.Backend = request.param
    return chosen


@pytest.fixture
def database(backend: stores.Backend, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of our schema without rows."""
    with stores.database(backend, tmp_path) as url:
        yield url


@pytest.fixture
def store(backend: stores.Backend, tmp_path: Path) -> Iterator[Store]:
    """A store of our schema without rows; SQLite's is `wirewatch.db` in `tmp_path`."""
    with stores.opened(backend, tmp_path) as store:
        yield store
