"""What retention forgets, and what it must keep."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel, func, select

from alerts.dispatch import Dispatcher
from alerts.outbox import Outbox
from crawler.answer import Answer
from crawler.items import ArticleItem, EntryItem
from crawler.record import Listing, record_article, record_listing
from crawler.shingles import SKETCH_SIZE
from service.retention import Retention
from store.articles import Article, Story, waiting_entries
from store.deliveries import Delivery
from store.engine import Store
from store.integrity import check_database
from store.retention import SLICES, forget_sketches
from store.revisions import KeptPage, settle_page
from store.search_index import articles_in_index
from store.search_terms import Word
from store.sources import CrawlRun
from store.stories import Sketch
from tests.alerts.world import World, make_world
from tests.service.commands import Run
from tests.service.configs import write
from tests.service.stored import on_store
from tests.support.edits import edit_in, file_in
from tests.support.prose import paragraphs

MONTH = timedelta(days=30)
OLD = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://dawn.example/fence"
BODY = "\n\n".join(["The fence follows the Durand Line.", *paragraphs(random.Random(1), count=8)])
KEPT_TABLES = {"article_url", "entry", "document", "host", "site"}
"""What makes an address, a host or a site known."""


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    with make_world(store, tmp_path) as world:
        world.now = OLD
        yield world


async def tell(world: World, *, deliver: bool = True) -> None:
    """What waits is matched, gathered and delivered."""
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(minutes=2)
    await outbox.gather()
    if deliver:
        dispatcher = Dispatcher(world.context)
        await dispatcher.send_due()
        await dispatcher.close()


def file(world: World, url: str = URL, body: str = BODY, **more: bool) -> int:
    with world.store.writing() as session:
        return file_in(session, url, "Fence", body, world.now, **more)


async def forget(world: World, at: datetime = NOW, retention: timedelta = MONTH) -> int:
    chance = iter([part / SLICES for part in range(SLICES)])
    keeper = Retention(world.writer, lambda: at, lambda: next(chance))
    return sum([await keeper.forget(retention) for _ in range(2)])


def counts(store: Store) -> dict[str, int]:
    """Rows of every table that has some."""
    with store.reading() as session:
        connection = session.connection()
        found = {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in SQLModel.metadata.tables.items()
        }
    return {name: count for name, count in found.items() if count}


async def test_an_old_story_goes_with_all_that_was_told_of_it_but_its_address_stays_known(
    world: World,
) -> None:
    number = file(world)
    with world.store.writing() as session:
        edit_in(session, number, "Fence", BODY + "\n\nMore.", OLD + timedelta(hours=3))
    await tell(world)
    before = counts(world.store)
    assert {"match", "alert", "delivery", "attempt", "revision", "evidence", "revisit"} <= {*before}
    assert await forget(world) == 1
    assert {*counts(world.store)} - {"sketch"} <= KEPT_TABLES
    assert check_database(world.store) == []
    with world.store.reading() as session:
        assert articles_in_index(session.connection(), Word("durand"), 0) == []
    world.now = NOW
    for source in ("dawn.example", "tolo.example"):
        with world.store.writing() as session:
            assert record_listing(session, listing(source, URL, NOW)) == []
            assert waiting_entries(session, "dawn.example", NOW) == []
    assert counts(world.store).get("article") is None


def listing(source: str, url: str, at: datetime) -> Listing:
    answer = Answer(url, 200)
    return Listing(source, url, "feed", "main", answer, "", (EntryItem(url),), at, False, 9)


async def test_an_old_article_behind_a_new_address_is_not_news_either(world: World) -> None:
    file(world)
    await tell(world)
    await forget(world)
    with world.store.writing() as session:
        short = "https://dawn.example/?p=7"
        [entry] = record_listing(session, listing("dawn.example", short, NOW))
        filed = record_article(
            session, entry.id or 0, ArticleItem(URL, URL, "Fence", "", BODY), "", NOW
        )
        assert (filed.outcome, filed.article_id) == ("old", None)
    with world.store.writing() as session:
        assert record_listing(session, listing("tolo.example", short, NOW)) == []
        assert session.exec(select(func.count()).select_from(Article)).one() == 0


async def test_what_waits_to_be_delivered_keeps_its_story(world: World) -> None:
    file(world)
    await tell(world, deliver=False)
    before = counts(world.store)
    assert before["delivery"] == 1
    assert await forget(world) == 0
    assert counts(world.store) | {"sketch": before["sketch"]} == before
    await tell(world)
    assert [delivery.state for delivery in world.deliveries()] == ["delivered"]
    assert await forget(world) == 1


async def test_what_waits_to_be_matched_gathered_or_archived_stays(world: World) -> None:
    number = file(world, keep_page=True)
    assert await forget(world) == 0
    outbox = Outbox(world.context)
    await outbox.match()
    assert await forget(world) == 0
    await tell(world)
    assert await forget(world) == 0
    with world.store.writing() as session:
        for page in session.exec(select(KeptPage)).all():
            settle_page(session, page.evidence_id, None)
    assert await forget(world) == 1
    assert number == 1


async def test_a_story_with_a_young_copy_stays_whole_and_is_not_told_again(world: World) -> None:
    world.now = NOW - MONTH - timedelta(days=2)
    file(world)
    await tell(world)
    world.now = NOW - MONTH + timedelta(days=2)
    file(world, "https://tolo.example/fence")
    await tell(world)
    assert await forget(world) == 0
    world.now += timedelta(days=2)
    file(world, "https://copy.example/fence")
    await tell(world)
    assert len(world.deliveries()) == 1
    assert len({article.story_id for article in world.rows(Article)}) == 1


async def test_a_message_goes_when_the_last_story_it_told_of_goes(world: World) -> None:
    file(world)
    other = "\n\n".join(["On the Durand Line.", *paragraphs(random.Random(2), count=8)])
    file(world, "https://dawn.example/other", other)
    await tell(world)
    [delivery] = world.deliveries()
    with world.store.writing() as session:
        session.get_one(Article, 2).first_seen = NOW
    assert await forget(world) == 1
    assert [each.id for each in world.deliveries()] == [delivery.id]
    assert len(world.alerts()) == 1


async def test_messages_of_no_article_go_when_they_are_old_and_do_not_wait(world: World) -> None:
    for name, state, made in (
        ("old", "delivered", OLD), ("dead", "dead", OLD), ("waits", "held", OLD),
        ("young", "delivered", NOW),
    ):  # fmt: skip
        world.delivery(name, state=state, created_at=made)
    await forget(world)
    assert [delivery.subject for delivery in world.deliveries()] == ["waits", "young"]


async def test_everything_is_kept_without_retention_but_old_crawls(world: World) -> None:
    file(world)
    await tell(world)
    with world.store.writing() as session:
        for days in (1, 29, 31, 400):
            session.add(CrawlRun(host="a", started_at=NOW - timedelta(days=days)))
    before = counts(world.store)
    assert await forget(world, retention=timedelta(0)) == 0
    assert counts(world.store) == before | {"crawl_run": 2}


async def test_stories_that_cannot_go_do_not_hold_up_those_behind_them(world: World) -> None:
    with world.store.writing() as session:
        session.add_all([Story(id=number, created_at=OLD) for number in range(1, 251)])
        session.flush()
        for number in range(1, 251):
            url = f"https://dawn.example/{number}"
            matched_at = OLD if number > 120 else None
            session.add(Article(id=number, story_id=number, url=url, canonical_url=url, url_key=url,
                                source_id="dawn", title="T", first_seen=OLD, matched_at=matched_at)
            )  # fmt: skip
    assert await forget(world) == 130
    with world.store.reading() as session:
        assert session.exec(select(func.count()).select_from(Article)).one() == 120


async def test_sketches_go_part_by_part(world: World) -> None:
    file(world)
    file(world, "https://dawn.example/b", "\n\n".join(paragraphs(random.Random(3), count=8)))
    with world.store.writing() as session:
        session.get_one(Article, 2).first_seen = NOW
        for hour in (0, 10**6):
            for edge in (-(2**63), 2**63 - 1, 0):
                session.add(Sketch(hash=edge, hour=hour, article_id=1))
    assert counts(world.store)["sketch"] == 2 * SKETCH_SIZE + 6
    with world.store.writing() as session:
        for part in range(SLICES):
            forget_sketches(session, NOW - MONTH, part)
    assert counts(world.store)["sketch"] == 3


def test_commands_know_a_forgotten_address(
    run: Run, world: World, tmp_path: Path, store: Store
) -> None:
    write(tmp_path, on_store(store, "[service]\n[source.dawn]\nurl = 'https://dawn.example/'\n"))
    file(world)
    asyncio.run(_tell_and_forget(world))
    told = run("explain", URL)
    assert "Traceback" not in told.err
    assert "forgotten" in told.out + told.err
    assert run("articles", "--json").rows == []
    with store.reading() as session:
        assert session.exec(select(func.count()).select_from(Delivery)).one() == 0


async def _tell_and_forget(world: World) -> None:
    await tell(world)
    await forget(world)
