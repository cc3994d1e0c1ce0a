"""Which channels of a site are tried, and which of those that work are kept. Pure.

Tried are, one after another and TRIES at most:

1. the feeds that the page names or links to, its WordPress API, the sitemaps of robots.txt, those
   with "news" in their name first;
2. where no feed works, the paths at which sites usually keep one, until one works; the API of
   WordPress where the page looks like it;
3. where no sitemap works, the paths of news sitemaps and sitemaps, until one works;
4. where nothing works, feeds of parts of the site.

The page's own links need no request and are always measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from crawler.sources.discover import Channel, usual_channels
from crawler.sources.ranking import Measure, Role, roles

Kept = TypeVar("Kept")

TRIES = 20
"""Requests of one search; what is most likely comes first."""
TRIES_THOROUGH = 40
_FEEDS = 3
_SITEMAPS = 2
_MOST = 8
"""Of each kind, when looking thoroughly."""
_USUAL_SITEMAPS = 6
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Found(Generic[Kept]):
    """A channel that was tried."""

    measure: Measure
    kept: Kept | None = None
    """What was read of it; None where that is not needed any more."""


class Choice(Generic[Kept]):
    """One search among the channels of a site: `next` says what to try, `take` what came of it."""

    def __init__(
        self,
        url: str,
        channels: Sequence[Channel],
        sitemaps: Iterable[str],
        *,
        is_wordpress: bool,
        api_suffices: bool = False,
        thorough: bool = False,
    ) -> None:
        """`url` is the page's, `sitemaps` are those of robots.txt.

        `api_suffices` ends the search when the API of WordPress works. A thorough search tries
        all that is named and the usual paths too.
        """
        self.found: list[Found[Kept]] = []
        self._url = url
        self._channels = channels
        self._sitemaps = sorted(sitemaps, key=_is_no_news_sitemap)
        self._is_wordpress = is_wordpress or api_suffices
        self._api_suffices = api_suffices
        self._thorough = thorough
        self._left = TRIES_THOROUGH if thorough else TRIES
        self._plan = self._planned()
        self._tried: set[str] = set()

    def next(self) -> Channel | None:
        """The channel to try now; None when the search is over."""
        for channel in self._plan:
            if channel.url not in self._tried and self._left > 0:
                self._tried.add(channel.url)
                self._left -= 1
                return channel
        return None

    def take(self, found: Found[Kept]) -> None:
        """What a try gave. Only what the best two hold is kept: sitemaps are large."""
        self.found.append(found)
        wanted = {id(m) for m, role in roles([f.measure for f in self.found]) if role != "spare"}
        self.found = [
            one if id(one.measure) in wanted or not one.measure.items else replace(one, kept=None)
            for one in self.found
        ]

    def chosen(self) -> list[tuple[Found[Kept], Role]]:
        """The channels that can be read, best first, each with what it is to be.

        One that lists nothing yet (a new site's feed, a news sitemap on a quiet day) is a spare,
        and the main one where no other can be read.
        """
        by_measure = {id(found.measure): found for found in self.found}
        working = roles([found.measure for found in self.found])
        chosen: list[tuple[Found[Kept], Role]] = [(by_measure[id(m)], role) for m, role in working]
        for found in self.found:
            if not found.measure.items:
                chosen.append((found, "spare" if chosen else "main"))
        return chosen

    def _works(self, *kinds: str) -> bool:
        return any(f.measure.works and f.measure.kind in kinds for f in self.found)

    def _planned(self) -> Iterator[Channel]:
        usual = usual_channels(self._url)
        if self._api_suffices:
            named = [channel for channel in self._channels if channel.kind == "wordpress"]
            yield from named or (channel for channel in usual if channel.kind == "wordpress")
            if self._works("wordpress"):
                return
        yield from self._named()
        for channel in usual:
            if channel.kind == "feed" and not self._works("feed"):
                yield channel
        if self._is_wordpress or self._thorough:
            yield from (channel for channel in usual if channel.kind == "wordpress")
        sitemaps = [channel for channel in usual if channel.kind == "sitemap"]
        for channel in sitemaps if self._thorough else sitemaps[:_USUAL_SITEMAPS]:
            if not self._works("sitemap"):
                yield channel
        if self._thorough or not self._works("feed", "sitemap", "wordpress"):
            parts = [channel for channel in self._channels if channel.scope == "part"]
            yield from parts[: _MOST if self._thorough else _PARTS]

    def _named(self) -> Iterator[Channel]:
        whole = [channel for channel in self._channels if channel.scope != "part"]
        feeds = [channel for channel in whole if channel.kind == "feed"]
        yield from feeds[: _MOST if self._thorough else _FEEDS]
        yield from (channel for channel in whole if channel.kind != "feed")
        sitemaps = [Channel("sitemap", url) for url in self._sitemaps]
        yield from sitemaps[: _MOST if self._thorough else _SITEMAPS]


def _is_no_news_sitemap(url: str) -> bool:
    """False sorts first: a site names sitemaps of pages, authors and videos too."""
    return "news" not in url.lower()
