"""What the crawler passes along: frozen values, each field with its promise.

All times are aware and in UTC. All text is cleaned: no control characters but newline and tab,
no lone surrogates (`crawler.text.clean_text`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal

Precision = Literal["minute", "day", "unknown"]
"""How exactly a publication time is known; a "day" stands as midnight of that day in its zone."""

Origin = Literal[
    "news_sitemap", "json_ld", "meta", "feed", "api", "time_tag", "url", "text", "unknown"
]
"""Where a publication time was found."""


Form = Literal["article", "live", "video"]
"""What an article is: told as one, as a running report, or by a film."""


@dataclass(frozen=True, slots=True)
class EntryItem:
    """One thing a source lists: an address, perhaps with what the source says about it."""

    url: str
    """Absolute http(s) address as listed, without fragment."""
    guid: str | None = None
    """The feed's own id: a hint within one source, never an identity by itself."""
    title: str | None = None
    summary: str | None = None
    """Plain text."""
    content: str | None = None
    """HTML of the whole article when the source carries it (content:encoded, Atom content, API)."""
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    published_precision: Precision = "unknown"
    published_from: Origin = "unknown"
    modified: datetime | None = None
    lang: str | None = None
    """BCP 47, when the source says."""
    tags: tuple[str, ...] = ()
    post: int | None = None
    """Its number in the API of WordPress."""


_PARTICULARS = tuple(field.name for field in fields(EntryItem))


def entry_to_json(item: EntryItem) -> dict[str, Any]:
    """An entry's further particulars as JSON."""
    # Without dataclasses.asdict, which copies every value: a sitemap may have 50,000.
    kept = {name: value for name in _PARTICULARS if (value := getattr(item, name))}
    for name in ("published", "modified"):
        if name in kept:
            kept[name] = kept[name].isoformat()
    return kept


def entry_from_json(kept: dict[str, Any]) -> EntryItem:
    """The entry that `entry_to_json` wrote."""
    values = dict(kept)
    for name in ("published", "modified"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    for name in ("authors", "tags"):
        values[name] = tuple(values.get(name, ()))
    return EntryItem(**values)


@dataclass(frozen=True, slots=True)
class DocumentItem:
    """What one fetched document of a source holds."""

    entries: Sequence[EntryItem] = ()
    """In the document's order; nothing is left out and nothing is sorted. A tuple, or for very many
    `crawler.sources.packed.PackedEntries`."""
    documents: tuple[str, ...] = ()
    """Further documents that belong to this visit: an index's sitemaps, newest first."""
    lastmods: tuple[datetime | None, ...] = ()
    """What an index says of the last change of each of `documents`."""
    older: str | None = None
    """Where the source goes on with older entries (RFC 5005, a next page): read to fill a gap."""
    title: str | None = None
    """The site's or feed's own name."""
    lang: str | None = None
    refresh: timedelta | None = None
    """How long the document asks to be left alone (ttl, sy:updatePeriod), as found, not clamped."""
    warnings: tuple[str, ...] = ()
    """What was wrong with it and was survived, in words."""


class DocumentError(Exception):
    """The bytes are not what the source's kind says; the message tells what they are instead."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as fetched."""

    url: str
    """Where redirects ended; "" when it is not known: then the page's own claim is taken."""
    body: bytes
    content_type: str | None
    """The header's value, with its charset if it has one."""
    fetched_at: datetime
    status: int = 200
    """0 for a page made of what the source gave, which was not fetched."""
    headers: tuple[tuple[str, str], ...] = ()
    """As they came, with whatever they say; cut to what a page of a database bears."""
    spooled: str = ""
    """Path of a file that holds the body in place of `body`; empty: none does."""


@dataclass(frozen=True, slots=True)
class Select:
    """A source's own CSS selectors; an empty one means the automatic way."""

    links: str = ""
    body: str = ""
    title: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known about a page before it is read."""

    entry: EntryItem | None = None
    timezone: str = "UTC"
    """For dates that name no zone."""
    lang: str | None = None
    """When the page does not say and the text does not show it."""
    select: Select = field(default_factory=Select)
    furniture: bytes = b""
    """The lines that are furniture on this site (`crawler.site_memory`), packed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that might have been the body."""

    name: str
    """blocks | json_ld | microdata | feed | select"""
    words: int
    agreement: float
    """0 to 1: share of the words that it has in common with the text that was taken."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a page has in common with others of its site, and how it looks."""

    lines: tuple[int, ...] = ()
    """Numbers of the lines that teasers may be among (`crawler.extraction.lines`)."""
    visible: int = 0
    """Characters of visible text."""
    taken: int = 0
    """Of these, characters that are the article."""
    furniture: int = 0
    """Blocks of text that are not."""


@dataclass(frozen=True, slots=True)
class ArticleItem:
    """The article a page holds. Zones never overlap: what is in `captions` is not in `body`."""

    url: str
    """Where redirects ended, without fragment."""
    canonical_url: str
    """The address it is filed under: the site's claim where believable, else `url`, cleaned."""
    title: str
    """The headline without the site's name."""
    standfirst: str
    """The summary printed between headline and text; empty when the page has none."""
    body: str
    """Paragraphs joined by a blank line."""
    captions: str = ""
    """One a line."""
    authors: tuple[str, ...] = ()
    """Persons, or an agency; no job titles, no "Admin"."""
    section: str | None = None
    tags: tuple[str, ...] = ()
    lang: str | None = None
    """BCP 47 primary tag ("ur", "ps", "fa"), judged from the text first."""
    image: str | None = None
    published: datetime | None = None
    published_precision: Precision = "unknown"
    published_from: Origin = "unknown"
    published_offset: timedelta | None = None
    """Of the zone the time was written in, else of the source's zone, where one of them is known:
    tells the day as readers there saw it."""
    modified: datetime | None = None
    paywalled: bool = False
    site_name: str | None = None
    extractor: str = ""
    """Which candidate was taken for the body, and why, in a few words."""
    confidence: float = 0.0
    """0 to 1: agreement of the candidates."""
    candidates: tuple[Candidate, ...] = ()
    """The texts that were compared, the one taken first."""
    form: Form = "article"
    next_page: str | None = None
    """Where the article goes on, when it is printed on several pages."""
    further_pages: tuple[str, ...] = ()
    """Addresses of the pages that were joined to the first."""
    traits: Traits = field(default_factory=Traits)


NotArticleReason = Literal[
    "not_html", "empty", "index", "challenge", "consent", "login", "not_found", "too_large"
]


@dataclass(frozen=True, slots=True)
class NotArticle:
    """A page that holds no article, and what it is instead."""

    url: str
    reason: NotArticleReason
    detail: str
    """One line for a person."""
    retry: bool = False
    """Whether a later visit may well find one (a challenge, a login wall, an empty shell)."""


@dataclass(frozen=True, slots=True)
class PageItem:
    """A fetched page on its way to becoming the article of an entry."""

    entry_id: int
    page: Page
    hints: Hints
    article_id: int | None = None
    """Of a page that is visited again: its article."""
    by_source: bool = False
    """Whether the page was made of what the source gave, and was not fetched."""
    look_only: bool = False
    """Whether it is only looked at for a removal: its text is not taken."""


@dataclass(frozen=True, slots=True)
class OutcomeItem:
    """What a fetched page turned out to be."""

    entry_id: int
    page: Page
    hints: Hints
    outcome: ArticleItem | NotArticle
    article_id: int | None = None
    """Of a page that was visited again: its article."""
    look_only: bool = False
    """As `PageItem.look_only`."""
