"""Fixtures of the alert tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store, a clock and a context."""
    with make_world(tmp_path) as world:
        yield world
