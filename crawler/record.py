"""What a crawl writes: entries with the validators that vouch for them, articles, failures, visits.

Each function is one change for the single writer: it sees the newest state, decides by the pure
policies, and its rows are committed together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert
from sqlmodel import Session, col, func, select, update

from crawler.answer import Answer
from crawler.claims import heed_claims
from crawler.contents import is_whole
from crawler.dedup import Duplicate, Evidence, Known, decide
from crawler.extraction.fingerprint import fingerprint
from crawler.items import ArticleItem, EntryItem, entry_to_json
from crawler.schedule import Spell, late_reason
from crawler.shingles import shingles, sketch
from crawler.site_memory import (
    Look,
    SiteMemory,
    lines_from_bytes,
    lines_to_bytes,
    looks_from_json,
    looks_to_json,
)
from crawler.stories import WINDOW
from crawler.story_search import Searched, near_identical
from crawler.urls import host_of, same_site, url_key
from crawler.windows import Glance, Window, glance, look_through
from store.articles import (
    Article,
    ArticleUrl,
    Entry,
    Story,
    articles_at,
    articles_with_fingerprint,
    forgotten_keys,
    known_keys,
    named_keys,
)
from store.sources import Document, HostState, SiteState, SourceState
from store.stories import keep_sketch, one_at_a_time

MAX_GUID = 1000
MOST_BELIEVED = 80
"""So many answers of "not modified" in a row at most; a day is the limit beside it."""
NOTED_EVERY = timedelta(minutes=1)
"""That pages move is noted so often at most."""
FORGOTTEN = timedelta(days=30)
"""How long a sitemap that its index does not name any more is remembered."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a document's entries that have been kept already."""

    fresh: int
    """Those that the source had not listed before."""
    known: int
    first_fresh: tuple[str, ...]
    """Keys of the first of those that were not known, in order; as many as a window remembers."""
    glance: Glance | None = None
    """What they tell, where that was looked at before."""

    @property
    def overlap(self) -> float:
        """The share that was known."""
        listed = self.fresh + self.known
        return self.known / listed if listed else 1.0


@dataclass(frozen=True, slots=True)
class Listing:
    """A document that was read: what it lists, and what it was fetched with."""

    source_id: str
    url: str
    """As it is asked for, before redirects."""
    kind: str
    role: str
    answer: Answer
    body_hash: str
    entries: Sequence[EntryItem]
    at: datetime
    baseline: bool
    """Whether all it lists is a first visit's."""
    fetch: int
    """How many new baseline entries may be fetched; the others are only remembered as known."""
    children: tuple[str, ...] = ()
    """Further documents that it names; remembered with it, so that a 304 cannot hide them."""
    source_url: str = ""
    """The address that the source had when the visit began; empty: not to be compared."""
    lastmod: datetime | None = None
    """Of a part: what its index says of its last change."""
    old_before: datetime | None = None
    """For a document read for the first time: what is dated before is no news."""
    older: str | None = None
    """Where it goes on with older entries."""
    conditional: bool = False
    """Whether it was asked for with validators."""
    spells: tuple[Spell, ...] = ()
    """Times since the last visit in which nothing could be read: what they explain is late."""
    claims: Sequence[EntryItem] = ()
    """Further entries that count for what they say of articles that we have, and for no more."""
    seen: Seen | None = None
    """Of a document whose entries have been kept batch by batch: what was seen of them."""
    beside: bool = False
    """Whether it is a page of what the source's documents do not show (older entries, edited ones):
    no document to remember."""


def record_listing(session: Session, listing: Listing) -> list[Entry]:
    """Keeps a document's new entries together with its validators; returns those to fetch.

    Nothing is kept for a source that was given another address while the visit was under way.
    """
    if _is_of_another(session, listing):
        return []
    entries: list[Entry] = []
    seen = listing.seen
    if seen is None:
        fresh = unknown_entries(session, listing.source_id, listing.entries)
        keys = [url_key(item.url) for item in listing.entries]
        known = sum(key not in fresh for key in keys)
        seen = Seen(len(keys) - known, known, tuple(fresh))
        entries = _keep_entries(session, listing, fresh)
    if not listing.beside:
        _keep_document(session, listing, seen)
    if listing.children:
        _keep_children(session, listing)
    session.flush()
    return entries


