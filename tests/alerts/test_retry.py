"""The retry rule, walked to its end."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.email import EmailConfig
from alerts.channels.webhook import WebhookConfig
from alerts.envelope import PermanentFailure, TemporaryFailure
from alerts.retry import Again, Dead, Policy, backoff, decide, trying_since

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMAIL = EmailConfig.model_validate(
    {"kind": "email", "to": "a@example.org", "from": "b@example.org", "smtp": "smtp://localhost"}
)
HOOK = WebhookConfig.model_validate(
    {"kind": "webhook", "url": "https://example.org/", "secret": "whsec_" + "c2VjcmV0" * 5}
)
EVEN = 0.5  # the jitter that changes nothing
AGAIN = TemporaryFailure("no answer")


def moments(*hours: float) -> list[datetime]:
    return [START + timedelta(hours=hour) for hour in hours]


def test_attempts_that_went_on_count_from_the_first() -> None:
    times = moments(0, 1, 6)
    assert trying_since(times, START + timedelta(hours=12), EMAIL.policy()) == START


def test_the_first_failure_begins_the_series() -> None:
    assert trying_since([], START, EMAIL.policy()) == START


def test_a_service_that_stood_still_has_not_used_up_the_days_of_a_message() -> None:
    now = START + timedelta(days=30)
    assert now - trying_since(moments(0), now, EMAIL.policy()) == timedelta(days=1)
    policy = EMAIL.policy()
    again = decide(AGAIN, 2, trying_since(moments(0), now, policy), now, EVEN, policy)
    assert isinstance(again, Again)


def test_a_clock_that_was_set_right_uses_up_nothing() -> None:
    ahead = moments(24, 24.5)
    now = START + timedelta(minutes=1)
    assert now - trying_since(ahead, now, EMAIL.policy()) == timedelta(minutes=30)
    long_ago = [datetime(1970, 1, 1, tzinfo=UTC)]
    assert now - trying_since(long_ago, now, EMAIL.policy()) == timedelta(days=1)


@given(st.lists(st.integers(0, 10**6)), st.integers(0, 10**6))
def test_no_series_begins_after_now_or_counts_more_than_has_gone_by(
    seconds: list[int], later: int
) -> None:
    series = [START + timedelta(seconds=each) for each in sorted(seconds)]
    now = (series[-1] if series else START) + timedelta(seconds=later)
    begun = trying_since(series, now, EMAIL.policy())
    assert (series[0] if series else now) <= begun <= now


def walk(policy: Policy, jitter: float = EVEN) -> list[timedelta]:
    """The times of all attempts after the making, until the dead letter."""
    now, times = START, [timedelta(0)]
    while isinstance(next_ := decide(AGAIN, len(times), START, now, jitter, policy), Again):
        assert next_.at > now
        now = next_.at
        times.append(now - START)
    return times


def test_mail_is_tried_as_the_table_says_and_last_on_the_deadline() -> None:
    times = walk(EMAIL.policy())
    minutes = [time / timedelta(minutes=1) for time in times]
    assert minutes[:8] == [0, 0.5, 2.5, 7.5, 17.5, 37.5, 77.5, 137.5]
    assert {later - earlier for earlier, later in pairwise(minutes[7:-1])} == {60}
    assert times[-1] == timedelta(days=3)


def test_webhooks_follow_the_specification_s_table_within_the_longest_wait() -> None:
    hook = HOOK.policy()
    times = walk(Policy(hook.waits, timedelta(days=2), timedelta(days=30)))
    waits = [later - earlier for earlier, later in pairwise(times)]
    hours = [round(wait / timedelta(hours=1), 4) for wait in waits[:10]]
    assert hours == [0.0014, 0.0833, 0.5, 2, 5, 10, 14, 20, 24, 24]
    longest = walk(hook, jitter=1)
    assert max(later - earlier for earlier, later in pairwise(longest)) == timedelta(hours=6)


@pytest.mark.parametrize("table", [EMAIL, HOOK])
@given(jitter=st.floats(0, 1))
def test_every_channel_is_tried_for_at_least_three_days(
    table: EmailConfig | WebhookConfig, jitter: float
) -> None:
    assert walk(table.policy(), jitter)[-1] == timedelta(days=3)


def test_a_permanent_failure_is_a_dead_letter_at_once() -> None:
    assert decide(PermanentFailure("unknown user"), 1, START, START, EVEN, EMAIL.policy()) == Dead(
        "unknown user"
    )


def test_what_is_given_up_says_how_often_and_why() -> None:
    late = START + timedelta(days=3)
    assert decide(AGAIN, 80, START, late, EVEN, EMAIL.policy()) == Dead(
        "given up after 80 attempts: no answer"
    )


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (timedelta(0), timedelta(seconds=5)),
        (timedelta(seconds=2), timedelta(seconds=5)),
        (timedelta(minutes=7), timedelta(minutes=7)),
        (timedelta(days=400), timedelta(days=1)),
    ],
)
def test_a_pause_asked_for_is_kept_within_bounds(asked: timedelta, wait: timedelta) -> None:
    failure = TemporaryFailure("busy", 503, retry_after=asked)
    assert decide(failure, 1, START, START, EVEN, HOOK.policy()) == Again(START + wait)


def test_a_pause_asked_for_reaches_over_the_deadline_once() -> None:
    failure = TemporaryFailure("busy", 503, retry_after=timedelta(hours=20))
    now = START + timedelta(days=3) - timedelta(hours=1)
    again = decide(failure, 20, START, now, EVEN, HOOK.policy())
    assert again == Again(now + timedelta(hours=20))
    assert isinstance(decide(failure, 21, START, again.at, EVEN, HOOK.policy()), Dead)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_is_within_a_fifth_of_the_table_and_never_the_longest_exceeded(
    attempts: int, jitter: float
) -> None:
    policy = EMAIL.policy()
    table = policy.waits[min(attempts, len(policy.waits)) - 1]
    wait = backoff(attempts, jitter, policy)
    assert table * 0.799 <= wait <= table * 1.201
    assert wait <= policy.longest_wait


@pytest.mark.parametrize("attempts", [6, 9, 50])
def test_waits_that_reach_the_longest_are_spread_below_it(attempts: int) -> None:
    policy = HOOK.policy()
    waits = [backoff(attempts, jitter / 10, policy) for jitter in range(11)]
    assert len(set(waits)) == len(waits), "what failed together comes back together"
    assert min(waits) == policy.longest_wait * 0.8
    assert max(waits) == policy.longest_wait


@given(
    attempts=st.integers(1, 1000),
    age=st.timedeltas(timedelta(0), timedelta(days=10)),
    jitter=st.floats(0, 1),
    asked=st.none() | st.timedeltas(timedelta(-1), timedelta(days=999)),
)
def test_the_next_attempt_is_always_in_the_future(
    attempts: int, age: timedelta, jitter: float, asked: timedelta | None
) -> None:
    failure = TemporaryFailure("no", retry_after=asked)
    outcome = decide(failure, attempts, START, START + age, jitter, HOOK.policy())
    if isinstance(outcome, Again):
        assert START + age < outcome.at <= START + age + timedelta(days=1)
    else:
        assert age >= timedelta(days=3)
