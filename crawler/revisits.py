"""Asking for the pages of articles again: what to ask, and what an answer leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from sqlmodel import Session, col, select

from crawler.answer import Answer
from crawler.config import SourceConfig
from crawler.contents import page_of as page_by_source
from crawler.context import CrawlContext
from crawler.items import (
    ArticleItem,
    EntryItem,
    Hints,
    NotArticle,
    Page,
    PageItem,
    Select,
    entry_from_json,
)
from crawler.revisions import (
    is_overtaken,
    record_again,
    record_look,
    record_missing,
    record_no_more_looks,
)
from crawler.urls import same_site
from store.articles import Entry
from store.errors import RefusedChangeError
from store.revisions import Revisit, due_revisits, fetched_among

log = structlog.get_logger("crawler")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Again:
    """A page to ask for again."""

    article_id: int
    entry_id: int
    """Of the entry that led to it first."""
    url: str
    headers: Mapping[str, str]
    """The source's own, and the validators of the last answer."""
    hints: Hints
    given: Page | None = None
    """What the source gave in place of the page: it need not be asked for."""
    look_only: bool = False
    """Whether it is asked for only to see that the article is still there."""


def pages_again(
    session: Session, sources: Mapping[str, SourceConfig], host: str, now: datetime
) -> Sequence[Again]:
    """The pages on a host whose time has come."""
    due = due_revisits(session, host, now)
    ids = [article.id for _, article in due]
    query = select(Entry).where(col(Entry.article_id).in_(ids)).order_by(col(Entry.id).desc())
    entries = {entry.article_id: entry for entry in session.exec(query)}
    fetched = fetched_among(session, [number for number in ids if number is not None])
    found = []
    for revisit, article in due:
        source, entry = sources.get(article.source_id), entries.get(article.id)
        if entry is None or entry.id is None:
            continue
        look_only = revisit.look_only and article.id not in fetched
        headers = {**own_headers(source, article.url), **_validators(revisit)}
        hints = hints_of(entry, source)
        is_given = article.id not in fetched and not look_only
        given = _given(revisit, hints.entry, now) if is_given else None
        if look_only:
            # What the API said must not pass for what the page says.
            hints = replace(hints, entry=None)
        found.append(
            Again(revisit.article_id, entry.id, article.url, headers, hints, given, look_only)
        )
    return found


def _given(revisit: Revisit, item: EntryItem | None, now: datetime) -> Page | None:
    """What the source gave, where nothing that any source says of the article is newer."""
    if item is None or item.modified is None:
        return None
    told = revisit.modified
    return page_by_source(item, now) if told is None or item.modified >= told else None


def _validators(revisit: Revisit) -> dict[str, str]:
    """Of a page that was missing, none: that it is back is seen from the whole of it."""
    if revisit.missing:
        return {}
    pairs = {"If-None-Match": revisit.etag, "If-Modified-Since": revisit.last_modified}
    return {name: value for name, value in pairs.items() if value}


def own_headers(source: SourceConfig | None, url: str) -> Mapping[str, str]:
    """The source's headers where they belong: a cookie of one site is no other site's business."""
    return source.headers if source is not None and same_site(source.url, url) else {}


def hints_of(entry: Entry | None, source: SourceConfig | None) -> Hints:
    """What is known of a page before it is read."""
    item = entry_from_json(entry.item) if entry else None
    if source is None:
        return Hints(entry=item)
    select_ = source.select
    return Hints(
        entry=item,
        timezone=source.timezone,
        lang=source.lang or (item.lang if item else None),
        select=Select(
            links=select_.links, body=select_.body, title=select_.title, date=select_.date
        ),
    )


def page_of(answer: Answer, now: datetime) -> Page:
    """The page that an answer holds."""
    return Page(
        answer.url, answer.body, answer.content_type, now, answer.status or 0, answer.headers
    )


class Revisits:
    """Takes the answers, as part of a crawl. Raises StoreError."""

    def __init__(self, context: CrawlContext) -> None:
        """One for each crawl."""
        self._context = context
        self.edits = 0

    async def take(self, again: Again, answer: Answer) -> PageItem | None:
        """What the answer says by itself is kept; a page goes on to be read."""
        number, now, jitter = again.article_id, self._context.clock(), self._context.chance()
        write = partial(self._write, number, again.look_only)
        if answer.refused:
            await write(partial(record_no_more_looks, article_id=number, now=now))
        elif answer.gone:
            why = answer.error or f"HTTP {answer.status}"
            await self._missing(number, answer.status, why, look_only=again.look_only)
        elif answer.error is not None or answer.not_modified:
            await write(partial(record_look, article_id=number, now=now, jitter=jitter))
        else:
            return PageItem(
                again.entry_id,
                page_of(answer, now),
                again.hints,
                article_id=number,
                look_only=again.look_only,
            )
        return None

    async def _write(
        self, number: int, look_only: bool, change: Callable[[Session], T]
    ) -> T | None:
        """Nothing is written of a look that the source's own text has overtaken."""
        return await self._context.writer.write(
            lambda session: None if look_only and is_overtaken(session, number) else change(session)
        )

    async def _missing(self, number: int, status: int | None, why: str, *, look_only: bool) -> None:
        now, jitter = self._context.clock(), self._context.chance()
        removed = await self._write(
            number,
            look_only,
            lambda session: record_missing(session, number, status, why, now, jitter),
        )
        log.info("revisit", article=number, status="removed" if removed else "missing", why=why)

    async def keep(
        self,
        article_id: int,
        page: Page,
        outcome: ArticleItem | NotArticle,
        *,
        look_only: bool = False,
    ) -> None:
        """What the page turned out to be; of one that is only looked at, no edit is taken."""
        try:
            await self._keep(article_id, page, outcome, look_only=look_only)
        except (RefusedChangeError, ValueError, TypeError, LookupError) as error:
            log.error("revisit", article=article_id, status="failed", exc_info=error)
            now, jitter = page.fetched_at, self._context.chance()
            await self._context.writer.write(
                lambda session: record_look(session, article_id, now, jitter)
            )

    async def _keep(
        self, article_id: int, page: Page, outcome: ArticleItem | NotArticle, *, look_only: bool
    ) -> None:
        jitter, write = self._context.chance(), partial(self._write, article_id, look_only)
        if isinstance(outcome, NotArticle):
            if outcome.reason == "not_found":
                await self._missing(article_id, page.status, outcome.detail, look_only=look_only)
            else:
                now = page.fetched_at
                await write(lambda session: record_look(session, article_id, now, jitter))
            return
        keep_page = self._context.keep_pages
        status = await write(
            lambda session: record_again(
                session, article_id, outcome, page, keep_page, jitter, look_only=look_only
            )
        )
        if status not in {"unchanged", None}:
            self.edits += 1
            log.info("revisit", article=article_id, status=status, url=page.url)
