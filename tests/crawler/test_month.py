"""The simulated month of bench/month.py in small: nothing that was published is missing."""

import importlib.util
import sys
from datetime import timedelta
from types import ModuleType

import pytest
import structlog

from tests.service.configs import ROOT


@pytest.fixture(scope="module")
def month() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_month", ROOT / "bench" / "month.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # dataclass looks its module up by name.
    sys.modules["bench_month"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
@pytest.mark.campaign
def test_two_days_of_six_sites_are_stored_whole(month: ModuleType) -> None:
    """A burst of three windows, eight hours without service, a redesign, a feed that dies, lies."""
    with structlog.testing.capture_logs():
        ours, quarter, whole = month.simulate(2, 6, timedelta(hours=3), seed=1)
    assert ours.published == quarter.published > 100
    assert ours.missing == []
    assert ours.twice == 0
    assert ours.gaps["filled"] >= 1
    assert ours.gaps["unfilled"] == ours.gaps["open"] == 0
    assert ours.late > 0
    assert ours.requests < quarter.requests
    assert quarter.wire < whole.wire
    # What the simulation is worth: the same days lose articles where nothing fills gaps.
    assert quarter.missing
