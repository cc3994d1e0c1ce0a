"""What people are told of the monitor itself: once at the start of an outage, once at its end."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from service.config import load
from service.health import HealthWatch
from store.articles import Article, Story
from store.engine import Store
from store.installation import keep_fact
from store.sources import CrawlRun, Gap, Outage, SourceState
from store.writer import Writer
from tests.service.configs import write
from tests.support.http import HttpServer, Response, endless

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONFIG = """
    [crawler]
    allow_private = ["127.0.0.0/8"]
    [source.dawn]
    url = "https://dawn.example/"
    name = "Dawn"
    [source.tolo]
    url = "https://tolo.example/"
    [channel.inbox]
    kind = "maildir"
    path = "inbox"
    [health]
"""


@dataclass
class Desk:
    """A watch over a database that a test writes."""

    folder: Path
    store: Store
    writer: Writer
    now: datetime = NOON
    told: list[str] = field(default_factory=list)
    more: str = ""

    def watch(self) -> HealthWatch:
        config = load(write(self.folder, CONFIG + self.more), {})

        async def tell(event: Any, subjects: Any) -> int:
            self.told.append(event.title)
            self.events.append(event)
            return 1

        self.events: list[Any] = []
        return HealthWatch(config, self.store, self.writer, tell, lambda: self.now)

    def only(self, network: str) -> HealthWatch:
        """A watch that may reach that network alone."""
        watch = self.watch()
        crawler = watch.config.crawler.model_copy(update={"allow_private": (ip_network(network),)})
        watch.config = watch.config.model_copy(update={"crawler": crawler})
        return watch

    def fares(self, source: str = "dawn", **parts: Any) -> None:
        with self.store.writing() as session:
            state = session.get(SourceState, source) or SourceState(
                id=source, url=f"https://{source}.example/", host=source, kind="auto"
            )
            state.state_since = self.now
            for name, value in parts.items():
                setattr(state, name, value)
            session.add(state)

    def add(self, *rows: Any) -> None:
        with self.store.writing() as session:
            session.add_all(rows)


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Iterator[Desk]:
    writer = Writer(store)
    yield Desk(tmp_path, store, writer)
    writer.close()


async def test_an_outage_is_one_message_and_so_is_its_end(desk: Desk) -> None:
    watch = desk.watch()
    desk.fares(state="failing", failures=2, reason="HTTP 500")
    await watch.look()
    assert desk.told == []
    for failures in (3, 4, 20):
        desk.fares(failures=failures)
        await watch.look()
    assert desk.told == ["Dawn cannot be read"]
    assert desk.events[0].lines[0] == "HTTP 500."
    desk.fares(state="gone")
    await watch.look()
    desk.fares(state="ok", failures=0)
    await watch.look()
    await watch.look()
    assert desk.told == ["Dawn cannot be read", "Dawn can be read again"]
    assert [event.type for event in desk.events] == ["source.failing", "source.recovered"]
    first, last = desk.events
    assert first.outage == last.outage != ""
    desk.now += HOUR
    desk.fares(state="silent", reason="no new article for 3 days")
    await desk.watch().look()
    assert desk.told[2:] == ["Dawn has fallen silent"]
    assert desk.events[0].outage != first.outage


async def test_a_source_that_is_no_longer_configured_is_not_told_of(desk: Desk) -> None:
    desk.fares("old", state="failing", failures=9)
    await desk.watch().look()
    assert desk.told == []


async def test_an_outage_of_ours_is_one_message_instead_of_many(desk: Desk) -> None:
    watch = desk.watch()
    for source in ("dawn", "tolo"):
        desk.fares(source, state="failing", failures=9)
    desk.add(Outage(kind="network", began_at=NOON))
    desk.now += timedelta(minutes=5)
    await watch.look()
    assert desk.told == []
    desk.now += HOUR
    await watch.look()
    await watch.look()
    assert desk.told == ["most sources cannot be reached since 2026-03-02 12:00 UTC"]
    with desk.store.writing() as session:
        outage = session.exec(select(Outage)).one()
        outage.ended_at = desk.now
        session.add(outage)
    for source in ("dawn", "tolo"):
        desk.fares(source, state="ok", failures=0)
    await watch.look()
    assert desk.told[1:] == ["sources can be reached again, after 65 min"]
    assert desk.events[0].outage == desk.events[1].outage != ""


async def test_a_gap_that_could_not_be_filled_is_told_once(desk: Desk) -> None:
    desk.add(
        Gap(
            source_id="dawn",
            url="https://dawn.example/feed",
            opened_at=NOON,
            closed_at=NOON,
            state="unfilled",
            after=NOON - 3 * HOUR,
            before=NOON - HOUR,
        )
    )
    watch = desk.watch()
    await watch.look()
    await watch.look()
    assert desk.told == [
        "Dawn: articles between 2026-03-02 09:00 UTC and 2026-03-02 11:00 UTC may be missing"
    ]


async def test_a_damaged_database_is_told_once_a_day_until_it_is_whole(desk: Desk) -> None:
    with desk.store.writing() as session:
        keep_fact(session, "damage", "Tree 7 page 9: btreeInitPage() returns error code 11")
    watch = desk.watch()
    await watch.look()
    await watch.look()
    assert desk.told == ["the database is damaged"]
    desk.now += 24 * HOUR
    await watch.look()
    assert len(desk.told) == 2
    with desk.store.writing() as session:
        keep_fact(session, "damage", "")
    desk.now += 24 * HOUR
    await watch.look()
    assert len(desk.told) == 2


async def test_the_daily_line_comes_even_when_nothing_matched(desk: Desk) -> None:
    desk.more = 'coverage = "daily 08:00"'
    desk.now = NOON.replace(hour=8, minute=1)
    desk.add(CrawlRun(host="dawn", started_at=NOON - 48 * HOUR), Story(id=1, created_at=NOON))
    desk.add(
        *(
            Article(
                url=f"https://dawn.example/{n}",
                canonical_url="",
                url_key=str(n),
                source_id="dawn",
                story_id=1,
                title="Rain",
                first_seen=NOON - (6 + 40 * (n > 2)) * HOUR,
            )
            for n in range(5)
        )
    )
    desk.fares("dawn", last_success=NOON - 6 * HOUR)
    desk.fares("tolo", state="silent", told_state="silent", last_success=NOON - 6 * HOUR)
    watch = desk.watch()
    await watch.look()
    await watch.look()
    assert desk.told == ["0 matches; 2 of 2 sources read, 1 silent (tolo), 3 articles scanned"]
    desk.now += 24 * HOUR
    await watch.look()
    assert desk.told[1:] == ["0 matches; 0 of 2 sources read, 1 silent (tolo), 0 articles scanned"]


async def test_the_daily_line_waits_for_its_hour_and_is_not_made_up_for_days(desk: Desk) -> None:
    desk.more = 'coverage = "daily 08:00"'
    desk.add(CrawlRun(host="dawn", started_at=NOON - 48 * HOUR))
    for hour in (7, 15, 23):
        desk.now = NOON.replace(hour=hour)
        await desk.watch().look()
    assert desk.told == []


async def test_the_heart_beats_while_all_is_well_and_not_while_it_is_not(desk: Desk) -> None:
    async with HttpServer() as server:
        server.on("/beat", Response(200))
        desk.more = f'heartbeat = "{server.url}/beat"'
        watch = desk.watch()
        desk.fares(state="ok", last_visit=NOON)
        await watch.beat()
        await watch.beat()
        assert len(server.requests) == 1
        desk.now += HOUR
        desk.add(Outage(kind="network", began_at=NOON))
        await watch.beat()
        assert len(server.requests) == 1
        with desk.store.writing() as session:
            session.delete(session.exec(select(Outage)).one())
        await watch.beat()
        assert len(server.requests) == 2


@pytest.mark.parametrize("jump", [-24 * HOUR, 24 * HOUR, 72 * HOUR])
async def test_the_heart_beats_on_after_the_clock_has_jumped(desk: Desk, jump: timedelta) -> None:
    async with HttpServer() as server:
        server.on("/beat", Response(200))
        desk.more = f'heartbeat = "{server.url}/beat"'
        watch = desk.watch()
        for _ in range(2):
            desk.fares(state="ok", last_visit=desk.now, next_visit=desk.now + HOUR)
            await watch.beat()
            desk.now += jump
        assert len(server.requests) == 2


async def test_of_the_heartbeats_answer_nothing_is_read(desk: Desk) -> None:
    async with HttpServer() as server:
        server.on("/beat", Response(200, endless()))
        desk.more = f'heartbeat = "{server.url}/beat"'
        desk.fares(state="ok", last_visit=NOON)
        async with asyncio.timeout(5):
            await desk.watch().beat()
        assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.2", "127.2", "2130706434", "[::ffff:127.0.0.2]"])
async def test_the_heartbeat_reaches_no_address_but_the_allowed_ones(desk: Desk, host: str) -> None:
    async with HttpServer() as allowed, HttpServer(host="127.0.0.2") as inside:
        inside.on("*", Response(200))
        allowed.on("/beat", Response(200))
        desk.fares(state="ok", last_visit=NOON)
        for url in (f"http://{host}:{inside.port}/beat", f"{allowed.url}/beat"):
            desk.more = f'heartbeat = "{url}"'
            await desk.only("127.0.0.1/32").beat()
        assert (inside.connections, len(allowed.requests)) == (0, 1)


@pytest.mark.parametrize("code", [301, 302, 307])
async def test_the_heartbeat_follows_no_redirect(desk: Desk, code: int) -> None:
    async with HttpServer() as allowed, HttpServer(host="127.0.0.2") as inside:
        inside.on("*", Response(200))
        leads = Response(code, headers={"Location": f"{inside.url}/"})
        desk.more = f'heartbeat = "{allowed.on("/beat", leads)}"'
        desk.fares(state="ok", last_visit=NOON)
        await desk.only("127.0.0.1/32").beat()
        assert (inside.connections, len(allowed.requests)) == (0, 1)


async def test_a_heartbeat_that_nobody_hears_does_no_harm(desk: Desk) -> None:
    desk.more = 'heartbeat = "http://127.0.0.1:1/beat"'
    await desk.watch().beat()
