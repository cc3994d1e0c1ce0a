"""Stored times as people read them where they are. Total: no time that can be stored is too far.

A zone cannot be told of the first and the last day that there are; such a time, the slip of
whoever wrote it, is told in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The time as the clocks of that zone show it."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def shifted(moment: datetime, offset: timedelta) -> datetime:
    """The time in UTC as clocks show it that are `offset` ahead."""
    try:
        return moment.astimezone(UTC) + offset
    except OverflowError:
        return moment.astimezone(UTC)
