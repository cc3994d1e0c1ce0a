"""From an edit to a reply in the thread; from many copies to one alert."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from alerts.outbox import Outbox
from crawler.answer import Answer
from crawler.items import ArticleItem, EntryItem, Page
from crawler.record import Listing, record_listing
from crawler.revisions import file_page, record_again, record_missing
from store.articles import Article
from store.deliveries import Change, Match
from store.engine import Store
from store.errors import StoreError
from store.writer import Writer
from tests.alerts.world import DURAND, World
from tests.support.prose import paragraphs

TITLE = "Fence divides the valley"
BODY = "\n\n".join(paragraphs(random.Random(4), "Durand Line", count=5))
SOFTENED = BODY.replace("Durand Line", "border")
CHANGES = {**DURAND, "updates": "changes"}


def page(url: str, at: datetime) -> Page:
    return Page(url, b"<html>", "text/html", at)


def filed(
    world: World, body: str = BODY, title: str = TITLE, host: str = "dawn.example", **entry: bool
) -> int:
    """An article as a crawl files it."""
    with world.store.writing() as session:
        return file_in(session, world.now, body, title, host, **entry)


def file_in(session, at, body, title, host, baseline=False):  # type: ignore[no-untyped-def]
    url = f"https://{host}/{abs(hash((title, body))) % 10**9}"
    answer = Answer(url, 200)
    listing = Listing(host, url, "feed", "main", answer, "", (EntryItem(url),), at, baseline, 9)
    [entry] = record_listing(session, listing)
    item = ArticleItem(url, url, title, "", body)
    return file_page(session, entry.id, item, page(url, at), False).article_id


def edited(world: World, article_id: int, body: str = SOFTENED, title: str = TITLE) -> str:
    """The site changed the article, and a visit found it."""
    with world.store.writing() as session:
        url = session.get_one(Article, article_id).url
        item = ArticleItem(url, url, title, "", body)
        return record_again(session, article_id, item, page(url, world.now), False, 0.0)


async def told(world: World) -> list[str]:
    """Matches, waits, gathers; the subjects of what was made anew."""
    before = len(world.deliveries())
    await Outbox(world.context).match()
    world.wait(minutes=5)
    await Outbox(world.context).gather()
    return [delivery.subject for delivery in world.deliveries()[before:]]


async def test_a_term_that_disappears_is_a_reply_in_the_thread(world: World) -> None:
    world.configure(watchlists={"durand-line": CHANGES})
    article = filed(world)
    assert await told(world) == [f"Durand Line: {TITLE} — dawn.example"]
    world.wait(hours=1)
    assert edited(world, article) == "edit"
    assert await told(world) == [f"Durand Line: changed: {TITLE} — dawn.example"]
    first, second = world.deliveries()
    assert first.thread == second.thread is not None
    assert first.key != second.key
    assert "No longer in the text: Durand Line" in second.text
    assert "[-Durand Line-] {+border+}" in second.text
    assert '<del class="gone"' in second.html
    assert second.payload["type"] == "watchlist.changed"
    [record] = second.payload["data"]["matches"]
    assert record["change"]["kinds"] == ["disappeared"]
    assert await told(world) == []


async def test_updates_new_is_silent(world: World) -> None:
    article = filed(world)
    assert len(await told(world)) == 1
    edited(world, article)
    assert await told(world) == []
    with world.store.reading() as session:
        assert session.exec(select(Change)).all() == []


async def test_an_edit_elsewhere_in_the_text_is_silent(world: World) -> None:
    world.configure(watchlists={"durand-line": CHANGES})
    article = filed(world)
    await told(world)
    assert edited(world, article, f"{BODY}\n\nThe mill will open again.") == "edit"
    assert await told(world) == []


async def test_a_page_that_changes_at_each_visit_makes_no_endless_stream(world: World) -> None:
    """A clock and a number of readers are silence; a term that comes and goes has a day's limit."""
    world.configure(watchlists={"durand-line": {**CHANGES, "max_per_day": 3}})
    article = filed(world)
    assert len(await told(world)) == 1
    for look in range(12):
        world.wait(minutes=5)
        read = f"{BODY}\n\nRead {look} times, last at {world.now:%H:%M:%S}. Token {look * 7919:x}."
        assert edited(world, article, read) == "edit"
        assert await told(world) == []
    messages = []
    for look in range(12):
        world.wait(minutes=5)
        edited(world, article, BODY if look % 2 else SOFTENED)
        messages += await told(world)
    assert 0 < len(messages) <= 4


async def test_a_match_that_only_an_edit_brings_is_new_for_everybody(world: World) -> None:
    for baseline in (False, True):
        title = f"{TITLE} {baseline}"
        body = "\n\n".join(paragraphs(random.Random(baseline), count=5))
        article = filed(world, body, title, baseline=baseline)
        assert await told(world) == []
        edited(world, article, f"{body}\n\nIt lies on the Durand Line.", title)
        assert await told(world) == [f"Durand Line: {title} — dawn.example"]


