"""What a source says that it changed: which of our articles are looked at again, and when.

A later `modified` of a page that was fetched hastens the next visit to it. An article that was made
of what an API gave needs none: its entry takes the new text, and waits to be read again as a page
would (`crawler.revisits`). Both are written in the transaction that keeps what the source said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from crawler.answer import Answer
from crawler.contents import is_whole
from crawler.items import EntryItem, entry_to_json
from crawler.revisiting import Looks, are_believed, hastened
from crawler.urls import url_key
from store.articles import Entry, articles_at
from store.revisions import Revisit, fetched_among, revisits_of


@dataclass(frozen=True, slots=True)
class Claims:
    """Articles of which a source says that they changed since it last said so."""

    listed: int
    """Articles that the document lists and that are visited again."""
    changed: tuple[tuple[Revisit, datetime, EntryItem], ...]

    def __bool__(self) -> bool:
        return bool(self.changed)


def claims_in(session: Session, items: Iterable[EntryItem]) -> Claims:
    """What entries say of articles that we have."""
    told = {url_key(item.url): item for item in items if item.modified}
    articles = articles_at(session, told) if told else {}
    latest: dict[int, tuple[datetime, str]] = {}
    for key, number in articles.items():
        if modified := told[key].modified:
            latest[number] = max((modified, key), latest.get(number, (modified, key)))
    revisits = revisits_of(session, latest)
    changed = (
        (revisit, modified, told[key])
        for revisit in revisits
        for modified, key in (latest[revisit.article_id],)
        if revisit.modified is None or modified > revisit.modified
    )
    return Claims(len(revisits), tuple(changed))


def heed_claims(
    session: Session, items: Iterable[EntryItem], answer: Answer, now: datetime
) -> None:
    """Looks soon at articles that we have and that the source says it changed since.

    `answer` is the one that says so.
    """
    claims = claims_in(session, items)
    fetched = fetched_among(session, [revisit.article_id for revisit, _, _ in claims.changed])
    of_pages = []
    for revisit, modified, item in claims.changed:
        if revisit.article_id in fetched or not is_whole(item):
            of_pages.append((revisit, modified))
        else:
            _take_text(session, revisit, item, answer, now)
    believed = are_believed(len(of_pages), claims.listed)
    for revisit, modified in of_pages:
        _hasten(session, revisit, modified, now, believed=believed)


def _take_text(
    session: Session, revisit: Revisit, item: EntryItem, answer: Answer, now: datetime
) -> None:
    """What the source gives now is read at the next crawl; comparing texts costs the site nothing,
    so nothing is doubted."""
    query = select(Entry).where(
        Entry.url_key == url_key(item.url), Entry.article_id == revisit.article_id
    )
    for entry in session.exec(query):
        entry.item = entry_to_json(item)
        entry.given_by = answer.as_evidence(now)
        session.add(entry)
    revisit.modified, revisit.next_at, revisit.look_only = item.modified, now, False
    session.add(revisit)


def _hasten(
    session: Session, revisit: Revisit, modified: datetime, now: datetime, *, believed: bool
) -> None:
    looks = Looks(revisit.checked_at or now, revisit.checks, revisit.edits)
    soon = hastened(modified, looks, now) if believed else None
    revisit.modified = modified
    if soon is not None:
        revisit.next_at = min(soon, revisit.next_at or soon)
        revisit.look_only = False
    session.add(revisit)
