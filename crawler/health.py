"""How a source fares, and whether that is its own fault. Pure.

States, the worst first:

- *gone*: the address answers 404 or 410.
- *blocked*: the site refuses us: 401, 403 or 451, or 403, 429, 503 with the markup of a challenge
  ("are you a human?"). An empty list it is not.
- *failing*: the last visit could not be read; or it can be read and PAGES pages in a row cannot.
- *silent*: read without fault, and no new article for longer than is usual. The source is compared
  with itself: the mean number of articles on the same day of the week over BASELINE days, less 1.5
  standard deviations. Nothing new where at least LEAST_EXPECTED were to be expected, for a day at
  least and for longer than any silence of those four weeks, is worth a message. Several days
  without articles add up, so a source of three a week is missed too, only later.
- *ok*.

One broken source is the source's fault; most of them at once are our network's (`is_offline`):
neither counted nor told one by one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

BASELINE = 28
"""Days."""
DEVIATIONS = 1.5
LEAST_EXPECTED = 3.0
YOUNG = 14
"""Days that a source must be known to be judged by itself: each weekday was then seen twice."""
SHORTEST_SILENCE = timedelta(days=1)
PAGES = 3
"""Pages that fail in a row before the source counts as failing."""
FAILURES_TOLD = {"failing": 3, "blocked": 2, "gone": 2, "silent": 0}
"""Failed visits before people are told: a single one means little."""
HOSTS_OFFLINE = 3
"""Fewer hosts than this failing together may be chance."""
SHARE_OFFLINE = 0.05
"""Of all hosts, failing one after the other without one success between them."""
RECENT = timedelta(hours=1)

_CHALLENGE = re.compile(
    rb"cf-chl|cf_chl|challenge-platform|just a moment|attention required|checking your browser|"
    rb"verify(?:ing)? (?:that )?you are (?:a )?human|are you a (?:robot|human)|captcha|"
    rb"ddos[- ]guard|pardon our interruption|unusual traffic|enable javascript and cookies|"
    rb"_incapsula_|datadome|px-captcha|akamai.{0,40}reference",
    re.IGNORECASE,
)
_REFUSALS = frozenset({401, 403, 451})
_MAY_CHALLENGE = frozenset({403, 429, 503})


def refusal(status: int | None, body: bytes) -> str | None:
    """Why an answer means that the site refuses us, in words; None when it does not."""
    if status in _MAY_CHALLENGE and _CHALLENGE.search(body[:200_000]):
        return f"HTTP {status} with a challenge that only a browser passes"
    if status in _REFUSALS:
        return f"HTTP {status}: the site refuses us"
    return None


class PageTally:
    """How the pages of one crawl went, by source."""

    def __init__(self) -> None:
        self.run: dict[str, int] = {}
        """Pages that failed in a row, up to the last one."""
        self.any_had: set[str] = set()
        """Sources of which at least one page could be had."""
        self.errors: dict[str, str] = {}

    def had(self, source: str) -> None:
        """A page could be had."""
        self.run[source] = 0
        self.any_had.add(source)

    def failed(self, source: str, url: str, why: str) -> None:
        """A page could not be had."""
        self.run[source] = self.run.get(source, 0) + 1
        self.errors[source] = f"{url}: {why}"


@dataclass(frozen=True, slots=True)
class Fare:
    """What is known of a source after a visit."""

    failures: int
    """Visits that failed in a row."""
    last_error: str | None
    blocked: bool
    """Whether the last visit was refused."""
    gone: bool
    pages_failed: int
    """Pages that could not be had since one last could."""
    page_error: str | None
    pages_blocked: bool
    silence: str | None
    """As `silence` gives it."""
    remarks: tuple[str, ...] = ()


def is_refusal(why: str | None) -> bool:
    """Whether an error's words are those of `refusal`."""
    return why is not None and ("the site refuses us" in why or "with a challenge" in why)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state and why, in words; an ok source may have a reason to be looked at too."""

    state: str
    reason: str | None


def judge(fare: Fare) -> Verdict:
    """The source's state."""
    if fare.failures:
        state = "gone" if fare.gone else "blocked" if fare.blocked else "failing"
        return Verdict(state, fare.last_error)
    if fare.pages_failed >= PAGES:
        why = f"its list can be read, but its last {fare.pages_failed} pages cannot"
        state = "blocked" if fare.pages_blocked else "failing"
        return Verdict(state, f"{why}: {fare.page_error}")
    if fare.silence:
        return Verdict("silent", fare.silence)
    return Verdict("ok", "; ".join(fare.remarks) or None)


