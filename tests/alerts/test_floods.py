"""However much there is to tell at once: few messages, and everything is in them or counted."""

import random
import re
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from alerts.composer import Composer
from alerts.message import Count
from alerts.message_size import MOST, NAMED, PAYLOAD_LIMIT, shares, size_of, trimmed
from alerts.outbox import Outbox
from store.deliveries import Delivery
from tests.alerts.test_following import BODY, CHANGES, SOFTENED, edited, filed
from tests.alerts.test_outbox import HOOK, email, visited
from tests.alerts.world import DURAND, NOON, World, maildir
from tests.support import stores

FENCE = "New fence on the Durand Line"
LISTS = {f"list{n}": {"name": f"List {n}", "any": [f"topic{n}"]} for n in range(10)}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)])
def backend(request: pytest.FixtureRequest) -> stores.Backend:
    """Floods are many rows, not other ones."""
    chosen: stores.Backend = request.param
    return chosen


async def told(world: World, **wait: float) -> list[Delivery]:
    """Matches, waits, gathers; what was made anew."""
    before = len(world.deliveries())
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(**(wait or {"minutes": 5}))
    await outbox.gather()
    return world.deliveries()[before:]


def links(delivery: Delivery) -> list[str]:
    """The articles that a message shows or names."""
    return re.findall(r"^https?://\S+$", delivery.text, re.MULTILINE)


def all_are_told(world: World) -> bool:
    return all(alert.delivery_id is not None for alert in world.alerts())


async def test_three_hundred_articles_after_a_standstill_are_one_message(world: World) -> None:
    """Small watchlists are shown whole beside large ones; others are named or counted; all told."""
    world.configure(watchlists=LISTS)
    for number in range(300):
        # One in ten is of a list of its own; the others come thick.
        name = number % 9 if number % 60 else 9
        world.article(f"News {number} of topic{name}", first_seen=world.wait(seconds=1))
    [message] = await told(world)
    assert all_are_told(world)
    assert len(world.alerts(delivery_id=message.id)) == 300
    assert len(message.payload["data"]["matches"]) == MOST
    assert len(set(links(message))) == MOST + NAMED
    assert len(re.findall(r"^And (\d+) more\.$", message.text, re.MULTILINE)) == 9
    assert sum(map(int, re.findall(r"^And (\d+) more\.$", message.text, re.MULTILINE))) == 100
    assert message.html.count("https://") >= MOST + NAMED
    subject = r"300 articles: (List \d \(3[34]\), ){4}List \d \(3[34]\) and 5 more"
    assert re.fullmatch(subject, message.subject)
    for number in range(10):
        count = len(world.alerts(watchlist=f"list{number}"))
        assert f"- List {number}: {count}\n" in message.text
    assert len(re.findall(r"topic9\n", message.text)) == 5 == len(world.alerts(watchlist="list9"))
    assert (
        f"50 of 300. To list all: wirewatch matches --delivery {message.key[:12]}\n" in message.text
    )
    assert message.key[:12] in message.html
    first = message.text.split("== List 1 ==")[1].split("== ")[0]
    shown = [int(number) for number in re.findall(r"^News (\d+) of", first, re.MULTILINE)]
    assert shown == sorted(shown, reverse=True)
    assert max(shown) >= 280


async def test_the_rest_of_a_day_is_one_message_for_all_watchlists(world: World) -> None:
    limits = {name: {**table, "max_per_day": 2} for name, table in LISTS.items()}
    world.configure(watchlists=limits, channels={"desk": email("a@example.org", "b@example.org")})
    outbox = Outbox(world.context)
    for number in range(200):
        world.article(f"News {number} of topic{number % 10}")
    await outbox.match()
    world.wait(minutes=1)
    assert await outbox.gather() == 2  # one for each recipient
    world.now = NOON + timedelta(hours=12)
    assert await outbox.gather() == 2
    _, _, rest, other = world.deliveries()
    assert {rest.recipient, other.recipient} == {each.recipient for each in world.deliveries()}
    assert rest.subject.startswith("The rest of 1 March 2026: 180 articles: List 0 (18), ")
    assert rest.text.startswith("Above max_per_day (2): the rest of 1 March 2026\n")
    assert "Above max_per_day (2): the rest of 1 March 2026</h1>" in rest.html
    assert all_are_told(world)
    assert await outbox.gather() == 0


