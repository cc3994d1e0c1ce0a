"""Reads gaps up: page by page, bounded by requests a visit, resumed at the next one from the store.

What pages to ask for and what they tell is decided by `crawler.gap`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog
from sqlmodel import Session

from crawler.answer import Answer
from crawler.context import CrawlContext
from crawler.gap import Lookout, may_be_missed, missed, next_guess, reaches_back
from crawler.items import EntryItem
from crawler.reading import Reading
from crawler.record import Listing, record_entries, record_listing
from crawler.sources.packed import batches_of
from crawler.urls import url_key
from crawler.windows import close
from store.articles import Entry, known_keys
from store.sources import Gap, open_gaps

log = structlog.get_logger("crawler")

REQUESTS = 10
"""Pages read for gaps in one visit; what is left follows at the next."""
ATTEMPTS = 3
"""At a page that cannot be had, in as many visits; then the source's next channel is read."""
PAGES = 300
"""Pages read for one gap; with a hundred visits of ten entries each nobody waits for more."""


class Filling:
    """The open gaps of one source during one visit."""

    def __init__(self, source_id: str, context: CrawlContext) -> None:
        """Nothing is asked for before `next_page`."""
        self.new_entries = 0
        self._source_id = source_id
        self._context = context
        self._left = REQUESTS
        self._stopped = False

    def next_page(self) -> tuple[str, str] | None:
        """Kind and address of the next page to ask for; None when enough was read."""
        if self._left == 0 or self._stopped:
            return None
        gap = self._gap()
        if gap is None:
            return None
        self._left -= 1
        kind, url = gap.pages[0]
        return kind, url

    def _gap(self) -> Gap | None:
        with self._context.store.reading() as session:
            gaps = open_gaps(session, self._source_id)
        return gaps[0] if gaps else None

    async def failed(self, answer: Answer, why: str) -> None:
        """The page could not be had or read: the next channel, or another try at the next visit."""
        gap = self._gap()
        if gap is None or gap.id is None:
            return
        number, now = gap.id, self._context.clock()
        final = answer.error is None or answer.gone or answer.refused
        # It is asked for again at the next visit only: it will hardly be better at once.
        self._stopped = not final
        closed = await self._context.writer.write(
            lambda session: _count_failure(session, number, now, final=final)
        )
        self._report(closed, why)

    async def take(self, answer: Answer, reading: Reading, listing: Listing) -> tuple[Entry, ...]:
        """Keeps what the page adds; returns the entries to fetch."""
        gap = self._gap()
        if gap is None or gap.id is None:
            return ()
        number, following = gap.id, _after(gap, answer, reading)
        lookout = Lookout(gap.known, gap.after)
        missing = await asyncio.to_thread(self._missing, listing, lookout)
        missing = tuple(entry for entry in missing if entry.url != listing.source_url)
        page = _Read(
            following,
            len(missing),
            reaches_back(listing.entries, lookout, ordered=following is not None),
            _is_another(gap, listing.entries, missing),
        )
        # A sitemap of a year may hold thousands of them: others write between the batches.
        fresh: list[Entry] = []
        write = self._context.writer.write
        *batches, last = [*batches_of(missing)] or [()]
        for batch in batches:
            fresh += await write(partial(record_entries, batch=replace(listing, entries=batch)))
        rest = replace(listing, entries=last)
        closed, kept = await write(lambda session: _keep_page(session, number, rest, page))
        fresh += kept
        self.new_entries += len(fresh)
        self._report(closed, "no channel reaches back far enough")
        return tuple(fresh)

    def _missing(self, listing: Listing, lookout: Lookout) -> tuple[EntryItem, ...]:
        """Those of a page's entries that are the gap's."""
        known: set[str] = set()
        with self._context.store.reading() as session:
            for batch in batches_of(listing.entries):
                kept = (entry for entry in batch if may_be_missed(entry, listing.kind, lookout))
                keys = [url_key(entry.url) for entry in kept]
                known |= known_keys(session, self._source_id, keys)
        return missed(listing.entries, listing.kind, known, lookout)

    def _report(self, gap: Gap | None, why: str) -> None:
        if gap is None or gap.state == "open":
            return
        log.info(
            "gap",
            source=self._source_id,
            status=gap.state,
            after=gap.after,
            before=gap.before,
            pages=gap.read,
            found=gap.found,
            why=why if gap.state == "unfilled" else None,
        )


def _after(gap: Gap, answer: Answer, reading: Reading) -> tuple[str, str] | None:
    """The page that follows in the chain of the one just read."""
    kind, url = gap.pages[0]
    following = reading.document.older or (next_guess(url) if kind == "feed" else None)
    return (kind, following) if following and following not in {url, answer.url} else None


def _count_failure(session: Session, number: int, now: datetime, *, final: bool) -> Gap:
    gap = session.get_one(Gap, number)
    gap.failures += 1
    if final or gap.failures >= ATTEMPTS:
        _leave_channel(gap, now)
    session.add(gap)
    return gap


def _leave_channel(gap: Gap, now: datetime) -> None:
    gap.pages, gap.failures = gap.pages[1:], 0
    if not gap.pages:
        close(gap, now, filled=False)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a page told of its gap."""

    following: tuple[str, str] | None
    """Kind and address of the page after it."""
    missing: int
    reaches_back: bool
    is_another: bool
    """Whether it was another page than the window."""


def _keep_page(
    session: Session, number: int, listing: Listing, page: _Read
) -> tuple[Gap, list[Entry]]:
    """The last of the page's entries and the gap's progress, committed together."""
    gap = session.get_one(Gap, number)
    kept = record_listing(session, listing)
    gap.found += page.missing
    gap.read += 1
    gap.failures = 0
    if page.reaches_back:
        close(gap, listing.at, filled=True)
    elif page.following and page.is_another and gap.read < PAGES:
        gap.pages = [list(page.following), *gap.pages[1:]]
    else:
        _leave_channel(gap, listing.at)
    session.add(gap)
    return gap, kept


def _is_another(gap: Gap, entries: Sequence[EntryItem], fresh: Sequence[EntryItem]) -> bool:
    """Whether a page was another one than the window: some sites give any number the first page."""
    before = gap.before
    return bool(fresh) or (
        before is not None
        and any(e.published is not None and e.published < before for e in entries)
    )
