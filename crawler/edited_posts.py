"""Edits told by the API of WordPress (`modified_after`), asked for beside the newest posts.

The list of the newest hundred shows edits of those; this finds those of all older posts, with one
request that is mostly answered `[]`. What came is committed together with the moment up to which
edits are known (`Document.edited_until`, by the site's own clock), so a crash loses none.

A site that does not know the parameter refuses it (400), walls the API off, or ignores it and lists
posts that were not edited; then it is asked again after a day, and what the newest hundred and the
site's other channels say of edits has to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from crawler.answer import Answer
from crawler.context import CrawlContext
from crawler.documents import read_apart
from crawler.items import DocumentError, DocumentItem, EntryItem
from crawler.pool import ProcessingError
from crawler.record import Listing, record_listing
from crawler.revisiting import HASTE
from crawler.sources import Document
from crawler.sources.wordpress import POSTS_A_PAGE, edited_address
from store.articles import Entry
from store.sources import Document as KnownDocument
from store.sources import SourceState

log = structlog.get_logger("crawler")

PAGES = 10
"""Of edited posts in one visit; the others follow at the next."""
ASK_AGAIN = timedelta(days=1)
"""How long a site that did not tell its edits is left alone with the question."""
SAME_SECOND = timedelta(seconds=1)
"""Times are told in seconds: a post may be edited in one in which another was, later."""
JUST_NOW = timedelta(minutes=5)
"""An edit younger than this, by our clock, may share its second with one still to come."""
OLD = timedelta(days=1)
"""A post edited so long before the moment that was asked for shows that it was not heeded."""


class EditedPosts:
    """The edited posts of one source during one visit."""

    def __init__(
        self, source_id: str, source_url: str, timezone: str, context: CrawlContext
    ) -> None:
        """Nothing is asked for before `first_page`."""
        self._source_id = source_id
        self._source_url = source_url
        self._timezone = timezone
        self._context = context
        self._channel = ""
        self._since: datetime | None = None
        self._left = PAGES
        self._page = 1

    def first_page(self, channel: str) -> str | None:
        """The address of what was edited since the last time; None when it is not to be asked.

        `channel` is the address of the source's document of kind wordpress.
        """
        with self._context.store.reading() as session:
            known = session.get(KnownDocument, (self._source_id, channel))
        if known is None or known.kind != "wordpress" or known.edited_until is None:
            return None
        wait = ASK_AGAIN if known.edits_refused else HASTE
        asked_at = known.edits_asked_at
        if asked_at is not None and abs(self._context.clock() - asked_at) < wait:
            return None
        self._channel, self._since, self._page = channel, known.edited_until, known.edits_page
        return edited_address(channel, known.edited_until, known.edits_page)

    async def take(self, answer: Answer, url: str) -> tuple[str | None, tuple[Entry, ...]]:
        """Keeps the edits; the address of the next page of them, and new entries to fetch."""
        self._left -= 1
        try:
            document = await self._read(answer)
        except (DocumentError, ProcessingError) as error:
            await self._note_refusal(str(error), for_now=_is_for_now(answer))
            return None, ()
        more = document.older is not None and len(document.entries) >= POSTS_A_PAGE
        listing = Listing(
            source_id=self._source_id,
            source_url=self._source_url,
            url=url,
            kind="wordpress",
            role="part",
            answer=answer,
            body_hash="",
            entries=document.entries,
            at=self._context.clock(),
            baseline=False,
            fetch=0,
            beside=True,
        )
        until = edited_until(document.entries, self._since, listing.at, more=more)
        # Where all were edited in one second, only their pages tell them apart.
        page = self._page + 1 if more and until == self._since else 1
        self._page += 1
        channel = self._channel
        fresh = await self._context.writer.write(
            lambda session: _record_edits(session, channel, listing, until, page)
        )
        return (document.older if more and self._left else None), tuple(fresh)

    async def _read(self, answer: Answer) -> DocumentItem:
        """Raises DocumentError or ProcessingError, saying why there is nothing to read."""
        if answer.error is not None or answer.not_modified:
            raise DocumentError(answer.error or "HTTP 304 to a request without validators")
        asked = Document(answer.body, answer.url, answer.content_type, timezone=self._timezone)
        document = (await read_apart(self._context.pool, "wordpress", asked)).document
        if self._since is not None and is_heedless(document.entries, self._since):
            raise DocumentError("it lists posts that were not edited: modified_after is not heeded")
        return document

    async def _note_refusal(self, why: str, *, for_now: bool) -> None:
        now, key = self._context.clock(), (self._source_id, self._channel)

        def note(session: Session) -> None:
            known = session.get(KnownDocument, key)
            if known is not None:
                known.edits_asked_at, known.edits_refused = now, not for_now
                session.add(known)

        await self._context.writer.write(note)
        log.info("edits", source=self._source_id, status="refused", why=why)


def _is_for_now(answer: Answer) -> bool:
    return answer.status is None or answer.host_is_busy or answer.status >= 500


def is_heedless(entries: Sequence[EntryItem], since: datetime) -> bool:
    """Whether a site lists posts that were edited long before the moment it was asked for."""
    return any(entry.modified is None or entry.modified < since - OLD for entry in entries)


def edited_until(
    entries: Sequence[EntryItem], since: datetime | None, now: datetime, *, more: bool
) -> datetime | None:
    """Up to when edits are known after a page of them, the earliest first.

    `more`: further pages follow, on which the same second may go on.
    """
    newest = max((entry.modified for entry in entries if entry.modified), default=None)
    if newest is None:
        return since
    if more or abs(now - newest) < JUST_NOW:
        newest -= SAME_SECOND
    return max(newest, since) if since is not None else newest


def _record_edits(
    session: Session, channel: str, listing: Listing, until: datetime | None, page: int
) -> list[Entry]:
    """What was edited is looked at, and the moment moves on; in one transaction."""
    known = session.get(KnownDocument, (listing.source_id, channel))
    if known is None:
        return []
    fresh = record_listing(session, _with_own_news(session, listing))
    known.edited_until, known.edits_page = until, page
    known.edits_asked_at, known.edits_refused = listing.at, False
    session.add(known)
    return fresh


def _with_own_news(session: Session, listing: Listing) -> Listing:
    """A post that nobody listed is news when it is not from before our time: one that was published
    under an older date stands below the newest hundred."""
    state = session.get(SourceState, listing.source_id)
    began = state.baseline_at if state is not None else None
    kept = tuple(e for e in listing.entries if e.published and began and e.published >= began)
    return replace(listing, entries=kept, claims=listing.entries)
