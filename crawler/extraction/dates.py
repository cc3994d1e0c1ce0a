"""When an article was published: the evidence, in order of trust, and what is refused.

1. the news sitemap's publication date;
2. JSON-LD `datePublished` of this page's article node (never `dateCreated`);
3. `article:published_time` and its kin, and `itemprop=datePublished`;
4. the feed's date of publication;
5. a line that says when the article was first published;
6. `<time>` by the headline, or named as the date of publication in the same article;
7. a day in the address or at the end of the <title>;
8. a date printed by the headline, then one that opens the text ("Berlin, 3 May 2021 - …"), then
   one labelled as that of publication elsewhere on the page, if there is just one;
9. metas that sites fill with any date ("date", "dc.date").

Dates more than a day in the future, or before 1990, are refused. Evidence of 5 to 8 that names the
day of fetching is none: themes print today's date in headers, so such a page's date is unknown.
What is labelled as a change ("Updated …") is kept as `modified` and dates nothing. Sites that stamp
every edit as publication are caught where the printed date is days older than the machine's.

The day that readers saw is that of the zone the time is written in. Where a machine writes UTC and
the address has the day before or after, the offset is the one other times of the page are in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from crawler.dates import is_believable, parse_date
from crawler.extraction.blocks import Block
from crawler.extraction.lexicon import is_byline, names
from crawler.extraction.lines import Known, date_key
from crawler.extraction.structured import Structured, item_value, string
from crawler.extraction.tree import Element, Tree
from crawler.items import Hints, Origin, Page, Precision

_META = (
    "article:published_time", "og:article:published_time", "og:published_time", "datepublished",
)  # fmt: skip
_META_LATER = (
    "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime", "publish-date",
    "cxenseparse:publishtime", "publish_date", "publishdate", "publication_date", "pubdate",
    "published_time", "dc.date.issued", "dcterms.issued", "dc.date.published", "ptime",
    "citation_publication_date", "citation_date", "article.published", "published-date",
    "published_at", "originalpublicationdate", "article_date_original", "displaydate",
    "bt:pubdate", "rnews:datepublished", "vr:published_time", "release_date",
    "shareaholic:article_published_time",
)  # fmt: skip
_META_WEAK = (
    "date", "dc.date", "dcterms.date", "dcterms.created", "dc.date.created", "date.available",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "lastmod",
    "dc.date.modified", "last-modified", "revision_date",
)  # fmt: skip
_YEAR_FIRST = re.compile(
    r"(?<!\d)(199\d|20\d\d)([/._-]?)(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"
)
_DAY_FIRST = re.compile(r"(?<!\d)(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.(199\d|20\d\d)(?!\d)")
_PUBLISHED = names(r"published | entry-date | post-date | pub-date | publish-date | date-published")
_CHANGED = names(r"modified | updated? | last-\w+ | changed | revised | edited")
_CHANGED_TEXT = re.compile(
    r"\b(?:updated|modified|last (?:changed|update)|aktualisiert|geändert|mis à jour|modifié|"
    r"mise à jour|actualizado|aggiornato|atualizado|bijgewerkt|обновлен\w*|güncellen\w*)\b|"
    r"اپڈیٹ|به‌?روز|آخری|تحديث|更新",
    re.IGNORECASE,
)
_PUBLISHED_TEXT = re.compile(
    r"\b(?:(?:re\W?)?published|posted|veröffentlicht|erstellt|publié|publicado|pubblicato|gepubliceerd|"
    r"опубликован\w*|yayınlan\w*)\b|شائع|منتشر|نشر|公開|発表",
    re.IGNORECASE,
)
_FIRST_PUBLISHED = re.compile(
    r"(?:originally|first) (?:published|posted|appeared) (?:on|at|in)?|"
    r"(?:zuerst|erstmals|ursprünglich) (?:veröffentlicht|erschienen) am|"
    r"publié (?:initialement|pour la première fois) le|publicado (?:originalmente|por primera vez)",
    re.IGNORECASE,
)
_DATELINE = re.compile(r"^(.{6,60}?)\s*(?:[|–—]|\s-|:)\s")
_GLUED = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[A-Z][a-z])")
_LONGEST_PRINTED = 160  # characters; longer lines are sentences, which speak of other days
_MAX_TIMES = 200
_LONGEST_LABEL = 80
_JUST_ABOVE = 5  # blocks of no kind above the headline that may be a date alone
_ABOVE = 10  # blocks before the headline among which a byline is looked for
_STAMPED = timedelta(days=3)
_NOT_OF_PAGE = frozenset({"caption", "furniture", "talk", "ad", "consent"})


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
class Place:
    """Where on the page the article stands."""

    headline: int
    """Position of its block; -1 when it is not printed."""
    first: int
    """Position of the first paragraph's block; -1 when there is none."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    origin: Origin
    text: str
    stated: bool = False
    """Whether a machine-readable field says it, not a look at the page."""
    alone: bool = False
    """Whether it is a date of publication by name, or a line by the headline and nothing else."""


