"""`[service] retention`: what is older is forgotten, a little at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from store.retention import (
    SLICES,
    Place,
    Swept,
    forget_crawls,
    forget_messages,
    forget_sketches,
    forget_stories,
)
from store.writer import Writer

log = structlog.get_logger("service")

STEPS = 200
"""Transactions of one kind in one call; what is left is the next call's."""
CRAWLS_KEPT = timedelta(days=30)
"""How long crawls are remembered at least and at most: they are a log, and a busy service makes a
million a day."""


class Retention:
    """Forgets; between two of its transactions everybody else writes."""

    def __init__(
        self, writer: Writer, clock: Callable[[], datetime], chance: Callable[[], float]
    ) -> None:
        """`chance` picks the part of the sketches that is looked through."""
        self._writer = writer
        self._clock = clock
        self._chance = chance

    async def forget(self, retention: timedelta) -> int:
        """Forgets what is older than that, crawls always; the number of articles. StoreError."""
        now = self._clock()
        for _ in range(STEPS):
            if not await self._writer.write(lambda s: forget_crawls(s, now - CRAWLS_KEPT)):
                break
        if not retention:
            return 0
        before = now - retention
        articles = await self._stories(before)
        messages = await self._messages(before)
        part = min(int(self._chance() * SLICES), SLICES - 1)
        await self._writer.write(lambda session: forget_sketches(session, before, part))
        if articles or messages:
            log.info("retention", status="forgotten", articles=articles, messages=messages)
        return articles

    async def _stories(self, before: datetime) -> int:
        gone, after = 0, None
        for _ in range(STEPS):
            swept = await self._sweep_stories(before, after)
            gone, after = gone + swept.forgotten, swept.last
            if after is None:
                break
        return gone

    async def _sweep_stories(self, before: datetime, after: Place | None) -> Swept:
        return await self._writer.write(lambda session: forget_stories(session, before, after))

    async def _messages(self, before: datetime) -> int:
        gone, after = 0, 0
        for _ in range(STEPS):
            swept = await self._sweep_messages(before, after)
            gone += swept.forgotten
            if swept.last is None:
                break
            after = swept.last
        return gone

    async def _sweep_messages(self, before: datetime, after: int) -> Swept:
        return await self._writer.write(lambda session: forget_messages(session, before, after))