def record_entries(session: Session, batch: Listing) -> list[Entry]:
    """Keeps the new ones among some of a document's entries, and no more of it (`record_listing`
    does, once all are kept); returns those to fetch."""
    if _is_of_another(session, batch):
        return []
    return _keep_entries(session, batch, unknown_entries(session, batch.source_id, batch.entries))


def _is_of_another(session: Session, listing: Listing) -> bool:
    """Whether the source was given another address since the visit began."""
    return bool(listing.source_url) and has_moved(session, listing.source_id, listing.source_url)


def _keep_entries(
    session: Session, listing: Listing, fresh: Mapping[str, EntryItem]
) -> list[Entry]:
    heed_claims(session, (*listing.entries, *listing.claims), listing.answer, listing.at)
    articles, forgotten = articles_at(session, fresh), forgotten_keys(session, fresh)
    below = _below_known(listing, fresh)
    proof = listing.answer.as_evidence(listing.at) if any(map(is_whole, fresh.values())) else None
    entries, old, left = [], [], listing.fetch
    for key, item in fresh.items():
        row = _row(listing, key, item, below=key in below)
        row["given_by"] = proof if is_whole(item) else None
        if key in articles:
            row |= {"outcome": "duplicate", "article_id": articles[key]}
        elif key in forgotten or (row["baseline"] and left == 0):
            # What is only remembered may be an archive of 50,000: no object for each.
            old.append({**_BLANK, **row, "outcome": "old"})
            continue
        elif row["baseline"]:
            left -= 1
        entries.append(Entry(**row))
    if old:
        session.execute(insert(Entry), old)
    session.add_all(entries)
    session.flush()
    return [entry for entry in entries if entry.outcome is None]


def has_moved(session: Session, source_id: str, url: str) -> bool:
    """Whether the source is another than the one at `url`, or is not known."""
    state = session.get(SourceState, source_id)
    return state is None or state.url != url


def _keep_children(session: Session, listing: Listing) -> None:
    """The parts that an index names; those it has not named for a month are forgotten."""
    query = select(Document).where(Document.source_id == listing.source_id)
    known = {document.url: document for document in session.exec(query)}
    for url in dict.fromkeys(listing.children):
        if url not in known:
            session.add(Document(source_id=listing.source_id, url=url, kind="sitemap"))
    for url in known.keys() - set(listing.children):
        read_at = known[url].fetched_at
        if known[url].role == "part" and (read_at is None or read_at < listing.at - FORGOTTEN):
            session.delete(known[url])


def is_baseline(listing: Listing, item: EntryItem, *, below: bool = False) -> bool:
    """Whether an entry was there before we looked, and so is stored but not alerted by itself.

    A document that a known source is read from for the first time (a feed found after the old one
    died, the sitemap of a new day) lists old and new together: dates tell them apart. What has no
    date is taken for news in a feed, whose window is short, and for old in a sitemap or on a page,
    which may list a whole archive. `below`: in a feed, below an entry that is known, because feeds
    begin with the newest: then it is old too.
    """
    if listing.baseline or listing.old_before is None:
        return listing.baseline
    date = item.published or item.modified
    return below or listing.kind != "feed" if date is None else date < listing.old_before


def _below_known(listing: Listing, fresh: Mapping[str, EntryItem]) -> set[str]:
    """Keys of the entries that stand below the first known one of a document."""
    keys = [url_key(item.url) for item in listing.entries] if listing.old_before else []
    first = next((at for at, key in enumerate(keys) if key not in fresh), len(keys))
    return set(keys[first:])


def unknown_entries(
    session: Session, source_id: str, items: Sequence[EntryItem]
) -> dict[str, EntryItem]:
    """The entries that the source has not listed before, by key, in order."""
    by_key: dict[str, EntryItem] = {}
    for item in items:
        by_key.setdefault(url_key(item.url), item)
    known = known_keys(session, source_id, by_key)
    return {key: item for key, item in by_key.items() if key not in known}


_BLANK = Entry(source_id="", url="", url_key="", host="").model_dump(exclude={"id"})
"""What an entry has of which nothing is said; rows that go in together have the same columns."""


def _row(listing: Listing, key: str, item: EntryItem, *, below: bool) -> dict[str, Any]:
    return {
        "source_id": listing.source_id,
        "url": item.url,
        "url_key": key,
        "host": host_of(item.url),
        "guid": item.guid[:MAX_GUID] if item.guid else None,
        "title": item.title,
        "item": entry_to_json(item),
        "baseline": is_baseline(listing, item, below=below),
        "found_at": listing.at,
        "next_attempt_at": listing.at,
        "late": None if listing.baseline else _late(listing, item),
    }