def find_published(
    tree: Tree,
    claims: Structured,
    blocks: list[Block],
    page: Page,
    hints: Hints,
    place: Place,
    selected: str = "",
    known: Known = frozenset(),
) -> Published:
    """The time of publication by the first evidence that holds.

    `selected` is what the source's own selector chose: it comes before all else. `known` are lines
    that stand on many pages of the site: a date among them is the template's.
    """
    modified = _modified(claims, page, hints)
    near = [*_shown_times(tree, blocks, place), *_shown_texts(tree, blocks, page, place)]
    near.sort(key=lambda evidence: not _PUBLISHED_TEXT.match(evidence.text))
    shown = [*_first_published(blocks), *near, *_opening(blocks, place), *_labelled(blocks)]
    weak = (_Evidence("meta", claims.first(key), True) for key in _META_WEAK)
    chosen = _Evidence("text", selected, True)
    for evidence in (chosen, *_stated(claims, hints), *shown, *weak):
        found = _believed(evidence, page, hints)
        if found is None or _is_of_template(found, known):
            continue
        found = replace(found, modified=modified)
        if evidence.origin in {"json_ld", "meta"}:
            found = _unstamped(_as_seen_there(found, tree, page), shown, page, hints)
        return found
    return Published(modified=modified)


def _stated(claims: Structured, hints: Hints) -> Iterator[_Evidence]:
    entry = hints.entry
    listed = entry.published.isoformat() if entry and entry.published else ""
    if entry and entry.published_from == "news_sitemap":
        yield _Evidence("news_sitemap", listed, True)
    for name in ("datePublished", "uploadDate"):
        yield _Evidence("json_ld", string(claims.node.get(name)), True)
    for key in _META:
        yield _Evidence("meta", claims.first(key), True)
    for item in claims.items.get("datepublished", ()):
        yield _Evidence("meta", item_value(item), True)
    if entry and entry.published_from != "news_sitemap":
        yield _Evidence(entry.published_from, listed, True)
    for key in _META_LATER:
        yield _Evidence("meta", claims.first(key), True)


def _believed(evidence: _Evidence, page: Page, hints: Hints) -> Published | None:
    if not evidence.text:
        return None
    parsed = parse_date(evidence.text, timezone=hints.timezone, fetched_at=page.fetched_at)
    if parsed is None or not is_believable(parsed.at, page.fetched_at):
        return None
    if not evidence.stated and _is_day_of_fetching(parsed.at, page.fetched_at):
        return None
    # What a source lists was turned into UTC when it was read.
    offset = None if evidence.origin in {"feed", "api", "news_sitemap"} else parsed.offset
    if offset is None and hints.timezone != "UTC":
        offset = parsed.at.astimezone(ZoneInfo(hints.timezone)).utcoffset()
    return Published(parsed.at, parsed.precision, evidence.origin, offset)


def _is_of_template(found: Published, known: Known) -> bool:
    return found.at is not None and bool(known) and date_key(found.at, found.origin) in known


def _is_day_of_fetching(at: datetime, fetched_at: datetime) -> bool:
    """Within the same day of any zone on earth."""
    return abs((at.astimezone(UTC).date() - fetched_at.astimezone(UTC).date()).days) <= 1


