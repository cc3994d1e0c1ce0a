"""When an article was published: the evidence, in order of trust, and what is refused.

1. the news sitemap's publication date;
2. JSON-LD `datePublished` of this page's article node (never `dateCreated`);
3. `article:published_time` and its kin, and `itemprop=datePublished`;
4. the feed's date of publication;
5. `<time>` in or beside the article;
6. a day in the address;
7. a date printed with the headline.

Dates more than a day in the future, or before 1990, are refused. Evidence of 5 to 7 that names the
day of fetching is none: themes print today's date in headers, so such a page's date is unknown.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawler.dates import parse_date
from crawler.extraction.blocks import Block
from crawler.extraction.lexicon import names, words_of
from crawler.extraction.structured import Structured, item_value, string
from crawler.extraction.tree import Element, Tree
from crawler.items import Hints, Origin, Page, Precision

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(hours=24)
_META_FIRST = (
    "article:published_time", "og:article:published_time", "og:published_time", "datepublished",
)  # fmt: skip
_META_LATER = (
    "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime", "publish-date",
    "cxenseparse:publishtime", "publish_date", "publishdate", "publication_date", "pubdate",
    "published_time", "dc.date.issued", "dcterms.issued", "dc.date.published", "ptime",
    "citation_publication_date", "citation_date", "article.published", "published-date",
    "published_at", "date.available", "originalpublicationdate", "article_date_original",
    "displaydate", "bt:pubdate", "dcterms.created", "dc.date.created", "dc.date", "dcterms.date",
    "date", "rnews:datepublished", "vr:published_time", "shareaholic:article_published_time",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "lastmod",
    "dc.date.modified", "last-modified", "revision_date",
)  # fmt: skip
_URL_DAY = re.compile(
    r"(?<!\d)(199\d|20\d\d)([/._-]?)(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"
)
_CHANGED = names(r"modified | updated? | last-\w+ | changed | revised | edited")
_PUBLISHED = names(r"published | entry-date | post-date | pub-date")
_CHANGED_TEXT = re.compile(
    r"\b(?:updated|modified|last (?:changed|update)|aktualisiert|geändert|mis à jour|modifié|"
    r"actualizado|aggiornato|atualizado|bijgewerkt|обновлен\w*|обновлено|güncellen\w*)\b|"
    r"اپڈیٹ|به‌?روز|آخری|تحديث",
    re.IGNORECASE,
)
_PUBLISHED_TEXT = re.compile(
    r"\b(?:published|posted|veröffentlicht|publié|publicado|pubblicato|gepubliceerd|"
    r"опубликован\w*|yayınlan\w*)\b|شائع|منتشر|نشر",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Published:
    """The verdict on a page's dates."""

    at: datetime | None = None
    precision: Precision = "unknown"
    origin: Origin = "unknown"
    offset: timedelta | None = None
    """Of the zone the date was written in, when it was written in one."""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Evidence:
    origin: Origin
    text: str
    heuristic: bool


def find_published(
    tree: Tree, claims: Structured, blocks: list[Block], page: Page, hints: Hints, place: "Place"
) -> Published:
    """The time of publication by the first evidence that holds."""
    modified = _modified(claims, page, hints)
    for evidence in _evidence(tree, claims, blocks, page, hints, place):
        found = _believed(evidence, page, hints)
        if found is not None:
            return Published(found[0], found[1], evidence.origin, found[2], modified)
    return Published(modified=modified)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the page the article stands."""

    headline: int
    """Position of its block; -1 when it is not printed."""
    first: int
    """Position of the first paragraph's block; -1 when there is none."""


def _evidence(
    tree: Tree, claims: Structured, blocks: list[Block], page: Page, hints: Hints, place: Place
) -> Iterator[_Evidence]:
    entry = hints.entry
    listed = entry.published.isoformat() if entry and entry.published else ""
    if entry and listed and entry.published_from == "news_sitemap":
        yield _Evidence("news_sitemap", listed, False)
    for name in ("datePublished", "uploadDate"):
        yield _Evidence("json_ld", string(claims.node.get(name)), False)
    for key in _META_FIRST:
        yield _Evidence("meta", claims.first(key), False)
    for item in claims.items.get("datepublished", ()):
        yield _Evidence("meta", item_value(item), False)
    for key in _META_LATER:
        yield _Evidence("meta", claims.first(key), False)
    if entry and listed and entry.published_from != "news_sitemap":
        yield _Evidence(entry.published_from, listed, False)
    yield from (_Evidence("time_tag", text, True) for text in _time_tags(tree, blocks, place))
    yield _Evidence("url", url_day(page.url), True)
    yield from (_Evidence("text", text, True) for text in _printed(blocks, place))


