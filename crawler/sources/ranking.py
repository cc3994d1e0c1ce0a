"""Which of the channels of a site is best to watch it by, and which is kept to check that one.

Pure. Every channel that was read is measured, and the measures are compared:

1. *Scope*: on the page of a section the section's own channels come before those of the whole
   site; feeds of a tag, an author or the comments come last, whatever they hold.
2. *Freshness*: a channel whose newest publication is STALE older than the newest of all the others
   has stopped, however much it holds. Only publications count: `lastmod` is often the last build.
3. *Points*, whose scale is that of doublings:

   - how many entries it lists, up to PLENTY: a window of ten rolls over while nobody looks;
   - how many hours it covers, up to a week: what a longer outage of ours may cost;
   - the share of entries with a publication date (3 points), with a headline (1) and with the
     whole text (1);
   - size: every doubling above HEAVY bytes costs a point, because it is asked for all day;
   - links on a page are guesses (-3), and an index costs a request for each of its parts (-1).

The second is the best channel of another kind than the main one, since two feeds of one system
fail together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2
from typing import Literal

from crawler.items import DocumentItem, EntryItem
from crawler.sources.discover import ChannelKind, Scope
from crawler.sources.markup import plain_text

Role = Literal["main", "second", "spare"]

STALE = timedelta(days=2)
PLENTY = 100
"""Entries; more of them make a channel no safer to watch."""
LONG = timedelta(days=7)
HEAVY = 256 * 1024
"""Bytes."""
_GUESSED = 3.0
_INDEXED = 1.0
_AHEAD = timedelta(days=1)
"""A date further in the future says nothing."""
_SAMPLE = 20
"""Entries whose texts are looked at."""
_WHOLE_TEXT = 600
"""Characters; summaries are shorter, and few articles are."""
_CUT_OFF = ("…", "...", "[…]", "[...]")


@dataclass(frozen=True, slots=True)
class Measure:
    """What one channel was seen to offer."""

    kind: ChannelKind
    url: str
    title: str = ""
    scope: Scope = "site"
    items: int = 0
    """Entries in it; of an index, in the part that was read."""
    newest: datetime | None = None
    """Its newest publication; None when it tells none."""
    span: timedelta | None = None
    """From its oldest to its newest publication, else modification; None for fewer than two."""
    dated: float = 0.0
    """Share of entries with a publication date."""
    titled: float = 0.0
    full_text: float = 0.0
    """Share of entries that carry the whole article."""
    size: int = 0
    """Bytes, as parsed."""
    parts: int = 0
    """Sitemaps of an index."""
    notes: tuple[str, ...] = ()
    """What was found out about it, in words."""
    error: str | None = None
    """Why it cannot be read, in words; None when it can."""
    is_named: bool = True
    """Whether the site names it; False for a path at which one was only looked for."""

    @property
    def works(self) -> bool:
        """Whether it can be read and lists something."""
        return self.error is None and self.items > 0


class _Times:
    """The first and the last of some times; later ones than `latest` do not count."""

    def __init__(self, latest: datetime) -> None:
        self.count = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._latest = latest

    def add(self, at: datetime | None) -> None:
        if at is not None and at <= self._latest:
            self.count += 1
            self.first = at if self.first is None or at < self.first else self.first
            self.last = at if self.last is None or at > self.last else self.last

    @property
    def span(self) -> timedelta | None:
        if self.first is None or self.last is None or self.count < 2:
            return None
        return self.last - self.first


def measured(
    kind: ChannelKind,
    url: str,
    document: DocumentItem,
    now: datetime,
    *,
    title: str = "",
    scope: Scope = "site",
    size: int = 0,
) -> Measure:
    """The measure of a document that was read."""
    entries = document.entries
    published, modified = _Times(now + _AHEAD), _Times(now + _AHEAD)
    titled = 0
    # One walk: there may be very many, unpacked as they pass.
    for entry in entries:
        published.add(entry.published)
        modified.add(entry.modified)
        titled += bool(entry.title)
    count = len(entries) or 1
    sample = entries[:_SAMPLE]
    return Measure(
        kind=kind,
        url=url,
        title=title or document.title or "",
        scope=scope,
        items=len(entries),
        newest=published.last,
        span=(published if published.count else modified).span,
        dated=published.count / count,
        titled=titled / count,
        full_text=sum(map(carries_article, sample)) / (len(sample) or 1),
        size=size,
        parts=len(document.documents),
        notes=document.warnings,
    )


def carries_article(entry: EntryItem) -> bool:
    """Whether the source gives the whole article with the entry, as far as its text shows.

    A text that ends in an ellipsis was cut; one shorter than 600 characters is likely a summary.
    """
    if not entry.content or len(entry.content) < _WHOLE_TEXT:
        return False
    text = plain_text(entry.content)
    return len(text) >= _WHOLE_TEXT and not text.endswith(_CUT_OFF)


def points(measure: Measure) -> float:
    """The points of a channel, see above."""
    hours = min(measure.span or timedelta(0), LONG) / timedelta(hours=1)
    found = log2(1 + min(measure.items, PLENTY)) + log2(1 + hours)
    found += 3 * measure.dated + measure.titled + measure.full_text
    found -= log2(measure.size / HEAVY) if measure.size > HEAVY else 0.0
    return found - _GUESSED * (measure.kind == "listing") - _INDEXED * bool(measure.parts)


def ranked(measures: Sequence[Measure]) -> list[Measure]:
    """The channels that work, best first; equals in the order given."""
    working = [measure for measure in measures if measure.works]
    scopes: dict[Scope, int] = {"own": 0, "site": 1, "part": 2}
    return sorted(
        working, key=lambda m: (scopes[m.scope], has_stopped(m, working), -points(m), bool(m.parts))
    )


def has_stopped(measure: Measure, others: Sequence[Measure]) -> bool:
    """Whether others tell of publications much newer than this one's newest."""
    newest = max((other.newest for other in others if other.works and other.newest), default=None)
    return bool(newest and measure.newest and newest - measure.newest > STALE)


def roles(measures: Sequence[Measure]) -> list[tuple[Measure, Role]]:
    """The channels that work with what each is to be, best first.

    A channel of a smaller or larger scope than the main one is never its second: it would list
    what is not asked for, or miss most of it. Nor is one that has stopped.
    """
    best = ranked(measures)
    if not best:
        return []
    main = best[0]
    others = (one for one in best[1:] if one.kind != main.kind and one.scope == main.scope)
    second = next((one for one in others if not has_stopped(one, best)), None)
    return [
        (one, "main" if one is main else "second" if one is second else "spare") for one in best
    ]