def _late(listing: Listing, item: EntryItem) -> str | None:
    published = item.published if item.published_precision == "minute" else None
    otherwise = "the source had moved on" if listing.beside else None
    return late_reason(published, listing.at, listing.spells, otherwise)


def glance_at(session: Session, listing: Listing, seen: Seen) -> Glance:
    """What a document's entries tell beside what was known of it; changes nothing."""
    known = session.get(Document, (listing.source_id, listing.url))
    document = known or Document(source_id=listing.source_id, url=listing.url, kind=listing.kind)
    # The second is read now and then beside the main one: its window may well move on.
    first = listing.baseline or listing.role == "second"
    role, fresh = listing.role, seen.first_fresh
    return glance(session, document, role, listing.entries, fresh, listing.at, first=first)


def _keep_document(session: Session, listing: Listing, seen: Seen) -> None:
    document = session.get(Document, (listing.source_id, listing.url))
    if document is None:
        document = Document(source_id=listing.source_id, url=listing.url, kind=listing.kind)
    told = seen.glance or glance_at(session, listing, seen)
    document.kind, document.role = listing.kind, listing.role
    document.entries = len(listing.entries)
    window = Window(
        fresh=seen.fresh,
        overlap=seen.overlap,
        older=listing.older,
        at=listing.at,
        conditional=listing.conditional,
        etag=listing.answer.etag,
    )
    look_through(session, document, window, told)
    # Always as a pair: a new ETag beside an old Last-Modified would vouch for two states.
    document.etag = listing.answer.etag
    document.last_modified = listing.answer.last_modified
    document.body_hash = listing.body_hash
    document.lastmod = listing.lastmod or document.lastmod
    document.newest = told.newest or document.newest
    document.visits += 1
    document.fetched_at = document.whole_at = listing.at
    document.unproved = 0
    if document.kind == "wordpress" and document.edited_until is None:
        edits = (entry.modified for entry in listing.entries if entry.modified)
        document.edited_until = max(edits, default=listing.at)
    session.add(document)


def record_unchanged(
    session: Session,
    source_id: str,
    url: str,
    answer: Answer,
    at: datetime,
    lastmod: datetime | None = None,
) -> None:
    """A document came back as it was known; a full answer renews its validators.

    `lastmod` is what an index says now of its part.
    """
    document = session.get(Document, (source_id, url))
    if document is None:
        return
    document.visits += 1
    document.fetched_at = at
    document.lastmod = lastmod or document.lastmod
    document.overlap = 1.0 if document.entries else None
    if answer.not_modified:
        document.unproved += 1
    else:
        if document.unproved:
            # It was as it had been said to be.
            document.believed = min(2 * document.believed, MOST_BELIEVED)
        document.whole_at, document.unproved = at, 0
        document.etag, document.last_modified = answer.etag, answer.last_modified
    session.add(document)


def forget_documents(session: Session, source_id: str) -> None:
    """The channels found for a source no longer serve: the next visit looks for others."""
    query = select(Document).where(Document.source_id == source_id)
    for document in session.exec(query):
        session.delete(document)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a page."""

    outcome: Literal["article", "duplicate", "old"]
    """old: one that we had and forgot."""
    article_id: int | None
    reason: str = ""
    """What a duplicate was recognised by."""
    source_id: str = field(default="", compare=False)
    """The source whose entry the page is."""
    waited: timedelta | None = field(default=None, compare=False)
    """From the source's listing it to its being filed."""


def record_article(
    session: Session, entry_id: int, item: ArticleItem, page_sha256: str, at: datetime
) -> Recorded:
    """Files an article under its canonical address, or recognises one we have (`crawler.dedup`)."""
    one_at_a_time(session)
    entry = session.get_one(Entry, entry_id)
    keys = {url_key(item.canonical_url), url_key(item.url), entry.url_key}
    text = fingerprint(item.title, item.body)
    searched = Searched(item.canonical_url, entry.source_id, shingles(item.title, item.body), at)
    decision = decide(_evidence(session, entry, item, keys, text, searched))
    if isinstance(decision, Duplicate):
        recorded = Recorded("duplicate", decision.article_id, decision.reason)
    elif forgotten_keys(session, keys):
        recorded = Recorded("old", None, "address")
    else:
        story_id = decision.story_id or _new_story(session, at)
        article_id = _add_article(session, entry, item, story_id, text, page_sha256, at)
        keep_sketch(session, article_id, sketch(searched.text), at)
        recorded = Recorded("article", article_id)
        _learn(session, entry.source_id, item, at)
    # A further page that was taken for an article of its own is no reason to drop the whole.
    keys |= set(map(url_key, item.further_pages))
    _name_addresses(session, recorded.article_id, keys)
    _settle_entries(session, keys, entry, recorded)
    _note_page(session, entry.host, at)
    waited = at - entry.found_at if entry.found_at else None
    return replace(recorded, source_id=entry.source_id, waited=waited)


