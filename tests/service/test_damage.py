"""`check --database` on files that a failing disk left behind."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store.articles import Story
from tests.service.commands import Run
from tests.service.configs import write
from tests.service.stored import CONFIG, fill
from tests.support import stores

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = 4096


def damage(path: Path, seed: int) -> None:
    """Noise over a tenth of the pages, the first one left."""
    chance = random.Random(seed)
    whole = bytearray(path.read_bytes())
    pages = len(whole) // PAGE
    for page in chance.sample(range(1, pages), max(1, pages // 10)):
        whole[page * PAGE : (page + 1) * PAGE] = chance.randbytes(PAGE)
    path.write_bytes(whole)


@pytest.mark.parametrize("seed", range(2))
def test_check_names_the_damage_and_ends_with_1(run: Run, tmp_path: Path, seed: int) -> None:
    write(tmp_path, CONFIG)
    with stores.opened("sqlite", tmp_path) as store:
        fill(store)
        with store.writing() as session:
            session.add_all(Story(created_at=NOON) for _ in range(5000))
    damage(tmp_path / "wirewatch.db", seed)
    done = run("check", "--database")
    assert done.status == 1
    assert "wirewatch.db: " in done.err
    assert "whole and writable" not in done.err
    assert "Traceback" not in done.err
    assert "restore a backup" in done.err
    assert "check --database" not in done.err, "that is what was called"


def test_a_file_cut_short_is_told_too(run: Run, tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    with stores.opened("sqlite", tmp_path) as store:
        fill(store)
    path = tmp_path / "wirewatch.db"
    path.write_bytes(path.read_bytes()[: 20 * PAGE + 100])
    done = run("check", "--database")
    assert done.status == 1
    assert "wirewatch.db: " in done.err
    assert "Traceback" not in done.err
