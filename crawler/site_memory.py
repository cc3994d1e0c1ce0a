"""What is known of one site from its articles: repeated lines, and what its pages look like.

A line (`crawler.extraction.lines`) seen on three different articles is furniture. Running text must
besides stand on half of the articles since it was first seen: agencies repeat a paragraph of
background in each report of one subject, teasers and notices are on every page. A date is the
template's when five articles told it and more than a week lies between the first and now: weeklies
give one date to all their articles, but not for long.

The memory is bounded: 1,024 lines, of which those seen once or twice give way first, the longest
unseen before the others. An article brings at most 48, so a teaser that stands on one page in
twenty is still recognised.

A redesign shows in the pages themselves: the share of the visible text that is read as article
falls to less than half, or furniture doubles. Six pages in a row are compared with up to 26 before
them by their medians, so that a gallery or a live blog among them changes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from statistics import median
from typing import NamedTuple

from crawler.extraction.lines import DATE, PROSE, packed, sort_of

MOST_LINES = 1024
MOST_FURNITURE = 512
"""Numbers handed to a worker with each page: 4 kB."""
OFTEN = 3
_SHARE = 0.5
_DATED = 5
_DATED_DAYS = 7
_PAGES = 32
_RECENT = 6
_FEWEST_BEFORE = 14
_FEWEST_SHARE = 5  # per cent: sites whose pages are hardly read at all are none to compare with
_FEWEST_BLOCKS = 10
_MOST = 65_535
_EPOCH = date(2000, 1, 1)
_RECORD = struct.Struct("<QHHII")


class Line(NamedTuple):
    """How often a line was seen, and when."""

    seen: int
    """On so many articles."""
    first_day: int
    """Days since 2000."""
    first: int
    """The ordinal of the article it was first seen on."""
    last: int
    """The ordinal of the article it was last seen on."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a page looks like."""

    share: int
    """Per cent of its visible text that is article."""
    furniture: int
    """Blocks of text that are not."""


@dataclass(frozen=True, slots=True)
class SiteMemory:
    """Immutable; `learnt` gives the next state."""

    articles: int = 0
    """How many it was learnt from."""
    lines: dict[int, Line] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    """Of the last pages, oldest first."""

    def learnt(self, keys: Iterable[int], look: Look | None, day: date) -> SiteMemory:
        """With one more article, fetched on `day`."""
        number = self.articles + 1
        today = max(0, min((day - _EPOCH).days, _MOST))
        lines = dict(self.lines)
        for key in set(keys):
            known = lines.get(key, Line(0, today, number, number))
            lines[key] = known._replace(seen=min(known.seen + 1, _MOST), last=number)
        grown = replace(self, articles=number, lines=_bounded(lines))
        return grown if look is None else grown.seen_as(look)

    def seen_as(self, look: Look) -> SiteMemory:
        """With the look of one more page."""
        return replace(self, looks=(*self.looks, look)[-_PAGES:])

    def furniture(self, day: date) -> bytes:
        """The numbers of the lines that are furniture, packed; the last seen where too many."""
        today = (day - _EPOCH).days
        found = [
            (line.last, key) for key, line in self.lines.items() if self._is_known(key, line, today)
        ]
        found.sort(reverse=True)
        return packed(key for _, key in found[:MOST_FURNITURE])

    def _is_known(self, key: int, line: Line, today: int) -> bool:
        if sort_of(key) == DATE:
            return line.seen >= _DATED and today - line.first_day > _DATED_DAYS
        if line.seen < OFTEN:
            return False
        since = self.articles - line.first + 1
        return sort_of(key) != PROSE or line.seen >= _SHARE * since

    def suspicion(self) -> str | None:
        """Why the site looks redesigned, a sentence for people; None when it does not."""
        recent, before = self.looks[-_RECENT:], self.looks[:-_RECENT]
        if len(before) < _FEWEST_BEFORE:
            return None
        was, now = (median(look.share for look in looks) for looks in (before, recent))
        if was >= _FEWEST_SHARE and now < was / 2:
            return (
                f"the part of its pages that is read as article fell from {was:.0f} % to"
                f" {now:.0f} % on its last {_RECENT} pages: perhaps the site was redesigned;"
                " look at one with `wirewatch extract --url`"
            )
        was, now = (median(look.furniture for look in looks) for looks in (before, recent))
        if now >= 2 * was and now - was >= _FEWEST_BLOCKS:
            return (
                f"its last {_RECENT} pages have {now:.0f} blocks beside the article where they had"
                f" {was:.0f}: perhaps the site was redesigned;"
                " look at one with `wirewatch extract --url`"
            )
        return None


def _bounded(lines: dict[int, Line]) -> dict[int, Line]:
    if len(lines) <= MOST_LINES:
        return lines
    by_worth = sorted(
        lines.items(), key=lambda item: (item[1].seen >= OFTEN, item[1].last, item[0])
    )
    return dict(by_worth[-MOST_LINES:])


def lines_to_bytes(memory: SiteMemory) -> bytes:
    """The lines as the store keeps them: 20 bytes each."""
    return b"".join(_RECORD.pack(key, *line) for key, line in memory.lines.items())


def lines_from_bytes(kept: bytes) -> dict[int, Line]:
    """The lines that `lines_to_bytes` wrote; what was cut off at the end is left out."""
    whole = len(kept) - len(kept) % _RECORD.size
    return {key: Line(*rest) for key, *rest in _RECORD.iter_unpack(kept[:whole])}


def looks_to_json(memory: SiteMemory) -> list[list[int]]:
    """The looks as the store keeps them."""
    return [[look.share, look.furniture] for look in memory.looks]


def looks_from_json(kept: list[list[int]]) -> tuple[Look, ...]:
    """The looks that `looks_to_json` wrote."""
    return tuple(Look(share, furniture) for share, furniture in kept)
