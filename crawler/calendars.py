"""Days of the Solar Hijri and the Hijri calendar as Gregorian dates."""

from datetime import date, timedelta

from hijridate import Hijri

_LEAPS_OF_CYCLE = frozenset({1, 5, 9, 13, 17, 22, 26, 30})
_CYCLE_YEARS = 33
_CYCLE_DAYS = 33 * 365 + 8
_FIRST_YEAR = 1321
"""The first year of a cycle (33 x 40 + 1) …"""
_FIRST_DAY = date(1942, 3, 21)
"""… and its New Year's Day."""


def solar_hijri_date(year: int, month: int, day: int) -> date:
    """The Gregorian date; by the 33-year rule, which equals the official calendar in 1244-1472.

    Raises ValueError for a day that does not exist.
    """
    leap = year % _CYCLE_YEARS in _LEAPS_OF_CYCLE
    longest = 31 if month <= 6 else 30 if month <= 11 or leap else 29
    if not (1300 <= year <= 1472 and 1 <= month <= 12 and 1 <= day <= longest):
        raise ValueError(f"no day {year}-{month}-{day} in the Solar Hijri calendar")
    cycles, rest = divmod(year - _FIRST_YEAR, _CYCLE_YEARS)
    leaps = sum(1 for leap_year in _LEAPS_OF_CYCLE if leap_year - 1 < rest)
    new_year = _FIRST_DAY + timedelta(days=cycles * _CYCLE_DAYS + rest * 365 + leaps)
    return new_year + timedelta(days=(month - 1) * 30 + min(month - 1, 6) + day - 1)


def hijri_date(year: int, month: int, day: int) -> date:
    """The Gregorian date by the Umm al-Qura calendar; sightings elsewhere may differ by a day.

    Raises ValueError or OverflowError for a day that does not exist or lies beyond 1343-1500.
    """
    found = Hijri(year, month, day).to_gregorian()
    return date(found.year, found.month, found.day)
