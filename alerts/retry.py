"""When a delivery is tried again, and when it is given up: a pure rule.

Waits follow the channel's table (`ChannelTable.waits`): mail as mail servers do, webhooks as
Standard Webhooks lists. Each is stretched or shrunk by up to a fifth, so that what failed together
does not come back together; none is longer than `longest_wait`, and one that reaches it is only
shrunk, or all such waits would be alike. A destination that asks for a pause
(Retry-After) gets it, between one second and a day, even beyond the table.

The last attempt falls on the moment of giving up itself, so that the whole period is used. Only
time in which attempts were made counts: neither a service that stood still for a week nor a clock
that was set right uses up a message's days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from alerts.envelope import PermanentFailure, SendError, TemporaryFailure

JITTER = 0.2
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=1)
"""Bounds of what Retry-After may ask for (RFC 9110 sets none)."""
POISON = 3
"""Attempts of a message that fails for reasons inside ourselves; more would fail the same way."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a channel is."""

    waits: tuple[timedelta, ...]
    """After the first, second … attempt; the last one repeats."""
    longest_wait: timedelta = timedelta(hours=6)
    give_up: timedelta = timedelta(days=3)
    """Counted from the delivery's making."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt at this time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter: kept, shown, replayable."""

    reason: str


def decide(
    failure: SendError,
    attempts: int,
    first_at: datetime,
    now: datetime,
    jitter: float,
    policy: Policy,
) -> Again | Dead:
    """What follows a failed attempt.

    `attempts` counts those made, this one included; `first_at` is when the delivery was made or
    replayed; `jitter` is drawn evenly from 0 to 1. `Again.at` is later than `now`.
    """
    if isinstance(failure, PermanentFailure):
        return Dead(failure.reason)
    deadline = first_at + policy.give_up
    if now >= deadline:
        return Dead(f"given up after {attempts} attempts: {failure.reason}")
    at = now + backoff(attempts, jitter, policy)
    if at > deadline - SHORTEST:
        at = deadline
    asked = failure.retry_after if isinstance(failure, TemporaryFailure) else None
    if asked is not None:
        at = max(at, now + min(max(asked, SHORTEST), LONGEST))
    return Again(max(at, now + SHORTEST))


def trying_since(series: Sequence[datetime], now: datetime, policy: Policy) -> datetime:
    """When a series of attempts would have begun, had it gone on without a standstill.

    `series` are its attempts so far, the one just made not among them. A gap counts for at most as
    long as a wait can be; one that runs backwards, since the clock was set right, for nothing.
    """
    longest = max(policy.longest_wait, LONGEST)
    steps = pairwise([*series, now])
    gaps = (min(max(after - before, timedelta(0)), longest) for before, after in steps)
    return now - sum(gaps, timedelta(0))


def backoff(attempts: int, jitter: float, policy: Policy) -> timedelta:
    """The wait after that many attempts, from 1."""
    index = min(attempts, len(policy.waits)) - 1
    wait = min(policy.waits[index], policy.longest_wait)
    shortest, longest = wait * (1 - JITTER), min(wait * (1 + JITTER), policy.longest_wait)
    return shortest + (longest - shortest) * jitter
