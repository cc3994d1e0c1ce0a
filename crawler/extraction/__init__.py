"""A page becomes an article: its title, standfirst, body, captions, people, times and language.

`extract` is the one door. It is pure (no store, network or clock), never raises for any bytes, and
may be slow only where a parser is: whoever calls it sets a deadline.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urljoin

from crawler.extraction.authors import clean_authors, find_authors
from crawler.extraction.blocks import Block, read_blocks
from crawler.extraction.bounds import MAX_TEXT, bounded, is_garbage
from crawler.extraction.candidates import Body, choose_body
from crawler.extraction.dates import Place, Published, find_published
from crawler.extraction.encoding import decode
from crawler.extraction.forms import find_form
from crawler.extraction.language import find_language
from crawler.extraction.lines import (
    Known,
    date_key,
    lines_of,
    mark_known,
    unpacked,
    without_known,
)
from crawler.extraction.notarticle import judge
from crawler.extraction.pages import find_next_page
from crawler.extraction.selection import Selected, read_selected
from crawler.extraction.structured import Structured, read_structured, string, strings
from crawler.extraction.titles import find_title, site_name
from crawler.extraction.tree import Tree, parse
from crawler.extraction.zoned import ZonedText, zoned_texts
from crawler.extraction.zones import Zones, find_zones
from crawler.items import ArticleItem, Candidate, Hints, NotArticle, Page, Traits
from crawler.text import clean_line, clean_text
from crawler.urls import believable_canonical, clean_url

__all__ = ["NO_ADDRESS", "Dissection", "ZonedText", "dissect", "extract"]

_HTML_TYPES = ("text/html", "application/xhtml", "application/xml", "text/xml", "text/plain")
_SNIFF = 2048
NO_ADDRESS = "https://page.invalid/"
"""Stands for the address of a page that came without one and names none."""


@dataclass(frozen=True, slots=True)
class Dissection:
    """What a page is, with every piece of its visible text and the zone it was put in."""

    outcome: ArticleItem | NotArticle
    texts: tuple[ZonedText, ...] = ()
    """In the page's order; empty for what is no page at all."""


def extract(page: Page, hints: Hints) -> ArticleItem | NotArticle:
    """The article of a page, or what the page is instead."""
    return _read(page, hints, _judge)


def dissect(page: Page, hints: Hints) -> Dissection:
    """As `extract`, with all zones of the page: for people who want to see what was left out."""
    return _read(page, hints, _dissected, Dissection)


def _as_it_is(refused: NotArticle) -> NotArticle:
    return refused


def _dissected(found: _Findings) -> Dissection:
    texts = zoned_texts(found.blocks, found.zones)
    return Dissection(_judge(found), tuple(texts))


T = TypeVar("T")


def _read(
    page: Page,
    hints: Hints,
    conclude: Callable[[_Findings], T],
    refuse: Callable[[NotArticle], T] = _as_it_is,  # type: ignore[assignment]
) -> T:
    refused = _refused(page)
    if refused:
        return refuse(refused)
    text = decode(page.body, page.content_type)
    if len(text) > MAX_TEXT:
        return refuse(NotArticle(page.url, "too_large", f"{len(text):,} characters"))
    if is_garbage(text):
        return refuse(NotArticle(page.url, "not_html", "the bytes are no text in any encoding"))
    text = bounded(text)
    with _collector_paused():
        # In a function of its own: what it holds is gone before the collector looks.
        return _concluded(page, hints, text, conclude)


def _concluded(page: Page, hints: Hints, text: str, conclude: Callable[[_Findings], T]) -> T:
    tree = parse(text)
    try:
        page = page if page.url else replace(page, url=_claimed_address(tree))
        return conclude(_find(page, hints, tree, read_selected(text, hints.select)))
    finally:
        tree.dissolve()


def _claimed_address(tree: Tree) -> str:
    """Where a page of unknown address says that it stands."""
    claims = read_structured(tree, NO_ADDRESS)
    for claim in (claims.canonical, claims.first("og:url"), string(claims.node.get("url"))):
        if claim and (address := clean_url(claim)):
            return address
    return NO_ADDRESS


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without cycle collection.

    A page's objects live until its end, and finding that out again and again took a fifth of the
    time; `Tree.dissolve` frees them without the collector.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Findings:
    """Everything that is read off a page before it is judged."""

    page: Page
    hints: Hints
    tree: Tree
    claims: Structured
    selected: Selected
    known: Known
    title: str
    blocks: list[Block]
    zones: Zones
    body: Body


def _find(page: Page, hints: Hints, tree: Tree, selected: Selected) -> _Findings:
    claims = read_structured(tree, page.url)
    title = selected.title or find_title(tree, claims, page.url)
    summary = claims.first("og:description", "description", "twitter:description")
    known = unpacked(hints.furniture)
    blocks, zones = _zoned(tree, title, summary, known, page.url, by_name=True)
    if not zones.body:  # names lie: once more with the plainest of them only
        blocks, zones = _zoned(tree, title, summary, known, page.url, by_name=False)
    own = "\n\n".join(without_known(zones.body, known, title))
    body = choose_body(claims, blocks, own, hints)
    if selected.body:
        body = _selected_body(selected.body, body)
    return _Findings(page, hints, tree, claims, selected, known, title, blocks, zones, body)


def _zoned(
    tree: Tree, title: str, summary: str, known: Known, url: str, *, by_name: bool
) -> tuple[list[Block], Zones]:
    blocks = read_blocks(tree, title, by_name=by_name)
    mark_known(blocks, known, title, url)
    return blocks, find_zones(tree, blocks, title, summary)


