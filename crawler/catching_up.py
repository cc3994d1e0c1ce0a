"""What a visit does with each answer, gaps included: after its documents, pages of what was missed.

`crawler.visit` knows the documents, `crawler.filling` the gaps; this puts one after the other, and
hears what an answer says beside its content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crawler.answer import Answer
from crawler.context import CrawlContext
from crawler.documents import read_apart
from crawler.health import refusal
from crawler.items import DocumentError
from crawler.pool import ProcessingError
from crawler.record import Listing
from crawler.sources import Document
from crawler.visit import Next, Visit, Wanted


async def take_answer(
    visit: Visit, wanted: Wanted, answer: Answer, sitemaps: Iterable[str], context: CrawlContext
) -> Next:
    """Keeps what a document or a page of older entries lists; what to ask for next."""
    if wanted.role == "fill":
        following = await _take_older(visit, wanted, answer, context)
    elif wanted.role == "edits":
        url, fresh = await visit.edited.take(answer, wanted.url)
        following = Next((visit.edits_at(url),) if url else (), fresh)
        visit.new_entries += len(fresh)
    elif wanted.role == "standing":
        await visit.standing.take(answer)
        following = Next()
    else:
        following = await visit.take(wanted, _heard(visit, answer), sitemaps)
    is_last = visit.outstanding == 1 and not following.documents
    if is_last and visit.succeeded and (page := visit.filling.next_page()):
        older = Wanted(visit.source_id, page[1], page[0], "fill")  # type: ignore[arg-type]
        return replace(following, documents=(older,))
    return following


def _heard(visit: Visit, answer: Answer) -> Answer:
    """Notes how long the document may be kept, and whether the site refuses us."""
    if answer.max_age is not None:
        visit.max_age = max(answer.max_age, visit.max_age or answer.max_age)
    why = refusal(answer.status, answer.body)
    visit.blocked = visit.blocked or why is not None
    return replace(answer, error=why) if why else answer


async def _take_older(visit: Visit, wanted: Wanted, answer: Answer, context: CrawlContext) -> Next:
    if answer.error is not None or answer.not_modified:
        await visit.filling.failed(answer, answer.error or "HTTP 304 without validators")
        return Next()
    document = Document(
        answer.body,
        answer.url,
        answer.content_type,
        timezone=visit.source.timezone,
        links=visit.source.select.links,
    )
    try:
        reading = await read_apart(context.pool, wanted.kind, document)
    except (DocumentError, ProcessingError) as error:
        await visit.filling.failed(answer, str(error))
        return Next()
    listing = Listing(
        source_id=visit.source_id,
        url=wanted.url,
        kind=wanted.kind,
        role="part",
        answer=answer,
        body_hash="",
        entries=reading.document.entries,
        at=context.clock(),
        baseline=False,
        fetch=0,
        beside=True,
        source_url=visit.source.url,
        spells=visit.spells,
    )
    return Next(entries=await visit.filling.take(answer, reading, listing))