def _unstamped(found: Published, shown: list[_Evidence], page: Page, hints: Hints) -> Published:
    """The date printed by the headline, where the machine's is later and only the last edit's."""
    if found.at is None or not found.modified or abs(found.modified - found.at) > _STAMPED:
        return found
    for evidence in shown:
        printed = _believed(evidence, page, hints) if evidence.alone else None
        if printed and printed.at and printed.at + _STAMPED < found.at:
            return replace(printed, modified=found.modified)
    return found


def _as_seen_there(found: Published, tree: Tree, page: Page) -> Published:
    """With the page's own offset, where the time is in UTC and the address has the next day."""
    day = url_day(page.url)
    if found.at is None or found.offset or not day or found.precision != "minute":
        return found
    if found.at.date().isoformat() == day:
        return found
    for element in islice(tree.all("time"), _MAX_TIMES):
        offset = written_offset(element.get("datetime"))
        if offset and (found.at + offset).date().isoformat() == day:
            return replace(found, offset=offset)
    return found


_OFFSET = re.compile(r"\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d+)?)?\s*([+-])(\d{2}):?(\d{2})\s*$")


def written_offset(text: str) -> timedelta | None:
    """The UTC offset a machine-readable time ends in; None when it names none."""
    found = _OFFSET.search(text)
    if not found:
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if size > timedelta(hours=14):
        return None
    return -size if found[1] == "-" else size


def url_day(url: str) -> str:
    """The day that a web address holds, as ISO text; empty when it holds none."""
    path = url.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    for found in _YEAR_FIRST.finditer(path):
        if found[2] or len(found[3]) == len(found[4]) == 2:
            return f"{found[1]}-{int(found[3]):02}-{int(found[4]):02}"
    last = _DAY_FIRST.search(path)
    return f"{last[3]}-{int(last[2]):02}-{int(last[1]):02}" if last else ""


def _shown_times(tree: Tree, blocks: list[Block], place: Place) -> Iterator[_Evidence]:
    """The <time> elements by the headline, and those named published in the same article."""
    if place.headline < 0:
        return
    heading = blocks[place.headline].element
    end = blocks[place.first].element.index if place.first >= 0 else heading.index
    own = next((above for above in heading.ancestors() if above.tag == "article"), tree.body)
    near: list[str] = []
    named: list[str] = []
    for element in islice(tree.all("time"), _MAX_TIMES):
        if _is_elsewhere(element) or says_changed(element):
            continue
        text = element.get("datetime") or element.text()
        if heading.index - 12 <= element.index <= max(end, heading.index + 40):
            near.append(text)
        elif own.contains(element) and _is_named_published(element):
            named.append(text)
    if len({text[:10] for text in named}) > 1:
        named = []  # of several articles
    yield from (_Evidence("time_tag", text) for text in near)
    yield from (_Evidence("time_tag", text, alone=True) for text in named)


def _is_elsewhere(element: Element) -> bool:
    """Whether it stands where other stories are listed."""
    tags = {above.tag for above in element.ancestors()}
    return bool(tags & {"nav", "aside"}) or (
        bool(tags & {"a", "li"}) and not _is_named_published(element)
    )


def _is_named_published(element: Element) -> bool:
    return "pubdate" in element.attrs or _PUBLISHED.stand_in(element.label)


def says_changed(element: Element) -> bool:
    """Whether a date is that of a change, by its name or by the words just before it.

    WordPress names dates of publication "published updated".
    """
    if _is_named_published(element):
        return False
    if _CHANGED.stand_in(element.label):
        return True
    around = element.parent.text() if element.parent else ""
    own = element.text()
    before = (around.partition(own)[0] if own else around)[-60:]
    changed = [match.end() for match in _CHANGED_TEXT.finditer(before)]
    published = [match.end() for match in _PUBLISHED_TEXT.finditer(before)]
    return max(changed, default=-1) > max(published, default=-1)


