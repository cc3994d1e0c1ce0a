"""What became of attempts, and how it gets into the store, however often that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog
from sqlmodel import Session

from alerts.context import AlertContext
from alerts.freezing import keep
from store.deliveries import Attempt, Delivery
from store.errors import StoreError
from store.outbox import settle, stop_channel

log = structlog.get_logger("alerts")

Outcome = Literal["delivered", "temporary", "permanent"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of one attempt and what follows from it."""

    delivery_id: int
    key: str
    channel: str
    number: int
    at: datetime
    outcome: Outcome
    state: str
    """pending | held | delivered | dead"""
    code: int | None = None
    reply: str = ""
    error: str | None = None
    next_attempt_at: datetime | None = None
    stop_reason: str = ""
    """Why the channel is stopped, if it is."""
    tell: Sequence[Delivery] = ()
    """Messages about it, over other channels."""

    def apply(self, session: Session, token: str) -> bool:
        """Records it; False, and nothing recorded, when the claim is no longer ours."""
        mine = settle(
            session,
            self.delivery_id,
            token,
            state=self.state,
            last_error=self.error,
            next_attempt_at=self.next_attempt_at,
            delivered_at=self.at if self.outcome == "delivered" else None,
        )
        if not mine:
            return False
        session.add(
            Attempt(
                delivery_id=self.delivery_id,
                number=self.number,
                at=self.at,
                outcome=self.outcome,
                code=self.code,
                reply=self.reply.encode("utf-8", "replace")[:512],
                error=self.error,
            )
        )
        if self.stop_reason:
            stop_channel(session, self.channel, self.at, self.stop_reason)
        for delivery in self.tell:
            # A fresh row each time: this may be the second try, after a rollback.
            keep(session, Delivery(**delivery.model_dump(exclude={"id"})))
        return True


class Ledger:
    """The settlements that are not yet in the store. What stands here is never sent again."""

    def __init__(self, token: str) -> None:
        """`token` is the claim that the settlements belong to."""
        self.token = token
        self.attempts = 0
        """Attempts made since the beginning."""
        self._open: dict[int, Settlement] = {}
        self._writing: set[int] = set()
        self._failed = False

    @property
    def open_ids(self) -> Collection[int]:
        """Deliveries whose last outcome is not yet in the store; they must not be claimed."""
        return list(self._open)

    def add(self, settlement: Settlement) -> None:
        """Remembers an outcome, before anything else can happen."""
        self.attempts += 1
        self._open[settlement.delivery_id] = settlement

    async def write(self, context: AlertContext, settlement: Settlement) -> None:
        """Puts one outcome into the store; when that fails, it stays here. Never raises."""
        done = self._open.get(settlement.delivery_id) is not settlement
        if done or settlement.delivery_id in self._writing:
            return
        self._writing.add(settlement.delivery_id)
        try:
            kept = await context.writer.write(lambda session: settlement.apply(session, self.token))
        except StoreError as error:
            if not self._failed:
                log.error("dispatch", status="outcome not recorded yet", why=str(error))
            self._failed = True
            return
        finally:
            self._writing.discard(settlement.delivery_id)
        self._failed = False
        del self._open[settlement.delivery_id]
        _log_outcome(settlement, kept)

    async def settle_again(self, context: AlertContext) -> None:
        """Tries to write everything that could not be written before."""
        waiting = [each for id_, each in self._open.items() if id_ not in self._writing]
        await asyncio.gather(*(self.write(context, each) for each in waiting))


def _log_outcome(settlement: Settlement, kept: bool) -> None:
    if not kept:
        log.warning(
            "delivery",
            status="claimed by another dispatcher meanwhile",
            channel=settlement.channel,
            id=settlement.key,
        )
        return
    status = settlement.outcome if settlement.state != "dead" else "dead"
    report = log.info if settlement.outcome == "delivered" else log.warning
    report(
        "delivery",
        status=status,
        channel=settlement.channel,
        id=settlement.key,
        attempt=settlement.number,
        code=settlement.code,
        why=settlement.error,
        next_attempt_at=settlement.next_attempt_at and settlement.next_attempt_at.isoformat(),
    )