async def test_a_removal_is_told_once(world: World) -> None:
    world.configure(watchlists={"durand-line": CHANGES, "valley": {"any": ["valley"]}})
    article = filed(world)
    await told(world)
    for _ in range(2):
        world.wait(hours=1)
        with world.store.writing() as session:
            record_missing(session, article, 410, "HTTP 410", world.now, 0.0)
    assert await told(world) == [f"Durand Line: removed: {TITLE} — dawn.example"]
    assert "The article was removed: HTTP 410" in world.deliveries()[-1].text


async def test_edits_between_two_looks_of_the_matcher_are_one_change(world: World) -> None:
    world.configure(watchlists={"durand-line": CHANGES})
    article = filed(world)
    await told(world)
    edited(world, article, SOFTENED, "Another headline")
    world.wait(hours=1)
    edited(world, article, SOFTENED, "A third headline")
    assert await told(world) == ["Durand Line: changed: A third headline — dawn.example"]
    assert f"The headline was: {TITLE}" in world.deliveries()[-1].text


async def test_a_digest_shows_what_changed(world: World) -> None:
    world.configure(watchlists={"durand-line": {**CHANGES, "deliver": "hourly"}})
    article = filed(world)
    world.wait(hours=1)
    await told(world)
    world.wait(hours=1)
    await told(world)
    edited(world, article)
    await told(world)
    world.wait(hours=1)
    await told(world)
    assert "No longer in the text" in world.deliveries()[-1].text
    assert world.deliveries()[-1].kind == "digest"


async def test_an_edit_that_comes_while_the_article_is_matched_is_not_lost(world: World) -> None:
    world.configure(watchlists={"durand-line": CHANGES})
    article = filed(world)
    looked: list[datetime] = []

    def clock() -> datetime:
        # The first time it is asked for is after the text was read and before that is recorded.
        if not looked:
            edited(world, article)
        looked.append(world.now)
        return world.now

    world.configure(clock=clock)
    outbox = Outbox(world.context)
    # What was read is not what stands there any more: the next look takes it.
    assert await outbox.match() == 0
    assert world.matches() == []
    assert await outbox.match() == 1
    assert world.matches() == []


# Many copies, one alert


@contextmanager
def workers(world: World, count: int) -> Iterator[list[Writer]]:
    """Writers on connections of their own, as those of several processes."""
    stores = [Store(str(world.store.url)) for _ in range(count)]
    writers = [Writer(store) for store in stores]
    try:
        yield writers
    finally:
        for writer, store in zip(writers, stores, strict=True):
            writer.close()
            store.close()


async def test_a_report_of_thirty_sources_filed_by_four_workers_is_one_alert(
    world: World, tmp_path: Path
) -> None:
    chance = random.Random(30)
    copies = []
    for number in range(30):
        parts = [*BODY.split("\n\n"), *paragraphs(chance, count=1)]
        title = " ".join(paragraphs(chance, count=1)[0].split()[:6])
        copies.append(("\n\n".join(parts), title, f"paper{number}.example"))
    with workers(world, 4) as writers:

        async def file(writer: Writer, body: str, title: str, host: str) -> None:
            await writer.write(lambda s: file_in(s, world.now, body, title, host))

        await asyncio.gather(*(file(writers[n % 4], *copy) for n, copy in enumerate(copies)))
        contexts = [replace(world.context, writer=writer) for writer in writers]
        matched = await asyncio.gather(*(Outbox(context).match() for context in contexts))
    assert sum(matched) == 30
    assert len(world.alerts()) == 1
    world.wait(minutes=1)
    assert await Outbox(world.context).gather() == 1
    [delivery] = world.deliveries()
    assert delivery.text.count("- paper") == 29
    with world.store.reading() as session:
        assert len({article.story_id for article in session.exec(select(Article))}) == 1


async def test_a_copy_that_alone_matches_is_told(world: World) -> None:
    filed(world, SOFTENED)
    assert await told(world) == []
    filed(world, BODY, "The Durand Line", host="copy.example")
    assert await told(world) == ["Durand Line: The Durand Line — copy.example"]
    assert "Also in:\n- dawn.example" in world.deliveries()[0].text


async def test_a_late_copy_is_named_in_the_next_mail_of_the_thread(world: World) -> None:
    world.configure(watchlists={"durand-line": CHANGES})
    article = filed(world)
    await told(world)
    filed(world, BODY, "Other words", host="copy.example")
    assert await told(world) == []
    edited(world, article)
    assert len(await told(world)) == 1
    assert "Also in:\n- copy.example" in world.deliveries()[-1].text


def test_the_database_itself_refuses_a_second_alert_for_a_story(world: World) -> None:
    article = filed(world)
    copy = filed(world, BODY + "\n\nMore.", "Copy", host="copy.example")

    def match(article_id: int) -> Match:
        story = world.story_of(article_id)
        return Match(
            watchlist="w", article_id=article_id, story_id=story, matched_at=datetime.now(UTC)
        )

    with world.store.writing() as session:
        session.add(match(article))
    with pytest.raises(StoreError, match=r"(?i)unique"), world.store.writing() as session:
        session.add(match(copy))
