"""When sources are visited and pages tried again; time and chance are arguments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.rhythm import Rhythm, from_json, hourly, time_until, to_json, watched
from crawler.schedule import (
    FILLING,
    FIRST_RETRY,
    LATE,
    LONGEST_FAILING,
    LONGEST_GONE,
    NO_WISH,
    SOONEST,
    Spell,
    VisitOutcome,
    late_reason,
    longest_wait,
    next_pace,
    next_visit,
    page_retry,
    retry_after_time,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def office(per_hour: int, weeks: int = 3) -> Rhythm:
    """A source seen for weeks that publishes from 8 to 18 h, Monday to Friday."""
    rhythm = watched(Rhythm(), [], NOON - weeks * 7 * DAY)
    for day in range(weeks * 7):
        morning = NOON - (weeks * 7 - day) * DAY - timedelta(hours=4)
        works = morning.weekday() < 5
        times = [
            morning + timedelta(hours=hour, minutes=60 * n // per_hour)
            for hour in range(10 if works else 0)
            for n in range(per_hour)
        ]
        rhythm = watched(rhythm, times, morning + timedelta(hours=12))
    return watched(rhythm, [], NOON)


def wait(at: datetime = NOON, jitter: float = 0, **parts: object) -> timedelta:
    outcome = replace(VisitOutcome(QUARTER), **parts)  # type: ignore[arg-type]
    return next_visit(outcome, at, jitter) - at


def test_a_source_of_which_nothing_is_known_is_visited_every_so_often() -> None:
    assert wait() == QUARTER
    assert wait(every=HOUR) == HOUR


def test_visits_lie_where_the_articles_are() -> None:
    rhythm = office(4)
    busy, night = wait(every=2 * HOUR, rhythm=rhythm), NOON.replace(hour=22)
    assert timedelta(minutes=8) < busy < timedelta(minutes=25)
    assert wait(night, every=2 * HOUR, rhythm=rhythm) == 2 * HOUR
    saturday = NOON + 5 * DAY
    assert wait(saturday, every=2 * HOUR, rhythm=rhythm) > 3 * busy


def test_the_first_article_of_the_morning_is_never_later_than_every() -> None:
    rhythm, at = office(6), NOON.replace(hour=20)
    while at < NOON + DAY:
        step = wait(at, every=HOUR, rhythm=rhythm)
        assert step <= HOUR
        at += step


def test_a_very_busy_source_is_visited_every_minute_at_most() -> None:
    assert wait(rhythm=office(600, weeks=1)) == SOONEST
    assert wait(every=timedelta(seconds=2), rhythm=office(600, weeks=1)) == timedelta(seconds=2)


def test_a_crawl_delay_is_the_least_wait() -> None:
    slow = timedelta(minutes=3)
    assert wait(rhythm=office(600, weeks=1), crawl_delay=slow) == slow


@pytest.mark.parametrize(
    ("overlap", "pace"),
    [(0.0, 0.5), (0.3, 0.5), (0.4, 1.0), (0.9, 1.0), (None, 1.0)],
)
def test_the_pace_doubles_while_the_window_moves_on_too_fast(
    overlap: float | None, pace: float
) -> None:
    assert next_pace(1.0, overlap) == pace


def test_the_pace_comes_back_slowly_and_stays_between_its_bounds() -> None:
    assert 0.5 < next_pace(0.5, 0.8) < 1
    assert next_pace(0.5, 0.5) == 0.5
    pace = 1.0
    for _ in range(50):
        pace = next_pace(pace, 0.0)
    assert 0 < pace < 0.1
    assert wait(pace=pace) >= SOONEST


def test_a_source_may_ask_for_patience_but_not_for_more_than_every() -> None:
    rhythm = office(4)
    half = timedelta(minutes=30)
    assert wait(every=HOUR, rhythm=rhythm, wish=half) == half
    assert wait(every=HOUR, rhythm=rhythm, wish=365 * DAY) == HOUR
    assert wait(every=HOUR, rhythm=rhythm, wish=NO_WISH) == wait(every=HOUR, rhythm=rhythm)
    # Nor so much that its window moves on.
    assert wait(every=HOUR, rhythm=rhythm, wish=365 * DAY, window=2) < half
    assert wait(every=HOUR, rhythm=rhythm, wish=half, pace=0.5) < half


def test_a_gap_is_filled_soon() -> None:
    assert wait(filling=True) == FILLING


def test_failures_double_the_wait_up_to_a_day_and_never_end() -> None:
    waits = [wait(failures=count) for count in range(1, 200)]
    assert waits[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    assert waits[-1] == LONGEST_FAILING
    assert waits == sorted(waits)


def test_a_source_that_is_gone_backs_off_to_thirty_days() -> None:
    assert wait(failures=199, gone=True) == LONGEST_GONE


def test_nothing_backs_off_while_our_own_network_is_down() -> None:
    assert wait(offline=True) == FIRST_RETRY


@given(
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 10**6),
    st.integers(0, 500),
    st.floats(0.03, 1),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=4000)),
)
def test_a_visit_always_lies_ahead_and_within_bounds(
    jitter: float, failures: int, window: int, pace: float, wish: timedelta | None
) -> None:
    step = wait(jitter=jitter, failures=failures, window=window, pace=pace, wish=wish)
    assert timedelta(0) < step <= longest_wait(QUARTER, "failing" if failures else "ok")


def test_a_rhythm_is_learned_by_hour_and_by_weekday() -> None:
    rates = hourly(office(4))
    assert rates[0][12] == pytest.approx(4, rel=0.35)
    assert rates[0][3] < 0.6
    assert rates[5][12] < rates[0][12] / 3


def test_a_source_known_for_an_hour_is_hardly_known() -> None:
    times = [NOON - timedelta(minutes=10 * n) for n in range(6)]
    rates = hourly(watched(Rhythm(), times, NOON))
    assert all(1 < rate < 10 for day in rates for rate in day)


def test_old_habits_fade() -> None:
    rhythm = watched(office(4), [], NOON + 60 * DAY)
    assert rhythm.a_day < office(4).a_day / 3
    assert rhythm.days == {}


@given(st.lists(st.timedeltas(-DAY, 5 * DAY), max_size=20), st.timedeltas(-DAY, 30 * DAY))
def test_a_rhythm_survives_odd_clocks_and_its_way_through_json(
    ages: list[timedelta], later: timedelta
) -> None:
    rhythm = watched(office(1, weeks=1), [NOON - age for age in ages], NOON + later)
    again = from_json(to_json(rhythm))
    assert again.days == rhythm.days
    rates = hourly(again)
    assert all(rate >= 0 for day in rates for rate in day)
    assert timedelta(0) <= time_until(rates, 1.0, NOON, DAY) <= DAY


@pytest.mark.parametrize(
    ("published", "late"),
    [
        (NOON - timedelta(minutes=5), None),
        (NOON - 6 * HOUR, "the service was down"),
        (NOON - 9 * DAY, "the service was down"),
        (NOON - 40 * timedelta(minutes=1), "the source had moved on"),
        (None, "the service was down"),
    ],
)
def test_what_was_published_in_an_outage_is_late(
    published: datetime | None, late: str | None
) -> None:
    spell = Spell(NOON - 8 * HOUR, NOON - HOUR, "the service was down")
    assert late_reason(published, NOON, (spell,), "the source had moved on") == late


def test_a_short_outage_makes_nothing_late() -> None:
    spell = Spell(NOON - HOUR, NOON - HOUR + LATE / 2, "the service was down")
    assert late_reason(NOON - 2 * HOUR, NOON, (spell,), None) is None


def test_a_page_is_tried_for_about_a_day_and_then_given_up() -> None:
    now, attempts = NOON, 1
    while (again := page_retry(attempts, now, 0)) is not None:
        assert again > now
        now, attempts = again, attempts + 1
    assert timedelta(hours=24) < now - NOON < timedelta(hours=26)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 300),
        ("", 300),
        ("soon", 300),
        ("-5", 300),
        ("0", 1),
        ("120", 120),
        ("999999999", 86400),
        ("9" * 5000, 86400),
        ("Mon, 02 Mar 2026 12:02:00 GMT", 120),
        ("Mon, 02 Mar 2026 12:02:00", 120),
        ("Sun, 01 Mar 2020 12:02:00 GMT", 1),
        ("Sun, 01 Mar 2093 12:02:00 GMT", 86400),
    ],
)
def test_retry_after_is_believed_within_reason(value: str | None, seconds: int) -> None:
    assert retry_after_time(value, NOON) - NOON == timedelta(seconds=seconds)