def _evidence(
    session: Session,
    entry: Entry,
    item: ArticleItem,
    keys: set[str],
    text: str,
    searched: Searched,
) -> Evidence:
    at_address = [
        session.get_one(Article, number) for number in articles_at(session, keys).values()
    ]
    evidence = Evidence(
        at_address=sorted((_known(a, item) for a in at_address), key=lambda known: known.id),
        same_guid_and_title=[_known(a, item) for a in _same_guid(session, entry, item)],
        same_text=_same_text(session, item, text, searched.at),
    )
    if isinstance(decide(evidence), Duplicate):
        return evidence
    near = near_identical(session, searched)
    return replace(evidence, near_text=[_known(a, item) for a in near])


def _same_text(session: Session, item: ArticleItem, text: str, at: datetime) -> list[Known]:
    """Elsewhere only what was seen lately: an old text that another site brings is news.

    An article that is imported may be older than those that are known.
    """
    found = articles_with_fingerprint(session, text) if text else []
    known = [(article.first_seen or at, _known(article, item)) for article in found]
    return [each for seen, each in known if each.same_site or abs(at - seen) <= WINDOW]


def _known(article: Article, item: ArticleItem) -> Known:
    assert article.id is not None
    return Known(article.id, article.story_id, same_site(article.canonical_url, item.canonical_url))


def _same_guid(session: Session, entry: Entry, item: ArticleItem) -> Sequence[Article]:
    if not entry.guid:
        return []
    query = (
        select(Article)
        .join(Entry, col(Entry.article_id) == col(Article.id))
        .where(
            Entry.source_id == entry.source_id,
            Entry.guid == entry.guid,
            Entry.id != entry.id,
            Article.title == item.title,
        )
        .order_by(col(Article.id))
    )
    return session.exec(query).all()


def _new_story(session: Session, at: datetime) -> int:
    story = Story(created_at=at)
    session.add(story)
    session.flush()
    assert story.id is not None
    return story.id


def _add_article(
    session: Session,
    entry: Entry,
    item: ArticleItem,
    story_id: int,
    text: str,
    page_sha256: str,
    at: datetime,
) -> int:
    article = Article(
        url=item.url,
        canonical_url=item.canonical_url,
        url_key=url_key(item.canonical_url),
        source_id=entry.source_id,
        story_id=story_id,
        title=item.title,
        standfirst=item.standfirst,
        body=item.body,
        captions=item.captions,
        authors=list(item.authors),
        section=item.section,
        tags=list(item.tags),
        lang=item.lang,
        image=item.image,
        published=item.published,
        published_precision=item.published_precision,
        published_from=item.published_from,
        published_offset=_minutes(item.published_offset),
        modified=item.modified,
        first_seen=at,
        paywalled=item.paywalled,
        fingerprint=text,
        page_sha256=page_sha256,
        extractor=item.extractor,
        confidence=item.confidence,
        candidates=[asdict(candidate) for candidate in item.candidates],
        form=item.form,
        baseline=entry.baseline and not _is_news_elsewhere(session, entry),
        late=entry.late,
    )
    session.add(article)
    session.flush()
    assert article.id is not None
    return article.id


def _minutes(offset: timedelta | None) -> int | None:
    return None if offset is None else round(offset / timedelta(minutes=1))