async def test_what_is_above_the_limit_says_so_beside_what_is_not(world: World) -> None:
    world.configure(watchlists={"durand-line": {**DURAND, "max_per_day": 1}})
    for number in range(3):
        world.article(f"{FENCE} {number}")
    await told(world)
    world.now = NOON + timedelta(hours=11, minutes=59, seconds=50)
    world.configure(watchlists={"durand-line": {**DURAND, "max_per_day": 9}})
    world.article(f"{FENCE} 4")
    [both] = await told(world, seconds=30)
    assert both.subject == "Durand Line: 3 articles"
    note = "Among them is the rest of 1 March 2026, above max_per_day (9).\n"
    assert both.text.startswith(note)


def rewritten(number: int, body: str) -> str:
    """A text that is no copy of the others."""
    words = random.Random(number).choices([f"w{n}" for n in range(400)], k=200)
    return f"{body}\n\n{' '.join(words)}"


async def test_edits_count_for_the_day_on_which_they_are_told(world: World) -> None:
    """A site that edits all its articles days later makes `max_per_day` messages, and one more."""
    world.configure(watchlists={"durand-line": {**CHANGES, "max_per_day": 3}})
    articles = [filed(world, rewritten(n, BODY), f"Title {n}") for n in range(60)]
    await told(world)
    await told(world, days=2)
    assert all_are_told(world)
    replies = []
    for start in range(0, 60, 10):
        for number in range(start, start + 10):
            edited(world, articles[number], rewritten(number, SOFTENED), f"Title {number}")
        replies += await told(world)
    assert len(replies) == 3
    assert {each.subject.split(" Title")[0] for each in replies} == {"Durand Line: changed:"}
    [rest] = await told(world, days=1)
    assert rest.subject == "The rest of 3 March 2026: Durand Line: 57 changed articles"
    assert rest.payload["type"] == "watchlist.changed"
    assert rest.html.count('class="gone"') >= MOST
    assert all_are_told(world)


async def test_many_changes_at_once_are_one_message_and_no_replies(world: World) -> None:
    world.configure(watchlists={"durand-line": {**CHANGES, "max_per_day": 500}})
    articles = [filed(world, rewritten(n, BODY), f"Title {n}") for n in range(32)]
    await told(world)
    for number in range(5):
        edited(world, articles[number], rewritten(number, SOFTENED), f"Title {number}")
    assert len(await told(world)) == 5
    world.wait(hours=1)
    for number in range(5, 11):
        edited(world, articles[number], rewritten(number, SOFTENED), f"Title {number}")
    assert [each.subject for each in await told(world, minutes=15)] == [
        "Durand Line: 6 changed articles"
    ]
    world.wait(hours=1)
    messages = []
    for number in range(11, 32):  # one after the other, as visits find them
        edited(world, articles[number], rewritten(number, SOFTENED), f"Title {number}")
        messages += await told(world, seconds=40)
    messages += await told(world, minutes=15)
    assert len(messages) <= 6
    assert messages[-1].subject.startswith("Durand Line: 16 changed")
    assert all_are_told(world)


async def test_a_digest_of_many_changes_is_one_message(world: World) -> None:
    world.configure(watchlists={"durand-line": {**CHANGES, "deliver": "daily 18:00"}})
    articles = [filed(world, rewritten(n, BODY), f"Title {n}") for n in range(60)]
    world.now = NOON.replace(hour=17, minute=59)
    [first] = await told(world)
    assert first.subject == "Daily digest: Durand Line: 60 articles"
    for number, article in enumerate(articles):
        edited(world, article, rewritten(number, SOFTENED), f"Title {number}")
    [second] = await told(world, days=1)
    assert second.subject == "Daily digest: Durand Line: 60 changed articles"
    assert second.text.startswith("Daily digest\nThe newest are shown, 50 of 60. ")
    assert second.text.partition("By title only:")[2].count("http") == 10
    assert len(set(links(second))) == 60
    assert all_are_told(world)


async def test_a_night_of_three_hundred_is_one_message_in_the_morning(
    world: World, tmp_path: Path
) -> None:
    """And leaves the day to its own alerts, however many the night brought."""
    world.configure(channels={"desk": maildir(tmp_path / "in", quiet="22:00-07:00")})
    world.now = NOON.replace(hour=22, minute=30)
    outbox = Outbox(world.context)
    for number in range(300):
        world.article(f"{FENCE} {number}", first_seen=world.wait(minutes=1))
        if number % 50 == 49:
            await outbox.match()
            assert await outbox.gather() == 0
    world.now = NOON.replace(day=2, hour=7)
    assert await outbox.gather() == 1
    [morning] = world.deliveries()
    assert morning.subject == "Durand Line: 300 articles"
    assert all_are_told(world)
    world.article(FENCE)
    assert len(await told(world)) == 1


