"""One visit to one source: which documents to ask for, and what to do with each answer.

A source of kind `auto` is read from the best channel that its address leads to. A search
(`crawler.channel_search`) measures what there is; the best becomes the main channel, which every
visit asks directly from then on, and the best of another kind the second, which is read now and
then: what only the second lists becomes entries too. When the main channel dies, turns into
something else or stays behind the second, the next search begins at the source's address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Literal

from crawler.answer import Answer
from crawler.channel_search import Asked, Read, Search
from crawler.channels import (
    BEHIND_CHECKS,
    CHECK_EVERY,
    LOOK_AGAIN,
    MEASURE_AGAIN,
    record_asked,
    record_check,
    record_chosen,
    record_doubt,
)
from crawler.config import SourceConfig
from crawler.context import CrawlContext
from crawler.documents import read_apart
from crawler.edited_posts import EditedPosts
from crawler.filling import Filling
from crawler.items import DocumentError, EntryItem
from crawler.keeping import Kept, keep_entries, keep_listing
from crawler.pool import ProcessingError
from crawler.reading import Reading
from crawler.record import Listing, record_unchanged
from crawler.schedule import Spell
from crawler.sources import Document
from crawler.sources.discover import Channel
from crawler.sources.packed import PackedEntries
from crawler.sources.ranking import Role
from crawler.sources.rotation import Part, parts_to_read
from crawler.standing_posts import StandingPosts
from store.articles import Entry, article_urls_of
from store.sources import Document as KnownDocument
from store.sources import documents_of

FIRST_VISIT_PAGES = 100
"""Pages fetched of what was there before us; the rest is only remembered as known."""
DOCUMENTS = 50
"""Sitemaps of an index read in one visit (`crawler.sources.rotation` says which)."""
FIRST_VISIT_PARTS = 5
"""Of those, on a first visit; the archives behind them are no news."""
PARTS = 5_000
"""Sitemaps of an index that are remembered: at 50,000 addresses each, more than any site has."""
KNOWN_CHANNELS = 6
"""Of an earlier search, tried again in the next."""
WHOLE_AFTER = timedelta(days=1)
"""So long after a document last came whole it is asked for without validators: they may lie."""
FEW_BELIEVED = 3
"""Answers of "not modified" that are believed even then: old sitemaps are asked for that seldom."""
SLOW = timedelta(hours=1)
"""How late a channel may list what another has, without being behind it."""
STALE = timedelta(days=2)
"""What a newly found document dates this long before the last visit was there all along."""
NOTHING = "names no feed or sitemap, and no links on it look like articles"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to ask for."""

    source_id: str
    url: str
    kind: Literal["auto", "feed", "sitemap", "wordpress", "listing"]
    role: str
    """As `store.sources.Document.role`; or "fill": a page of older entries, read for a gap; or
    "edits": a page of edited posts; or "standing": which of our posts there still are."""
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: Asked | None = None
    """What a search for channels wants it for; None for a known document."""


@dataclass(frozen=True, slots=True)
class Next:
    """What an answer leads to."""

    documents: tuple[Wanted, ...] = ()
    entries: tuple[Entry, ...] = ()


