"""How a source fares, when its silence is worth a message, and when the fault is ours."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from crawler.health import (
    Attempt,
    Condition,
    Fare,
    is_news,
    is_offline,
    is_online,
    is_refusal,
    judge,
    refusal,
    silence,
)

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
FINE = Fare(0, None, False, False, 0, None, False, None)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (403, b"<title>Just a moment...</title>", True),
        (503, b"<script src=/cdn-cgi/challenge-platform/x></script>", True),
        (429, b"please solve this captcha", True),
        (403, b"Forbidden", True),
        (401, b"", True),
        (503, b"Service Unavailable", False),
        (429, b"slow down", False),
        (200, b"an article about captcha", False),
        (500, b"captcha", False),
        (None, b"", False),
    ],
)
def test_a_challenge_is_a_refusal_and_a_busy_server_is_none(
    status: int | None, body: bytes, refused: bool
) -> None:
    why = refusal(status, body)
    assert (why is not None) is refused
    assert is_refusal(why) is refused


@pytest.mark.parametrize(
    ("fare", "state", "words"),
    [
        (FINE, "ok", None),
        (replace(FINE, failures=1, last_error="HTTP 500"), "failing", "HTTP 500"),
        (replace(FINE, failures=1, last_error="HTTP 404", gone=True), "gone", "HTTP 404"),
        (replace(FINE, failures=1, last_error="HTTP 403", blocked=True), "blocked", "HTTP 403"),
        (replace(FINE, pages_failed=2, page_error="HTTP 500"), "ok", None),
        (replace(FINE, pages_failed=3, page_error="x: HTTP 500"), "failing", "x: HTTP 500"),
        (replace(FINE, pages_failed=9, pages_blocked=True), "blocked", "9 pages"),
        (replace(FINE, silence="no new article"), "silent", "no new article"),
        (replace(FINE, remarks=("no links",)), "ok", "no links"),
    ],
)
def test_a_state_comes_with_its_reason(fare: Fare, state: str, words: str | None) -> None:
    verdict = judge(fare)
    assert verdict.state == state
    assert (verdict.reason is None) if words is None else (words in (verdict.reason or ""))


def history(weekday: int, weekend: int) -> dict[date, int]:
    days = [(NOON - n * DAY).date() for n in range(1, 36)]
    return {day: weekday if day.weekday() < 5 else weekend for day in days}


def quiet_for(days: dict[date, int], since: datetime, now: datetime = NOON) -> str | None:
    return silence(days, NOON - 60 * DAY, since, now, None)


def test_a_day_without_articles_is_silence_for_a_daily_paper() -> None:
    days = history(20, 10)
    said = quiet_for(days, NOON - timedelta(hours=30))
    assert said is not None
    assert "30 h" in said
    assert quiet_for(days, NOON - timedelta(hours=20)) is None


def test_a_weekend_without_articles_is_none_for_an_office() -> None:
    days = history(20, 0)
    friday_evening = datetime(2026, 3, 27, 18, tzinfo=UTC)
    monday_morning = datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert quiet_for(days, friday_evening, monday_morning) is None
    assert quiet_for(days, friday_evening, monday_morning + 2 * DAY) is not None


def test_a_rare_source_may_be_silent_for_days() -> None:
    days = {(NOON - n * DAY).date(): int(n % 5 == 0) for n in range(1, 61)}
    assert quiet_for(days, NOON - 5 * DAY) is None
    assert quiet_for(days, NOON - 30 * DAY) is not None


def test_a_silence_that_was_seen_before_is_usual() -> None:
    days = history(20, 10)
    for n in range(10, 14):
        days[(NOON - n * DAY).date()] = 0
    assert quiet_for(days, NOON - 3 * DAY) is None
    assert quiet_for(days, NOON - 7 * DAY) is not None


def test_a_young_source_is_not_judged_by_itself() -> None:
    assert silence(history(20, 20), NOON - 5 * DAY, NOON - 3 * DAY, NOON, None) is None
    assert silence({}, None, None, NOON, None) is None


def test_a_configured_limit_stands_instead() -> None:
    limit = timedelta(hours=6)
    assert silence({}, NOON - DAY, NOON - timedelta(hours=5), NOON, limit) is None
    assert silence({}, NOON - DAY, None, NOON, limit) is not None


def attempts(*outcomes: bool, fresh: bool = True, apart: int = 1) -> list[Attempt]:
    count = len(outcomes)
    return [
        Attempt(f"h{n}", NOON - timedelta(minutes=apart * (count - n)), read, fresh)
        for n, read in enumerate(outcomes)
    ]


def test_hosts_failing_in_a_row_are_our_own_network() -> None:
    assert is_offline(attempts(*[True] * 30, False, False, False), NOON) == NOON - timedelta(
        minutes=3
    )
    assert is_offline(attempts(*[True] * 30, False, False), NOON) is None


def test_hosts_failing_between_others_are_their_own_fault_unless_they_are_most() -> None:
    assert is_offline(attempts(*[False, True, True] * 8), NOON) is None
    assert is_offline(attempts(*[False, False, True] * 8), NOON) is not None


def test_two_hosts_cannot_tell() -> None:
    assert is_offline(attempts(False, False), NOON) is None


def test_hosts_that_fail_for_long_say_nothing() -> None:
    broken = [replace(a, host="x" + a.host) for a in attempts(*[False] * 9, fresh=False)]
    assert is_offline([*attempts(True, True, True), *broken], NOON) is None


def test_thousands_of_hosts_are_not_offline_for_three() -> None:
    many = [Attempt(f"h{n}", NOON, True, True) for n in range(2000)]
    assert is_offline([*many, *attempts(*[False] * 50)], NOON) is None
    assert is_offline([*many, *attempts(*[False] * 150, apart=0)], NOON) is not None


def test_an_outage_ends_when_most_can_be_read_again() -> None:
    assert not is_online(attempts(False, False, True))
    assert is_online(attempts(False, True, True))


@pytest.mark.parametrize(
    ("state", "told", "failures", "news"),
    [
        ("ok", "ok", 0, None),
        ("failing", "ok", 1, None),
        ("failing", "ok", 3, "broken"),
        ("failing", "failing", 30, None),
        ("gone", "failing", 40, None),
        ("blocked", "ok", 2, "broken"),
        ("failing", "ok", 0, "broken"),
        ("silent", "ok", 0, "broken"),
        ("ok", "silent", 0, "recovered"),
    ],
)
def test_an_outage_is_told_once_and_so_is_its_end(
    state: str, told: str, failures: int, news: str | None
) -> None:
    assert is_news(Condition("dawn", state, told, failures)) == news
