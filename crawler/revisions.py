"""What visits to an article's page write: evidence, revisions, and the time of the next visit.

Each function is one change for the single writer.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from crawler.edits import Edit, Told, edit_of, furniture
from crawler.extraction.fingerprint import fingerprint
from crawler.extraction.lines import LINE, PROSE, Known, line_key, unpacked, without_known
from crawler.items import ArticleItem, Page
from crawler.record import Recorded, record_article
from crawler.revisiting import LOOK_FOR_MISSING, Habit, is_removed, next_revisit
from crawler.shingles import headline_likeness, likeness, shingles, sketch
from crawler.urls import host_of, url_key
from store.articles import Article, Entry, articles_at
from store.revisions import (
    Evidence,
    KeptPage,
    Revisit,
    add_revision,
    begin_chain,
    fetched_among,
    words_of,
)
from store.sources import site_furniture
from store.stories import keep_sketch, latest_of_source

NEIGHBOURS = 20
"""Latest articles of a source whose paragraphs are known for furniture."""
HABIT_OF = timedelta(days=30)
"""How far back a source's habit of editing is looked at."""
STRANGE = 0.2
"""Likeness below which what stands at a foreign address is another article."""


def file_page(
    session: Session, entry_id: int, item: ArticleItem, page: Page, keep_page: bool
) -> Recorded:
    """Files an article that was fetched, with its evidence; it is visited again."""
    sha256 = hashlib.sha256(page.body).hexdigest()
    recorded = record_article(session, entry_id, item, sha256, page.fetched_at)
    if recorded.outcome != "article" or recorded.article_id is None:
        return recorded
    article = session.get_one(Article, recorded.article_id)
    begin_chain(session, article, page.fetched_at)
    fetched = page.status != 0
    planned = _next(session, article, page.fetched_at, 0.0)
    is_numbered = "post" in session.get_one(Entry, entry_id).item
    if fetched:
        keep_evidence(session, article, page, keep_page)
    else:
        _keep_answer(session, article)
    revisit = Revisit(
        article_id=recorded.article_id,
        host=host_of(article.url),
        checked_at=page.fetched_at,
        # A text that an API gave differs from its page's in ways that are no edits: it is read
        # again once the API says that it changed (`crawler.claims`).
        next_at=planned if fetched else None,
        # Whether it still is there, the API is asked (`crawler.standing_posts`).
        ask_at=planned if is_numbered and not fetched else None,
        modified=item.modified,
    )
    _remember_validators(revisit, page)
    session.add(revisit)
    session.flush()
    return recorded


def _remember_validators(revisit: Revisit, page: Page) -> None:
    """As a pair, of one answer."""
    headers = {name.lower(): value for name, value in page.headers}
    revisit.etag, revisit.last_modified = headers.get("etag"), headers.get("last-modified")


def keep_evidence(session: Session, article: Article, page: Page, keep_page: bool) -> None:
    """What the site answered when the article's text was fetched, and the page if it is kept."""
    evidence = Evidence(
        article_id=article.id or 0,
        revision=article.revision,
        fetched_at=page.fetched_at,
        url=page.url,
        status=page.status,
        headers=[list(pair) for pair in page.headers],
        page_sha256=hashlib.sha256(page.body).hexdigest(),
    )
    session.add(evidence)
    session.flush()
    if keep_page:
        session.add(KeptPage(evidence_id=evidence.id or 0, body=zlib.compress(page.body)))


def _keep_answer(session: Session, article: Article) -> None:
    """The evidence of a text that an API gave: its answer, with other articles in it."""
    given = select(Entry).where(Entry.article_id == article.id, col(Entry.given_by).is_not(None))
    entry = session.exec(given.order_by(col(Entry.id).desc()).limit(1)).first()
    if entry is None or entry.given_by is None:
        return
    answer = entry.given_by
    session.add(
        Evidence(
            article_id=article.id or 0,
            revision=article.revision,
            fetched_at=datetime.fromisoformat(answer["fetched_at"]),
            url=answer["url"],
            status=answer["status"],
            headers=answer["headers"],
            page_sha256=answer["sha256"],
            of="api",
        )
    )
    session.flush()


def _next(session: Session, article: Article, now: datetime, jitter: float) -> datetime | None:
    born = article.published if article.published_precision == "minute" else None
    return next_revisit(
        born or article.first_seen or now, _habit(session, article.source_id, now), now, jitter
    )


def _habit(session: Session, source_id: str, now: datetime) -> Habit:
    """Of the source's latest articles."""
    latest = (
        select(Article.id)
        .where(Article.source_id == source_id, col(Article.first_seen) > now - HABIT_OF)
        .order_by(col(Article.first_seen).desc())
        .limit(50)
    )
    query = select(func.sum(Revisit.checks), func.sum(Revisit.edits)).where(
        col(Revisit.article_id).in_(latest)
    )
    looks, edits = session.exec(query).one()
    return Habit(looks or 0, edits or 0)


def _looked(session: Session, article: Article, now: datetime, jitter: float) -> Revisit:
    """Counts a look and plans the next one."""
    revisit = session.get_one(Revisit, article.id)
    revisit.checks += 1
    revisit.checked_at = now
    revisit.look_only = False
    session.add(revisit)
    fetched = fetched_among(session, [revisit.article_id])
    revisit.next_at = _next(session, article, now, jitter) if fetched else None
    return revisit


def record_look(session: Session, article_id: int, now: datetime, jitter: float) -> None:
    """A visit that told nothing: the page is as it was, or could not be had this time."""
    _looked(session, session.get_one(Article, article_id), now, jitter)