def _believed(
    evidence: _Evidence, page: Page, hints: Hints
) -> tuple[datetime, Precision, timedelta | None] | None:
    if not evidence.text:
        return None
    zone = hints.timezone
    parsed = parse_date(evidence.text, timezone=zone, fetched_at=page.fetched_at)
    if parsed is None or not _EARLIEST <= parsed.at <= page.fetched_at + _AHEAD:
        return None
    if evidence.heuristic and _is_day_of_fetching(parsed.at, page.fetched_at):
        return None
    return parsed.at, parsed.precision, written_offset(evidence.text)


def _is_day_of_fetching(at: datetime, fetched_at: datetime) -> bool:
    """Within the same day of any zone on earth."""
    return abs((at.astimezone(UTC).date() - fetched_at.astimezone(UTC).date()).days) <= 1


_OFFSET = re.compile(r"\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d+)?)?\s*([+-])(\d{2}):?(\d{2})\s*$")


def written_offset(text: str) -> timedelta | None:
    """The UTC offset a machine-readable time ends in; None when it names none."""
    found = _OFFSET.search(text)
    if not found:
        return timedelta(0) if text.strip().endswith("Z") else None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if size > timedelta(hours=14):
        return None
    return -size if found[1] == "-" else size


def url_day(url: str) -> str:
    """The day that a web address holds, as ISO text; empty when it holds none."""
    path = url.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    for found in _URL_DAY.finditer(path):
        if found[2] or len(found[3]) == len(found[4]) == 2:
            return f"{found[1]}-{int(found[3]):02}-{int(found[4]):02}"
    return ""


def _time_tags(tree: Tree, blocks: list[Block], place: Place) -> Iterator[str]:
    """Texts of the <time> elements by the headline, those of changes last."""
    if place.headline < 0:
        return
    start = blocks[place.headline].element.index
    end = blocks[place.first].element.index if place.first >= 0 else start
    found = [element for element in tree.all("time") if _near(element, start, end)]
    changed = [element for element in found if _says_changed(element)]
    for element in [*(one for one in found if one not in changed), *changed]:
        yield element.get("datetime") or element.text()


def _near(element: Element, start: int, end: int) -> bool:
    """Shortly before the headline, or between it and the text, and in no card or link."""
    if any(above.tag in {"a", "nav", "aside"} for above in element.ancestors()):
        return False
    return start - 12 <= element.index <= max(end, start + 40)


def _says_changed(element: Element) -> bool:
    """Whether it tells of a change; WordPress names dates of publication "published updated"."""
    names_here = words_of(element.label[:300])
    if _CHANGED.search(names_here) and not _PUBLISHED.search(names_here):
        return True
    around = element.parent.text()[:80] if element.parent else ""
    return bool(_CHANGED_TEXT.search(around)) and not _PUBLISHED_TEXT.search(around)


def _printed(blocks: list[Block], place: Place) -> Iterator[str]:
    """Short texts between headline and first paragraph."""
    if place.headline < 0:
        return
    for block in blocks[place.headline + 1 : max(place.first, place.headline + 8)]:
        if len(block.text) <= 160:
            yield block.text


def _modified(claims: Structured, page: Page, hints: Hints) -> datetime | None:
    texts = [string(claims.node.get("dateModified")), *[claims.first(key) for key in _MODIFIED]]
    texts += [item_value(item) for item in claims.items.get("datemodified", ())]
    if hints.entry and hints.entry.modified:
        texts.append(hints.entry.modified.isoformat())
    for text in texts:
        parsed = parse_date(text, timezone=hints.timezone) if text else None
        if parsed and _EARLIEST <= parsed.at <= page.fetched_at + _AHEAD:
            return parsed.at
    return None
