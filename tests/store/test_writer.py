"""The writer keeps everything it said it kept, and tells everybody else why not."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError
from sqlmodel import Session, func, select

from store.articles import Article, Story
from store.engine import Store
from store.errors import StoreError, StoreFullError
from store.writer import Writer

only_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    writer = Writer(store)
    yield writer
    writer.close()


def add_story(session: Session) -> int:
    story = Story(created_at=NOON)
    session.add(story)
    session.flush()
    assert story.id is not None
    return story.id


def add_article(session: Session) -> None:
    url = "https://dawn.example/1"
    article = Article(
        url=url,
        canonical_url=url,
        url_key=url,
        source_id="dawn",
        story_id=add_story(session),
        title="Fence",
        first_seen=NOON,
    )
    session.add(article)


async def test_articles_are_announced_once_they_are_committed(store: Store, writer: Writer) -> None:
    seen: list[int] = []

    def told() -> None:
        with store.reading() as session:
            seen.append(session.exec(select(func.count()).select_from(Article)).one())

    writer.told = told
    await writer.write(add_story)
    await writer.write(add_article)
    await writer.write(add_story)
    writer.close()
    assert seen == [1]


def stories(store: Store) -> int:
    with store.reading() as session:
        return session.exec(select(func.count()).select_from(Story)).one()


async def test_a_change_is_committed_when_its_write_returns(store: Store, writer: Writer) -> None:
    number = await writer.write(add_story)
    with store.reading() as session:
        assert session.get_one(Story, number).created_at == NOON


async def test_one_failing_change_is_undone_alone(store: Store, writer: Writer) -> None:
    def add_then_fail(session: Session) -> None:
        add_story(session)
        raise KeyError("mine")

    before, failing, after = [writer.submit(c) for c in (add_story, add_then_fail, add_story)]
    assert before.result(5) != after.result(5)
    with pytest.raises(KeyError, match="mine"):
        failing.result(5)
    assert stories(store) == 2


async def test_changes_from_many_threads_are_all_kept(store: Store, writer: Writer) -> None:
    def add_fifty() -> None:
        for future in [writer.submit(add_story) for _ in range(50)]:
            future.result(30)

    threads = [threading.Thread(target=add_fifty) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stories(store) == 400


def test_closing_commits_what_is_queued(store: Store) -> None:
    writer = Writer(store)
    futures = [writer.submit(add_story) for _ in range(500)]
    writer.close()
    assert all(future.done() for future in futures)
    assert stories(store) == 500
    with pytest.raises(StoreError, match="being closed"):
        writer.submit(add_story).result(1)


@only_sqlite
async def test_a_full_disk_is_said_in_words_and_the_work_goes_on_afterwards(
    store: Store, writer: Writer
) -> None:
    # SQLite's own limit on pages answers exactly as a full disk does (SQLITE_FULL).
    with store.write_engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()

    def fill(session: Session) -> None:
        session.execute(text(f"PRAGMA max_page_count={pages}"))
        session.execute(text("CREATE TABLE filler AS SELECT zeroblob(1000000) AS room"))

    def make_room(session: Session) -> None:
        session.execute(text("PRAGMA max_page_count=1000000"))

    with pytest.raises(StoreFullError, match="no room to write"):
        await writer.write(fill)
    await writer.write(make_room)
    await writer.write(add_story)
    assert stories(store) == 1


async def test_a_reader_does_not_wait_for_a_long_write(store: Store, writer: Writer) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        add_story(session)
        begun.set()
        finish.wait(10)

    future = writer.submit(slow)
    assert begun.wait(5)
    assert stories(store) == 0
    finish.set()
    future.result(5)
    assert stories(store) == 1


@only_sqlite
def test_commits_survive_a_power_cut(store: Store) -> None:
    with store.writing() as session:
        assert session.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert session.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


def test_a_naive_time_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"), store.writing() as session:
        session.add(Story(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001
