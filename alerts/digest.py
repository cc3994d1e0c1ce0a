"""Which matches go out now, and which wait: for company, for the digest, for the morning. Pure.

Local times are those of the configured zone. On the day the clocks change, a digest whose time does
not exist goes out at the first moment after the gap, one whose time comes twice at the first of the
two; so each day has exactly one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

Every = Literal["instant", "hourly", "daily", "weekly"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DELIVER = re.compile(
    r"(?P<every>instant|hourly)|daily (?P<daily>\S+)|weekly (?P<day>[a-z]{3}) (?P<weekly>\S+)"
)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_QUIET = re.compile(r"(\S+)-(\S+)")


@dataclass(frozen=True, slots=True)
class Deliver:
    """When a watchlist's alerts go out."""

    every: Every
    at: time = time(0)
    """Local time of day, for daily and weekly."""
    weekday: int = 0
    """0 is Monday, for weekly."""

    @property
    def is_digest(self) -> bool:
        """Whether alerts are gathered over a period."""
        return self.every != "instant"


def parse_deliver(text: str) -> Deliver:
    """`instant`, `hourly`, `daily 07:30` or `weekly mon 07:30`. Raises ValueError in words."""
    found = _DELIVER.fullmatch(text.strip().lower())
    if found and found["every"] == "instant":
        return Deliver("instant")
    if found and found["every"] == "hourly":
        return Deliver("hourly")
    if found and found["daily"]:
        return Deliver("daily", _time(found["daily"]))
    if found and found["day"] in _DAYS:
        return Deliver("weekly", _time(found["weekly"]), _DAYS.index(found["day"]))
    raise ValueError(
        f"{text!r} does not say when; "
        'write "instant", "hourly", "daily 07:30" or "weekly mon 07:30"'
    )


def due_at(deliver: Deliver, now: datetime, *, timezone: tzinfo, group_wait: timedelta) -> datetime:
    """When an alert that arises now goes out, in UTC; later than `now` for digests."""
    if deliver.every == "instant":
        return now.astimezone(UTC) + group_wait
    if deliver.every == "hourly":
        return _next_hour(now, timezone)
    day = now.astimezone(timezone).date()
    if deliver.every == "weekly":
        day += timedelta(days=(deliver.weekday - day.weekday()) % 7)
    step = timedelta(days=7 if deliver.every == "weekly" else 1)
    moment = at_local(day, deliver.at, timezone)
    return moment if moment > now else at_local(day + step, deliver.at, timezone)


def hold_until(quiet: str, now: datetime, timezone: tzinfo) -> datetime | None:
    """The end of the quiet hours that `now` lies in, in UTC; None outside of them.

    `quiet` is "22:00-07:00" or empty; from and to alike means never.
    """
    found = _QUIET.fullmatch(quiet)
    if not found:
        return None
    begin, end = _time(found[1]), _time(found[2])
    today = now.astimezone(timezone).date()
    for day in (today - timedelta(days=1), today):
        last = day if begin < end else day + timedelta(days=1)
        until = at_local(last, end, timezone)
        if begin != end and at_local(day, begin, timezone) <= now < until:
            return until
    return None


def at_local(day: date, clock: time, timezone: tzinfo) -> datetime:
    """The one moment, in UTC, at which a zone's clocks show a time of that day first.

    A time inside a gap stands for the first moment after the gap.
    """
    first = datetime.combine(day, clock, timezone)
    moment = first.astimezone(UTC)
    if moment.astimezone(timezone).replace(tzinfo=None) == first.replace(tzinfo=None):
        return moment
    # In a gap the two folds give the offsets before and after; the gap ends where they meet.
    after = first.replace(fold=1).astimezone(UTC)
    return _gap_end(min(moment, after), max(moment, after), timezone)


def day_end(now: datetime, timezone: tzinfo) -> datetime:
    """The next local midnight, in UTC."""
    return at_local(now.astimezone(timezone).date() + timedelta(days=1), time(0), timezone)


def day_start(now: datetime, timezone: tzinfo) -> datetime:
    """The last local midnight, in UTC."""
    return at_local(now.astimezone(timezone).date(), time(0), timezone)


def _next_hour(now: datetime, timezone: tzinfo) -> datetime:
    """The next full hour of local clocks, also in zones of half and quarter hours."""
    local = now.astimezone(timezone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return now.astimezone(UTC) - past + timedelta(hours=1)


def _gap_end(early: datetime, late: datetime, timezone: tzinfo) -> datetime:
    """The change of offset between two moments, to the second."""
    offset = early.astimezone(timezone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0) if middle.replace(microsecond=0) > early else middle
        if middle.astimezone(timezone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late


def _time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f'{text!r} is not a time of day; write one like "07:30"')
    return time(int(found[1]), int(found[2]))