def silence(
    days: Mapping[date, int],
    known_since: datetime | None,
    last_new: datetime | None,
    now: datetime,
    silent_after: timedelta | None,
) -> str | None:
    """Why the source counts as silent, in words; None when it does not.

    `days`: its articles by day (UTC). `silent_after`: the configured limit instead of the source's
    own habits.
    """
    since = last_new or known_since
    if since is None:
        return None
    lasted = now - since
    if silent_after is not None:
        return f"no new article for {span(lasted)}" if lasted > silent_after else None
    if known_since is None or lasted < SHORTEST_SILENCE or since - known_since < timedelta(YOUNG):
        return None
    mean, deviation = _expected(days, known_since, since, now)
    longest = _longest_silence(days, known_since, since)
    if mean < LEAST_EXPECTED or mean <= DEVIATIONS * deviation or lasted.days <= longest:
        return None
    return f"no new article for {span(lasted)}, where some {mean:.0f} were to be expected"


def span(length: timedelta) -> str:
    """`3 days`, `7 h`, `20 min`."""
    if length >= timedelta(days=2):
        return f"{length.days} days"
    if length >= timedelta(hours=2):
        return f"{int(length / timedelta(hours=1))} h"
    return f"{max(int(length / timedelta(minutes=1)), 0)} min"


def _expected(
    days: Mapping[date, int], known_since: datetime, since: datetime, now: datetime
) -> tuple[float, float]:
    """Mean and standard deviation of the number of articles in a stretch of time.

    Chance alone scatters a number of articles by its root, so a deviation is never less.
    """
    mean = variance = 0.0
    day = since.astimezone(UTC).date()
    while day <= now.astimezone(UTC).date():
        part = _part_of(day, since, now)
        usual, scatter = _weekday(days, known_since, since, day.weekday())
        mean += part * usual
        variance += part * max(scatter, usual)
        day += timedelta(days=1)
    return mean, math.sqrt(variance)


def _part_of(day: date, since: datetime, until: datetime) -> float:
    """Which share of a day lies in a stretch of time."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    length = min(until, begin + timedelta(days=1)) - max(since, begin)
    return max(length / timedelta(days=1), 0.0)


def _weekday(
    days: Mapping[date, int], known_since: datetime, since: datetime, weekday: int
) -> tuple[float, float]:
    """Mean and variance of that weekday in the four weeks before the silence."""
    counts = [n for day, n in _history(days, known_since, since) if day.weekday() == weekday]
    if not counts:
        return 0.0, 0.0
    mean = sum(counts) / len(counts)
    spread = sum((count - mean) ** 2 for count in counts) / max(len(counts) - 1, 1)
    return mean, spread


def _history(
    days: Mapping[date, int], known_since: datetime, since: datetime
) -> list[tuple[date, int]]:
    """The whole days before the silence, oldest first."""
    last = since.astimezone(UTC).date()
    first = max(known_since.astimezone(UTC).date() + timedelta(days=1), last - timedelta(BASELINE))
    length = (last - first).days
    return [(day := first + timedelta(days=n), days.get(day, 0)) for n in range(length)]


def _longest_silence(days: Mapping[date, int], known_since: datetime, since: datetime) -> int:
    """Whole days without an article in a row, the most of the four weeks."""
    longest = run = 0
    for _, count in _history(days, known_since, since):
        run = 0 if count else run + 1
        longest = max(longest, run)
    return longest


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the last visit of a host went."""

    host: str
    at: datetime
    read: bool
    fresh: bool
    """Of a failure: whether the host could be read shortly before."""


def is_offline(attempts: Sequence[Attempt], now: datetime) -> datetime | None:
    """Since when our own network is down; None when it is not.

    `attempts`: the last of each host, oldest first. It is down when most hosts of the last hour
    fail that could be read before, or when many in a row do without one success between them.
    Hosts that have failed for long say nothing.
    """
    recent = [a for a in attempts if now - a.at <= RECENT and (a.read or a.fresh)]
    failed = [attempt for attempt in recent if not attempt.read]
    if len(failed) < HOSTS_OFFLINE:
        return None
    row = list(takewhile(lambda attempt: not attempt.read, reversed(recent)))
    if len(row) >= max(HOSTS_OFFLINE, math.ceil(SHARE_OFFLINE * len(recent))):
        return row[-1].at
    return failed[0].at if len(failed) > len(recent) / 2 else None


def is_online(attempts: Sequence[Attempt]) -> bool:
    """Whether an outage of ours has ended: most of the last three hosts could be read."""
    last = attempts[-3:]
    return sum(attempt.read for attempt in last) > len(last) / 2


@dataclass(frozen=True, slots=True)
class Condition:
    """A source as people should be told of it."""

    source: str
    state: str
    told: str
    """The state that they were last told of."""
    failures: int


def is_news(condition: Condition) -> str | None:
    """What to tell: "broken" once for each outage, "recovered" once at its end; else None."""
    if condition.state == "ok":
        return "recovered" if condition.told != "ok" else None
    if condition.told != "ok":
        return None
    visits_failed = condition.failures or FAILURES_TOLD[condition.state]
    return "broken" if visits_failed >= FAILURES_TOLD[condition.state] else None
