"""Keeps what a document lists; of very much a batch at a time, so that others write between.

The entries come first and the document last, with its validators and its window: whatever ends the
crawl between two batches, the next visit asks for the document anew and finds the first of them
known. So no validator vouches for entries that were not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from crawler.claims import claims_in
from crawler.context import CrawlContext
from crawler.gap import REMEMBERED
from crawler.items import EntryItem
from crawler.pool import PoolClosedError
from crawler.record import (
    Listing,
    Seen,
    glance_at,
    record_entries,
    record_listing,
    unknown_entries,
)
from crawler.sources.packed import PackedEntries
from crawler.urls import url_key
from crawler.windows import Glance
from store.articles import Entry

AT_ONCE = 1000
"""Entries fetched in the crawl that found them; what waits beyond is taken by the next, as rows."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that lists very many entries, when those are kept."""

    listing: Listing
    """As it is to be recorded then."""
    entries: tuple[Entry, ...] = ()
    """The first to fetch."""
    waiting: int = 0
    """How many there are to fetch."""
    baseline: int = 0
    """Those of them that are a first visit's."""

    def with_more(self, entries: Sequence[Entry]) -> Kept:
        """And further entries to fetch."""
        return Kept(
            self.listing,
            (*self.entries, *entries)[:AT_ONCE],
            self.waiting + len(entries),
            self.baseline + sum(entry.baseline for entry in entries),
        )


async def keep_listing(
    context: CrawlContext, listing: Listing, has_ended: Callable[[], bool] = lambda: False
) -> Kept:
    """Keeps a document with its entries. Raises as `keep_entries` does."""
    kept = await keep_entries(context, listing, has_ended)
    change = partial(record_listing, listing=kept.listing)
    return kept.with_more(await context.writer.write(change))


async def keep_entries(
    context: CrawlContext, listing: Listing, has_ended: Callable[[], bool] = lambda: False
) -> Kept:
    """Keeps the entries of a document that lists very many, and those alone; other listings are
    left as they are. Raises StoreError, and PoolClosedError between two batches once `has_ended`
    tells that the crawl is to end: 50,000 entries take longer than the service may for ending.
    """
    kept = Kept(listing)
    if not isinstance(listing.entries, PackedEntries):
        return kept
    first: list[str] = []
    fresh = known = 0
    for batch in listing.entries.batches():
        if has_ended():
            raise PoolClosedError
        part = replace(listing, entries=batch, fetch=listing.fetch - kept.baseline)
        unknown, has_claims = await asyncio.to_thread(_look_at, context, part)
        fresh += len(unknown)
        known += sum(url_key(item.url) not in unknown for item in batch)
        first += list(unknown)[: REMEMBERED - len(first)]
        if unknown or has_claims:
            change = partial(record_entries, batch=part)
            kept = kept.with_more(await context.writer.write(change))
    seen = Seen(fresh, known, tuple(first))
    told = await asyncio.to_thread(_glance, context, listing, seen)
    return replace(kept, listing=replace(listing, seen=replace(seen, glance=told)))


def _glance(context: CrawlContext, listing: Listing, seen: Seen) -> Glance:
    with context.store.reading() as session:
        return glance_at(session, listing, seen)


def _look_at(context: CrawlContext, part: Listing) -> tuple[dict[str, EntryItem], bool]:
    """What is unknown of a batch, by key, and whether it says that articles changed."""
    with context.store.reading() as session:
        unknown = unknown_entries(session, part.source_id, part.entries)
        return unknown, bool(claims_in(session, part.entries))