async def test_a_first_visit_beside_a_standstill_adds_one_message(world: World) -> None:
    world.configure(watchlists=LISTS)
    visited(world, "new")
    for number in range(120):
        world.article(f"Old {number} of topic{number % 10}", source_id="new", baseline=True)
        world.article(f"News {number} of topic{number % 10}")
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(minutes=31)
    assert await outbox.gather() == 1
    assert await outbox.summarise_first_visits() == 1
    alert, summary = world.deliveries()
    assert alert.subject.startswith("120 articles: ")
    assert summary.subject == "Wirewatch now reads 1 source: 120 past matches"


async def test_what_is_found_late_is_gathered_while_it_comes(world: World) -> None:
    """After a standstill the pages come one by one for minutes; what is new goes out as ever."""
    messages = []
    for number in range(20):
        published = world.now - timedelta(hours=9)
        world.article(f"{FENCE} {number}", published=published, late="the service was down")
        messages += await told(world, seconds=35)
    assert messages == []
    world.article(f"{FENCE} just now")
    [news] = await told(world, seconds=35)
    assert news.subject.endswith("just now — Dawn")
    [caught_up] = await told(world, minutes=15)
    assert caught_up.subject == "Durand Line: 20 articles"


async def test_a_round_that_ends_tells_of_what_was_found_late(world: World) -> None:
    world.article(FENCE, published=NOON - timedelta(hours=9), late="the service was down")
    outbox = Outbox(world.context)
    await outbox.match()
    assert await outbox.gather(flush=True) == 1


async def test_a_webhook_gets_every_match_in_numbered_parts(world: World) -> None:
    world.configure(watchlists={"w": {"any": ["خبر"], "max_per_day": 9}}, channels={"ops": HOOK})
    body = "خبر " + "کلمه " * 300
    for number in range(120):
        world.article(f"خبر {number}", body=body, first_seen=world.wait(seconds=1))
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(minutes=1)
    await outbox.gather()
    world.now = NOON + timedelta(hours=12)
    count = await outbox.gather()
    parts = [each.payload["data"] for each in world.deliveries()[-count:]]
    assert [(each["part"], each["parts"]) for each in parts] == [
        (number, count) for number in range(1, count + 1)
    ]
    assert max(size_of(each.payload) for each in world.deliveries()) <= PAYLOAD_LIMIT
    assert world.deliveries()[-1].subject.endswith(f"({count} of {count})")
    ids = [match["id"] for each in world.deliveries() for match in each.payload["data"]["matches"]]
    assert len(ids) == len(set(ids)) == 120
    seen = [match["article"]["first_seen"] for each in parts for match in each["matches"]]
    assert seen == sorted(seen, reverse=True)


async def test_a_match_that_is_larger_than_a_message_is_cut(world: World) -> None:
    world.configure(channels={"ops": HOOK})
    names = [f"{'long name ' * 30}{number}" for number in range(200)]
    world.article(
        FENCE, standfirst="W" * 90_000, tags=names, authors=names, section="S" * 9000, body=FENCE
    )
    world.article(f"{FENCE} again")
    messages = await told(world)
    assert max(size_of(each.payload) for each in messages) <= PAYLOAD_LIMIT
    matches = [match for each in messages for match in each.payload["data"]["matches"]]
    assert {match["article"]["title"] for match in matches} == {FENCE, f"{FENCE} again"}


def test_letters_of_four_bytes_make_no_message_larger_than_its_limit() -> None:
    long = "\U0001d50e" * 3000
    names = ("title", "standfirst", "section", "image", "late")
    address = "https://a.example/" + "x" * 2000
    record = {
        "id": 1,
        "terms": [long[:700]] * 20,
        "article": {**dict.fromkeys(names, long), "url": address, "canonical_url": address},
        "excerpts": [{"text": long}],
        "change": {"lines": [long[:500]] * 9, "diff": [{"mark": "new", "text": long}],
                   "appeared": [long[:500]] * 9, "disappeared": [long[:500]] * 9},
    }  # fmt: skip
    assert size_of(trimmed(record, PAYLOAD_LIMIT - 200)) <= PAYLOAD_LIMIT - 200


