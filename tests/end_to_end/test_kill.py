"""The proof of no loss: killed at random moments, the service loses nothing."""

from pathlib import Path

import pytest

from tests.support import postgresql
from tests.support.killing import Report, run_ordeal, tracebacks

SEED = 20261122
KILLS = 20
KILLS_ON_POSTGRESQL = 4


@pytest.mark.timeout(900)
@pytest.mark.long
async def test_every_message_arrives_although_the_service_is_killed_twenty_times(
    tmp_path: Path,
) -> None:
    report = await run_ordeal(tmp_path, SEED, KILLS)
    assert len(report.expected) > 50
    assert_nothing_was_lost(report, tmp_path, KILLS)


@pytest.mark.timeout(900)
@pytest.mark.long
async def test_every_message_arrives_on_postgresql_too(tmp_path: Path) -> None:
    with postgresql.empty_database() as url:
        report = await run_ordeal(tmp_path, SEED, KILLS_ON_POSTGRESQL, url)
    assert report.expected
    assert_nothing_was_lost(report, tmp_path, KILLS_ON_POSTGRESQL)


def assert_nothing_was_lost(report: Report, folder: Path, kills: int) -> None:
    assert len(report.kills) == kills
    assert report.missing == set()
    assert report.renamed == []
    assert report.unexplained == []
    assert report.orphans == 0
    assert report.status == 0
    assert tracebacks((folder / "service.log").read_text("utf-8", "replace")) == []
