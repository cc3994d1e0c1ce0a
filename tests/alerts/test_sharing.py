"""Processes that match and gather the same lines: each article and each alert is had by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from alerts.outbox import Outbox
from store.articles import Article
from tests.alerts.world import World, make_world
from tests.support import stores

FENCE = "New fence on the Durand Line"
PROCESSES = 4


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with stores.opened("postgresql", tmp_path) as store, make_world(store, tmp_path) as world:
        world.configure(alone=False)
        yield world


async def match_at_once(world: World) -> int:
    outboxes = [Outbox(world.context) for _ in range(PROCESSES)]
    return sum(await asyncio.gather(*(outbox.match_claimed() for outbox in outboxes)))


async def test_each_article_is_matched_by_one(world: World) -> None:
    for _ in range(120):
        world.article(FENCE)
    assert await match_at_once(world) == 120
    assert len(world.matches()) == len(world.alerts()) == 120
    assert await match_at_once(world) == 0


async def test_thirty_copies_of_a_report_make_one_alert(world: World) -> None:
    first = world.article(FENCE)
    for _ in range(29):
        world.article(FENCE, story=world.story_of(first))
    assert await match_at_once(world) == 30
    assert len(world.matches()) == 30
    assert len(world.alerts()) == 1
    assert sorted({match.silent for match in world.matches()}) == ["", "story"]


async def test_alerts_that_two_gather_make_one_message(world: World) -> None:
    for _ in range(5):
        world.article(FENCE)
    await match_at_once(world)
    world.wait(seconds=31)
    outboxes = [Outbox(world.context) for _ in range(PROCESSES)]
    await asyncio.gather(*(outbox.gather() for outbox in outboxes), return_exceptions=True)
    assert len(world.deliveries()) == 1
    assert {alert.delivery_id for alert in world.alerts()} == {world.deliveries()[0].id}


async def test_an_article_that_cannot_be_stored_holds_up_no_other(world: World) -> None:
    world.article(FENCE)
    broken = world.article(FENCE)
    world.article(FENCE)
    outbox = Outbox(world.context)
    constraint = "ALTER TABLE match {} CONSTRAINT broken {}"
    with world.store.writing() as session:
        session.connection().execute(
            text(constraint.format("ADD", f"CHECK (article_id <> {broken})"))
        )
    try:
        assert await outbox.match_claimed() == 2
        waiting = [row.id for row in world.rows(Article) if row.matched_at is None]
        assert waiting == [broken]
        assert await outbox.match_claimed() == 0
    finally:
        with world.store.writing() as session:
            session.connection().execute(text(constraint.format("DROP", "")))
