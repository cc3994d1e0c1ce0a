"""One channel's deliveries, attempted one after the other in the order they were made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from alerts.channels.base import Channel, ChannelTable, find_recipient
from alerts.channels.discreet import open_channel
from alerts.context import AlertContext
from alerts.digest import hold_until
from alerts.envelope import (
    Envelope,
    PermanentFailure,
    Receipt,
    SendError,
    TemporaryFailure,
)
from alerts.freezing import health_deliveries
from alerts.message import HealthEvent
from alerts.retry import LONGEST, POISON, Again, decide, trying_since
from alerts.settling import Ledger, Settlement
from store.deliveries import Delivery
from store.errors import StoreError
from store.outbox import claim, hold, release, series_of

log = structlog.get_logger("alerts")

BATCH = 250
"""Deliveries claimed at once: a commit for each would cost more than the sending."""
PACE = 0.05
"""Seconds between two commits of outcomes. Each costs a few milliseconds, in which the next message
is not sent; and what was accepted within them is sent twice if the power fails."""
UNCLEAR = 3
"""Attempts of one message after which an unclear failure is taken to be its own fault."""


SLACK = timedelta(hours=1)
"""Beyond the longest wait; jitter and slow attempts stay below it."""


def farthest(table: ChannelTable) -> timedelta:
    """No attempt of a channel is ever put off for longer, quiet hours and Retry-After included."""
    return max(table.longest_wait, LONGEST) + timedelta(hours=1) + SLACK


class Lane:
    """A channel at work. `run` is one task at a time; the rest may be called beside it."""

    def __init__(
        self, name: str, table: ChannelTable, context: AlertContext, ledger: Ledger
    ) -> None:
        """The channel is opened when something is to be sent."""
        self.context = context
        self.lease_until: datetime | None = None
        self._name, self._table, self._ledger = name, table, ledger
        self._channel: Channel | None = None
        self._paused_until: datetime | None = None
        self._paused_at = datetime.max.replace(tzinfo=UTC)
        self._retired = False
        self._writing: asyncio.Task[None] | None = None
        self._pace = asyncio.Event()
        """Set once nothing more will gather."""
        self.in_hand: set[int] = set()
        """Ids of the deliveries that it has claimed and not done with."""

    @property
    def is_retired(self) -> bool:
        """Whether it has ended or will after the message in hand."""
        return self._retired

    def is_paused(self, now: datetime) -> bool:
        """Whether the destination is being left alone after a failure.

        A pause that begins later than now was begun by a clock that was ahead, and means nothing.
        """
        until, since = self._paused_until, self._paused_at
        return until is not None and since <= now < until

    def pause(self, until: datetime) -> None:
        """Leaves the destination alone until then."""
        self._paused_at, self._paused_until = self.context.clock(), until

    def retire(self) -> None:
        """Ends `run` after the message in hand."""
        self._retired = True

    async def close(self) -> None:
        """Closes the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def run(self, lease: timedelta) -> None:
        """Attempts what is due until nothing is, or until the lane is paused or retired.

        Raises StoreError when nothing can be claimed.
        """
        self._pace.clear()
        try:
            while not self._retired and not self.is_paused(self.context.clock()):
                if await self._hold():
                    return
                batch: Sequence[Delivery] = await self._claim(lease)
                if not batch:
                    return
                while batch:
                    batch = await self._work_off(batch, lease)
        finally:
            if self._writing is not None:
                self._pace.set()
                await self._writing
            await self._ledger.write(self.context)
            if self._retired:
                await self.close()

    async def _hold(self) -> bool:
        """Whether it is quiet now; then everything due is held until the end of that."""
        now, until = self.context.clock(), self._quiet_until()
        if until is None:
            return False
        await self.context.writer.write(lambda session: hold(session, self._name, now, until))
        return True

    def _quiet_until(self) -> datetime | None:
        return hold_until(self._table.quiet, self.context.clock(), self.context.zone)

    async def _claim(self, lease: timedelta) -> list[Delivery]:
        now = self.context.clock()
        until = now + lease
        # After a failure one is enough to see whether the destination is back.
        limit = BATCH if self._paused_until is None else 1
        taken = self._ledger.open_ids
        batch = await self.context.writer.write(
            lambda session: claim(session, self._name, self._ledger.token, now, until, limit, taken)
        )
        self.lease_until = until
        self.in_hand.update(delivery.id or 0 for delivery in batch)
        return batch

    async def _work_off(self, batch: Sequence[Delivery], lease: timedelta) -> Sequence[Delivery]:
        """Attempts the claimed ones and gives back what was not attempted.

        Returns the next ones: where many wait they are claimed meanwhile, so that the connection is
        never idle for the disk's sake.
        """
        more = asyncio.create_task(self._claim(lease)) if len(batch) == BATCH else None
        done = 0
        try:
            envelopes = [self._envelope(delivery) for delivery in batch]
            for delivery, envelope, ahead in zip(
                batch, envelopes, [*envelopes[1:], None], strict=True
            ):
                if not self._may_go_on():
                    break
                done += 1
                if ahead is not None:
                    # Runs as soon as the sending waits for the network.
                    asyncio.get_running_loop().call_soon(self._prepare, ahead)
                self._ledger.add(await self._attempt(delivery, envelope))
                self.in_hand.discard(delivery.id or 0)
                if self._writing is None or self._writing.done():
                    self._writing = asyncio.create_task(self._settle())
        finally:
            following = await self._claimed(more)
            go_on = done == len(batch) and self._may_go_on() and self._quiet_until() is None
            if rest := [*batch[done:], *(() if go_on else following)]:
                await self._give_back(rest)
        return following if go_on else ()

    async def _claimed(self, more: asyncio.Task[list[Delivery]] | None) -> Sequence[Delivery]:
        """What was claimed ahead; nothing if that failed, which the next claim will tell."""
        try:
            return await more if more is not None else ()
        except StoreError:
            return ()

    async def _give_back(self, rest: Sequence[Delivery]) -> None:
        ids = [delivery.id or 0 for delivery in rest]
        self.in_hand.difference_update(ids)
        token = self._ledger.token
        await self.context.writer.write(lambda session: release(session, token, ids))

    async def _settle(self) -> None:
        """Writes outcomes, and then rests a little while more of them gather."""
        await self._ledger.write(self.context)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pace.wait(), PACE)

    def _may_go_on(self) -> bool:
        """No: told to end, destination paused, or the claims may have expired meanwhile."""
        now = self.context.clock()
        leased = self.lease_until is not None and now < self.lease_until
        return leased and not self._retired and not self.is_paused(now)

    def _envelope(self, delivery: Delivery) -> Envelope | None:
        """The delivery as it is sent; None when its recipient is no longer configured."""
        address = find_recipient(self._table, delivery.recipient)
        return None if address is None else _envelope(delivery, address)

    def _prepare(self, envelope: Envelope) -> None:
        if self._channel is None:
            return
        try:
            self._channel.prepare(envelope)
        except Exception:  # noqa: BLE001 - it is raised again when this message is sent
            log.debug("delivery", status="not prepared", channel=self._name, id=envelope.id)

    async def _attempt(self, delivery: Delivery, envelope: Envelope | None) -> Settlement:
        try:
            receipt = await self._send(delivery, envelope)
        except SendError as failure:
            return await self._failed(delivery, failure)
        except Exception as error:
            log.exception("delivery", status="failed inside", channel=self._name, id=delivery.key)
            # The kind of error only: its words may hold what must not be stored.
            reason = f"failed inside Wirewatch ({type(error).__name__}), see the log"
            if delivery.attempts >= POISON:
                return await self._failed(delivery, PermanentFailure(reason))
            return await self._failed(delivery, TemporaryFailure(reason))
        self._paused_until = None
        return replace(
            self._settlement(delivery),
            outcome="delivered",
            state="delivered",
            code=receipt.code,
            reply=receipt.reply,
        )

    async def _send(self, delivery: Delivery, envelope: Envelope | None) -> Receipt:
        if envelope is None:
            raise PermanentFailure("the recipient is no longer in the channel's configuration")
        if self._channel is None:
            self._channel = open_channel(self._table, self.context.surroundings)
        return await self._channel.send(
            envelope, now=self.context.clock(), attempt=delivery.attempts
        )

    async def _failed(self, delivery: Delivery, failure: SendError) -> Settlement:
        now = self.context.clock()
        settlement = replace(
            self._settlement(delivery),
            code=failure.code,
            reply=failure.reply,
            error=failure.reason,
        )
        if isinstance(failure, PermanentFailure) and failure.stops_channel:
            return self._stopped(settlement, failure, now)
        series = await asyncio.to_thread(self._series, delivery.id or 0)
        policy = self._table.policy()
        first_at = trying_since(series, now, policy)
        next_ = decide(failure, delivery.attempts, first_at, now, self.context.chance(), policy)
        if not isinstance(next_, Again):
            return replace(settlement, outcome="permanent", state="dead", error=next_.reason)
        self._paused_at = now
        self._paused_until = next_.at if self._concerns_all(failure, delivery) else None
        return replace(settlement, outcome="temporary", next_attempt_at=next_.at)

    def _concerns_all(self, failure: SendError, delivery: Delivery) -> bool:
        """Whether the next delivery would fail alike."""
        if not isinstance(failure, TemporaryFailure) or failure.blame == "message":
            return False
        return failure.blame == "destination" or delivery.attempts < UNCLEAR

    def _stopped(
        self, settlement: Settlement, failure: PermanentFailure, now: datetime
    ) -> Settlement:
        """The destination wants nothing more: this delivery and all others wait for a person."""
        self._retired = True
        event = HealthEvent(
            "channel.stopped",
            f"channel {self._name} was told to stop",
            (
                failure.reason,
                "Nothing more is sent there; its messages are kept. Change its address in the "
                "configuration, or send them again: wirewatch retry",
            ),
            {"channel": self._name, "reason": failure.reason},
        )
        told = health_deliveries(
            self.context, event, [self._name, settlement.key], now, without=self._name
        )
        return replace(
            settlement,
            outcome="permanent",
            state="held",
            next_attempt_at=now,
            stop_reason=failure.reason,
            tell=told,
        )

    def _settlement(self, delivery: Delivery) -> Settlement:
        return Settlement(
            delivery_id=delivery.id or 0,
            key=delivery.key,
            channel=self._name,
            number=delivery.attempts,
            at=self.context.clock(),
            outcome="temporary",
            state="pending",
            made_at=delivery.created_at,
        )

    def _series(self, delivery_id: int) -> list[datetime]:
        with self.context.store.reading() as session:
            return series_of(session, delivery_id)


def _envelope(delivery: Delivery, address: str) -> Envelope:
    assert delivery.created_at is not None
    return Envelope(
        id=delivery.key,
        created_at=delivery.created_at,
        subject=delivery.subject,
        text=delivery.text,
        html=delivery.html,
        payload=delivery.payload,
        thread=delivery.thread,
        watchlists=tuple(delivery.watchlists),
        recipient=address,
    )
