"""Which sitemaps of an index are read in a visit. Pure.

Names say nothing: they rotate with each build (a timestamp, a hash) or stay for ever. What counts
is the recency of what they hold:

1. parts never read come first, in the index's order, those whose `lastmod` lies before what we
   know already left out: nothing in them is new;
2. then those whose `lastmod` is newer than when they were last read, the newest first;
3. then those without `lastmod`, by the newest entry that they held last time; a fifth of the room
   is kept for those read longest ago, so that none is forgotten;
4. `lastmod` may lie, so the FRESHEST parts are read once a day though it did not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FRESHEST = 3
LIES = timedelta(days=1)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """One sitemap of an index."""

    url: str
    lastmod: datetime | None = None
    """What the index says now."""
    lastmod_then: datetime | None = None
    """What it said when the part was last read."""
    newest: datetime | None = None
    """Of the entries it held then."""
    read_at: datetime | None = None
    """None when it was never read."""


def parts_to_read(
    parts: Sequence[Part], most: int, now: datetime, old_before: datetime | None
) -> list[str]:
    """The parts to read in this visit, `most` at most, the likeliest to hold news first.

    `parts` stand in the index's order; what changed last before `old_before` is known.
    """
    unread = [
        part
        for part in parts
        if part.read_at is None and not (old_before and part.lastmod and part.lastmod < old_before)
    ]
    read = [part for part in parts if part.read_at is not None]
    changed = [part for part in read if part.lastmod and part.lastmod != part.lastmod_then]
    unsaid = sorted(
        (part for part in read if not part.lastmod),
        key=lambda part: part.newest or _LONG_AGO,
        reverse=True,
    )
    freshest = sorted(read, key=_recency, reverse=True)[:FRESHEST]
    doubted = [part for part in freshest if part.read_at and now - part.read_at >= LIES]
    changed.sort(key=_recency, reverse=True)
    likely = list(dict.fromkeys(part.url for part in (*unread, *changed, *doubted, *unsaid)))
    if len(likely) <= most:
        return likely
    kept = most - most // 5
    waiting = sorted(unsaid, key=lambda part: part.read_at or _LONG_AGO)
    rest = [part.url for part in waiting if part.url not in likely[:kept]]
    return list(dict.fromkeys([*likely[:kept], *rest[: most - kept], *likely[kept:]]))[:most]


def _recency(part: Part) -> datetime:
    return part.lastmod or part.newest or _LONG_AGO
