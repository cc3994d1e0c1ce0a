"""What a document's window tells beside its entries: the overlap, and gaps, which become rows.

Part of the changes that `crawler.record` makes: a gap is written in the transaction that keeps the
window which showed it, so that no crash comes between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from crawler.gap import Lookout, is_gap, pages_to_try, remembered, share_known
from crawler.items import EntryItem
from crawler.urls import url_key
from store.sources import Document, Gap, documents_of

DISTRUST = 50
"""Visits without validators after they were seen to lie."""


@dataclass(frozen=True, slots=True)
class Window:
    """A document as it was read now."""

    entries: Sequence[EntryItem]
    fresh: Mapping[str, EntryItem]
    """Those that nobody knew, by key."""
    older: str | None
    at: datetime
    first: bool
    """Whether it is a first visit's: nothing can have been missed."""
    conditional: bool
    etag: str | None


def look_through(session: Session, document: Document, window: Window) -> Gap | None:
    """Compares a document, as it was known until now, with its window; opens a gap if there is one.

    Changes `document`, which the caller keeps.
    """
    keys = [url_key(entry.url) for entry in window.entries]
    known = set(keys) - window.fresh.keys()
    gap = None
    if window.fresh and not window.first and document.role in {"main", "part"}:
        lookout = _lookout(session, document)
        if is_gap(window.entries, lookout):
            gap = _open_gap(session, document, window, lookout)
    if document.visits and window.entries:
        document.overlap = share_known(keys, known)
        if _validators_lied(document, window):
            document.trusted_from = document.visits + DISTRUST
    if window.entries:
        lookout = Lookout(document.recent, document.reached_at)
        fresh = window.fresh if document.visits else keys
        seen = remembered(window.entries, fresh, lookout, window.at)
        document.recent, document.reached_at = list(seen.recent), seen.reached
    return gap


def _validators_lied(document: Document, window: Window) -> bool:
    """Whether the same ETag now stands for other entries than before."""
    same = document.etag is not None and document.etag == window.etag
    return same and not window.conditional and bool(window.fresh)


def _lookout(session: Session, document: Document) -> Lookout:
    """What to compare with: what the document last held, or the one that it takes the place of.

    A part read for the first time holds what no other did.
    """
    known = [document]
    if not document.visits and document.role == "main":
        known = [d for d in documents_of(session, document.source_id) if d.reached_at is not None]
    last = max(known, key=lambda d: (d.reached_at is not None, d.reached_at), default=document)
    return Lookout(last.recent, last.reached_at)


def _open_gap(session: Session, document: Document, window: Window, lookout: Lookout) -> Gap:
    others = [
        (other.kind, other.url)
        for other in documents_of(session, document.source_id)
        if other.url != document.url and other.role in {"main", "second", "spare"}
    ]
    dates = [entry.published for entry in window.entries if entry.published is not None]
    pages = pages_to_try(document.kind, document.url, window.older, others, lookout.reached)
    gap = Gap(
        source_id=document.source_id,
        url=document.url,
        opened_at=window.at,
        after=lookout.reached,
        before=min(dates, default=None),
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
