"""What a document's window tells beside its entries: the overlap, and gaps, which become rows.

Part of the changes that `crawler.record` makes: a gap is written in the transaction that keeps the
window which showed it, so that no crash comes between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from crawler.gap import Lookout, is_gap, pages_to_try, remembered
from crawler.items import EntryItem
from store.sources import Document, Gap, documents_of

DISTRUST = 50
"""Visits without validators after they were seen to lie."""
BELIEVED = 10
"""Answers of "not modified" in a row that are believed then."""


@dataclass(frozen=True, slots=True)
class Window:
    """A document as it was read now."""

    fresh: int
    """How many entries nobody knew."""
    overlap: float
    """Share of the entries that were known."""
    older: str | None
    at: datetime
    conditional: bool
    etag: str | None


@dataclass(frozen=True, slots=True)
class Glance:
    """What the entries of a window tell, beside what was known of the document before."""

    is_gap: bool
    remembered: Lookout
    after: Lookout
    """What they were compared with."""
    oldest: datetime | None
    """The oldest publication."""
    newest: datetime | None
    """The newest publication or modification that is not in the future."""


def glance(
    session: Session,
    document: Document,
    role: str,
    entries: Sequence[EntryItem],
    fresh: Sequence[str],
    at: datetime,
    *,
    first: bool,
) -> Glance:
    """Looks at the entries of a document, as it was known until now; changes nothing.

    `fresh`: keys of the first of those that nobody knew. `first`: of a first visit nothing can have
    been missed.
    """
    lookout = _lookout(session, document, role)
    is_compared = bool(fresh) and not first and role in {"main", "part"}
    known = Lookout(document.recent, document.reached_at)
    times = (time for entry in entries if (time := entry.published or entry.modified))
    return Glance(
        is_gap=is_compared and is_gap(entries, lookout),
        remembered=remembered(entries, fresh if document.visits else None, known, at),
        after=lookout,
        oldest=min((e.published for e in entries if e.published is not None), default=None),
        newest=max((time for time in times if time <= at), default=None),
    )


def look_through(session: Session, document: Document, window: Window, seen: Glance) -> Gap | None:
    """Compares a document, as it was known until now, with its window; opens a gap if there is one.

    Changes `document`, which the caller keeps; `document.entries` is already that of the window.
    """
    gap = _open_gap(session, document, window, seen) if seen.is_gap else None
    if document.visits and document.entries:
        document.overlap = window.overlap
        if _validators_lied(document, window):
            document.trusted_from = document.visits + DISTRUST
            document.believed = BELIEVED
    if document.entries:
        document.recent, document.reached_at = list(seen.remembered.recent), seen.remembered.reached
    return gap


def _validators_lied(document: Document, window: Window) -> bool:
    """Whether the same ETag now stands for other entries than before."""
    same = document.etag is not None and document.etag == window.etag
    return same and not window.conditional and bool(window.fresh)


def _lookout(session: Session, document: Document, role: str) -> Lookout:
    """What to compare with: what the document last held, or the one that it takes the place of.

    A part read for the first time holds what no other did.
    """
    known = [document]
    if not document.visits and role == "main":
        known = [d for d in documents_of(session, document.source_id) if d.reached_at is not None]
    last = max(known, key=lambda d: (d.reached_at is not None, d.reached_at), default=document)
    return Lookout(last.recent, last.reached_at)


def _open_gap(session: Session, document: Document, window: Window, seen: Glance) -> Gap:
    lookout = seen.after
    others = [
        (other.kind, other.url)
        for other in documents_of(session, document.source_id)
        if other.url != document.url and other.role in {"main", "second", "spare"}
    ]
    pages = pages_to_try(document.kind, document.url, window.older, others, lookout.reached)
    gap = Gap(
        source_id=document.source_id,
        url=document.url,
        opened_at=window.at,
        after=lookout.reached,
        before=seen.oldest,
        known=list(lookout.recent),
        pages=[list(page) for page in pages],
    )
    if not pages:
        close(gap, window.at, filled=False)
    session.add(gap)
    session.flush()
    return gap


def close(gap: Gap, at: datetime, *, filled: bool) -> None:
    """Nothing more is read for it."""
    gap.state, gap.closed_at, gap.pages = "filled" if filled else "unfilled", at, []


def has_open_gap(session: Session, source_id: str) -> bool:
    """Whether a gap of the source waits to be read up."""
    query = select(func.count()).where(Gap.source_id == source_id, col(Gap.state) == "open")
    return session.exec(query).one() > 0


def published_of(item: Mapping[str, object]) -> datetime | None:
    """The publication in an entry as it is kept, when it is known to the minute."""
    text = item.get("published")
    exact = item.get("published_precision") == "minute"
    return datetime.fromisoformat(text) if exact and isinstance(text, str) else None
