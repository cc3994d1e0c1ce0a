"""When to visit a source next, and when to try a failed page again.

Rules, each with its reason:

- `every` is the longest wait between two visits of a source that works, at night too, so that the
  first article of the morning is never later than that. When the source's own rhythm
  (`crawler.rhythm`) makes ARTICLES_PER_VISIT likely sooner, the visit comes then; never sooner
  than SOONEST. So visits lie where the articles are: bench/month.py measures what that saves.
- A window (a feed shows often ten entries) must not move on between two visits: half of it is
  what a visit may expect to be new. When less than a third of it was known, the pace is doubled;
  it comes back slowly while more than two thirds were.
- What a source asks for (`ttl`, `sy:updatePeriod`, Cache-Control max-age) can only lengthen the
  wait, up to `every`, and only while the window keeps its overlap: feeds were seen to advertise
  two minutes as well as a year. An hour is what feed software writes by itself and is no wish.
- Never sooner than robots.txt's Crawl-delay.
- A failing source backs off, doubling from FIRST_RETRY to a day, and is never dropped: feeds come
  back to life. One that says 404 or 410 backs off to thirty days. While our own network is down
  nothing backs off.
- A page that cannot be had is tried again after a minute, then less and less often for about a
  day; by then an outage is over, and a page still missing has been withdrawn. 429 and 503 are about
  the host and use up no attempt for PATIENCE.
- Retry-After is believed between one second and a day.
- Jitter, up to a tenth of the wait, keeps sources from falling into step.
- A time beyond any plan was written by a wrong clock and counts as come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from crawler.rhythm import Rhythm, hourly, time_until

SOONEST = timedelta(minutes=1)
ARTICLES_PER_VISIT = 0.45
"""Expected articles that are worth a visit. bench/month.py: fewer cost more than they hasten."""
WINDOW_SHARE = 0.5
"""Of a window that may be new at a visit: between the third and the two thirds of the overlap."""
LEAST_OVERLAP, MOST_OVERLAP = 1 / 3, 2 / 3
SLOWEST_PACE = 1 / 32
NO_WISH = timedelta(hours=1)
FIRST_RETRY = timedelta(minutes=10)
LONGEST_FAILING = timedelta(days=1)
LONGEST_GONE = timedelta(days=30)
FILLING = timedelta(minutes=2)
"""The wait while a gap is being filled."""
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
PATIENCE = timedelta(days=3)
"""How long a page may answer 429 or 503 before that counts as a failure of its own."""
FURTHEST = timedelta(days=2)
"""No page is put off longer than this at once."""


@dataclass(frozen=True, slots=True)
class VisitOutcome:
    """What a visit says about when to come back."""

    every: timedelta
    """The configured longest wait."""
    failures: int = 0
    """Visits that failed in a row, this one included; 0 after a success."""
    gone: bool = False
    """Whether the address answered 404 or 410."""
    rhythm: Rhythm = field(default_factory=Rhythm)
    window: int = 0
    """Entries of its smallest window; 0: not known."""
    pace: float = 1.0
    """As `next_pace` gave it."""
    wish: timedelta | None = None
    """The longest wait that the source asks for."""
    crawl_delay: timedelta | None = None
    offline: bool = False
    """Whether it failed because our own network is down."""
    filling: bool = False
    """Whether a gap waits to be read up."""


def next_visit(outcome: VisitOutcome, now: datetime, jitter: float) -> datetime:
    """The time of the next visit. `jitter` is a random number in [0, 1)."""
    if outcome.failures:
        wait = _wait_failing(outcome)
    elif outcome.offline:
        wait = min(outcome.every, FIRST_RETRY)
    else:
        wait = _wait_working(outcome, now)
    return now + wait * (1 - JITTER * jitter)


def next_pace(pace: float, overlap: float | None) -> float:
    """The pace after a visit that knew a share of the window; None: it showed no window."""
    if overlap is None:
        return pace
    if overlap < LEAST_OVERLAP:
        return max(pace / 2, SLOWEST_PACE)
    return min(pace * 1.25, 1.0) if overlap > MOST_OVERLAP else pace


def longest_wait(every: timedelta, state: str) -> timedelta:
    """No visit of a source in that state is put off longer; a later time is a wrong clock's."""
    if state == "gone":
        return LONGEST_GONE
    return every if state in {"ok", "silent"} else max(LONGEST_FAILING, every)


def _wait_working(outcome: VisitOutcome, now: datetime) -> timedelta:
    every, rates = outcome.every, hourly(outcome.rhythm)
    wait = time_until(rates, ARTICLES_PER_VISIT, now, every)
    safe = every
    if outcome.window:
        safe = time_until(rates, max(WINDOW_SHARE * outcome.window, 0.5), now, every)
    wait = min(wait, safe) * outcome.pace
    if outcome.wish is not None and outcome.wish != NO_WISH and outcome.pace == 1.0:
        wait = max(wait, min(outcome.wish, safe))
    if outcome.filling:
        wait = min(wait, FILLING)
    # A person who writes a shorter `every` than SOONEST means it.
    soonest = max(min(SOONEST, every), outcome.crawl_delay or timedelta())
    return max(wait, soonest)


def _wait_failing(outcome: VisitOutcome) -> timedelta:
    longest = LONGEST_GONE if outcome.gone else LONGEST_FAILING
    doublings: int = 2 ** min(outcome.failures - 1, 30)
    first = min(outcome.every, FIRST_RETRY)
    return max(min(first * doublings, longest), first)


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


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a source was not read, and why."""

    began: datetime
    ended: datetime
    reason: str


LATE = timedelta(minutes=30)
"""Articles younger than this when they are found are not late, whatever happened."""


def late_reason(
    published: datetime | None, now: datetime, spells: tuple[Spell, ...], otherwise: str | None
) -> str | None:
    """Why an article is found long after its publication; None when it is not.

    One without a known time is late when it may have been published during a spell. `otherwise`
    is the reason where no spell is one.
    """
    if published is not None and now - published < LATE:
        return None
    for spell in spells:
        if spell.ended - spell.began >= LATE and (published is None or published < spell.ended):
            return spell.reason
    return otherwise