def _selected_body(text: str, other: Body) -> Body:
    chosen = Candidate("select", len(text.split()), 1.0)
    return Body(text, "select", 1.0, (chosen, *other.candidates))


def _judge(found: _Findings) -> ArticleItem | NotArticle:
    if not found.selected.body:
        refused = judge(
            found.tree, found.claims, found.blocks, found.body.text, found.title, found.page.url
        )
        if refused:
            return refused
    return _article(found)


def _refused(page: Page) -> NotArticle | None:
    kind = (page.content_type or "").split(";")[0].strip().lower()
    start = page.body[:_SNIFF].lstrip().lower()
    if kind and not kind.startswith(_HTML_TYPES):
        return NotArticle(page.url, "not_html", f"content type {clean_line(kind, 80)}")
    if not page.body.strip():
        return NotArticle(page.url, "empty", "no bytes at all", retry=True)
    if start.startswith(
        (b"%pdf", b"\x89png", b"gif8", b"\xff\xd8\xff", b"pk\x03\x04", b"\x1f\x8b")
    ):
        return NotArticle(page.url, "not_html", "the bytes are those of another kind of file")
    if start.startswith((b"<rss", b"<feed", b"<urlset", b"<sitemapindex")) or (
        start.startswith(b"<?xml")
        and (b"<rss" in start or b"<feed" in start or b"<urlset" in start)
    ):
        return NotArticle(page.url, "not_html", "a feed or sitemap, not a page")
    return None


def _article(found: _Findings) -> ArticleItem:
    page, hints, tree, claims = found.page, found.hints, found.tree, found.claims
    blocks, zones, body, title = found.blocks, found.zones, found.body, found.title
    site = clean_line(site_name(claims), 200)
    text = clean_text(body.text)
    place = Place(zones.headline, zones.first)
    published = find_published(
        tree, claims, blocks, page, hints, place, found.selected.date, found.known
    )
    return ArticleItem(
        url=clean_url(page.url) or page.url,
        canonical_url=_canonical(claims, page.url),
        title=title or _entry_title(hints),
        standfirst=clean_text(zones.standfirst),
        body=text,
        captions=clean_text("\n".join(zones.captions)),
        authors=find_authors(tree, claims, blocks, site, zones.headline, zones.first)
        or _entry_authors(hints, site),
        section=_section(claims),
        tags=_tags(claims),
        lang=find_language(f"{title}\n{text}", *_languages(tree, claims, hints)),
        image=_image(claims, page.url),
        published=published.at,
        published_precision=published.precision,
        published_from=published.origin,
        published_offset=published.offset,
        modified=published.modified,
        paywalled=_paywalled(claims),
        site_name=site or None,
        extractor=body.extractor,
        confidence=body.confidence,
        candidates=body.candidates,
        form=find_form(claims, text),
        next_page=find_next_page(tree, page.url),
        traits=_traits(found, published),
    )


def _traits(found: _Findings, published: Published) -> Traits:
    blocks, zones = found.blocks, found.zones
    places = {*zones.places, zones.standfirst_at} - {-1}
    places |= {n for n, block in enumerate(blocks) if block.kind == "known"}
    lines = lines_of(blocks, sorted(places), found.page.url)
    if published.at and published.origin in {"text", "time_tag", "meta", "json_ld"}:
        lines = (*lines, date_key(published.at, published.origin))
    shown = [block for block in blocks if block.kind not in {"hidden", "talk"}]
    return Traits(
        lines=lines,
        visible=sum(len(block.text) for block in shown),
        taken=len(found.body.text),
        furniture=sum(1 for block in shown if block.kind),
    )


def _entry_title(hints: Hints) -> str:
    return clean_line(hints.entry.title or "", 500) if hints.entry else ""


def _entry_authors(hints: Hints, site: str) -> tuple[str, ...]:
    return clean_authors(list(hints.entry.authors), site) if hints.entry else ()


def _canonical(claims: Structured, url: str) -> str:
    for claim in (claims.canonical, claims.first("og:url")):
        believed = believable_canonical(claim, url) if claim else None
        if believed:
            return believed
    return clean_url(url) or url


def _section(claims: Structured) -> str | None:
    section = string(claims.node.get("articleSection")) or claims.first("article:section")
    return clean_line(section, 100) or None


def _tags(claims: Structured) -> tuple[str, ...]:
    raw = strings(claims.node.get("keywords")) or claims.meta.get("article:tag", [])
    if not raw:
        raw = [claims.first("news_keywords", "keywords")]
    tags = [clean_line(tag, 100) for text in raw for tag in text.split(",")]
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:50]


def _languages(tree: Tree, claims: Structured, hints: Hints) -> tuple[str | None, ...]:
    entry = hints.entry.lang if hints.entry else None
    return (
        tree.root.get("lang") or tree.root.get("xml:lang"),
        string(claims.node.get("inLanguage")),
        claims.first("og:locale", "content-language"),
        entry,
        hints.lang,
    )


def _image(claims: Structured, url: str) -> str | None:
    node = claims.node.get("image")
    if isinstance(node, list):
        node = node[0] if node else None
    if isinstance(node, dict):
        node = node.get("url") or node.get("contentUrl")
    for claim in (claims.first("og:image", "og:image:url", "twitter:image"), string(node)):
        address = clean_url(urljoin(url, claim)) if claim else None
        if address:
            return address
    return None


def _paywalled(claims: Structured) -> bool:
    claim = claims.node.get("isAccessibleForFree")
    tier = claims.first("article:content_tier").lower()
    return claim is False or str(claim).lower() == "false" or tier in {"locked", "metered"}
