"""One visit to one source: which documents to ask for, and what to do with each answer.

A source of kind `auto` is read from the best channel that its address leads to: the address itself
if it is a feed or sitemap, else the feeds that the page names, else the sitemaps of robots.txt,
else the page's own links; the first that lists something. The channel found is remembered and
asked directly from then on; when it dies, the next visit begins at the address again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from crawler.answer import Answer
from crawler.config import SourceConfig
from crawler.context import CrawlContext
from crawler.filling import Filling
from crawler.items import DocumentError, EntryItem
from crawler.pool import ProcessingError
from crawler.reading import Reading, read_document
from crawler.record import (
    Listing,
    forget_documents,
    record_listing,
    record_unchanged,
)
from crawler.schedule import Spell
from crawler.sources import Document
from store.articles import Entry
from store.sources import Document as KnownDocument
from store.sources import documents_of

FIRST_VISIT_PAGES = 100
"""Pages fetched of what was there before us; the rest is only remembered as known."""
DOCUMENTS = 50
"""Further documents (sitemaps of an index) read in one visit, newest first."""
UNCONDITIONAL = 10
"""Every so many visits a document is asked for without its validators, because they may lie."""
STALE = timedelta(days=2)
"""What a newly found document dates this long before the last visit was there all along."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to ask for."""

    source_id: str
    url: str
    kind: Literal["auto", "feed", "sitemap", "wordpress", "listing"]
    role: str
    """As `store.sources.Document.role`; or "fill": a page of older entries, read for a gap."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Next:
    """What an answer leads to."""

    documents: tuple[Wanted, ...] = ()
    entries: tuple[Entry, ...] = ()


class Visit:
    """One source during one crawl; knows what was read and what went wrong."""

    def __init__(
        self,
        source_id: str,
        source: SourceConfig,
        last_success: datetime | None,
        context: CrawlContext,
    ) -> None:
        """`last_success`: when it was last read; None makes all it lists its baseline."""
        self.source_id = source_id
        self.source = source
        self.first = last_success is None
        self._old_before = last_success - STALE if last_success else None
        self.new_entries = 0
        self.documents_read = 0
        self.errors: list[str] = []
        self.gone = False
        self.recorded = False
        """Whether its outcome is in the store."""
        self.outstanding = 0
        """Documents asked for and not yet read."""
        self.refresh_asked: timedelta | None = None
        self.title: str | None = None
        self.remarks: list[str] = []
        """What is doubtful although the visit was read, in words."""
        self.blocked = False
        """Whether the last answer refused us."""
        self.max_age: timedelta | None = None
        """How long its documents may be kept."""
        self.crawl_delay: timedelta | None = None
        self.host = ""
        """The host of its source."""
        self.read_before = True
        """Whether the source could be read of late."""
        self.spells: tuple[Spell, ...] = ()
        """Times since the last visit in which nothing could be read."""
        self.started = context.clock()
        self.filling = Filling(source_id, context)
        self._context = context
        self._candidates: list[Wanted] = []
        self._own_links: tuple[Listing, ...] = ()
        self._pages_left = FIRST_VISIT_PAGES
        self._documents_left = DOCUMENTS
        self._known: dict[str, KnownDocument] = {}

    @property
    def succeeded(self) -> bool:
        """Whether at least one document was read, or was unchanged."""
        return self.documents_read > 0

    def begin(self) -> tuple[Wanted, ...]:
        """The documents a visit starts with."""
        with self._context.store.reading() as session:
            known = documents_of(session, self.source_id)
        self._known = {document.url: document for document in known}
        main = [document for document in known if document.role == "main"]
        wanted = tuple(self._want(document.url, document.kind) for document in main)
        wanted = wanted or (self._want(self.source.url, self.source.kind),)
        self.outstanding = len(wanted)
        return wanted

    def _want(self, url: str, kind: str, role: str = "main") -> Wanted:
        return Wanted(self.source_id, url, kind, role, self._validators(url))  # type: ignore[arg-type]

    def _validators(self, url: str) -> dict[str, str]:
        known = self._known.get(url)
        if known is None or known.visits % UNCONDITIONAL == UNCONDITIONAL - 1:
            return {}
        if known.visits < known.trusted_from:
            return {}
        pairs = (("If-None-Match", known.etag), ("If-Modified-Since", known.last_modified))
        return {name: value for name, value in pairs if value}

    async def take(self, wanted: Wanted, answer: Answer, sitemaps: Iterable[str]) -> Next:
        """Keeps what a document lists. `sitemaps`: those named by the host's robots.txt."""
        if answer.error is not None:
            return await self._go_on_without(wanted, answer.error, answer.gone)
        if answer.not_modified and not wanted.headers:
            why = "HTTP 304 to a request without validators"
            return await self._go_on_without(wanted, why, wrong_kind=True)
        if answer.not_modified or self._is_same(wanted, answer):
            return await self._keep_unchanged(wanted, answer)
        try:
            reading = await self._read(wanted, answer)
        except (DocumentError, ProcessingError) as error:
            return await self._go_on_without(wanted, str(error), wrong_kind=True)
        if reading.kind == "page":
            return await self._follow(wanted, answer, reading, sitemaps)
        return await self._keep(self._listing(wanted, answer, reading), reading)

    def _was_read(self, url: str) -> bool:
        known = self._known.get(url)
        return known is not None and known.visits > 0

    def _is_same(self, wanted: Wanted, answer: Answer) -> bool:
        known = self._known.get(wanted.url)
        return known is not None and known.body_hash == _hash(answer.body)

    async def _read(self, wanted: Wanted, answer: Answer) -> Reading:
        document = Document(
            answer.body,
            answer.url,
            answer.content_type,
            timezone=self.source.timezone,
            links=self.source.select.links,
        )
        return await self._context.pool.run(read_document, wanted.kind, document)

    async def _keep_unchanged(self, wanted: Wanted, answer: Answer) -> Next:
        self.documents_read += 1
        now = self._context.clock()
        await self._context.writer.write(
            lambda session: record_unchanged(session, self.source_id, wanted.url, answer, now)
        )
        # An unchanged index says nothing about its sitemaps: they have validators of their own.
        children = [d for d in self._known.values() if d.role == "part" and d.kind == "sitemap"]
        if wanted.role != "main" or wanted.kind != "sitemap":
            return Next()
        newest = sorted(children, key=lambda document: document.url, reverse=True)
        # Those that could not be read when the index named them come first.
        newest.sort(key=lambda document: document.visits > 0)
        return Next(documents=self._children(document.url for document in newest))

    def _listing(self, wanted: Wanted, answer: Answer, reading: Reading) -> Listing:
        return Listing(
            source_id=self.source_id,
            url=wanted.url,
            kind=reading.kind,
            role=wanted.role,
            answer=answer,
            body_hash=_hash(answer.body),
            entries=self._about(reading.document.entries),
            at=self._context.clock(),
            baseline=self.first,
            fetch=self._pages_left,
            old_before=None if self._was_read(wanted.url) else self._old_before,
            children=reading.document.documents[: self._documents_left],
            older=reading.document.older,
            conditional=bool(wanted.headers),
            spells=self.spells,
        )

    def _about(self, entries: tuple[EntryItem, ...]) -> tuple[EntryItem, ...]:
        """The entries without those that are the source's own address."""
        return tuple(entry for entry in entries if entry.url != self.source.url)

    async def _keep(self, listing: Listing, reading: Reading) -> Next:
        if not listing.entries and not reading.document.documents and self._candidates:
            # Valid but empty: a channel that lists something is better, this one stays known to be
            # readable in case none does.
            return await self._go_on_without_empty(listing)
        fresh = await self._context.writer.write(lambda session: record_listing(session, listing))
        self.documents_read += 1
        self.new_entries += len(fresh)
        self._pages_left -= sum(entry.baseline for entry in fresh)
        self._candidates = []
        self.title = self.title or reading.document.title
        if reading.document.refresh is not None:
            self.refresh_asked = reading.document.refresh
        return Next(self._children(reading.document.documents), tuple(fresh))

    def _children(self, urls: Iterable[str]) -> tuple[Wanted, ...]:
        children = []
        for url in urls:
            if self._documents_left == 0:
                break
            self._documents_left -= 1
            children.append(self._want(url, "sitemap", role="part"))
        return tuple(children)

    async def _follow(
        self, wanted: Wanted, answer: Answer, reading: Reading, sitemaps: Iterable[str]
    ) -> Next:
        """A page: its channels are tried in order, its own links last."""
        self.title = reading.document.title
        self._candidates = [
            *(self._want(channel.url, channel.kind) for channel in reading.channels),
            *(self._want(url, "sitemap") for url in sorted(sitemaps, key=_is_no_news_sitemap)),
        ]
        self._own_links = (replace(self._listing(wanted, answer, reading), kind="listing"),)
        return await self._next_candidate()

    async def _next_candidate(self) -> Next:
        if self._candidates:
            return Next(documents=(self._candidates.pop(0),))
        listings, self._own_links = self._own_links, ()
        for listing in listings:
            if listing.entries:
                fresh = await self._context.writer.write(
                    lambda session, listing=listing: record_listing(session, listing)  # type: ignore[misc]
                )
                self.documents_read += 1
                self.new_entries += len(fresh)
                return Next(entries=tuple(fresh))
            self.errors.append(
                f"{listing.url}: names no feed or sitemap, and no links on it look like articles"
            )
        return Next()

    async def _go_on_without_empty(self, listing: Listing) -> Next:
        following = await self._next_candidate()
        if not following.documents and not following.entries:
            await self._context.writer.write(lambda session: record_listing(session, listing))
            self.documents_read += 1
        return following

    async def _go_on_without(
        self, wanted: Wanted, why: str, gone: bool = False, wrong_kind: bool = False
    ) -> Next:
        """The next candidate where there is one; else the failure counts."""
        if self._candidates or self._own_links:
            return await self._next_candidate()
        self.errors.append(f"{wanted.url}: {why}")
        self.gone = gone and wanted.role == "main"
        known = self._known.get(wanted.url)
        lost = (
            known is not None and known.role == "main" and self.source.kind in {"auto", "wordpress"}
        )
        if lost and (gone or wrong_kind):
            # The channel that was found is no more: look again from the source's own address.
            await self._context.writer.write(
                lambda session: forget_documents(session, self.source_id)
            )
            self._known = {}
            return Next(documents=(self._want(self.source.url, self.source.kind),))
        return Next()


def _is_no_news_sitemap(url: str) -> bool:
    """False sorts first: a site names sitemaps of pages, authors and videos too."""
    return "news" not in url.lower()


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
