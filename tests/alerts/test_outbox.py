"""From waiting articles to frozen deliveries: each told once, together, at its time."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from sqlalchemy import text
from sqlmodel import Session, select

from alerts.channels.email import EmailConfig
from alerts.channels.webhook import WebhookConfig
from alerts.composer import Composer
from alerts.message import HealthEvent, Message, story_thread
from alerts.message_size import size_of
from alerts.outbox import Outbox
from store.articles import Article, Entry
from store.deliveries import FirstVisit
from store.sources import SourceState
from tests.alerts.world import DURAND, NOON, World, maildir
from tests.support.stores import everything_in

FENCE = "New fence on the Durand Line"
HOOK = WebhookConfig.model_validate(
    {"kind": "webhook", "url": "https://ops.example.org/", "secret": "whsec_" + "c2VjcmV0" * 5}
)


def email(*to: str, **keys: Any) -> EmailConfig:
    table = {"kind": "email", "to": to, "from": "w@example.org", "smtp": "smtp://localhost"}
    return EmailConfig.model_validate({**table, **keys})


async def run(world: World, **wait: float) -> int:
    """Matches, waits, gathers; the number of deliveries made."""
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(**(wait or {"seconds": 30}))
    return await outbox.gather()


async def test_an_article_that_matches_becomes_a_delivery(world: World) -> None:
    article = world.article(FENCE, body="Villagers near the Durand Line protest.")
    world.article("Rain in Lahore")
    assert await Outbox(world.context).match() == 2
    assert await Outbox(world.context).match() == 0
    world.wait(seconds=30)
    assert await Outbox(world.context).gather() == 1
    (match,), (delivery,) = world.matches(), world.deliveries()
    assert (match.article_id, match.watchlist, match.silent) == (article, "durand-line", "")
    assert delivery.subject == f"Durand Line: {FENCE} — Dawn"
    assert (delivery.state, delivery.channel, delivery.kind) == ("pending", "desk", "alert")
    assert delivery.watchlists == ["durand-line"]
    assert (delivery.thread or "").startswith("story-")
    assert "Villagers near the *Durand Line* protest." in delivery.text
    assert delivery.payload["data"]["delivery"] == delivery.key
    assert delivery.payload["data"]["matches"][0]["article"]["url"] == "https://dawn.example/1"
    assert json.loads(json.dumps(delivery.payload)) == delivery.payload


async def test_nothing_matches_twice_and_nothing_is_told_twice(world: World) -> None:
    world.article(FENCE)
    assert await run(world) == 1
    assert await run(world) == 0
    with world.store.writing() as session:
        session.exec(select(Article)).one().matched_at = None
    assert await run(world) == 0
    assert len(world.matches()) == len(world.alerts()) == len(world.deliveries()) == 1


async def test_offsets_of_the_stored_match_are_those_of_the_article(world: World) -> None:
    body = "ابتدا۔ " * 20 + "سرحد پر Durand Line کے پاس باڑ۔ " + "آخر۔ " * 20
    world.article("Fence", body=body)
    await Outbox(world.context).match()
    (match,) = world.matches()
    (excerpt,) = match.excerpts
    assert body[excerpt["start"] : excerpt["end"]] == excerpt["text"]
    (mark,) = excerpt["highlights"]
    assert excerpt["text"][mark["start"] : mark["end"]] == "Durand Line"


@pytest.mark.parametrize(
    ("published", "late", "words"),
    [
        (NOON - timedelta(hours=6), "the service was down", "published 6 h ago; the service was"),
        (None, "the source had moved on", "found late; the source had moved on"),
        (NOON - timedelta(hours=6), None, "published 6 h ago"),
    ],
)
async def test_an_alert_that_comes_late_says_how_late_and_why(
    world: World, published: datetime | None, late: str | None, words: str
) -> None:
    known = "minute" if published else "unknown"
    world.article(FENCE, published=published, published_precision=known, late=late)
    await run(world, minutes=15)
    [delivery] = world.deliveries()
    assert words in delivery.text
    assert words in delivery.html


async def test_what_arrives_together_is_one_message(world: World) -> None:
    outbox = Outbox(world.context)
    world.article(FENCE)
    await outbox.match()
    world.wait(seconds=20)
    world.article("Durand Line closed")
    await outbox.match()
    assert await outbox.gather() == 0
    world.wait(seconds=10)
    assert await outbox.gather() == 1
    assert world.deliveries()[0].subject == "Durand Line: 2 articles"


async def test_what_arrives_after_the_first_has_gone_is_another_message(world: World) -> None:
    outbox = Outbox(world.context)
    for title in (FENCE, "Durand Line closed"):
        world.article(title)
        await outbox.match()
        world.wait(seconds=31)
        await outbox.gather()
    assert len(world.deliveries()) == 2


async def test_flush_does_not_wait_for_company(world: World) -> None:
    world.article(FENCE)
    outbox = Outbox(world.context)
    await outbox.match()
    assert await outbox.gather(flush=True) == 1


async def test_an_article_of_two_watchlists_is_one_message_that_shows_it_once(
    world: World,
) -> None:
    world.configure(watchlists={"durand-line": DURAND, "ttp": {"name": "TTP", "any": ["=TTP"]}})
    world.article("TTP crosses the Durand Line", body="It was night.")
    assert await run(world) == 1
    (delivery,) = world.deliveries()
    assert delivery.watchlists == ["durand-line", "ttp"]
    assert delivery.subject == "Durand Line, TTP: TTP crosses the Durand Line — Dawn"
    assert delivery.text.count("https://dawn.example/1") == 1


async def test_a_webhook_is_told_of_each_watchlist_by_itself(world: World) -> None:
    world.configure(
        watchlists={"durand-line": DURAND, "ttp": {"name": "TTP", "any": ["=TTP"]}},
        channels={"ops": HOOK},
    )
    world.article("TTP crosses the Durand Line", body="It was night.")
    assert await run(world) == 2
    told = [delivery.payload["data"]["watchlist"] for delivery in world.deliveries()]
    assert told == ["durand-line", "ttp"]


async def test_a_webhook_s_payload_stays_small(world: World) -> None:
    world.configure(channels={"ops": HOOK})
    for number in range(30):
        world.article(f"{FENCE} {number}", body="The Durand Line. " + f"word{number} " * 300)
    assert await run(world) > 1
    assert max(size_of(each.payload) for each in world.deliveries()) <= 20_000
    assert sum(len(each.payload["data"]["matches"]) for each in world.deliveries()) == 30


async def test_each_recipient_gets_a_delivery_and_no_address_is_stored(world: World) -> None:
    world.configure(channels={"desk": email("Ann <ann@example.org>", "bo@example.org")})
    world.article(FENCE)
    assert await run(world) == 2
    first, second = world.deliveries()
    assert first.key != second.key
    assert len({first.recipient, second.recipient, ""}) == 3
    assert b"ann@" not in everything_in(world.store)


async def test_only_the_channels_of_the_watchlist_are_told(world: World, tmp_path: Path) -> None:
    world.configure(
        watchlists={"durand-line": {**DURAND, "notify": ["ops", "gone"]}},
        channels={"desk": maildir(tmp_path / "a"), "ops": maildir(tmp_path / "b")},
    )
    world.article(FENCE)
    assert await run(world) == 1
    assert world.deliveries()[0].channel == "ops"


async def test_a_copy_of_a_told_story_is_shown_but_not_told_again(world: World) -> None:
    first = world.article(FENCE)
    copy = world.article(
        FENCE, story=world.story_of(first), source_id="tolo", url="https://tolo.example/1"
    )
    assert await run(world) == 1
    assert [(match.article_id, match.silent) for match in world.matches()] == [
        (first, ""),
        (copy, "story"),
    ]
    assert "Also in:\n- tolo: https://tolo.example/1" in world.deliveries()[0].text
    world.article(FENCE, story=world.story_of(first), url="https://late.example/1")
    assert await run(world) == 0


async def test_a_copy_of_what_was_silent_is_told(world: World) -> None:
    old = world.article(FENCE, baseline=True)
    world.article(FENCE, story=world.story_of(old), url="https://tolo.example/1")
    assert await run(world) == 1


async def test_a_daily_digest_gathers_until_its_time(world: World) -> None:
    world.configure(watchlists={"durand-line": {**DURAND, "deliver": "daily 18:00"}})
    outbox = Outbox(world.context)
    for hour in range(5):
        world.article(f"{FENCE} {hour}")
        await outbox.match()
        assert await outbox.gather(flush=True) == 0
        world.wait(hours=1)
    world.now = NOON.replace(hour=18)
    assert await outbox.gather() == 1
    (delivery,) = world.deliveries()
    assert (delivery.kind, delivery.subject) == (
        "digest",
        "Daily digest: Durand Line: 5 articles",
    )
    assert delivery.text.index("Line 4") < delivery.text.index("Line 0")


async def test_a_digest_and_an_alert_stay_two_messages(world: World) -> None:
    world.configure(
        watchlists={
            "durand-line": DURAND,
            "fence": {"any": ["fence"], "deliver": "hourly"},
        }
    )
    world.article(FENCE)
    assert await run(world, hours=1) == 2
    assert {delivery.kind for delivery in world.deliveries()} == {"alert", "digest"}


async def test_quiet_hours_hold_and_the_night_is_one_message(world: World, tmp_path: Path) -> None:
    world.configure(channels={"desk": maildir(tmp_path / "in", quiet="12:30-20:00")})
    outbox = Outbox(world.context)
    world.wait(hours=1)
    for number in range(6):
        world.article(f"{FENCE} {number}")
        await outbox.match()
        world.wait(hours=1)
        assert await outbox.gather() == 0
    world.now = NOON.replace(hour=20)
    assert await outbox.gather() == 1
    assert world.deliveries()[0].subject == "Durand Line: 6 articles"


async def test_beyond_max_per_day_the_rest_is_one_summary(world: World) -> None:
    world.configure(watchlists={"durand-line": {**DURAND, "max_per_day": 3}})
    outbox = Outbox(world.context)
    for number in range(8):
        world.article(f"{FENCE} {number}")
        await outbox.match()
        world.wait(minutes=1)
        await outbox.gather()
    assert len(world.deliveries()) == 3
    world.now = NOON + timedelta(hours=12)
    assert await outbox.gather() == 1
    assert world.deliveries()[-1].subject == "The rest of 1 March 2026: Durand Line: 5 articles"
    assert "Above max_per_day (3): the rest of 1 March 2026\n" in world.deliveries()[-1].text
    world.article(f"{FENCE} tomorrow")
    assert await run(world) == 1


async def test_a_restart_after_a_long_pause_is_one_message(world: World) -> None:
    outbox = Outbox(world.context)
    for number in range(10):
        world.article(f"{FENCE} {number}")
        await outbox.match()
        world.wait(minutes=2)
    assert await Outbox(world.context).gather() == 1


async def test_the_same_news_has_the_same_id_in_a_restored_database(
    world: World, tmp_path: Path
) -> None:
    world.article(FENCE)
    await run(world)
    (before,) = world.deliveries()
    with world.store.writing() as session:
        _forget(session)
    world.wait(days=1)
    world.article(FENCE, url=before.payload["data"]["matches"][0]["article"]["url"])
    await run(world)
    (after,) = world.deliveries()
    assert after.key == before.key


def _forget(session: Session) -> None:
    for name in ("alert", "match", "delivery", "article", "story"):
        session.connection().exec_driver_sql(f"DELETE FROM {name}")


async def test_two_outboxes_at_once_tell_once(world: World) -> None:
    world.article(FENCE)
    one, two = Outbox(world.context), Outbox(world.context)
    assert await one.match() + await two.match() == 1
    world.wait(seconds=30)
    assert await one.gather() + await two.gather() == 1


async def test_a_template_that_fails_does_not_stop_the_alert(world: World, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "articles.txt").write_text("{{ missing }}")
    world.configure()
    world.article(FENCE)
    assert await run(world) == 1
    assert FENCE in world.deliveries()[0].text


async def test_an_article_that_cannot_be_shown_is_told_barely(world: World) -> None:
    # Year 1 has no local time west of Greenwich.
    world.configure(timezone="America/New_York")
    world.article(FENCE, published=NOON.replace(year=1, month=1, day=1, hour=0))
    world.article("Durand Line quiet")
    assert await run(world) == 1
    (delivery,) = world.deliveries()
    assert FENCE in delivery.text
    assert "https://dawn.example/1" in delivery.text


# First visits


def visited(world: World, source: str, *, waiting: int = 0) -> None:
    with world.store.writing() as session:
        session.merge(
            SourceState(
                id=source,
                url=f"https://{source}.example/",
                host=f"{source}.example",
                kind="auto",
                title=source.capitalize(),
                baseline_at=world.now,
            )
        )
        for number in range(waiting):
            session.add(
                Entry(
                    source_id=source,
                    url=f"https://{source}.example/{number}",
                    url_key=f"{source}/{number}",
                    host=f"{source}.example",
                    baseline=True,
                    found_at=world.now,
                )
            )


async def test_a_first_visit_is_one_summary_and_no_alert(world: World) -> None:
    visited(world, "dawn")
    for number in range(3):
        world.article(f"{FENCE} {number}", baseline=True)
    world.article("Rain", baseline=True)
    outbox = Outbox(world.context)
    assert await outbox.summarise_first_visits() == 0
    assert await run(world) == 0
    assert await outbox.summarise_first_visits() == 1
    assert await outbox.summarise_first_visits() == 0
    (delivery,) = world.deliveries()
    assert delivery.kind == "summary"
    assert delivery.subject == "Wirewatch now reads 1 source: 3 past matches"
    assert "- Dawn: 4 articles, 3 matches" in delivery.text
    assert {match.silent for match in world.matches()} == {"first_visit"}


async def test_the_summary_waits_for_the_other_sources_but_not_for_ever(world: World) -> None:
    visited(world, "dawn")
    visited(world, "tolo", waiting=1)
    outbox = Outbox(world.context)
    assert await outbox.summarise_first_visits() == 0
    world.wait(minutes=31)
    assert await outbox.summarise_first_visits() == 1
    assert [row.source_id for row in _first_visits(world)] == ["dawn"]


async def test_a_round_that_ends_does_not_wait_for_slow_sources(world: World) -> None:
    visited(world, "dawn")
    visited(world, "tolo", waiting=1)
    assert await Outbox(world.context).summarise_first_visits(flush=True) == 1


def _first_visits(world: World) -> list[FirstVisit]:
    with world.store.reading() as session:
        return list(session.exec(select(FirstVisit)))


async def test_sources_that_are_called_alike_are_told_apart(world: World) -> None:
    for source in ("dawn", "dawn-urdu"):
        visited(world, source)
    world.configure(source_names={"dawn": "Dawn", "dawn-urdu": "dawn"})
    await Outbox(world.context).summarise_first_visits()
    text = world.deliveries()[0].text
    assert "- Dawn (dawn): 0 articles, 0 matches" in text
    assert "- dawn (dawn-urdu): 0 articles, 0 matches" in text
    assert "counted once, at the first" in text


async def test_a_summary_that_cannot_be_composed_is_told_barely(world: World) -> None:
    visited(world, "dawn")

    class Broken(Composer):
        def first_visit(self, *_: object) -> Message:
            raise RuntimeError("no")

    world.configure()
    world.context.__dict__["composer"] = Broken(ZoneInfo("UTC"))
    assert await Outbox(world.context).summarise_first_visits() == 1
    assert world.deliveries()[0].subject == "Wirewatch now reads 1 more"
    assert await Outbox(world.context).summarise_first_visits() == 0


async def test_a_new_watchlist_tells_only_of_what_comes_from_now_on(world: World) -> None:
    for number in range(5):
        world.article(f"{FENCE} {number}")
    world.configure(watchlists={"rain": {"any": ["rain"]}})
    await run(world)
    world.configure(watchlists={"rain": {"any": ["rain"]}, "durand-line": DURAND})
    assert await run(world) == 0
    world.article(FENCE)
    assert await run(world) == 1


async def test_an_article_told_late_says_how_old_it_is(world: World) -> None:
    world.article(FENCE, published=NOON - timedelta(hours=6))
    await run(world)
    assert "published 6 h ago" in world.deliveries()[0].text
    assert "published 6 h ago" in world.deliveries()[0].html


async def test_one_story_is_one_thread_of_this_installation_alone(world: World) -> None:
    first = world.article(FENCE)
    await run(world)
    world.article(FENCE, story=world.story_of(first), baseline=True)
    world.configure(watchlists={"fence": {"any": ["fence"]}})
    world.article(f"{FENCE} again", story=world.story_of(first))
    await run(world)
    threads = {delivery.thread for delivery in world.deliveries()}
    assert len(threads) == 1
    here, there = story_thread("here", "https://x/"), story_thread("there", "https://x/")
    assert here != there


# Health


async def test_the_messages_of_an_outage_are_one_thread(world: World) -> None:
    outbox = Outbox(world.context)
    subjects = ["dawn", "2026-03-01T08:00:00Z"]
    for type_ in ("source.failing", "source.recovered"):
        event = HealthEvent(type_, f"Dawn: {type_}", facts={"source": "dawn"}, outage="dawn 08:00")
        assert await outbox.tell(event, subjects) == 1
        assert await outbox.tell(event, subjects) == 0
    failing, recovered = world.deliveries()
    assert failing.thread
    assert failing.thread == recovered.thread
    assert failing.key != recovered.key
    assert [each.payload["type"] for each in (failing, recovered)] == [
        "source.failing",
        "source.recovered",
    ]
    assert failing.payload["data"] == {"delivery": failing.key, "source": "dawn"}
    assert "Dawn: source.failing" in failing.text
    assert "Dawn: source.failing" in failing.html


async def test_a_health_message_is_told_once_to_those_named(world: World, tmp_path: Path) -> None:
    world.configure(
        channels={"desk": maildir(tmp_path / "a"), "ops": maildir(tmp_path / "b")},
        health_notify=("ops",),
    )
    event = HealthEvent("source.failing", "Dawn is failing", ("It answers 403.",))
    outbox = Outbox(world.context)
    assert await outbox.tell(event, ["dawn", "2026-03-01"]) == 1
    await outbox.tell(event, ["dawn", "2026-03-01"])
    (delivery,) = world.deliveries()
    assert (delivery.channel, delivery.kind) == ("ops", "health")
    await outbox.tell(event, ["dawn", "2026-03-02"])
    assert len(world.deliveries()) == 2


@pytest.mark.parametrize("notify", [None, ("desk",), ("gone",)])
async def test_bad_news_about_a_channel_reaches_another_one(
    world: World, tmp_path: Path, notify: tuple[str, ...] | None
) -> None:
    world.configure(
        channels={"desk": maildir(tmp_path / "a"), "ops": maildir(tmp_path / "b")},
        health_notify=notify,
    )
    assert world.context.health_channels(without="desk") == ["ops"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_match_is_told_with_its_source_and_once_it_is_committed(world: World) -> None:
    kept = world.article(FENCE)
    refused = world.article("Another fence", body="Along the Durand Line.")
    with world.store.writing() as session:
        session.connection().execute(
            text(
                f"CREATE TRIGGER refusing BEFORE INSERT ON match WHEN NEW.article_id = {refused} "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
    with structlog.testing.capture_logs() as told:
        # Both are undone together, and then the one is kept.
        await Outbox(world.context).match()
    assert [match.article_id for match in world.matches()] == [kept]
    events = [event for event in told if event["event"] == "match"]
    assert sorted((event["status"], event.get("source", "")) for event in events) == [
        ("alert", "dawn"),
        ("failed", ""),
    ]
