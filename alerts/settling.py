"""What became of attempts, and how it gets into the store, however often that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog
from sqlmodel import Session, col, func, select

from alerts.context import AlertContext
from alerts.envelope import REPLY_LIMIT
from alerts.freezing import keep
from alerts.grouping import SOURCES_NAMED
from store import outbox as stored
from store.articles import Article
from store.deliveries import Alert, Delivery, Match
from store.errors import StoreError

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
    made_at: datetime | None = None
    """When the delivery was made."""

    def as_outcome(self) -> stored.Outcome:
        """What the store keeps of it."""
        delivered = self.at if self.outcome == "delivered" else None
        return stored.Outcome(
            self.delivery_id,
            {
                "state": self.state,
                "last_error": self.error,
                "next_attempt_at": self.next_attempt_at,
                "delivered_at": delivered,
            },
            {
                "number": self.number,
                "at": self.at,
                "outcome": self.outcome,
                "code": self.code,
                "reply": self.reply.encode("utf-8", "replace")[:REPLY_LIMIT],
                "error": self.error,
            },
        )


def record(session: Session, token: str, settlements: Sequence[Settlement]) -> set[int]:
    """Records outcomes; the ids of those whose claim was still ours. Of the others, nothing."""
    mine = stored.settle(session, token, [each.as_outcome() for each in settlements])
    for settlement in settlements:
        if settlement.delivery_id not in mine:
            continue
        if settlement.stop_reason:
            stored.stop_channel(session, settlement.channel, settlement.at, settlement.stop_reason)
        for delivery in settlement.tell:
            # A fresh row each time: this may be the second try, after a rollback.
            keep(session, Delivery(**delivery.model_dump(exclude={"id"})))
    return mine


class Ledger:
    """The settlements that are not yet in the store. What stands here is never sent again."""

    def __init__(self, token: str) -> None:
        """`token` is the claim that the settlements belong to."""
        self.token = token
        self.attempts = 0
        """Attempts made since the beginning."""
        self._open: dict[int, Settlement] = {}
        self._writing = asyncio.Lock()
        self._failed = False

    @property
    def open_ids(self) -> Collection[int]:
        """Deliveries whose last outcome is not yet in the store; they must not be claimed."""
        return list(self._open)

    def add(self, settlement: Settlement) -> None:
        """Remembers an outcome, before anything else can happen."""
        self.attempts += 1
        self._open[settlement.delivery_id] = settlement

    async def write(self, context: AlertContext) -> None:
        """Puts what stands here into the store; what cannot be written stays. Never raises.

        Outcomes that arrive while others are being written go together in the next commit.
        """
        async with self._writing:
            waiting = list(self._open.values())
            if not waiting or await self._write(context, waiting) or len(waiting) == 1:
                return
            # One that cannot be written must not hold up the others.
            for settlement in waiting:
                await self._write(context, [settlement])

    async def _write(self, context: AlertContext, waiting: Sequence[Settlement]) -> bool:
        try:
            kept, told = await context.writer.write(
                lambda session: (record(session, self.token, waiting), _told(session, waiting))
            )
        except (StoreError, ValueError, TypeError) as error:
            if not self._failed:
                log.error("dispatch", status="outcome not recorded yet", why=str(error))
            self._failed = True
            return False
        self._failed = False
        for settlement in waiting:
            del self._open[settlement.delivery_id]
            _log_outcome(
                settlement, settlement.delivery_id in kept, told.get(settlement.delivery_id, {})
            )
        return True


def _told(session: Session, settled: Sequence[Settlement]) -> dict[int, dict[str, datetime]]:
    """Of each delivery the sources that it tells of, and when each one's newest article was stored.

    Sources stand in order.
    """
    ids = [settlement.delivery_id for settlement in settled]
    query = (
        select(Alert.delivery_id, Article.source_id, func.max(Article.first_seen))
        .join(Match, col(Match.id) == col(Alert.match_id))
        .join(Article, col(Article.id) == col(Match.article_id))
        .where(col(Alert.delivery_id).in_(ids))
        .group_by(col(Alert.delivery_id), col(Article.source_id))
    )
    told: dict[int, dict[str, datetime]] = {}
    for number, source, at in sorted(session.exec(query), key=lambda row: row[1]):
        if number is not None and at is not None:
            told.setdefault(number, {})[source] = at
    return told


def _log_outcome(settlement: Settlement, kept: bool, sources: Mapping[str, datetime]) -> None:
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
        sources=[*sources][:SOURCES_NAMED],
        **_seconds(settlement, max(sources.values(), default=None)),
    )


def _seconds(settlement: Settlement, article: datetime | None) -> dict[str, float]:
    """How long a delivery took since it was made, and since its newest article was stored."""
    if settlement.outcome != "delivered":
        return {}
    since = {"seconds": settlement.made_at, "article_seconds": article}
    return {
        name: round((settlement.at - at).total_seconds(), 3)
        for name, at in since.items()
        if at is not None
    }
