"""Files articles that come from a file: an export, an archive of pages, a saved page.

They are told from known ones as crawled ones are (`crawler.dedup`), and belong to stories by the
time at which they were first seen, which may be long ago. Three things differ:

1. *Nothing of them is news.* They count as listed on a first visit, and are kept as matched.
2. *Their pages are not asked for again*: what an archive holds is no reason to visit a site.
3. *A known article* gets a new revision where the file says when its text stood so, that is later
   than the text we have, and an editor changed it (`crawler.edits`). One that the crawler visits,
   or that waits to be matched, is left as it is.

An address that a source has listed and whose page waits to be fetched is left to the crawler, too:
it may be news.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select

from crawler.items import ArticleItem, Page, Traits
from crawler.record import record_article
from crawler.revisions import edit_in, keep_evidence, take_text
from crawler.shingles import shingles, sketch
from crawler.urls import host_of, url_key
from store.articles import Article, Entry, named_keys
from store.revisions import Revisit, add_revision, begin_chain, revisions_of, words_of
from store.stories import keep_sketch, one_at_a_time


@dataclass(frozen=True, slots=True)
class Imported:
    """An article from a file, on its way into the store."""

    item: ArticleItem
    source_id: str
    first_seen: datetime
    text_at: datetime | None = None
    """When its text stood as it is here; None: not known."""
    late: str | None = None
    """As `Article.late`."""
    page: Page | None = None
    """That it was read off."""
    is_evidence: bool = False
    """Whether the page tells what a site answered."""


Outcome = Literal["new", "revision", "duplicate", "waiting"]


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of it."""

    outcome: Outcome
    """waiting: it is left to the crawler."""
    article_id: int | None = None


def keys_of(item: ArticleItem) -> set[str]:
    """What the article's addresses are known by."""
    return {url_key(item.canonical_url), url_key(item.url)}


def file_imported(session: Session, imported: Imported, now: datetime) -> Filed:
    """Files the article, or recognises one we have. One change for the single writer."""
    one_at_a_time(session)
    keys = keys_of(imported.item)
    if named := named_keys(session, keys):
        known = [number for number in named.values() if number is not None]
        if not known:  # it was forgotten
            return Filed("duplicate")
        article = session.get_one(Article, min(known))
        return Filed(_known(session, article, imported, now), article.id)
    entries = session.exec(select(Entry).where(col(Entry.url_key).in_(keys))).all()
    if any(entry.outcome is None for entry in entries):
        return Filed("waiting")
    return _new(session, imported, _entry(session, entries, imported, now), now)


def _new(session: Session, imported: Imported, entry: Entry, now: datetime) -> Filed:
    item, page = imported.item, imported.page
    # How the pages of a site look is learnt from what it publishes now.
    untold = replace(item, traits=Traits())
    sha256 = _sha256(page)
    recorded = record_article(session, entry.id or 0, untold, sha256, imported.first_seen)
    entry.attempts = 0
    if recorded.outcome != "article" or recorded.article_id is None:
        return Filed("duplicate", recorded.article_id)
    article = session.get_one(Article, recorded.article_id)
    article.baseline, article.late = True, imported.late
    article.matched_at, article.matched_revision = now, article.revision
    begin_chain(session, article, imported.text_at or imported.first_seen)
    if page is not None and imported.is_evidence:
        keep_evidence(session, article, page, keep_page=False)
    session.flush()
    return Filed("new", article.id)


def _sha256(page: Page | None) -> str:
    return hashlib.sha256(page.body).hexdigest() if page is not None else ""


def _entry(session: Session, entries: Sequence[Entry], imported: Imported, now: datetime) -> Entry:
    """What would make the crawler ask for the page; it is settled with the article."""
    source, url = imported.source_id, imported.item.url
    key = url_key(url)
    for entry in entries:
        if (entry.source_id, entry.url_key) == (source, key):
            return entry
    entry = Entry(
        source_id=source,
        url=url,
        url_key=key,
        host=host_of(url),
        title=imported.item.title,
        baseline=True,
        found_at=now,
    )
    session.add(entry)
    session.flush()
    return entry


def _known(session: Session, article: Article, imported: Imported, now: datetime) -> Outcome:
    item, at = imported.item, imported.text_at
    is_ours = session.get(Revisit, article.id) is not None or article.matched_at is None
    if is_ours or at is None:
        return "duplicate"
    revisions = revisions_of(session, article.id or 0)
    if not revisions or at <= revisions[-1].at:
        return "duplicate"
    edit = edit_in(session, article, item)
    if edit is None:
        return "duplicate"
    before = words_of(article)
    take_text(article, item, _sha256(imported.page))
    add_revision(session, article, before, at, edit.kind, edit.note)
    article.matched_revision = article.revision
    session.add(article)
    if imported.page is not None and imported.is_evidence:
        keep_evidence(session, article, imported.page, keep_page=False)
    sketched = sketch(shingles(article.title, article.body))
    keep_sketch(session, article.id or 0, sketched, article.first_seen or now)
    return "revision"
