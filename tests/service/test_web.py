"""The status page and /health, over HTTP on loopback."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from sqlalchemy import text

from service.metrics import Metrics
from service.serving import listening
from service.status import Configured
from service.web import status_app
from store.articles import Article, Entry, Story
from store.deliveries import Alert, Match
from store.engine import Store
from store.http_client import guarded_client, httpx
from store.installation import keep_fact
from store.sources import HostState, SourceState

LOOPBACK = [ip_network("127.0.0.0/8")]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with guarded_client(LOOPBACK, timeout=5) as client:
        yield client


def add_source(store: Store, **parts: object) -> None:
    with store.writing() as session:
        session.add(
            SourceState(
                id="a", url="https://a.example/", host="a.example", kind="auto", last_visit=NOON
            ).sqlmodel_update(parts)
        )


def add_unmatched_article(store: Store, seen: datetime) -> None:
    with store.writing() as session:
        story = Story(created_at=seen)
        session.add(story)
        session.flush()
        session.add(
            Article(
                url="u", canonical_url="u", url_key="u", source_id="a", title="t",
                story_id=story.id, first_seen=seen,
            )
        )  # fmt: skip


async def health(store: Store, client: httpx.AsyncClient) -> httpx.Response:
    async with listening(status_app(store, lambda: NOON), "127.0.0.1") as url:
        return await client.get(f"{url}/health")


async def test_a_service_whose_lines_move_is_healthy(
    store: Store, client: httpx.AsyncClient
) -> None:
    add_source(store)
    answer = await health(store, client)
    assert (answer.status_code, answer.json()["healthy"]) == (200, True)
    store.close()


async def test_it_is_red_when_articles_are_no_longer_matched(
    store: Store, client: httpx.AsyncClient
) -> None:
    add_unmatched_article(store, NOON - timedelta(minutes=1))
    assert (await health(store, client)).status_code == 200
    add_source(store)
    with store.writing() as session:
        session.get_one(Article, 1).first_seen = NOON - timedelta(hours=1)
    answer = await health(store, client)
    assert (answer.status_code, answer.json()["articles_waiting"]) == (503, 1)
    store.close()


async def test_it_is_red_when_nothing_is_crawled_any_more(
    store: Store, client: httpx.AsyncClient
) -> None:
    add_source(store, next_visit=NOON - timedelta(minutes=30))
    assert (await health(store, client)).status_code == 200
    with store.writing() as session:
        session.get_one(SourceState, "a").next_visit = NOON - timedelta(minutes=46)
    assert (await health(store, client)).status_code == 503
    with store.writing() as session:
        # One that is no longer configured is overdue for ever; another was visited since.
        other = SourceState(
            id="b", url="https://b.example/", host="b.example", kind="auto",
            last_visit=NOON + timedelta(seconds=1), next_visit=NOON + timedelta(minutes=15),
        )  # fmt: skip
        session.add(other)
    assert (await health(store, client)).status_code == 200
    store.close()


async def test_it_is_red_when_pages_wait_and_none_has_ended_for_an_hour(
    store: Store, client: httpx.AsyncClient
) -> None:
    days, minutes = NOON - timedelta(days=9), timedelta(minutes=1)
    add_source(store, next_visit=NOON + minutes)
    with store.writing() as session:
        keep_fact(session, "started", days.isoformat())
        for number in range(50):
            session.add(
                Entry(
                    source_id="a", url=f"u{number}", url_key=f"u{number}", host="a.example",
                    found_at=days, next_attempt_at=days,
                )
            )  # fmt: skip
        session.add(HostState(host="a.example", page_at=days))
    assert (await health(store, client)).status_code == 503
    with store.writing() as session:
        # A backlog may be old: what counts is that it moves,
        session.get_one(HostState, "a.example").page_at = NOON - 59 * minutes
    assert (await health(store, client)).status_code == 200
    with store.writing() as session:
        # and a host that asked to be left alone is.
        host = session.get_one(HostState, "a.example")
        host.page_at, host.not_before = NOON - 61 * minutes, NOON + minutes
    assert (await health(store, client)).status_code == 200
    with store.writing() as session:
        session.get_one(HostState, "a.example").not_before = NOON - minutes
    assert (await health(store, client)).status_code == 503
    with store.writing() as session:
        # A service that has just started after days has an hour for the first.
        keep_fact(session, "started", (NOON - 59 * minutes).isoformat())
    assert (await health(store, client)).status_code == 200
    store.close()


async def test_it_is_red_when_nothing_was_visited_since_the_service_started(
    store: Store, client: httpx.AsyncClient
) -> None:
    assert (await health(store, client)).status_code == 200, "it has never been started"
    for ago, status in ((timedelta(minutes=44), 200), (timedelta(days=9), 503)):
        with store.writing() as session:
            keep_fact(session, "started", (NOON - ago).isoformat())
        assert (await health(store, client)).status_code == status
    store.close()


async def test_it_is_red_when_alerts_are_no_longer_gathered(
    store: Store, client: httpx.AsyncClient
) -> None:
    add_source(store)
    add_unmatched_article(store, NOON)
    with store.writing() as session:
        session.get_one(Article, 1).matched_at = NOON
        session.add(Match(id=1, watchlist="w", article_id=1, story_id=1, matched_at=NOON))
        session.flush()
        session.add(
            Alert(id=1, match_id=1, watchlist="w", channel="inbox", made_at=NOON, due_at=NOON)
        )
    channels: list[str] | None = None
    page = status_app(
        store, lambda: now, known=lambda: None if channels is None else Configured(channels, [])
    )
    async with listening(page, "127.0.0.1") as url:
        for after, there, status in (
            (timedelta(minutes=14), None, 200),
            (timedelta(minutes=16), None, 503),
            (timedelta(minutes=16), ["inbox"], 503),
            # It waits for its channel to be configured again.
            (timedelta(minutes=16), ["other"], 200),
        ):
            now, channels = NOON + after, there
            answer = await client.get(f"{url}/health")
            assert answer.status_code == status, (after, there)
    store.close()


async def test_it_is_red_when_no_source_can_be_read(
    store: Store, client: httpx.AsyncClient
) -> None:
    add_source(store, state="failing")
    assert (await health(store, client)).status_code == 503
    store.close()


async def test_what_a_site_says_is_text_on_the_page_and_nothing_runs(
    store: Store, client: httpx.AsyncClient
) -> None:
    add_source(store, state="failing", last_error="<script>alert(1)</script>")
    async with listening(status_app(store, lambda: NOON), "127.0.0.1") as url:
        answer = await client.get(url)
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    store.close()


async def test_with_a_password_the_page_asks_for_it_and_health_does_not(
    store: Store, client: httpx.AsyncClient
) -> None:
    async with listening(status_app(store, lambda: NOON, "sesame"), "127.0.0.1") as url:
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, auth=("me", "wrong"))).status_code == 401
        assert (await client.get(url, auth=("me", "sesame"))).status_code == 200
        assert (await client.get(f"{url}/metrics")).status_code == 401
        broken = {"Authorization": "Basic %%%"}
        assert (await client.get(url, headers=broken)).status_code == 401
        assert (await client.get(f"{url}/health")).status_code == 200
    store.close()


async def test_metrics_count_the_events_of_the_log_and_show_what_waits(
    store: Store, client: httpx.AsyncClient
) -> None:
    metrics = Metrics()
    for event in (
        {"event": "visit", "status": "ok", "source": "a", "seconds": 0.2},
        {"event": "visit", "status": "ok", "source": "a", "title": 'x"} 1\nforged 1'},
        {"event": "delivery", "status": "delivered", "channel": "desk", "article_seconds": 3.5},
        {"event": "something else"},
    ):
        assert metrics(None, "info", event) is event
    add_unmatched_article(store, NOON - timedelta(minutes=1))
    add_source(store, last_success=NOON)
    async with listening(status_app(store, lambda: NOON, "", metrics), "127.0.0.1") as url:
        answer = await client.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        'wirewatch_events_total{event="visit",of="a",status="ok"} 2.0',
        'wirewatch_events_total{event="delivery",of="desk",status="delivered"} 1.0',
        'wirewatch_event_seconds_bucket{event="visit",le="0.25"} 1.0',
        'wirewatch_alert_seconds_bucket{channel="desk",le="2.5"} 0.0',
        'wirewatch_alert_seconds_bucket{channel="desk",le="5.0"} 1.0',
        'wirewatch_waiting{line="articles"} 1.0',
        'wirewatch_waiting_seconds{line="articles"} 60.0',
        'wirewatch_sources{state="ok"} 1.0',
    ):
        assert line in lines
    assert "forged" not in answer.text
    store.close()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/", "/health", "/metrics"])
async def test_a_database_that_fails_is_told_in_words_on_every_page(
    store: Store, client: httpx.AsyncClient, path: str
) -> None:
    with store.writing() as session:
        session.connection().execute(text("ALTER TABLE source RENAME TO elsewhere"))
    async with listening(status_app(store, lambda: NOON), "127.0.0.1") as url:
        answer = await client.get(url + path)
    assert answer.status_code == 503
    assert "source" in answer.text
    assert "Internal Server Error" not in answer.text
    store.close()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/", "/health", "/metrics"])
async def test_a_page_that_took_our_address_for_its_name_reads_nothing(
    store: Store, client: httpx.AsyncClient, path: str
) -> None:
    page = status_app(store, lambda: NOON, hosts=("status.desk.example",))
    async with listening(page, "127.0.0.1") as url:
        answer = await client.get(url + path, headers={"Host": "rebind.evil.example:8780"})
        assert answer.status_code == 421
        assert "waiting" not in answer.text
        for own in ("status.desk.example", "localhost:8780"):
            assert (await client.get(url + path, headers={"Host": own})).status_code == 200
    store.close()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_with_a_password_any_name_will_do_for_it_is_asked_for_under_each(
    store: Store, client: httpx.AsyncClient
) -> None:
    async with listening(status_app(store, lambda: NOON, "sesame"), "127.0.0.1") as url:
        named = {"Host": "wirewatch.desk.example"}
        assert (await client.get(url, headers=named)).status_code == 401
        assert (await client.get(url, headers=named, auth=("me", "sesame"))).status_code == 200
    store.close()


async def test_health_is_not_judged_by_sources_that_are_gone_nor_by_a_clock_that_was_ahead(
    store: Store, client: httpx.AsyncClient
) -> None:
    hour, ahead = timedelta(hours=1), NOON + timedelta(days=900)
    add_source(store, next_visit=NOON + 6 * hour)
    with store.writing() as session:
        keep_fact(session, "started", NOON.isoformat())
        for number in range(60):
            gone = SourceState(id=f"gone{number}", url="https://g.example/", host="", kind="feed")
            gone.last_visit, gone.next_visit = NOON + hour / 60, NOON
            session.add(gone)
    page = status_app(store, lambda: now, known=lambda: Configured([], {"a"}))
    async with listening(page, "127.0.0.1") as url:

        async def status() -> int:
            return (await client.get(f"{url}/health")).status_code

        now = NOON + 3 * hour
        assert await status() == 200
        now = NOON + 7 * hour
        assert await status() == 503
        with store.writing() as session:
            source = session.get_one(SourceState, "a")
            source.last_visit = source.next_visit = ahead
        assert await status() == 503
        with store.writing() as session:
            source = session.get_one(SourceState, "a")
            source.last_visit, source.next_visit = now, now + hour
        assert await status() == 200
        with store.writing() as session:
            waiting = {"found_at": NOON, "next_attempt_at": NOON}
            session.add(Entry(source_id="a", url="u", url_key="u", host="a.example", **waiting))
            session.add(HostState(host="a.example", page_at=ahead))
        assert await status() == 503
    store.close()
