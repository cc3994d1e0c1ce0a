"""The proof of no loss: killed at random moments, the service loses nothing."""

from pathlib import Path

import pytest

from tests.support.killing import run_ordeal, tracebacks

SEED = 20261122
KILLS = 20


@pytest.mark.timeout(900)
async def test_every_message_arrives_although_the_service_is_killed_twenty_times(
    tmp_path: Path,
) -> None:
    report = await run_ordeal(tmp_path, SEED, KILLS)
    assert len(report.expected) > 50
    assert len(report.kills) == KILLS
    assert report.missing == set()
    assert report.renamed == []
    assert report.unexplained == []
    assert report.orphans == 0
    assert report.status == 0
    assert tracebacks((tmp_path / "service.log").read_text("utf-8", "replace")) == []
