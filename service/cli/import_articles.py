"""Articles out of files into the store: read a few ahead, filed in batches, flat in memory."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from sqlmodel import Session

from alerts.imported import match_imported
from alerts.matcher import Matcher
from crawler.article_rows import RowError, ToldArticle, article_in
from crawler.extraction import NO_ADDRESS, extract
from crawler.importing import Imported, Outcome, file_imported, keys_of
from crawler.items import ArticleItem, NotArticle, Page
from crawler.pool import ProcessingError, ProcessorPool
from crawler.revisits import hints_of
from crawler.urls import host_of, site_of
from crawler.warc import Record, WarcError, read_warc
from service.alerting import compile_rules
from service.cli.asked import Tell
from service.config import Config
from service.import_files import DAMAGED, LONGEST_LINE, FormatError, Opened, lines, whole
from store.articles import articles_at
from store.engine import Store
from store.errors import RefusedChangeError
from store.sources import site_furniture
from store.writer import Writer

BATCH = 50
"""Articles that are filed in one transaction at most."""
HOLD = 0.25
"""Seconds for which one transaction may keep others from writing; on a busy machine it takes fewer
articles."""
YIELD_EVERY, YIELD = 1.0, 0.15
"""Seconds after which others may write, and for how long: SQLite's writers look for a free database
ten times a second."""
BATCH_SIZE = 4 << 20
"""Characters of them."""
AHEAD = 4
"""Pages read ahead for each worker, so that none waits for the next page."""

Counts = Counter[str]
"""new, revision, duplicate, waiting, skipped, broken."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What cannot be imported."""

    number: int
    """Of its line or record, from 1; 0 for the file as a whole."""
    why: str


@dataclass(frozen=True, slots=True)
class _Found:
    """An article, with where it stands."""

    number: int
    article: Imported


@dataclass(frozen=True, slots=True)
class _Passed:
    """A record that holds no article, as most of a site's pages do not."""

    number: int


_Piece = _Found | Problem | _Passed
TellProblem = Callable[[Problem], None]


class Sources:
    """Which source an imported article is filed under."""

    def __init__(self, config: Config, given: str | None) -> None:
        """`given` is what is taken where no source is configured for the article's site."""
        self._config = config
        self._given = given
        self._by_host: dict[str, str] = {}
        self._by_site: dict[str, str] = {}
        for name, source in config.sources.items():
            self._by_host.setdefault(_host(source.url), name)
            self._by_site.setdefault(site_of(source.url), name)

    def of(self, url: str, told: str | None = None) -> str:
        """Its id; `told` is what the file says.

        What the file says counts where that source is configured and is not contradicted by one of
        the article's own site. The last resort is the host, without `www.`.
        """
        sources = self._config.sources
        told = told if told in sources else None
        if told and site_of(sources[told].url) == site_of(url):
            return told
        host = _host(url)
        known = self._by_host.get(host) or self._by_site.get(site_of(url))
        return known or told or self._given or host


def _host(url: str) -> str:
    return host_of(url).removeprefix("www.")


