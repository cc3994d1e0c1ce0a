"""What a watchlist would have brought: counts by day and source, and the alerts to be expected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from alerts.moments import in_zone

_LEAST_SPAN = timedelta(days=1)
"""A shorter past says nothing of a week."""
_WEEK = timedelta(days=7)


@dataclass(slots=True)
class Trial:
    """Gathers the articles that a rule matches, one by one, in no order."""

    zone: tzinfo
    """The days are those of this zone."""
    hits: int = 0
    by_day: Counter[date] = field(default_factory=Counter)
    """Hits by the day on which the article was first seen."""
    by_source: Counter[str] = field(default_factory=Counter)
    _stories: dict[int, date] = field(default_factory=dict)

    def add(self, source: str, story: int, first_seen: datetime, *, baseline: bool) -> None:
        """One article. What a first visit found (`baseline`) is a hit, and never an alert."""
        day = in_zone(first_seen, self.zone).date()
        self.hits += 1
        self.by_day[day] += 1
        self.by_source[source] += 1
        if not baseline:
            self._stories[story] = min(day, self._stories.get(story, day))

    @property
    def alerts(self) -> int:
        """How many alerts each recipient would have had: one for each story."""
        return len(self._stories)

    @property
    def alerts_by_day(self) -> Counter[date]:
        """The alerts of each day."""
        return Counter(self._stories.values())

    def alerts_a_week(self, begin: datetime | None, now: datetime) -> float | None:
        """Alerts of a week like the time since `begin`; None where there was no news at all."""
        if begin is None:
            return None
        return self.alerts / (max(now - begin, _LEAST_SPAN) / _WEEK)

    def days_above(self, limit: int) -> list[date]:
        """The days with more alerts than `limit`, in order."""
        return sorted(day for day, count in self.alerts_by_day.items() if count > limit)
