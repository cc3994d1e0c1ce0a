"""What a search for channels leaves in the store: the documents of a source and their roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from crawler.record import Listing, has_moved, record_listing
from crawler.sources.ranking import Measure, Role
from store.articles import Entry
from store.sources import Document, documents_of

LOOK_AGAIN = timedelta(days=1)
"""How long at least between two searches for a better main channel."""
MEASURE_AGAIN = timedelta(days=30)
"""After so long a working channel is compared again: sites add feeds, and let them rot."""
CHECK_EVERY = timedelta(hours=6)
"""How often the second channel is read beside the main one."""
BEHIND = 3
"""Entries that only the second lists; fewer are those of a feed a few minutes late."""
BEHIND_CHECKS = 2
"""Checks in a row that make it a habit."""


def record_chosen(
    session: Session,
    source_id: str,
    source_url: str,
    chosen: Sequence[tuple[Measure, Role]],
    likely: Sequence[str],
    listings: Sequence[Listing],
    at: datetime,
) -> list[list[Entry]]:
    """Keeps the channels of a source with their roles, and what the best of them list.

    `likely` are sitemaps that were not looked into. Channels known before and not found again stay
    as spares: they come back. Returns the entries to fetch, for each of `listings`; nothing is
    kept when the source is not at `source_url` any more.
    """
    if has_moved(session, source_id, source_url):
        return []
    named = {measure.url for measure, _ in chosen}
    before = documents_of(session, source_id)
    same_index = any(m.parts and m.url in {known.url for known in before} for m, _ in chosen)
    for known in before:
        if known.role == "part":
            if not same_index:
                session.delete(known)
        elif known.url not in named:
            known.role = "spare"
            session.add(known)
    session.flush()
    fresh = [record_listing(session, listing) for listing in listings]
    for measure, role in chosen:
        _keep_measure(session, source_id, measure, role, at)
    for url in likely:
        if url not in named and session.get(Document, (source_id, url)) is None:
            session.add(Document(source_id=source_id, url=url, kind="sitemap", role="spare"))
    session.flush()
    return fresh


def _keep_measure(
    session: Session, source_id: str, measure: Measure, role: Role, at: datetime
) -> None:
    document = session.get(Document, (source_id, measure.url))
    if document is None:
        document = Document(source_id=source_id, url=measure.url, kind=measure.kind)
    document.kind, document.role = measure.kind, role
    document.entries = measure.items
    document.span = int(measure.span.total_seconds()) if measure.span is not None else None
    document.dated, document.full_text = measure.dated, measure.full_text
    document.newest = measure.newest or document.newest
    document.seen_at = at
    document.behind, document.doubted_at = 0, None
    session.add(document)


def record_doubt(session: Session, source_id: str, url: str, at: datetime) -> None:
    """Another channel is looked for in place of this one."""
    document = session.get(Document, (source_id, url))
    if document is not None:
        document.doubted_at = at
        session.add(document)


def record_check(session: Session, source_id: str, url: str, only_second: int) -> int:
    """The main channel was compared with the second; returns the checks in a row it was behind."""
    document = session.get(Document, (source_id, url))
    if document is None:
        return 0
    document.behind = document.behind + 1 if only_second >= BEHIND else 0
    session.add(document)
    return document.behind


def record_asked(session: Session, source_id: str, url: str, at: datetime) -> None:
    """A document was asked for in vain."""
    document = session.get(Document, (source_id, url))
    if document is not None:
        document.fetched_at = at
        session.add(document)
