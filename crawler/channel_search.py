"""A search for the channels of a source: answers in, the next address to ask for out.

Shared by visits of kind `auto` and by `source doctor`. It asks nothing and keeps nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

from crawler.answer import Answer
from crawler.config import SourceConfig
from crawler.documents import read_apart
from crawler.items import DocumentError
from crawler.pool import ProcessingError, ProcessorPool
from crawler.reading import Reading
from crawler.sources import Document
from crawler.sources.choosing import Choice, Found
from crawler.sources.discover import Channel, Scope
from crawler.sources.ranking import Measure, Role, measured

AskedKind = Literal["auto", "feed", "sitemap", "wordpress", "listing"]


@dataclass(frozen=True, slots=True)
class Asked:
    """An address that a search wants to see."""

    url: str
    kind: AskedKind
    channel: Channel | None = None
    """The channel that is tried; None for the source's own address."""
    index: Read | None = None
    """The index of which this is the newest part."""


@dataclass(frozen=True, slots=True)
class Read:
    """A document that was read in a search, as a visit will keep it."""

    asked: Asked
    answer: Answer
    reading: Reading
    part: Read | None = None
    """Of an index, the part that was read with it."""


class Search:
    """One search, from a source's address to its best channels."""

    def __init__(
        self,
        source: SourceConfig,
        pool: ProcessorPool,
        clock: Callable[[], datetime],
        *,
        known: Sequence[Channel] = (),
        thorough: bool = False,
    ) -> None:
        """`known` are channels of an earlier search; they are tried whether they are named or not.

        `thorough` tries whatever is named, and the usual paths as well.
        """
        self.errors: list[str] = []
        """Why the source's own address gave nothing, in words."""
        self.failed: list[Measure] = []
        """Channels that were tried in vain."""
        self.title: str | None = None
        self.hub: str | None = None
        self.address = source.url
        """The page whose channels were looked at: an article leads to the front page."""
        self._source = source
        self._pool = pool
        self._clock = clock
        self._known = known
        self._thorough = thorough
        self._choice: Choice[Read] | None = None
        self._direct: Found[Read] | None = None
        self._sitemaps: tuple[str, ...] = ()
        self._from_root = False

    def first(self) -> Asked:
        """Where the search begins."""
        return Asked(self._source.url, "auto")

    def chosen(self) -> list[tuple[Found[Read], Role]]:
        """The channels that work, best first."""
        if self._choice is not None:
            return self._choice.chosen()
        return [(self._direct, "main")] if self._direct else []

    @property
    def likely(self) -> tuple[str, ...]:
        """Sitemaps that robots.txt names beside a feed which was given by its own address."""
        return self._sitemaps if self._direct else ()

    @property
    def is_feed(self) -> bool:
        """Whether the source's own address is a feed, sitemap or API rather than a page."""
        return self._direct is not None

    async def take(self, asked: Asked, answer: Answer, sitemaps: Iterable[str]) -> Asked | None:
        """The next address to ask for; None when the search is over.

        `sitemaps` are those that the host's robots.txt names.
        """
        if asked.channel is None:
            return await self._take_address(asked, answer, tuple(sitemaps))
        if asked.index is not None:
            await self._take_part(asked, asked.index, answer)
            return self._next()
        try:
            read = await self._read(asked, answer)
        except (DocumentError, ProcessingError) as error:
            self._fail(asked, str(error))
            return None if answer.host_is_busy else self._next()
        document = read.reading.document
        if document.documents and not document.entries:
            return Asked(document.documents[0], "sitemap", asked.channel, index=read)
        self._found(read, self._measure(read))
        return self._next()

    async def _take_address(
        self, asked: Asked, answer: Answer, sitemaps: tuple[str, ...]
    ) -> Asked | None:
        try:
            read = await self._read(asked, answer)
        except (DocumentError, ProcessingError) as error:
            self.errors.append(f"{asked.url}: {error}")
            return self._root(answer) or self._known_only(answer, sitemaps)
        reading = read.reading
        self.title, self.hub = self.title or reading.document.title, self.hub or reading.hub
        if reading.kind != "page":
            self._sitemaps = sitemaps
            self._direct = Found(self._measure(read), read)
            return self._root(answer) if self._thorough else None
        if reading.is_article and (root := self._root(answer)):
            return root
        self.address = asked.url
        self._choose_among(answer.url, reading.channels, sitemaps, reading.is_wordpress)
        own: Scope = "own" if any(c.scope == "own" for c in reading.channels) else "site"
        if reading.document.entries:
            links = replace(read, reading=replace(reading, kind="listing"))
            self._found(links, self._measure(links, own))
        return self._next()

    def _root(self, answer: Answer) -> Asked | None:
        """Where to look when the source's own address is no more: the front page above it."""
        path = urlsplit(self._source.url).path
        if self._from_root or path in {"", "/"} or answer.refused or answer.host_is_busy:
            return None
        if not (answer.gone or answer.error is None or self._source.kind == "wordpress"):
            return None
        self._from_root = True
        return Asked(urljoin(self._source.url, "/"), "auto")

    def _known_only(self, answer: Answer, sitemaps: tuple[str, ...]) -> Asked | None:
        """The channels known from before, where the address itself cannot be read."""
        if not self._known or answer.host_is_busy:
            return None
        self._choose_among(answer.url, (), sitemaps, is_wordpress=False)
        return self._next()

    def _choose_among(
        self,
        url: str,
        named: Sequence[Channel],
        sitemaps: tuple[str, ...],
        is_wordpress: bool,
    ) -> None:
        addresses = {channel.url for channel in named}
        known = [channel for channel in self._known if channel.url not in addresses]
        self._choice = Choice(
            url,
            [*known, *named],
            sitemaps,
            is_wordpress=is_wordpress,
            api_suffices=self._source.kind == "wordpress",
            thorough=self._thorough,
        )
        if self._direct is not None:
            self._choice.take(self._direct)

    async def _take_part(self, asked: Asked, index: Read, answer: Answer) -> None:
        try:
            part = await self._read(asked, answer)
        except (DocumentError, ProcessingError) as error:
            self._fail(index.asked, f"its newest part {asked.url} gives nothing: {error}")
            return
        measure = replace(
            self._measure(part),
            url=index.asked.url,
            parts=len(index.reading.document.documents),
        )
        self._found(replace(index, part=part), measure)

    async def _read(self, asked: Asked, answer: Answer) -> Read:
        """Raises DocumentError or ProcessingError, saying why there is nothing to read."""
        if answer.error is not None:
            raise DocumentError(answer.error)
        if answer.not_modified:
            raise DocumentError("HTTP 304 to a request without validators")
        document = Document(
            answer.body,
            answer.url,
            answer.content_type,
            timezone=self._source.timezone,
            links=self._source.select.links,
        )
        return Read(asked, answer, await read_apart(self._pool, asked.kind, document))

    def _measure(self, read: Read, scope: Scope = "site") -> Measure:
        channel = read.asked.channel
        reading = read.reading
        return measured(
            "listing" if reading.kind == "page" else reading.kind,  # type: ignore[arg-type]
            read.asked.url,
            reading.document,
            self._clock(),
            title=channel.title if channel else "",
            scope=channel.scope if channel else scope,
            size=len(read.answer.body),
        )

    def _found(self, read: Read, measure: Measure) -> None:
        assert self._choice is not None
        self._choice.take(Found(measure, read))
        if not measure.works:
            self.failed.append(measure)

    def _fail(self, asked: Asked, why: str) -> None:
        assert asked.channel is not None
        channel = asked.channel
        self.failed.append(
            Measure(
                channel.kind,
                channel.url,
                channel.title,
                channel.scope,
                error=why,
                is_named=channel.is_named,
            )
        )

    def _next(self) -> Asked | None:
        assert self._choice is not None
        channel = self._choice.next()
        return Asked(channel.url, channel.kind, channel) if channel else None
