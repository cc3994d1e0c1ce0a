"""Fixtures of whole crawls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store.engine import Store
from store.schema import migrate
from tests.support.crawled import Run, Script, run_on_a_site


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'wirewatch.db'}")
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def on_a_site(store: Store) -> Run:
    def run(script: Script, /, **parts: Any) -> None:
        run_on_a_site(store, script, **parts)

    return run
