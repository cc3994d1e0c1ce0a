"""Fixtures of the alert tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.alerts.world import World, make_world


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    """A store, a clock and a context."""
    with make_world(store, tmp_path) as world:
        yield world
