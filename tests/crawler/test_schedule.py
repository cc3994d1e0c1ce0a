"""When sources are visited and pages tried again; time and chance are arguments."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.schedule import (
    LONGEST_FAILING,
    LONGEST_GONE,
    VisitOutcome,
    next_visit,
    page_retry,
    retry_after_time,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def wait(
    *,
    every: timedelta = QUARTER,
    failures: int = 0,
    gone: bool = False,
    per_day: float = 0,
    asked: timedelta | None = None,
    jitter: float = 0,
) -> timedelta:
    return next_visit(VisitOutcome(every, failures, gone, per_day, asked), NOON, jitter) - NOON


def test_a_quiet_source_is_visited_every_so_often() -> None:
    assert wait() == QUARTER
    assert wait(per_day=20) == QUARTER


def test_a_busy_source_is_visited_before_its_window_can_roll_over() -> None:
    assert wait(per_day=1440) == timedelta(minutes=3)
    assert wait(per_day=100_000) == timedelta(minutes=1)


def test_a_shorter_every_than_the_bound_is_taken_at_its_word() -> None:
    assert wait(every=timedelta(seconds=2), per_day=1440) == timedelta(seconds=2)


def test_a_feed_may_ask_for_patience_but_not_for_more_than_every() -> None:
    assert wait(per_day=1440, asked=timedelta(minutes=10)) == timedelta(minutes=10)
    assert wait(per_day=1440, asked=timedelta(days=365)) == QUARTER


def test_failures_double_the_wait_up_to_a_day_and_never_end() -> None:
    waits = [wait(failures=count) for count in range(1, 200)]
    assert waits[:4] == [QUARTER, 2 * QUARTER, 4 * QUARTER, 8 * QUARTER]
    assert waits[-1] == LONGEST_FAILING
    assert waits == sorted(waits)


def test_a_source_that_is_gone_backs_off_to_thirty_days() -> None:
    assert wait(failures=199, gone=True) == LONGEST_GONE


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10**6), st.floats(0, 1e9))
def test_a_visit_always_lies_ahead_and_within_bounds(
    jitter: float, failures: int, per_day: float
) -> None:
    assert timedelta(0) < wait(failures=failures, per_day=per_day, jitter=jitter) <= LONGEST_FAILING


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
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sun, 01 Mar 2026 12:02:00", 120),
        ("Sun, 01 Mar 2020 12:02:00 GMT", 1),
        ("Sun, 01 Mar 2093 12:02:00 GMT", 86400),
    ],
)
def test_retry_after_is_believed_within_reason(value: str | None, seconds: int) -> None:
    assert retry_after_time(value, NOON) - NOON == timedelta(seconds=seconds)
