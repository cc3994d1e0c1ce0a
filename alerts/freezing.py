"""Deliveries from messages: one for each recipient of a channel, frozen, under a derived id."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from sqlmodel import Session

from alerts.channels.base import recipient_key
from alerts.context import AlertContext
from alerts.digest import hold_until
from alerts.message import HealthEvent, Message, delivery_id
from store.deliveries import Delivery
from store.outbox import delivery_with_key

log = structlog.get_logger("alerts")


def destinations(context: AlertContext, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Channel and recipient key of everybody who is told over these channels."""
    for channel in channels:
        for address in context.channels[channel].recipients():
            yield channel, recipient_key(address)


def freeze(
    context: AlertContext,
    key: str,
    message: Message,
    channel: str,
    recipient: str,
    watchlists: Sequence[str],
    now: datetime,
) -> Delivery:
    """A delivery with the message as its unchanging content, due now or when quiet hours end."""
    for problem in message.problems:
        log.warning("template", status="not used", why=problem)
    until = hold_until(context.channels[channel].quiet, now, context.zone)
    return Delivery(
        key=key,
        channel=channel,
        recipient=recipient,
        kind=message.kind,
        watchlists=list(watchlists),
        subject=message.subject,
        text=message.text,
        html=message.html,
        payload=message.payload,
        thread=message.thread,
        state="pending" if until is None else "held",
        created_at=now,
        next_attempt_at=until or now,
    )


def keep(session: Session, delivery: Delivery) -> Delivery:
    """Adds the delivery, or finds the one that already tells the same."""
    known = delivery_with_key(session, delivery.key)
    if known is not None:
        return known
    session.add(delivery)
    session.flush()
    return delivery


def health_deliveries(
    context: AlertContext,
    event: HealthEvent,
    subjects: Sequence[str],
    now: datetime,
    *,
    without: str = "",
) -> list[Delivery]:
    """The deliveries that tell of something about the monitor itself.

    `subjects` tell this event from others of its kind (the source's id and the time it began):
    the same subjects are told once. `without` is a channel that cannot be told.
    """
    made = []
    for channel, recipient in destinations(context, context.health_channels(without)):
        key = delivery_id(
            context.installation, channel, recipient, "", ["health", event.type, *subjects]
        )
        message = context.composer.health(key, event, now)
        made.append(freeze(context, key, message, channel, recipient, (), now))
    return made