def record_no_more_looks(session: Session, article_id: int, now: datetime) -> None:
    """We may not ask for the page any more."""
    revisit = session.get_one(Revisit, article_id)
    revisit.checked_at, revisit.next_at, revisit.ask_at = now, None, None
    session.add(revisit)


def record_standing(
    session: Session, article_id: int, now: datetime, jitter: float, *, is_listed: bool
) -> None:
    """The API was asked for a post: its page is looked at where the article may be gone, or back.

    A look that is planned already stays where it is.
    """
    article, revisit = session.get(Article, article_id), session.get(Revisit, article_id)
    if article is None or revisit is None:
        return
    revisit.ask_at = _next(session, article, now, jitter)
    is_as_known = is_listed and revisit.missing == 0 and article.removed_at is None
    if not is_as_known and revisit.next_at is None:
        revisit.next_at, revisit.look_only = now, True
    session.add(revisit)


def is_overtaken(session: Session, article_id: int) -> bool:
    """Whether a page is no more to be looked at for a removal only: the API gave a text since."""
    return not session.get_one(Revisit, article_id).look_only


def record_missing(
    session: Session, article_id: int, status: int | None, why: str, now: datetime, jitter: float
) -> bool:
    """The page was not there; whether the article counts as removed from now on."""
    article = session.get_one(Article, article_id)
    look_only = session.get_one(Revisit, article_id).look_only
    revisit = _looked(session, article, now, jitter)
    revisit.missing += 1
    if article.removed_at is not None:
        return False
    if not is_removed(status, revisit.missing):
        revisit.next_at, revisit.look_only = now + LOOK_FOR_MISSING, look_only
        return False
    article.removed_at = now
    _revise(session, article, revisit, now, "removed", why)
    return True


def _revise(
    session: Session, article: Article, revisit: Revisit, now: datetime, kind: str, note: str
) -> None:
    """The article's text stays as it was: what happened is a revision all the same."""
    revisit.edits += 1
    add_revision(session, article, words_of(article), now, kind, note)
    article.matched_at = None
    session.add(article)


def record_again(
    session: Session,
    article_id: int,
    item: ArticleItem,
    page: Page,
    keep_page: bool,
    jitter: float,
    *,
    look_only: bool = False,
) -> str:
    """A page that was visited again: edit, retracted, restored, unchanged, or strange.

    Real edits become the article's text, and it waits to be matched anew (`crawler.edits`).
    `look_only`: only a retraction does.
    """
    article = session.get_one(Article, article_id)
    now = page.fetched_at
    if _is_strange(session, article, item):
        why = f"its address leads elsewhere: {item.url}"
        record_missing(session, article_id, page.status, why, now, jitter)
        return "strange"
    revisit = _looked(session, article, now, jitter)
    revisit.missing = 0
    _remember_validators(revisit, page)
    edit = edit_in(session, article, item)
    if look_only and edit is not None and edit.kind != "retracted":
        edit = None
    if edit is None and article.removed_at is None:
        return "unchanged"
    kind = edit.kind if edit else "restored"
    before = words_of(article)
    article.removed_at = None
    if edit:
        take_text(article, item, hashlib.sha256(page.body).hexdigest())
    revisit.edits += 1
    add_revision(session, article, before, now, kind, edit.note if edit else "")
    article.matched_at = None
    session.add(article)
    if page.status == 0:
        _keep_answer(session, article)
    elif edit or not look_only:
        keep_evidence(session, article, page, keep_page)
    sketched = sketch(shingles(article.title, article.body))
    keep_sketch(session, article_id, sketched, article.first_seen or now)
    return kind


def take_text(article: Article, item: ArticleItem, page_sha256: str) -> None:
    """What the page says becomes what the article says."""
    article.title, article.standfirst = item.title, item.standfirst
    article.body, article.captions = item.body, item.captions
    article.authors, article.tags = list(item.authors), list(item.tags)
    article.modified = item.modified or article.modified
    article.paywalled = item.paywalled
    article.fingerprint = fingerprint(item.title, item.body)
    article.page_sha256 = page_sha256
    article.extractor, article.confidence = item.extractor, item.confidence


def _is_strange(session: Session, article: Article, item: ArticleItem) -> bool:
    """Whether another article stands where this one did: a redirect to the front page's first."""
    keys = {url_key(item.canonical_url), url_key(item.url)}
    if article.id in articles_at(session, keys).values():
        return False
    old, new = shingles(article.title, article.body), shingles(item.title, item.body)
    return likeness(old, new) < STRANGE and headline_likeness(old, new) < STRANGE


def edit_in(session: Session, article: Article, item: ArticleItem) -> Edit | None:
    """What an editor did between the article as it is kept and as it is now; None for nothing."""
    if not item.body and article.body:
        return None
    before = Told(article.title, article.standfirst, article.body)
    now = Told(item.title, item.standfirst, item.body)
    if edit_of(before, now, ()) is None:
        return None
    known = unpacked(site_furniture(session, host_of(article.url)))
    before, now = _bare(before, known), _bare(now, known)
    latest = latest_of_source(session, article.source_id, [article.id or 0], NEIGHBOURS)
    return edit_of(before, now, furniture([Told(title, "", body) for title, body in latest]))


def _bare(told: Told, known: Known) -> Told:
    """Without lines that have been recognised as furniture since one of the texts was read."""
    own = [
        line
        for line in told.body.split("\n")
        if not known & {line_key(line, PROSE), line_key(line, LINE)}
    ]
    return replace(told, body="\n".join(without_known(own, known, told.title)))
