"""The queue of crawls, who may take what from it, and who is taken for dead."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import text
from sqlmodel import Session

from crawler.config import CrawlerConfig, SourceConfig
from crawler.handing import Handed, due_jobs, enrol, give_back, hand_over
from crawler.run import HostJob
from crawler.visits import rest
from service import queue
from service.announcements import Announcements
from service.app import App
from service.handing import Handing
from service.installation import check_clock, shared_installation_id
from service.presence import Presence
from service.problems import InstallationError
from service.queue import CrawlQueue, Taken
from store.articles import Entry, Story
from store.deliveries import Alert, Delivery, Match
from store.engine import Store
from store.errors import StoreError
from store.sources import HostState, SourceState
from store.turns import Turn, turn_at
from store.writer import Writer
from tests.support import stores

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOURCES = {
    name: SourceConfig.model_validate({"url": f"https://{host}.example/feed"})
    for name, host in (("dawn", "dawn"), ("sport", "dawn"), ("geo", "geo"))
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.opened("postgresql", tmp_path) as opened:
        change(opened, queue.install)
        change(opened, lambda session: enrol(session, SOURCES, CrawlerConfig(), NOW))
        yield opened


def change(store: Store, work: Callable[[Session], object]) -> object:
    with store.writing() as session:
        return work(session)


def execute(store: Store, statement: str) -> None:
    change(store, lambda session: session.connection().execute(text(statement)))


def due(store: Store, now: datetime = NOW, busy: frozenset[str] = frozenset()) -> list[HostJob]:
    with store.reading() as session:
        return due_jobs(session, SOURCES, now, busy, 100)


def hand(store: Store, now: datetime = NOW) -> list[Handed]:
    jobs = due(store, now)
    with store.writing() as session:
        handed = hand_over(session, jobs, now)
        CrawlQueue(store).put(session, handed)
        return handed


def enlisted(store: Store) -> int:
    presence = Presence(store, alone=False, displaced=lambda: None)
    presence.begin()
    presence.enlist()
    number = presence.worker
    presence.end()
    assert number is not None
    with store.writing() as session:
        row = text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        return int(session.connection().execute(row).scalar_one())


@dataclass
class Scheduling:
    """A scheduler on the store, by a clock that stands where it is put."""

    handing: Handing
    at: list[float]

    async def hand(self) -> int:
        return await self.handing.hand()

    async def rescue_at(self, seconds: float) -> int:
        self.at[0] = seconds
        return await self.handing.rescue()


@contextlib.asynccontextmanager
async def scheduling(
    store: Store, sources: Mapping[str, SourceConfig] = SOURCES
) -> AsyncIterator[Scheduling]:
    """What a scheduler needs of an App: a writer, a configuration and the time."""
    writer, at = Writer(store), [0.0]
    config = SimpleNamespace(crawler=CrawlerConfig(), sources=sources)
    app = SimpleNamespace(writer=writer, config=config, now=lambda: NOW)
    try:
        yield Scheduling(Handing(cast(App, app), CrawlQueue(store), lambda: at[0]), at)
    finally:
        await asyncio.to_thread(writer.close)


async def take(store: Store, worker: int) -> Taken | None:
    async with CrawlQueue(store) as crawls:
        return await crawls.take(worker)


def test_a_visit_is_handed_over_by_one_scheduler_only(store: Store) -> None:
    seen = due(store)
    assert seen == [HostJob("dawn.example", ("dawn", "sport")), HostJob("geo.example", ("geo",))]
    assert [each.job for each in change(store, lambda s: hand_over(s, seen, NOW))] == seen  # type: ignore[attr-defined]
    assert change(store, lambda s: hand_over(s, seen, NOW)) == []
    assert due(store) == []


def test_a_visit_that_nobody_makes_is_due_again(store: Store) -> None:
    hand(store)
    assert due(store, NOW + 4 * MINUTE) == []
    assert len(due(store, NOW + 6 * MINUTE)) == 2


def test_only_what_was_not_visited_is_given_back(store: Store) -> None:
    first, _ = hand(store)
    visited = NOW + 15 * MINUTE

    def visit(session: Session) -> None:
        state = session.get_one(SourceState, "dawn")
        state.next_visit = visited
        session.add(state)

    change(store, visit)
    change(store, lambda session: give_back(session, first, NOW))
    with store.reading() as session:
        assert session.get_one(SourceState, "dawn").next_visit == visited
        assert session.get_one(SourceState, "sport").next_visit == NOW


def test_a_host_that_is_held_or_rests_is_left_alone(store: Store) -> None:
    def hold(session: Session) -> None:
        session.add(HostState(host="geo.example", not_before=NOW + MINUTE))
        rest(session, "dawn.example", NOW, timedelta(seconds=30))

    change(store, hold)
    assert due(store) == []
    assert [job.host for job in due(store, NOW + timedelta(seconds=31))] == ["dawn.example"]
    assert len(due(store, NOW + 2 * MINUTE)) == 2


async def test_a_host_has_one_job_and_one_worker(store: Store) -> None:
    handed, worker = hand(store), enlisted(store)
    with store.reading() as session:
        assert queue.hosts_in_queue(session) == ({"dawn.example", "geo.example"}, 2)
    taken = [await take(store, worker) for _ in range(3)]
    assert [each.handed for each in taken if each] == handed
    assert taken[2] is None
    # While it runs a second job may wait, and nobody gets it.
    again = [Handed(HostJob("geo.example"), NOW)]
    change(store, lambda session: CrawlQueue(store).put(session, again))
    assert await take(store, worker) is None
    assert taken[1] is not None
    done = taken[1]
    assert change(store, lambda session: queue.finish(session, done)) is True
    assert change(store, lambda session: queue.finish(session, done)) is False
    following = await take(store, worker)
    assert following is not None
    assert following.handed == again[0]


async def test_jobs_with_a_source_come_before_pages(store: Store) -> None:
    worker = enlisted(store)
    jobs = [Handed(HostJob("pages.example"), NOW), Handed(HostJob("geo.example", ("geo",)), NOW)]
    change(store, lambda session: CrawlQueue(store).put(session, jobs))
    first = await take(store, worker)
    assert first is not None
    assert first.handed.job.host == "geo.example"


async def test_the_next_of_many_jobs_is_found_without_comparing_all_of_them(store: Store) -> None:
    """It took half a second each before the server was told how many there are."""
    jobs = [Handed(HostJob(f"h{number}.example"), NOW) for number in range(2000)]
    change(store, lambda session: CrawlQueue(store).put(session, jobs))
    worker = enlisted(store)
    async with CrawlQueue(store) as crawls, asyncio.timeout(2):
        for _ in range(10):
            assert await crawls.take(worker)


async def test_a_dead_workers_crawls_are_due_and_its_jobs_gone(store: Store) -> None:
    hand(store)
    worker = enlisted(store)
    taken = await take(store, worker)
    assert taken is not None
    async with scheduling(store) as scheduler:
        assert await scheduler.rescue_at(1000) == 0
        assert await scheduler.rescue_at(1044) == 0
        assert await scheduler.rescue_at(1045) == 1
        assert [job.sources for job in due(store)] == [("dawn", "sport")]
    # The dead one comes back: what it says of the job is not heard.
    assert change(store, lambda session: queue.finish(session, taken)) is False


async def test_a_clock_that_is_set_forward_kills_no_worker(store: Store) -> None:
    hand(store)
    worker = enlisted(store)
    await take(store, worker)
    async with scheduling(store) as scheduler:
        for second in range(0, 100, 10):
            # A sign every ten seconds, an hour behind the database's clock.
            behind = f"now() - interval '1 hour' + interval '{second} s'"
            execute(store, f"UPDATE procrastinate_workers SET last_heartbeat = {behind}")
            assert await scheduler.rescue_at(1000 + second) == 0


def test_one_that_gave_a_sign_meanwhile_is_not_struck_off(store: Store) -> None:
    worker = enlisted(store)
    with store.reading() as session:
        before = queue.signs_of_life(session)
    execute(store, "UPDATE procrastinate_workers SET last_heartbeat = now()")
    change(store, lambda session: queue.abandoned(session, before))
    with store.reading() as session:
        assert queue.signs_of_life(session).keys() == {worker}


async def test_the_jobs_of_a_worker_that_signed_off_are_taken_at_once(store: Store) -> None:
    hand(store)
    worker = enlisted(store)
    await take(store, worker)
    gone = text("DELETE FROM procrastinate_workers")
    change(store, lambda session: session.connection().execute(gone))
    async with scheduling(store) as scheduler:
        assert await scheduler.rescue_at(1000) == 1


async def test_two_schedulers_at_once_hand_each_host_over_once(store: Store) -> None:
    sources = {
        f"s{number}": SourceConfig.model_validate({"url": f"https://host{number}.example/feed"})
        for number in range(60)
    }
    async with scheduling(store, sources) as one, scheduling(store, sources) as other:
        for _ in range(5):
            handed = await asyncio.gather(one.hand(), other.hand(), one.hand(), other.hand())
            assert sum(handed) == 60
            with store.reading() as session:
                assert len(queue.hosts_in_queue(session)[0]) == 60
            change(store, _forget_what_was_handed)


def _forget_what_was_handed(session: Session) -> None:
    session.connection().execute(text("UPDATE source SET next_visit = NULL"))
    session.connection().execute(text("DELETE FROM procrastinate_jobs"))


async def test_a_visit_is_handed_over_once_without_turns_too(store: Store) -> None:
    """Turns save work only: what counts is who moves `next_visit` on."""
    seen, met = due(store), threading.Barrier(2)

    def hand_over_slowly() -> list[Handed]:
        with store.writing() as session:
            met.wait(10)
            mine = hand_over(session, seen, NOW)
            time.sleep(0.1)
            return mine

    results = await asyncio.gather(*(asyncio.to_thread(hand_over_slowly) for _ in range(2)))
    assert sorted(len(each) for each in results) == [0, 2]


async def test_the_queue_is_kept_short(store: Store) -> None:
    most = queue.MOST_WAITING
    sources = {
        f"s{number}": SourceConfig.model_validate({"url": f"https://host{number}.example/feed"})
        for number in range(most + 5)
    }
    worker = enlisted(store)
    async with scheduling(store, sources) as scheduler:
        assert await scheduler.hand() == most
        assert await scheduler.hand() == 0
        assert await take(store, worker) is not None
        assert await scheduler.hand() == 1


def test_the_queues_tables_are_those_of_one_version(store: Store) -> None:
    change(store, queue.install)
    newer = text("COMMENT ON TABLE procrastinate_jobs IS 'made by procrastinate 99.0.0'")
    change(store, lambda session: session.connection().execute(newer))
    with pytest.raises(StoreError, match=r"procrastinate 99\.0\.0.*upgrade this machine"):
        change(store, queue.install)
    ours = (
        f"COMMENT ON TABLE procrastinate_jobs IS 'made by procrastinate {version('procrastinate')}'"
    )
    change(store, lambda session: session.connection().execute(text(ours)))


def test_an_older_queue_gets_the_scripts_that_came_after_it() -> None:
    names = ("03.04.00_50_post_b.sql", "03.02.00_01_pre_a.sql", "03.04.00_01_pre_b.sql", "x.py")
    found = queue.scripts_after("3.2.0", map(Path, names))
    assert [path.name for path in found] == ["03.04.00_01_pre_b.sql", "03.04.00_50_post_b.sql"]


def test_one_process_alone_or_several_together(store: Store) -> None:
    def process(alone: bool) -> Presence:
        return Presence(store, alone=alone, displaced=lambda: None)

    first, second = process(False), process(False)
    first.begin()
    second.begin()
    with pytest.raises(InstallationError, match="stop it first, or start both with --roles"):
        process(True).begin()
    first.end()
    second.end()
    for _ in range(20):
        # At once: a service that is started anew is not refused for the sake of the former one.
        alone = process(True)
        alone.begin()
        with pytest.raises(InstallationError, match="so that others may join it"):
            process(False).begin()
        alone.end()


def test_one_process_at_a_time_has_a_turn(store: Store) -> None:
    with turn_at(store, Turn.GATHER) as mine, turn_at(store, Turn.GATHER) as yours:
        assert (mine, yours) == (True, False)
    with turn_at(store, Turn.GATHER) as mine:
        assert mine


async def test_a_row_that_begins_to_wait_is_announced_at_once(store: Store) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    announcements = Announcements(store, told.put_nowait, (queue.ANNOUNCED,))
    change(store, _article)
    waiting: dict[str, Callable[[Session], object]] = {
        queue.ANNOUNCED: lambda session: CrawlQueue(store).put(session, [_HANDED]),
        "hand": _entry,
        "match": _matchable,
        "gather": _alert,
        "deliver": _delivery,
    }
    try:
        await _listens(store)
        for line, begins in waiting.items():
            while not told.empty():
                told.get_nowait()
            await asyncio.to_thread(change, store, begins)
            began = time.monotonic()
            while await asyncio.wait_for(told.get(), 5) != line:
                pass
            # Whoever looked by himself would find it after a second.
            assert time.monotonic() - began < 0.5, line
    finally:
        await asyncio.to_thread(announcements.end)


_HANDED = Handed(HostJob("geo.example"), NOW)


async def _listens(store: Store) -> None:
    last = text("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND query = :query")
    query = f'LISTEN "{queue.ANNOUNCED}"'
    async with asyncio.timeout(10):
        while True:
            with store.reading() as session:
                if session.connection().execute(last, {"query": query}).scalar_one():
                    return
            await asyncio.sleep(0.01)


def _entry(session: Session) -> None:
    """One that an aggregator lists on another host."""
    session.add(
        Entry(
            source_id="dawn",
            url="https://other.example/1",
            url_key="other.example/1",
            host="other.example",
            found_at=NOW,
            next_attempt_at=NOW,
        )
    )


def _matchable(session: Session) -> None:
    session.connection().execute(text("UPDATE article SET matched_at = NULL"))


def _alert(session: Session) -> None:
    article, story = session.connection().execute(text("SELECT id, story_id FROM article")).one()
    match = Match(watchlist="w", article_id=article, story_id=story, matched_at=NOW)
    session.add(match)
    session.flush()
    session.add(Alert(match_id=match.id, watchlist="w", channel="ops", made_at=NOW, due_at=NOW))


def _delivery(session: Session) -> None:
    session.add(
        Delivery(key="k", channel="ops", subject="s", text="t", created_at=NOW, next_attempt_at=NOW)
    )


def _article(session: Session) -> None:
    story = Story(created_at=NOW)
    session.add(story)
    session.flush()
    columns = "url, canonical_url, url_key, source_id, story_id, title, standfirst, body, captions"
    session.connection().execute(
        text(
            f"INSERT INTO article ({columns}, authors, tags, published_precision, published_from, "
            "first_seen, paywalled, revision, fingerprint, page_sha256, extractor, confidence, "
            "candidates, form, baseline, matched_revision) VALUES ('u', 'u', 'u', 'dawn', :story, "
            "'t', '', '', '', '[]', '[]', 'unknown', 'unknown', now(), false, 1, '', '', '', 0, "
            "'[]', 'article', false, 0)"
        ),
        {"story": story.id},
    )


def test_machines_without_a_file_learn_the_installations_id(store: Store, tmp_path: Path) -> None:
    here, there = tmp_path / "here.id", tmp_path / "there.id"
    assert shared_installation_id(there, store, may_make=False) is None
    made = shared_installation_id(here, store)
    assert shared_installation_id(there, store, may_make=False) == made
    assert not there.exists()
    there.write_text("another\n")
    with pytest.raises(InstallationError, match="another installation"):
        shared_installation_id(there, store)


def test_a_clock_that_is_wrong_is_told(store: Store) -> None:
    check_clock(store, datetime.now(UTC))
    with pytest.raises(InstallationError, match="NTP"):
        check_clock(store, datetime.now(UTC) - timedelta(minutes=2))
