"""The main line from deliveries to receipts: claim, send, settle.

A claim is committed before anything is sent; where nothing can be committed, nothing is sent. What
was accepted but could not be settled is remembered and settled again, never sent again. A claim
carries its dispatcher's token: only its holder may settle, so two dispatchers never both count one
delivery; a dead dispatcher's claims come free when they expire, or at once for a service that is
alone with its store.

Each channel is a lane of its own, so a stalled one delays nobody else. Inside a lane the order is
that in which deliveries were made. A failure that concerns the destination pauses the lane, and its
oldest delivery is the probe; a failure that concerns one message lets the others pass it.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlmodel import Session

from alerts.context import AlertContext
from alerts.lane import Lane, farthest
from alerts.retry import LONGEST
from alerts.settling import Ledger
from store.errors import StoreError
from store.outbox import (
    channels_due,
    free_all,
    hold_stranded,
    renew,
    resume_channel,
    set_clock_right,
)

log = structlog.get_logger("alerts")

LEASE = timedelta(minutes=2)
"""How long a claim lives without being renewed."""
RENEW = timedelta(seconds=30)
SET_RIGHT = timedelta(minutes=1)
CLOCK_SLACK = timedelta(minutes=5)
"""What was written later than this from now was written by a clock that was ahead."""
LOOK = 0.5
"""Seconds between two looks for deliveries that became due while others are being sent."""
GRACE = 5.0
"""Seconds that messages in hand get when the service ends, which must be within ten. One that is
cut off is sent again after the next start, under the same id."""


class Dispatcher:
    """Attempts deliveries that are due; one caller at a time."""

    def __init__(self, context: AlertContext) -> None:
        """Nothing is connected before something is due."""
        self._context = context
        self._token = uuid.uuid4().hex
        self._ledger = Ledger(self._token)
        self._lanes: dict[str, Lane] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._working: dict[str, Lane] = {}
        """The lanes of those tasks; one that a reload replaced finishes what it has in hand."""
        self._first = True
        self._renewed = self._looked = datetime.min.replace(tzinfo=UTC)
        self._closing = False
        self._news = asyncio.Event()

    async def send_due(self) -> int:
        """Attempts what is due until nothing is; returns the number of attempts.

        New deliveries of one channel are taken up while another one is still busy. Raises
        StoreError when the store cannot be read.
        """
        before = self._ledger.attempts
        await self._begin()
        await self._set_right()
        while not self._closing:
            await self._ledger.write(self._context)
            for channel in await asyncio.to_thread(self._due):
                self._start(channel)
            if not self._running:
                break
            await self._pause_or_news()
            await self._collect()
            await self._renew()
            await self._set_right()
        return self._ledger.attempts - before

    def wake(self) -> None:
        """There are new deliveries: they need not wait for the next look."""
        self._news.set()

    async def _pause_or_news(self) -> None:
        """Until a lane ends or new deliveries are announced, at most until the next look."""
        self._news.clear()
        news = asyncio.create_task(self._news.wait())
        await asyncio.wait(
            [*self._running.values(), news], timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
        )
        news.cancel()

    async def reload(self, context: AlertContext) -> None:
        """Takes a new configuration; messages in hand finish under the old one.

        A channel whose table changed is opened anew, and resumed if it had been told to stop.
        Raises StoreError, with the old one in force, when that cannot be written.
        """
        old = self._context.channels
        changed = [
            name
            for name in old.keys() | context.channels.keys()
            if old.get(name) != context.channels.get(name)
        ]
        if stayed := [name for name in changed if name in old and name in context.channels]:
            await context.writer.write(partial(_resume, channels=stayed))
        self._context = context
        self._looked = datetime.min.replace(tzinfo=UTC)
        for name in changed:
            if lane := self._lanes.pop(name, None):
                lane.retire()
                if name not in self._running:
                    await lane.close()

    async def close(self) -> None:
        """Lets messages in hand finish, gives back what was not attempted, closes connections."""
        self._closing = True
        for lane in self._lanes.values():
            lane.retire()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=GRACE)
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        with contextlib.suppress(StoreError):
            await self._ledger.write(self._context)
        for lane in self._lanes.values():
            await lane.close()

    async def _begin(self) -> None:
        if self._first and self._context.alone:
            freed = await self._context.writer.write(free_all)
            if freed:
                log.info("dispatch", status="took over", deliveries=freed)
        self._first = False

    def _due(self) -> list[str]:
        context = self._context
        now = context.clock()
        with context.store.reading() as session:
            due = channels_due(session, now, list(context.channels), self._ledger.open_ids)
        return [name for name in due if name not in self._running]

    def _start(self, channel: str) -> None:
        table = self._context.channels.get(channel)
        if table is None:
            return
        lane = self._lanes.get(channel)
        if lane is None:
            lane = self._lanes[channel] = Lane(channel, table, self._context, self._ledger)
        lane.context = self._context
        if not lane.is_paused(self._context.clock()):
            self._working[channel] = lane
            self._running[channel] = asyncio.create_task(lane.run(LEASE), name=f"lane {channel}")

    async def _collect(self) -> None:
        for name, task in list(self._running.items()):
            if not task.done():
                continue
            del self._running[name], self._working[name]
            if name in self._lanes and self._lanes[name].is_retired:
                del self._lanes[name]
            if task.cancelled():
                continue
            if error := task.exception():
                if not isinstance(error, StoreError):
                    raise error
                # Without a claim nothing is sent; the line waits until the store can be written.
                log.error("dispatch", status="failed", channel=name, why=str(error))
                self._pause(name)

    def _pause(self, name: str) -> None:
        if lane := self._lanes.get(name):
            lane.pause(self._context.clock() + timedelta(seconds=5))

    async def _set_right(self) -> None:
        """Finds, once a minute, what would otherwise wait for ever."""
        context, now = self._context, self._context.clock()
        if abs(now - self._looked) < SET_RIGHT:
            return
        longest = max(map(farthest, context.channels.values()), default=LONGEST)
        in_hand = self._in_hand()

        def set_right(session: Session) -> None:
            set_clock_right(session, now, CLOCK_SLACK, longest, in_hand)
            hold_stranded(session, list(context.channels))

        try:
            await context.writer.write(set_right)
        except StoreError as error:
            log.error("dispatch", status="not looked over", why=str(error))
        self._looked = now

    def _in_hand(self) -> set[int]:
        """Ids of the deliveries that are being sent or whose outcome is not yet written."""
        in_hand = {id_ for lane in self._working.values() for id_ in lane.in_hand}
        return in_hand.union(self._ledger.open_ids)

    async def _renew(self) -> None:
        now = self._context.clock()
        if not self._running or abs(now - self._renewed) < RENEW:
            return
        until = now + LEASE
        ids = self._in_hand()
        try:
            await self._context.writer.write(
                lambda session: renew(session, self._token, until, ids)
            )
        except StoreError as error:
            log.error("dispatch", status="claims not renewed", why=str(error))
            return
        self._renewed = now
        for lane in self._working.values():
            lane.lease_until = until


def _resume(session: Session, channels: Iterable[str]) -> None:
    for channel in channels:
        resume_channel(session, channel)