def _shown_texts(tree: Tree, blocks: list[Block], page: Page, place: Place) -> Iterator[_Evidence]:
    """Days in the address and the <title>, and short lines by the headline."""
    yield _Evidence("url", url_day(page.url))
    title = next((element.text() for element in tree.all("title")), "")
    segments = re.split(r"\s+[|–-]\s+", title)[1:]
    yield from (_Evidence("text", part) for part in segments if len(part) < 24)
    if place.headline < 0:
        return
    for block in _by_headline(blocks, place):
        text = _before_change(_GLUED.sub(" ", block.text))
        if text:
            yield _Evidence("text", text, alone=_is_date_alone(text))


def _by_headline(blocks: list[Block], place: Place) -> Iterator[Block]:
    """Short blocks below the headline, then those above it, the nearest first."""
    heading = blocks[place.headline]
    after = blocks[place.headline + 1 : max(place.first, place.headline + 8)]
    above = blocks[max(0, place.headline - _ABOVE) : place.headline]
    framed = [block for block in after if block.kind in {"page", "furniture"}]
    framed = [b for b in framed if is_byline(b.text) or _is_date_alone(b.text)]
    own = {id(block) for block in framed} if len(framed) == 1 else set()
    for n, block in enumerate(reversed(above)):
        if block.kind == "byline" or (n < 3 and not block.kind):
            after.append(block)
        elif n < _JUST_ABOVE and block.kind in {"", heading.kind} and _holds_date(block.text):
            after.append(block)
            own.add(id(block))
    for block in after:
        if len(block.text) <= _LONGEST_PRINTED and (
            block.kind not in _NOT_OF_PAGE or id(block) in own
        ):
            yield block


def _first_published(blocks: list[Block]) -> Iterator[_Evidence]:
    """Lines that say when this was first published, wherever they stand."""
    for block in blocks:
        if len(block.text) <= _LONGEST_PRINTED and block.kind in {"", "byline", "tags"}:
            found = _FIRST_PUBLISHED.search(block.text)
            if found:
                yield _Evidence("text", block.text[found.end() : found.end() + 30], alone=True)


def _opening(blocks: list[Block], place: Place) -> Iterator[_Evidence]:
    """The dateline of the first paragraph: a day before a dash or bar."""
    if place.headline >= 0:
        for block in blocks[place.headline + 1 : max(place.first, place.headline + 2) + 1]:
            found = _DATELINE.match(block.text) if block.is_prose else None
            if found:
                yield _Evidence("text", found[1])


def _labelled(blocks: list[Block]) -> Iterator[_Evidence]:
    """A date that a label calls that of publication, where the page has just one."""
    lines = [
        block.text
        for block in blocks
        if block.kind in {"", "byline", "tags"}
        and len(block.text) <= _LONGEST_LABEL
        and _PUBLISHED_TEXT.match(block.text.lstrip("("))
    ]
    if len(set(lines)) == 1:
        yield _Evidence("text", lines[0])


def _is_date_alone(text: str) -> bool:
    return len(text) <= 30 and sum(character.isdigit() for character in text) >= 5


def _holds_date(text: str) -> bool:
    told = _before_change(_GLUED.sub(" ", text))
    return len(text) <= _LONGEST_LABEL and parse_date(told) is not None


def _before_change(text: str) -> str:
    """The text up to where it speaks of a change; whole where publication is named after that."""
    changed, published = _CHANGED_TEXT.search(text), _PUBLISHED_TEXT.search(text)
    if changed is None or (published and published.start() < changed.start()):
        return text
    return text[published.start() :] if published else text[: changed.start()]


def _modified(claims: Structured, page: Page, hints: Hints) -> datetime | None:
    texts = [string(claims.node.get("dateModified")), *[claims.first(key) for key in _MODIFIED]]
    texts += [item_value(item) for item in claims.items.get("datemodified", ())]
    if hints.entry and hints.entry.modified:
        texts.append(hints.entry.modified.isoformat())
    for text in texts:
        parsed = parse_date(text, timezone=hints.timezone) if text else None
        if parsed and is_believable(parsed.at, page.fetched_at):
            return parsed.at
    return None