def _learn(session: Session, source_id: str, item: ArticleItem, at: datetime) -> None:
    """Adds a page's lines to what is known of its site."""
    traits = item.traits
    if not traits.visible:
        return  # it was not read off a page
    look = Look(min(100, 100 * traits.taken // traits.visible), traits.furniture)
    state = _site(session, item.url)
    memory = _memory(state).learnt(traits.lines, look, at.date())
    state.articles, state.lines = memory.articles, lines_to_bytes(memory)
    state.furniture = memory.furniture(at.date())
    _keep_site(session, state, memory, source_id, at)


def record_unread(session: Session, entry_id: int, url: str, at: datetime) -> None:
    """A page on which no text was found: a site whose articles all look so was redesigned.

    Further attempts at the same page tell nothing new.
    """
    entry = session.get_one(Entry, entry_id)
    state = session.get(SiteState, host_of(url))
    if state is not None and entry.attempts == 0:
        memory = _memory(state).seen_as(Look(0, 0))
        _keep_site(session, state, memory, entry.source_id, at)


def _site(session: Session, url: str) -> SiteState:
    host = host_of(url)
    return session.get(SiteState, host) or SiteState(host=host)


def _memory(state: SiteState) -> SiteMemory:
    return SiteMemory(state.articles, lines_from_bytes(state.lines), looks_from_json(state.looks))


def _keep_site(
    session: Session, state: SiteState, memory: SiteMemory, source_id: str, at: datetime
) -> None:
    state.looks, state.learnt_at = looks_to_json(memory), at
    session.add(state)
    source = session.get(SourceState, source_id)
    if source is not None and source.suspicion != memory.suspicion():
        source.suspicion = memory.suspicion()
        session.add(source)


def _is_news_elsewhere(session: Session, entry: Entry) -> bool:
    """Whether another source, visited before, lists the same address as something new."""
    query = select(func.count()).where(
        Entry.url_key == entry.url_key, col(Entry.baseline).is_(False)
    )
    return session.exec(query).one() > 0


def _name_addresses(session: Session, article_id: int | None, keys: set[str]) -> None:
    for key in sorted(keys - named_keys(session, keys).keys()):
        session.add(ArticleUrl(url_key=key, article_id=article_id))


def _settle_entries(session: Session, keys: set[str], entry: Entry, recorded: Recorded) -> None:
    """Other sources' entries of the same address need no visit of their own any more."""
    session.exec(
        update(Entry)
        .where(
            col(Entry.url_key).in_(keys), col(Entry.outcome).is_(None), col(Entry.id) != entry.id
        )
        .values(
            outcome="old" if recorded.article_id is None else "duplicate",
            article_id=recorded.article_id,
            next_attempt_at=None,
        )
    )
    entry.outcome, entry.article_id = recorded.outcome, recorded.article_id
    entry.next_attempt_at = None
    entry.attempts += 1
    entry.last_error = None
    session.add(entry)


def record_not_article(
    session: Session, entry_id: int, why: str, outcome: str, at: datetime
) -> None:
    """A page that will not become an article: it is none, it is refused, or we gave up."""
    entry = session.get_one(Entry, entry_id)
    entry.outcome, entry.last_error, entry.next_attempt_at = outcome, why, None
    entry.attempts += 1
    session.add(entry)
    _note_page(session, entry.host, at)


def record_failed_page(
    session: Session, entry_id: int, why: str, at: datetime, again_at: datetime
) -> None:
    """A page that could not be had: it waits for its next attempt."""
    entry = session.get_one(Entry, entry_id)
    entry.last_error, entry.next_attempt_at = why, again_at
    entry.attempts += 1
    session.add(entry)
    _note_page(session, entry.host, at)


def record_held_page(session: Session, entry_id: int, why: str, again_at: datetime) -> None:
    """The page's host is busy: that says nothing of the page, and uses up no attempt."""
    entry = session.get_one(Entry, entry_id)
    entry.last_error, entry.next_attempt_at = why, again_at
    session.add(entry)


def _note_page(session: Session, host: str, at: datetime) -> None:
    """A page of the host has ended, read or not: what waits there moves."""
    state = session.get(HostState, host) or HostState(host=host)
    if state.page_at is None or abs(at - state.page_at) >= NOTED_EVERY:
        state.page_at = at
        session.add(state)


def hold_host(session: Session, host: str, until: datetime) -> None:
    """The host asked to be left alone until then."""
    state = session.get(HostState, host) or HostState(host=host)
    state.not_before = until
    session.add(state)


def article_from_entry(item: EntryItem, canonical_url: str) -> ArticleItem | None:
    """What the source itself said, for a page that cannot be had; None when it said nothing."""
    if not item.title:
        return None
    known = ArticleItem(
        url=item.url,
        canonical_url=canonical_url,
        title=item.title,
        standfirst=item.summary or "",
        body="",
        authors=item.authors,
        tags=item.tags,
        lang=item.lang,
        modified=item.modified,
        extractor="entry: the page could not be had",
    )
    return replace(
        known,
        published=item.published,
        published_precision=item.published_precision,
        published_from=item.published_from,
    )
