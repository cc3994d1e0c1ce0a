"""RSS 0.9x, 1.0 and 2.0, RDF and Atom 0.3 and 1.0: a tree to entries.

Names are matched by local name and the usual prefix of the namespace, whatever prefix or version
the feed uses, so that undeclared and misspelt namespaces do no harm.
"""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

from lxml import etree

from crawler.items import DocumentError, EntryItem
from crawler.sources.entries import (
    LONGEST_GUID,
    Feed,
    content_of,
    dated,
    first_date,
    language_of,
    names_of,
    person,
    refuse_too_many,
    summary_of,
    title_of,
)  # fmt: skip
from crawler.sources.markup import what_is
from crawler.text import clean_line
from crawler.urls import listed_url

Element = etree._Element

_PREFIXES = {
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/syndication/": "sy",
    "http://www.w3.org/2005/atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.pheedo.com/namespace/pheedo": "pheedo",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
}
_XML = "{http://www.w3.org/XML/1998/namespace}"
_RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"


def _name(element: Element) -> str:
    return _usual_name(str(element.tag))


@lru_cache(maxsize=1024)
def _usual_name(tag: str) -> str:
    """`prefix:local` in lower case, with the usual prefix of known namespaces and none for RSS."""
    namespace, brace, local = tag.rpartition("}")
    if not brace:
        return tag.lower()
    prefix = _PREFIXES.get(namespace[1:].lower(), "")
    return f"{prefix}:{local.lower()}" if prefix else local.lower()


def _local(element: Element) -> str:
    return _name(element).rpartition(":")[2]


def _text(element: Element | None) -> str:
    return "" if element is None else "".join(str(part) for part in element.itertext())


class _Fields:
    """The children of an element by name."""

    def __init__(self, element: Element) -> None:
        self.element = element
        self._by_name: dict[str, list[Element]] = {}
        for child in element:
            self._by_name.setdefault(_name(child), []).append(child)

    def all(self, *names: str) -> Iterator[Element]:
        for name in names:
            yield from self._by_name.get(name, ())

    def texts(self, *names: str) -> Iterator[str]:
        return (text for element in self.all(*names) if (text := _text(element).strip()))

    def first(self, *names: str) -> str | None:
        return next(self.texts(*names), None)


_ROOTS = {"rss", "rdf", "feed", "channel"}
_TITLES = ("title", "atom:title", "dc:title", "media:title")
_LANGUAGES = ("language", "dc:language")
_PUBLISHED = (
    "pubdate", "atom:published", "published", "dc:date", "dcterms:issued", "atom:issued", "issued",
    "dcterms:created", "atom:created", "created", "date",
)  # fmt: skip
_MODIFIED = (
    "atom:updated", "updated", "dcterms:modified", "atom:modified", "modified", "lastbuilddate",
)  # fmt: skip
_SUMMARIES = (
    "description", "atom:summary", "summary", "dc:description", "media:description",
    "itunes:summary", "itunes:subtitle",
)  # fmt: skip
_CONTENTS = (
    "content:encoded",
    "atom:content",
    "content",
    "xhtml:body",
    "xhtml:div",
    "fullitem",
    "body",
)
_AUTHORS = ("dc:creator", "atom:author", "author", "dc:author", "itunes:author")
_TAGS = ("category", "atom:category", "dc:subject")


def read_xml(root: Element, url: str, timezone: str) -> Feed:
    """The feed in a document. Raises DocumentError when there is none, saying what there is."""
    feed = (
        root
        if _local(root) in _ROOTS
        else next((element for element in root.iter() if _local(element) in _ROOTS), None)
    )
    if feed is None:
        raise DocumentError(what_is(f"<{_local(root)}>"))
    items = [element for element in feed.iter() if _is_item(element)]
    refuse_too_many(len(items))
    channel = next((e for e in feed.iter() if _name(e) in {"channel", "atom:feed", "feed"}), None)
    if channel is None and not items:
        raise DocumentError(f"an empty <{_local(feed)}> document")
    head = _Fields(channel if channel is not None else feed)
    base = listed_url(head.first("link") or "", url) or url
    entries = [_entry(item, base, timezone) for item in items]
    kept = tuple(entry for entry in entries if entry)
    own_lang = (channel if channel is not None else feed).get(f"{_XML}lang")
    return Feed(
        entries=kept,
        nameless=len(entries) - len(kept),
        older=_older(head, url),
        title=title_of(head.first(*_TITLES)),
        lang=language_of(head.first(*_LANGUAGES) or own_lang),
        refresh=_refresh(head),
    )


def _is_item(element: Element) -> bool:
    """An RSS item or Atom entry of the feed itself, not one quoted inside another."""
    if _name(element) not in {"item", "entry", "atom:entry"}:
        return False
    return not any(
        _name(above) in {"item", "entry", "atom:entry"} for above in element.iterancestors()
    )