@dataclass
class Intake:
    """What all files of one call share."""

    config: Config
    store: Store | None
    """None: nothing is stored yet, and nothing is to be."""
    writer: Writer | None
    """None: it is only said what would be new."""
    pool: ProcessorPool
    sources: Sources
    match: bool
    now: datetime
    _yielded: float = field(default_factory=time.monotonic)

    @cached_property
    def matcher(self) -> Matcher:
        """All watchlists; made when it is needed."""
        return Matcher(compile_rules(self.config))

    async def take(
        self, opened: Opened, url: str | None, tell: Tell, problem: TellProblem
    ) -> Counts:
        """Files what a file holds; what became of it. `url`: the address of a saved page.

        Raises StoreError where nothing more can be stored; what was filed stays.
        """
        counts, batch, size, most = Counts(), [], 0, 1
        async for piece in self._pieces(opened, url):
            if isinstance(piece, Problem):
                counts["broken"] += 1
                problem(piece)
            elif isinstance(piece, _Passed):
                counts["skipped"] += 1
            else:
                batch.append(piece)
                size += len(piece.article.item.body)
            if len(batch) >= most or size > BATCH_SIZE:
                begun = time.monotonic()
                await self._file(batch, counts, problem)
                most = next_batch(len(batch), time.monotonic() - begun)
                await self._let_others_write()
                batch, size = [], 0
                tell(counts.total(), opened.estimate(counts.total()))
        await self._file(batch, counts, problem)
        return counts

    async def _let_others_write(self) -> None:
        if self.writer is not None and time.monotonic() - self._yielded > YIELD_EVERY:
            await asyncio.sleep(YIELD)
            self._yielded = time.monotonic()

    # ---- out of the file -------------------------------------------------------------------------

    async def _pieces(self, opened: Opened, url: str | None) -> AsyncIterator[_Piece]:
        """What the file holds, in its order; what is wrong with it as a whole comes last."""
        number = 0
        try:
            if opened.format == "jsonl":
                for piece in self._rows(opened):
                    number = piece.number
                    yield piece
            elif opened.format == "warc":
                async for piece in self._records(opened):
                    number = piece.number
                    yield piece
            else:
                yield await self._saved_page(opened, url)
        except WarcError as error:
            yield Problem(number, str(error))
        except FormatError as error:
            yield Problem(0, str(error))
        except DAMAGED as error:
            what = str(error) or type(error).__name__
            yield Problem(number, f"the file is damaged or cut short after this ({what})")

    def _rows(self, opened: Opened) -> Iterator[_Piece]:
        for number, line in enumerate(lines(opened.stream), 1):
            if line is None:
                yield Problem(number, f"longer than {LONGEST_LINE >> 20} MB")
            elif line.strip():
                yield self._row(number, line)

    def _row(self, number: int, line: bytes) -> _Piece:
        try:
            told = article_in(json.loads(line), self.now)
        except RowError as error:
            return Problem(number, str(error))
        except (ValueError, RecursionError) as error:
            return Problem(number, f"this is no JSON object of its own line ({error})")
        return _Found(number, self._imported(told))

    def _imported(self, told: ToldArticle) -> Imported:
        return Imported(
            item=told.item,
            source_id=self.sources.of(told.item.url, told.source),
            first_seen=min(told.first_seen or self.now, self.now),
            text_at=min(told.text_at, self.now) if told.text_at else None,
            late=told.late,
        )

    async def _records(self, opened: Opened) -> AsyncIterator[_Piece]:
        """Pages are read in worker processes, a few ahead."""
        waiting: deque[asyncio.Task[_Piece]] = deque()
        fault: Exception | None = None
        records = read_warc(opened.stream, self.config.crawler.max_size, self.now)
        while True:
            try:
                record = next(records, None)
            except (WarcError, *DAMAGED) as error:
                record, fault = None, error
            if record is None:
                break
            waiting.append(asyncio.create_task(self._record(record)))
            while len(waiting) >= AHEAD * _workers():
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
        if fault is not None:
            raise fault

    async def _record(self, record: Record) -> _Piece:
        if record.fault:
            return Problem(record.number, record.fault)
        if record.page is None:
            return _Passed(record.number)
        page = replace(record.page, fetched_at=min(record.page.fetched_at, self.now))
        outcome = await self._extracted(page)
        if isinstance(outcome, NotArticle):
            is_fault = outcome.reason == "too_large"
            why = f"{page.url}: {outcome.detail}"
            return Problem(record.number, why) if is_fault else _Passed(record.number)
        at = page.fetched_at
        source = self.sources.of(outcome.url)
        article = Imported(outcome, source, at, text_at=at, page=page, is_evidence=True)
        return _Found(record.number, article)

    async def _saved_page(self, opened: Opened, url: str | None) -> _Piece:
        body = whole(opened.stream, self.config.crawler.max_size)
        page = Page(url or "", body, None, self.now)
        outcome = await self._extracted(page)
        if isinstance(outcome, NotArticle):
            return Problem(0, f"it holds no article: {outcome.reason} ({outcome.detail})")
        if outcome.url == NO_ADDRESS:
            return Problem(0, "the page does not say at which address it stood; give it with --url")
        source = self.sources.of(outcome.url)
        return _Found(0, Imported(outcome, source, self.now, page=page))

    async def _extracted(self, page: Page) -> ArticleItem | NotArticle:
        source = self.config.sources.get(self.sources.of(page.url)) if page.url else None
        hints = replace(hints_of(None, source), furniture=self._furniture(page.url))
        try:
            return await self.pool.run(extract, page, hints)
        except ProcessingError as error:
            return NotArticle(page.url, "too_large", f"reading it {error}")

    def _furniture(self, url: str) -> bytes:
        if self.store is None or not url:
            return b""
        with self.store.reading() as session:
            return site_furniture(session, host_of(url))

    # ---- into the store --------------------------------------------------------------------------

    async def _file(self, batch: Sequence[_Found], counts: Counts, problem: TellProblem) -> None:
        if self.writer is None:
            counts.update(self._looked_at(batch))
            return
        writes = [self.writer.write(self._change(found.article)) for found in batch]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        for found, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, RefusedChangeError | ValueError | TypeError | LookupError):
                counts["broken"] += 1
                problem(Problem(found.number, f"it cannot be stored ({outcome})"))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                counts[outcome] += 1

    def _change(self, article: Imported) -> Callable[[Session], Outcome]:
        """Files the article together with what the watchlists make of it."""

        def change(session: Session) -> Outcome:
            filed = file_imported(session, article, self.now)
            is_new_text = filed.outcome == "revision" or (self.match and filed.outcome == "new")
            if is_new_text and filed.article_id is not None:
                match_imported(
                    session, self.matcher, filed.article_id, self.now, only_known=not self.match
                )
            return filed.outcome

        return change

    def _looked_at(self, batch: Sequence[_Found]) -> list[Outcome]:
        """What would become of the articles, by their addresses alone."""
        if self.store is None:
            return ["new" for _ in batch]
        with self.store.reading() as session:
            known = [articles_at(session, keys_of(found.article.item)) for found in batch]
        return ["duplicate" if articles else "new" for articles in known]


def next_batch(filed: int, seconds: float) -> int:
    """How many articles to file at once after so many took so long."""
    fitting = int(filed * HOLD / seconds) if seconds > 0 else BATCH
    return max(1, min(fitting, 2 * filed, BATCH))


def _workers() -> int:
    return os.cpu_count() or 1


def new_pool() -> ProcessorPool:
    """Processes for reading pages, one for each processor."""
    return ProcessorPool(_workers())


def utc_now() -> datetime:
    """The time now, aware and in UTC."""
    return datetime.now(UTC)