class Visit:
    """One source during one crawl; knows what was read and what went wrong."""

    has_ended: Callable[[], bool] = staticmethod(lambda: False)
    """Whether the crawl that it belongs to was told to end."""
    _answers = _refused = 0
    """Documents taken, and those of them that we ourselves may not ask for."""

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
        self.remarks: list[str] = []
        """What is doubtful although the visit was read, in words."""
        self.gone = False
        self.recorded = False
        """Whether its outcome is in the store."""
        self.outstanding = 0
        """Documents asked for and not yet read."""
        self.refresh_asked: timedelta | None = None
        self.title: str | None = None
        self.blocked = False
        """Whether an answer refused us."""
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
        self.edited = EditedPosts(source_id, source.url, source.timezone, context)
        self.standing = StandingPosts(source_id, context)
        self._context = context
        self._search: Search | None = None
        self._pages_left = FIRST_VISIT_PAGES
        self._documents_left = DOCUMENTS
        self._known: dict[str, KnownDocument] = {}
        self._lastmods: dict[str, datetime | None] = {}

    @property
    def asked_nobody(self) -> bool:
        """Whether our own rules forbade everything: that says nothing about the network."""
        return 0 < self._answers == self._refused

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
        if self._chooses and not main:
            wanted: tuple[Wanted, ...] = (self._begin_search(),)
        else:
            wanted = tuple(self._want(document.url, document.kind) for document in main)
            wanted = wanted or (self._want(self.source.url, self.source.kind),)
        self.outstanding = len(wanted)
        return wanted

    @property
    def _chooses(self) -> bool:
        """Whether the channel is ours to choose."""
        return self.source.kind in {"auto", "wordpress"}

    def _is_long_ago(self, at: datetime | None, wait: timedelta) -> bool:
        return at is None or abs(self._context.clock() - at) >= wait

    def _begin_search(self, without: str = "") -> Wanted:
        """`without`: a known channel that is not to be tried."""
        known = [
            Channel(document.kind, document.url)  # type: ignore[arg-type]
            for document in self._known.values()
            if document.role != "part" and document.kind != "listing" and document.url != without
        ]
        self._search = Search(
            self.source, self._context.pool, self._context.clock, known=known[:KNOWN_CHANNELS]
        )
        return self._probe(self._search.first())

    def _probe(self, asked: Asked) -> Wanted:
        # Without validators: what is measured must come whole.
        return Wanted(self.source_id, asked.url, asked.kind, "main", {}, asked)

    def _want(self, url: str, kind: str, role: str = "main") -> Wanted:
        return Wanted(self.source_id, url, kind, role, self._validators(url))  # type: ignore[arg-type]

    def _validators(self, url: str) -> dict[str, str]:
        known = self._known.get(url)
        if known is None or known.visits < known.trusted_from:
            return {}
        is_old = self._is_long_ago(known.whole_at, WHOLE_AFTER)
        if known.unproved >= (FEW_BELIEVED if is_old else known.believed):
            return {}
        pairs = (("If-None-Match", known.etag), ("If-Modified-Since", known.last_modified))
        return {name: value for name, value in pairs if value}

    async def take(self, wanted: Wanted, answer: Answer, sitemaps: Iterable[str]) -> Next:
        """Keeps what a document lists. `sitemaps`: those named by the host's robots.txt."""
        self._answers += 1
        self._refused += answer.refused
        if wanted.asked is not None:
            return await self._search_on(wanted.asked, answer, sitemaps)
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
            return await self._go_on_without(
                wanted, self._what_is_wrong(wanted, error), wrong_kind=True
            )
        return await self._keep(self._listing(wanted, answer, reading), reading)

    def _what_is_wrong(self, wanted: Wanted, error: Exception) -> str:
        known = self._known.get(wanted.url)
        if wanted.kind == "listing" and known is not None and known.entries:
            return f"{error}; it used to give {known.entries}: has the page been redesigned?"
        return str(error)

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
            known=self._articles() if wanted.kind == "listing" else (),
        )
        return await read_apart(self._context.pool, wanted.kind, document)

    def _articles(self) -> tuple[str, ...]:
        """What the source was seen to publish: its addresses have a shape."""
        with self._context.store.reading() as session:
            return tuple(article_urls_of(session, self.source_id))

    async def _keep_unchanged(self, wanted: Wanted, answer: Answer) -> Next:
        self.documents_read += 1
        now = self._context.clock()
        await self._context.writer.write(
            lambda session: record_unchanged(
                session, self.source_id, wanted.url, answer, now, self._lastmods.get(wanted.url)
            )
        )
        checks = await self._check(wanted.url) if wanted.role == "main" else ()
        checks += self._edits(wanted.url) + self._standing(wanted.role)
        if wanted.role != "main" or wanted.kind != "sitemap":
            return Next(documents=checks)
        # An unchanged index says nothing about its sitemaps: they have validators of their own.
        parts = [d for d in self._known.values() if d.role == "part"]
        said = {document.url: document.lastmod for document in parts}
        return Next(documents=self._parts(said) + checks)

    def _listing(self, wanted: Wanted, answer: Answer, reading: Reading) -> Listing:
        return Listing(
            source_id=self.source_id,
            source_url=self.source.url,
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
            children=reading.document.documents[:PARTS],
            lastmod=self._lastmods.get(wanted.url),
            older=reading.document.older,
            conditional=bool(wanted.headers),
            spells=self.spells,
        )

    def _about(self, entries: Sequence[EntryItem]) -> Sequence[EntryItem]:
        """The entries without those that are the source's own address, where they are few."""
        if isinstance(entries, PackedEntries):
            return entries
        return tuple(entry for entry in entries if entry.url != self.source.url)

    async def _keep(self, listing: Listing, reading: Reading) -> Next:
        kept = await keep_listing(self._context, listing, self.has_ended)
        self.documents_read += 1
        self._count(kept)
        fresh = kept.entries
        self._note(listing.url, reading)
        beside = (
            *self._parts(_lastmods(reading)),
            *self._edits(listing.url),
            *self._standing(listing.role),
        )
        following = Next(beside, fresh)
        if listing.role == "second":
            return await self._compare(listing, fresh, following)
        if listing.role == "main":
            checks = await self._check(listing.url)
            return replace(following, documents=following.documents + checks)
        return following

    def _count(self, kept: Kept) -> None:
        self.new_entries += kept.waiting
        self._pages_left -= kept.baseline

    def _note(self, url: str, reading: Reading) -> None:
        self.title = self.title or reading.document.title
        if reading.document.refresh is not None:
            self.refresh_asked = reading.document.refresh
        self.remarks += [f"{url}: {warning}" for warning in reading.document.warnings]

    def _edits(self, channel: str) -> tuple[Wanted, ...]:
        """What was edited, where the document that was read is a list of WordPress posts."""
        address = None if self.first else self.edited.first_page(channel)
        return (self.edits_at(address),) if address else ()

    def _standing(self, role: str) -> tuple[Wanted, ...]:
        """Which posts still are there, once a visit has found the site in order."""
        address = self.standing.address() if role == "main" and not self.first else None
        return (Wanted(self.source_id, address, "wordpress", "standing"),) if address else ()

    def edits_at(self, url: str) -> Wanted:
        """A page of edited posts."""
        return Wanted(self.source_id, url, "wordpress", "edits")

    # --- the second channel -------------------------------------------------------------------

    def _second(self) -> KnownDocument | None:
        return next((one for one in self._known.values() if one.role == "second"), None)

    async def _check(self, main: str) -> tuple[Wanted, ...]:
        """After the main channel was read: the second in its turn, or a search when it is time."""
        known = self._known.get(main)
        if known is not None and known.seen_at is not None and self._chooses:
            due = self._is_long_ago(known.seen_at, MEASURE_AGAIN)
            if due and self._is_long_ago(known.doubted_at, LOOK_AGAIN):
                return (await self._look_again(main),)
        second = self._second()
        if second is None or not self._is_long_ago(second.fetched_at, CHECK_EVERY):
            return ()
        return (self._want(second.url, second.kind, "second"),)

    async def _compare(self, listing: Listing, fresh: Sequence[Entry], following: Next) -> Next:
        """Counts what only the second channel listed; twice too much makes us look again."""
        main = next((one for one in self._known.values() if one.role == "main"), None)
        if main is None:
            return following
        late = is_late(listing.at)
        alone = sum(1 for entry in fresh if not entry.baseline and late(entry))
        url = main.url
        behind = await self._context.writer.write(
            lambda session: record_check(session, self.source_id, url, alone)
        )
        if behind < BEHIND_CHECKS:
            return following
        self.remarks.append(
            f"{url}: stays behind {listing.url}, which listed {alone} articles more"
        )
        if not self._is_long_ago(main.doubted_at, LOOK_AGAIN):
            return following
        again = await self._look_again(main.url)
        return replace(following, documents=(*following.documents, again))

    async def _look_again(self, url: str, without: str = "") -> Wanted:
        now = self._context.clock()
        await self._context.writer.write(
            lambda session: record_doubt(session, self.source_id, url, now)
        )
        return self._begin_search(without)

    def _parts(self, said: Mapping[str, datetime | None]) -> tuple[Wanted, ...]:
        """The sitemaps of an index to read now; `said` is what it says of their last change."""
        self._lastmods.update(said)
        parts = []
        for url, lastmod in said.items():
            known = self._known.get(url)
            if known is None or known.visits == 0:
                parts.append(Part(url, lastmod))
            else:
                parts.append(Part(url, lastmod, known.lastmod, known.newest, known.fetched_at))
        most = min(self._documents_left, FIRST_VISIT_PARTS) if self.first else self._documents_left
        chosen = parts_to_read(parts, most, self._context.clock(), self._old_before)
        self._documents_left -= len(chosen)
        return tuple(self._want(url, "sitemap", role="part") for url in chosen)

    # --- the search for channels --------------------------------------------------------------

    async def _search_on(self, asked: Asked, answer: Answer, sitemaps: Iterable[str]) -> Next:
        assert self._search is not None
        if asked.channel is None:
            self.gone = answer.gone and not self.succeeded
        following = await self._search.take(asked, answer, sitemaps)
        if following is not None:
            return Next(documents=(self._probe(following),))
        return await self._end_search(self._search)

    async def _end_search(self, search: Search) -> Next:
        """Keeps the channels found and what the best of them list."""
        self.title = self.title or search.title
        chosen = search.chosen()
        if not chosen:
            why = search.errors or [f"{self.source.url}: {NOTHING}"]
            (self.remarks if self.succeeded else self.errors).extend(why)
            return Next()
        self.gone = False
        reads = [(found.kept, role) for found, role in chosen if found.kept and role != "spare"]
        listings = [one for read, role in reads for one in self._listings(read, role)]
        measures = [(found.measure, role) for found, role in chosen]
        now = self._context.clock()
        kept = [await keep_entries(self._context, listing, self.has_ended) for listing in listings]
        listings = [one.listing for one in kept]
        fresh = await self._context.writer.write(
            lambda session: record_chosen(
                session, self.source_id, self.source.url, measures, search.likely, listings, now
            )
        )
        kept = [one.with_more(more) for one, more in zip(kept, fresh, strict=False)]
        self.documents_read += len(fresh)
        for one in kept:
            self._count(one)
        for read, _ in reads:
            self._note(read.asked.url, read.reading)
        self._tell_of_change(search, chosen[0][0].measure.url)
        return Next(
            self._unread_parts(reads), tuple(entry for one in kept for entry in one.entries)
        )

    def _tell_of_change(self, search: Search, url: str) -> None:
        old = next((one.url for one in self._known.values() if one.role == "main"), url)
        before = search.errors or self.errors
        if old != url:
            self.remarks.append(f"{old} is no longer read; {url} is, instead")
        elif before and url != self.source.url:
            self.remarks.append(f"{before[-1]}; {url} is read instead")
        # They led to what was found.
        self.errors = []

    def _listings(self, read: Read, role: Role) -> list[Listing]:
        """A document that was read in a search, and the part that was read with it."""
        wanted = Wanted(self.source_id, read.asked.url, "auto", role)
        listing = self._listing(wanted, read.answer, _as_listing(read.reading))
        if role == "second":
            # On a first visit the main channel says what is worth fetching.
            listing = replace(listing, fetch=0)
        if read.part is None:
            return [listing]
        part = Wanted(self.source_id, read.part.asked.url, "sitemap", "part")
        self._lastmods.update(_lastmods(read.reading))
        own = self._listing(part, read.part.answer, read.part.reading)
        return [listing, replace(own, fetch=listing.fetch)]

    def _unread_parts(self, reads: Sequence[tuple[Read, Role]]) -> tuple[Wanted, ...]:
        """The other sitemaps of an index that is the main channel."""
        parts: list[Wanted] = []
        for read, role in reads:
            said = _lastmods(read.reading)
            if read.part is not None:
                said.pop(read.part.asked.url, None)
            parts += self._parts(said) if role == "main" else ()
        return tuple(parts)

    # --- when a document gives nothing --------------------------------------------------------

    async def _go_on_without(
        self, wanted: Wanted, why: str, gone: bool = False, wrong_kind: bool = False
    ) -> Next:
        """What to read in its place; where there is nothing, the failure counts."""
        if wanted.role == "second":
            self.remarks.append(f"{wanted.url}: {why}")
            await self._skip_check(wanted.url)
            return Next()
        self.errors.append(f"{wanted.url}: {why}")
        if wanted.role == "part":
            return Next()
        self.gone = gone
        known = self._known.get(wanted.url)
        if known is None or not self._chooses:
            return Next()
        if (gone or wrong_kind) and self._is_long_ago(known.doubted_at, LOOK_AGAIN):
            return Next(documents=(await self._look_again(wanted.url, without=wanted.url),))
        second = self._second()
        return Next(documents=(self._want(second.url, second.kind, "second"),) if second else ())

    async def _skip_check(self, url: str) -> None:
        """A second channel that fails is asked again in its turn, not at every visit."""
        now = self._context.clock()
        await self._context.writer.write(
            lambda session: record_asked(session, self.source_id, url, now)
        )


def is_late(at: datetime) -> Callable[[Entry], bool]:
    """Whether an entry is old enough at `at` for every channel to have listed it."""

    def late(entry: Entry) -> bool:
        published = entry.item.get("published")
        return not published or datetime.fromisoformat(published) < at - SLOW

    return late


def _lastmods(reading: Reading) -> dict[str, datetime | None]:
    """The parts of an index with what it says of their last change."""
    document = reading.document
    return dict(zip_longest(document.documents[:PARTS], document.lastmods[:PARTS]))


def _as_listing(reading: Reading) -> Reading:
    return replace(reading, kind="listing") if reading.kind == "page" else reading


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