def _entry(item: Element, base: str, timezone: str) -> EntryItem | None:
    fields = _Fields(item)
    address = next(_addresses(fields, base), None)
    if address is None:
        return None
    entry = EntryItem(
        url=address,
        guid=(clean_line(fields.first("guid", "atom:id", "id") or "", LONGEST_GUID) or None),
        title=title_of(fields.first(*_TITLES)),
        summary=summary_of(
            next((_markup(e) for e in fields.all(*_SUMMARIES) if _text(e).strip()), None)
        ),
        content=next(filter(None, (_content(element) for element in fields.all(*_CONTENTS))), None),
        authors=names_of(person(_author(element)) for element in fields.all(*_AUTHORS)),
        lang=language_of(fields.first("dc:language") or item.get(f"{_XML}lang")),
        tags=names_of(_tag(element) for element in fields.all(*_TAGS)),
    )
    published = first_date(fields.texts(*_PUBLISHED), timezone)
    return dated(entry, published, first_date(fields.texts(*_MODIFIED), timezone))


def _addresses(fields: _Fields, base: str) -> Iterator[str]:
    """The entry's usable addresses, the likeliest first."""
    for text, near in _claimed_addresses(fields):
        # A link may stand in CDATA with its ampersands escaped once more.
        address = listed_url(html.unescape(text).strip(), _base(near, base))
        if address:
            yield address


def _claimed_addresses(fields: _Fields) -> Iterator[tuple[str, Element]]:
    for element in fields.all("feedburner:origlink", "pheedo:origlink"):
        yield _text(element), element
    links = list(fields.all("link", "atom:link"))
    for element in links:
        if _text(element).strip():
            yield _text(element), element
    for element in sorted(links, key=_is_not_html):
        if (element.get("rel") or "alternate").lower() in {"alternate", "related"}:
            yield element.get("href") or "", element
    for element in fields.all("guid", "atom:id", "id"):
        if (element.get("isPermaLink") or "true").lower() != "false" and "://" in _text(element):
            yield _text(element), element
    yield fields.element.get(_RDF_ABOUT) or "", fields.element
    for element in fields.all("atom:content", "content", "enclosure"):
        yield element.get("src") or element.get("url") or "", element


def _is_not_html(link: Element) -> tuple[bool, bool]:
    related = (link.get("rel") or "alternate").lower() != "alternate"
    return related, "html" not in (link.get("type") or "html")


def _base(element: Element, base: str) -> str:
    """What relative addresses of the element refer to: xml:base, else the feed's own base."""
    if any(near.get(f"{_XML}base") for near in (element, *element.iterancestors())):
        return listed_url(element.base or "") or base
    return base


def _markup(element: Element) -> str:
    """The element's content as HTML: nested markup serialised, escaped markup unescaped once."""
    if not len(element):
        return element.text or ""
    children = (etree.tostring(child, method="html", encoding="unicode") for child in element)
    return html.escape(element.text or "", quote=False) + "".join(children)


_TEXT_TYPES = {"text", "text/plain"}


def _content(element: Element) -> str | None:
    """HTML of a whole article; None for what is empty, elsewhere (src) or no text."""
    kind = (element.get("type") or "").lower()
    if element.get("mode") == "base64" or (kind and not _is_textual(kind)):
        return None
    markup = _markup(element)
    if kind in _TEXT_TYPES:
        markup = f"<p>{html.escape(markup, quote=False)}</p>" if markup.strip() else ""
    return content_of(markup)


def _is_textual(kind: str) -> bool:
    return kind in {"html", "xhtml", "text", "escaped"} or kind.startswith("text/") or "xml" in kind


def _author(element: Element) -> str:
    fields = _Fields(element)
    return fields.first("atom:name", "name") or ("" if len(element) else _text(element))


def _tag(element: Element) -> str:
    return element.get("label") or element.get("term") or _text(element)


def _older(head: _Fields, url: str) -> str | None:
    """RFC 5005: the next page of a paged feed, or the archive before an archived one."""
    for element in head.all("atom:link", "link"):
        if (element.get("rel") or "").lower() in {"next", "prev-archive"}:
            older = listed_url(element.get("href") or "", _base(element, url))
            return older if older != listed_url(url) else None
    return None


_PERIODS = {
    "minute": timedelta(minutes=1), "minutely": timedelta(minutes=1),
    "hourly": timedelta(hours=1), "hour": timedelta(hours=1),
    "daily": timedelta(days=1), "dayly": timedelta(days=1), "day": timedelta(days=1),
    "weekly": timedelta(weeks=1), "week": timedelta(weeks=1),
    "monthly": timedelta(days=30), "yearly": timedelta(days=365), "annually": timedelta(days=365),
}  # fmt: skip
"""With the misspellings seen; "always" and the like say nothing."""


def _refresh(head: _Fields) -> timedelta | None:
    minutes = _number(head.first("ttl"))
    if minutes:
        return timedelta(minutes=minutes)
    period = _PERIODS.get((head.first("sy:updateperiod") or "").strip().lower())
    if period is None:
        return None
    return period / (_number(head.first("sy:updatefrequency")) or 1.0)


def _number(text: str | None) -> float | None:
    """A sensible positive number, or None."""
    found = re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*", text or "")
    return (float(found[1]) or None) if found else None
