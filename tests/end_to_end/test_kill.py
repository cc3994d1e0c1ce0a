"""The proof of no loss: killed at random moments, the service loses nothing."""

from pathlib import Path

import pytest

from tests.support import postgresql
from tests.support.killing import Report, run_ordeal, tracebacks

SEED = 20261122
KILLS_ON_POSTGRESQL = 4


@pytest.mark.timeout(900)
@pytest.mark.long
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.campaign)])
async def test_every_message_arrives_however_often_the_service_is_killed(
    tmp_path: Path, kills: int
) -> None:
    report = await run_ordeal(tmp_path, SEED, kills)
    assert len(report.expected) > 2 * kills
    assert_nothing_was_lost(report, tmp_path, kills)


@pytest.mark.timeout(900)
@pytest.mark.long
@pytest.mark.campaign
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
