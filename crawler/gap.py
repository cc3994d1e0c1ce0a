"""Whether articles were missed between two visits, and where to read them up. Pure.

A feed, a news sitemap and a section page show a window of the newest articles. Where one of the
articles that were new at an earlier visit is still in it, the two windows touch and nothing was
missed. Where none is, articles may have come and gone in between: a *gap*. Comparing with the
articles that were new last, rather than with any that are known, keeps an entry that a site pins
to the top of its list from hiding a gap.

No gap, in spite of that: a site that gives all its articles new addresses lists nothing known; but
then its dates reach back beyond the last known article.

A gap is read up page by page: the document's own older pages (RFC 5005, a next page, `?paged=2` of
WordPress feeds), then the source's other channels, until a page reaches back to the last known
article. A chain of pages that brings nothing new ends by itself: many sites answer any page number
with the first page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.items import EntryItem
from crawler.urls import url_key

REMEMBERED = 10
"""Keys of new entries kept: enough that a withdrawn article or two do not look like a gap."""
REDATED = 0.2
"""The share of a window dated before the last known article that says it only changed addresses;
a single pinned entry does not."""
LEEWAY = timedelta(days=2)
"""Articles dated so long before the last known one are no news, even on a page read for a gap;
younger ones may have been published late under an older date."""
BULK = 200
"""A document with more unknown entries than this, most of them in the gap by `lastmod` alone, shows
when it was built rather than when its articles were written."""


@dataclass(frozen=True, slots=True)
class Lookout:
    """What an earlier visit left to compare with."""

    recent: Sequence[str]
    """Keys of the entries that were new last."""
    reached: datetime | None
    """The newest publication that was known."""


def share_known(keys: Collection[str], known: Collection[str]) -> float:
    """The overlap: which share of a window was known."""
    return sum(key in known for key in keys) / len(keys) if keys else 1.0


def is_gap(entries: Sequence[EntryItem], lookout: Lookout) -> bool:
    """Whether a window no longer touches the one before it."""
    if not entries or not lookout.recent:
        return False
    if any(url_key(entry.url) in lookout.recent for entry in entries):
        return False
    if lookout.reached is None:
        return True
    older = sum(_is_before(entry, lookout.reached) for entry in entries)
    return older < max(2, REDATED * len(entries))


def _is_before(entry: EntryItem, moment: datetime) -> bool:
    return entry.published is not None and entry.published <= moment


def remembered(
    entries: Sequence[EntryItem], fresh: Collection[str] | None, lookout: Lookout, now: datetime
) -> Lookout:
    """What the next visit is to compare with. `fresh`: keys that nobody knew; None: all.

    Of a window with dates its newer half counts, where no pinned entry stands; of one without, what
    was new in it, in its order, and then what was new before.
    """
    dated, reached = 0, lookout.reached
    for entry in entries:
        if entry.published is not None and entry.published <= now:
            dated += 1
            reached = max(entry.published, reached or entry.published)
    if 2 * dated >= len(entries):
        most = min(REMEMBERED, max(1, len(entries) // 2))
        of_date = (entry for entry in entries if entry.published is not None)
        newest = nlargest(most, of_date, key=lambda entry: entry.published or now)
        return Lookout([url_key(entry.url) for entry in newest], reached)
    every = (url_key(entry.url) for entry in entries)
    keys = islice((key for key in every if fresh is None or key in fresh), REMEMBERED * 2)
    return Lookout(list(dict.fromkeys([*keys, *lookout.recent]))[:REMEMBERED], reached)


def reaches_back(entries: Sequence[EntryItem], lookout: Lookout, *, ordered: bool) -> bool:
    """Whether a page leads back to the last known article.

    `ordered`: it is one of a chain, newest first, so that a single older date may be a pinned one
    while two are not; a document that stands alone reaches back with its oldest entry.
    """
    if any(url_key(entry.url) in lookout.recent for entry in entries):
        return True
    if lookout.reached is None:
        return False
    older = sum(_is_before(entry, lookout.reached) for entry in entries)
    return older >= (2 if ordered and len(entries) > 2 else 1)


def may_be_missed(entry: EntryItem, kind: str, lookout: Lookout) -> bool:
    """Whether an entry is not, by its dates, from before the gap."""
    date = entry.published or (entry.modified if kind == "sitemap" else None)
    return date is None or lookout.reached is None or date >= lookout.reached - LEEWAY


def missed(
    entries: Sequence[EntryItem], kind: str, known: Collection[str], lookout: Lookout
) -> tuple[EntryItem, ...]:
    """Those of a page's entries that are the gap's: unknown, and not from before it.

    Without dates the order decides: what stands below the last known article is older.
    """
    fresh = []
    for entry in entries:
        key = url_key(entry.url)
        date = entry.published or (entry.modified if kind == "sitemap" else None)
        if date is None and key in lookout.recent and kind != "sitemap":
            break
        if key in known:
            continue
        if date is None and kind == "sitemap":
            continue
        if may_be_missed(entry, kind, lookout):
            fresh.append(entry)
    by_build = [entry for entry in fresh if entry.published is None]
    if kind == "sitemap" and len(by_build) > BULK and len(by_build) > len(entries) / 2:
        return tuple(entry for entry in fresh if entry.published is not None)
    return tuple(fresh)


Channel = tuple[str, str]
"""Kind and address."""


def pages_to_try(
    kind: str, url: str, older: str | None, others: Sequence[Channel], after: datetime | None
) -> list[Channel]:
    """Where to read a gap of a document up, the likeliest first."""
    own = [(kind, page) for page in ([older] if older else _guessed(kind, url))]
    rank = {"wordpress": 0, "feed": 1, "sitemap": 2, "listing": 3}
    channels = sorted((each for each in others if each[0] in rank), key=lambda each: rank[each[0]])
    pages = own + [(each, _from(address, each, after)) for each, address in channels]
    return [page for page in dict.fromkeys(pages) if page != (kind, url)]


def _guessed(kind: str, url: str) -> list[str]:
    """The second page of what looks like a WordPress feed: those name no older page."""
    parts = urlsplit(url)
    is_wordpress = parts.path.rstrip("/").endswith("/feed") or "feed=" in parts.query
    if kind != "feed" or not is_wordpress:
        return []
    return [_with_query(url, "paged", "2")]


def next_guess(url: str) -> str | None:
    """The page after one that `pages_to_try` guessed; None for other addresses."""
    number = dict(parse_qsl(urlsplit(url).query)).get("paged", "")
    return _with_query(url, "paged", str(int(number) + 1)) if number.isdecimal() else None


def _from(url: str, kind: str, after: datetime | None) -> str:
    """WordPress gives what came after a moment when it is asked so."""
    if kind != "wordpress" or after is None:
        return url
    return _with_query(url, "after", (after - LEEWAY).strftime("%Y-%m-%dT%H:%M:%S"))


def _with_query(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)], safe=",/:")))


def in_words(after: datetime | None, before: datetime | None) -> str:
    """What to say of a gap that could not be read up; times are UTC."""
    shown = "{:%Y-%m-%d %H:%M} UTC".format
    since = shown(after) if after else "the last visit"
    until = shown(before) if before else "now"
    return f"articles between {since} and {until} may be missing"
