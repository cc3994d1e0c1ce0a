"""When to visit a source next, and when to try a failed page again.

Rules, each with its reason:

- `every` is the longest wait between two visits of a source that works. A source that publishes
  much is visited sooner, so that at most ARTICLES_PER_VISIT new articles are expected between two
  visits: a feed shows a fixed window (often ten), and what rolls out of it between two visits is
  lost. Never sooner than SOONEST.
- What a feed asks for (`ttl`, `sy:updatePeriod`) can only lengthen the wait, up to `every`: feeds
  were seen to advertise two minutes as well as a year.
- A failing source backs off, doubling from `every` to a day, and is never dropped: feeds come back
  to life. One that says 404 or 410 backs off to thirty days.
- A page that cannot be had is tried again after a minute, then less and less often for about a
  day; by then an outage is over, and a page still missing has been withdrawn.
- Retry-After is believed between one second and a day.
- Jitter, up to a tenth of the wait, keeps sources from falling into step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SOONEST = timedelta(minutes=1)
ARTICLES_PER_VISIT = 3.0
"""A third of the smallest common window, so that two visits always overlap."""
RARE = 0.001
"""Articles a day; below it the rhythm says nothing."""
LONGEST_FAILING = timedelta(days=1)
LONGEST_GONE = timedelta(days=30)
JITTER = 0.1

RETRY_AFTER_UNSAID = timedelta(minutes=5)
RETRY_AFTER_SHORTEST = timedelta(seconds=1)
RETRY_AFTER_LONGEST = timedelta(days=1)

PAGE_WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=16),
)
"""Waits before the second, third … attempt at a page; together a little over a day."""


@dataclass(frozen=True, slots=True)
class VisitOutcome:
    """What a visit says about when to come back."""

    every: timedelta
    """The configured longest wait."""
    failures: int
    """Visits that failed in a row, this one included; 0 after a success."""
    gone: bool
    """Whether the address answered 404 or 410."""
    articles_per_day: float
    refresh_asked: timedelta | None
    """What the document itself asks for."""


def next_visit(outcome: VisitOutcome, now: datetime, jitter: float) -> datetime:
    """The time of the next visit. `jitter` is a random number in [0, 1)."""
    wait = _wait_failing(outcome) if outcome.failures else _wait_working(outcome)
    return now + wait * (1 - JITTER * jitter)


def _wait_working(outcome: VisitOutcome) -> timedelta:
    wait = outcome.every
    if outcome.articles_per_day > RARE:
        wait = min(wait, timedelta(days=ARTICLES_PER_VISIT / outcome.articles_per_day))
    if outcome.refresh_asked is not None:
        wait = max(wait, min(outcome.refresh_asked, outcome.every))
    # A person who writes a shorter `every` than SOONEST means it.
    return max(wait, min(SOONEST, outcome.every))


def _wait_failing(outcome: VisitOutcome) -> timedelta:
    longest = LONGEST_GONE if outcome.gone else LONGEST_FAILING
    doublings: int = 2 ** min(outcome.failures - 1, 30)
    return max(min(outcome.every * doublings, longest), outcome.every)


def page_retry(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """When to try a page again after `attempts` failures; None to give it up."""
    if attempts > len(PAGE_WAITS):
        return None
    return now + PAGE_WAITS[attempts - 1] * (1 + JITTER * jitter)


def retry_after_time(value: str | None, now: datetime) -> datetime:
    """Until when a host that answered 429 or 503 wants to be left alone.

    `value` is the Retry-After header, in seconds or as a date (RFC 9110, section 10.2.3);
    nonsense counts as unsaid.
    """
    wait = _retry_after(value.strip(), now) if value else None
    if wait is None:
        return now + RETRY_AFTER_UNSAID
    return now + min(max(wait, RETRY_AFTER_SHORTEST), RETRY_AFTER_LONGEST)


def _retry_after(value: str, now: datetime) -> timedelta | None:
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:12]), RETRY_AFTER_LONGEST.total_seconds()))
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
