"""When a source publishes: what was seen, and what to expect of it. Pure.

Counters by hour of day and by day of week (both UTC), each beside the time that was watched, so
that a source known for a day is not taken for one that never publishes at night. They fade with
HALF_LIFE, so that a source which changes its habits is known again after two weeks. Little
evidence is weighed against the plain mean, as if that had been seen for a day: the mean is what
one would guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

HALF_LIFE = timedelta(days=14)
LONGEST = timedelta(days=35)
"""Days whose counts are kept: four weeks to compare with, and some to spare."""
ATTRIBUTED = timedelta(days=3)
"""An article dated longer ago than this was not published then but promoted now."""
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is known of a source's habits."""

    hours: tuple[float, ...] = (0.0,) * 24
    """Articles by hour of day, fading."""
    hours_watched: tuple[float, ...] = (0.0,) * 24
    """Days on which that hour was watched, fading alike."""
    weekdays: tuple[float, ...] = (0.0,) * 7
    weekdays_watched: tuple[float, ...] = (0.0,) * 7
    """In days."""
    until: datetime | None = None
    """Up to when it was watched; None: never."""
    days: Mapping[date, int] = field(default_factory=dict)
    """Articles by day, of the last LONGEST."""

    @property
    def a_day(self) -> float:
        """Mean number of articles a day; 0 while nothing is known."""
        watched = sum(self.weekdays_watched)
        return sum(self.weekdays) / max(watched, 1 / 24) if watched else 0.0


def watched(rhythm: Rhythm, times: Iterable[datetime], now: datetime) -> Rhythm:
    """The rhythm after another look: `times` are those of the articles that were new.

    At a first look the time watched begins with the oldest of them.
    """
    times = [at if now - ATTRIBUTED <= at <= now else now for at in times]
    since = rhythm.until or min(times, default=now)
    if since > now:  # the clock was ahead
        since = now
    fade = 0.5 ** (min(now - since, HALF_LIFE * 20) / HALF_LIFE)
    hours, weekdays = [n * fade for n in rhythm.hours], [n * fade for n in rhythm.weekdays]
    hours_watched = [n * fade for n in rhythm.hours_watched]
    weekdays_watched = [n * fade for n in rhythm.weekdays_watched]
    for at, span in _pieces(max(since, now - LONGEST), now):
        hours_watched[at.hour] += span / _HOUR
        weekdays_watched[at.weekday()] += span / _DAY
    days = {day: n for day, n in rhythm.days.items() if now.date() - day <= LONGEST}
    for at in times:
        moment = at.astimezone(UTC)
        hours[moment.hour] += 1
        weekdays[moment.weekday()] += 1
        days[moment.date()] = days.get(moment.date(), 0) + 1
    return Rhythm(
        tuple(hours),
        tuple(hours_watched),
        tuple(weekdays),
        tuple(weekdays_watched),
        now.astimezone(UTC),
        days,
    )


def _pieces(since: datetime, until: datetime) -> Iterable[tuple[datetime, timedelta]]:
    """A stretch of time cut at the full hours of UTC: where each piece begins, how long it is."""
    at = since.astimezone(UTC)
    while at < until:
        end = min(at.replace(minute=0, second=0, microsecond=0) + _HOUR, until)
        yield at, end - at
        at = end


def hourly(rhythm: Rhythm) -> tuple[tuple[float, ...], ...]:
    """Articles to expect in each hour of the week: seven days, Monday first, of 24 hours each."""
    mean = rhythm.a_day
    by_hour = [
        (count + mean / 24) / (seen + 1)
        for count, seen in zip(rhythm.hours, rhythm.hours_watched, strict=True)
    ]
    by_day = [
        (count + mean) / (seen + 1)
        for count, seen in zip(rhythm.weekdays, rhythm.weekdays_watched, strict=True)
    ]
    usual = sum(by_day) / 7
    # Neighbouring hours are alike; of few articles the hour is chance.
    smooth = [
        (by_hour[hour - 1] + 2 * by_hour[hour] + by_hour[(hour + 1) % 24]) / 4 for hour in range(24)
    ]
    return tuple(tuple(rate * day / usual if usual else 0.0 for rate in smooth) for day in by_day)


def time_until(
    rates: tuple[tuple[float, ...], ...], articles: float, now: datetime, longest: timedelta
) -> timedelta:
    """How long until so many articles are to be expected; `longest` when that is later."""
    left = articles
    for at, span in _pieces(now, now + longest):
        rate = rates[at.weekday()][at.hour]
        expected = rate * (span / _HOUR)
        if expected >= left > 0:
            return at - now + timedelta(hours=left / rate)
        left -= expected
    return longest


def to_json(rhythm: Rhythm) -> dict[str, Any]:
    """As it is kept."""
    return {
        "hours": [round(n, 4) for n in rhythm.hours],
        "hours_watched": [round(n, 4) for n in rhythm.hours_watched],
        "weekdays": [round(n, 4) for n in rhythm.weekdays],
        "weekdays_watched": [round(n, 4) for n in rhythm.weekdays_watched],
        "until": rhythm.until.isoformat() if rhythm.until else None,
        "days": {day.isoformat(): n for day, n in rhythm.days.items()},
    }


def from_json(kept: Mapping[str, Any]) -> Rhythm:
    """What `to_json` wrote; an empty mapping is a source never watched."""
    if not kept:
        return Rhythm()
    return Rhythm(
        tuple(kept["hours"]),
        tuple(kept["hours_watched"]),
        tuple(kept["weekdays"]),
        tuple(kept["weekdays_watched"]),
        datetime.fromisoformat(kept["until"]) if kept["until"] else None,
        {date.fromisoformat(day): n for day, n in kept["days"].items()},
    )