def test_what_is_cut_from_a_match_is_its_excerpts_first() -> None:
    article = {"title": "t", "standfirst": "s" * 100, "authors": ["a"], "tags": ["b"]}
    excerpts = [{"text": "x" * 100}, {"text": "y" * 100}]
    record = {"id": 1, "terms": ["t"], "article": article, "excerpts": excerpts}
    assert trimmed(record, 1000) == record
    assert trimmed(record, size_of(record) - 1) == {**record, "excerpts": excerpts[:1]}
    assert trimmed(record, 200)["article"]["tags"] == []


async def test_a_flood_has_the_same_id_in_a_restored_database(world: World) -> None:
    world.configure(watchlists={"durand-line": {**DURAND, "max_per_day": 99}})
    for number in range(70):
        world.article(f"{FENCE} {number}", url=f"https://dawn.example/{number}")
    [before] = await told(world)
    with world.store.writing() as session:
        for name in ("alert", "match", "delivery", "article", "story"):
            session.connection().execute(text(f"DELETE FROM {name}"))
    world.wait(days=1)
    for number in reversed(range(70)):
        world.article(f"{FENCE} {number}", url=f"https://dawn.example/{number}")
    [after] = await told(world)
    assert after.key == before.key


def test_the_summary_of_a_thousand_first_visits_fits_into_a_message() -> None:
    sources = [Count(f"source-{n}", f"Source {n}", n, n) for n in range(1000)]
    watchlists = [Count(f"list-{n}", f"List {n}", 0, n % 7) for n in range(1000)]
    message = Composer(UTC).first_visit("x" * 43, sources, watchlists, NOON)
    assert size_of(message.payload) <= PAYLOAD_LIMIT
    told = message.payload["data"]
    assert len(told["sources"]) + told["more_sources"] == 1000
    assert len(told["watchlists"]) + told["more_watchlists"] == 1000
    assert min(len(told["sources"]), len(told["watchlists"])) > 100
    assert {each["matches"] for each in told["watchlists"]} <= {4, 5, 6}


@given(st.lists(st.integers(0, 200), max_size=80), st.integers(0, 60))
def test_what_is_shown_is_shared_out(sizes: list[int], most: int) -> None:
    """As many as there is room for; who gets less than another has no more."""
    given = shares(sizes, most)
    assert sum(given) == min(most, sum(sizes))
    assert all(0 <= part <= size for part, size in zip(given, sizes, strict=True))
    least = min(
        (part for part, size in zip(given, sizes, strict=True) if part < size), default=None
    )
    assert least is None or max(given) <= least + 1


# What cannot be stored


async def test_what_a_template_prints_cannot_keep_an_alert_from_being_stored(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "articles.txt").write_text('NUL: {{ "\\0" }} half: {{ "\\ud800" }}!')
    world.configure()
    world.article(FENCE)
    [message] = await told(world)
    assert message.text == "NUL:  half: ?!"


async def test_a_message_that_the_database_refuses_is_told_barely(world: World) -> None:
    """And holds up nobody: neither itself at every look, nor the other destinations."""
    _refuse_html(world)
    world.configure(watchlists={"durand-line": {**DURAND, "deliver": "hourly"}, "f": FENCES})
    world.article(FENCE)
    messages = await told(world, hours=1)
    assert len(messages) == 2
    assert all(f"{FENCE}\nhttps://dawn.example/1\n" in each.text for each in messages)
    assert all_are_told(world)
    assert await told(world) == []


FENCES: dict[str, Any] = {"any": ["fence"]}


def _refuse_html(world: World) -> None:
    with world.store.writing() as session:
        _add_refusal(session, on_sqlite=world.store.path is not None)


def _add_refusal(session: Session, *, on_sqlite: bool) -> None:
    if on_sqlite:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON delivery WHEN NEW.html <> '' "
            "BEGIN SELECT RAISE(ABORT, 'no HTML'); END"
        )
    else:
        session.connection().exec_driver_sql(
            "ALTER TABLE delivery ADD CONSTRAINT refuse CHECK (html = '')"
        )


@pytest.fixture(autouse=True)
def _refuse_no_more(world: World, request: pytest.FixtureRequest) -> Any:
    """Databases are lent to one test after the other."""
    yield
    if "refuses" in request.node.name and world.store.path is None:
        with world.store.writing() as session:
            session.connection().exec_driver_sql("ALTER TABLE delivery DROP CONSTRAINT refuse")
