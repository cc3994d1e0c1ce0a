"""Once a day, a channel's owner hears over another channel what could not be delivered.

The first dead letter is told at once; what follows within a day waits for the next report. When
there is no other channel the same one is tried: its other recipients may well be reached.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.context import AlertContext
from alerts.freezing import health_deliveries
from alerts.message import HealthEvent, rfc3339
from store.deliveries import Delivery
from store.outbox import DeadLetter, dead_letters, reports

EVERY = timedelta(days=1)
REASONS = 3
"""Reasons that one report names, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a channel's owner is to be told now."""

    channel: str
    deliveries: Sequence[Delivery]


def due_reports(context: AlertContext, now: datetime) -> list[Report]:
    """The reports that are due, each with its deliveries. Raises StoreError."""
    with context.store.reading() as session:
        letters = dead_letters(session)
        told = reports(session)
    return [
        Report(channel, _tell(context, channel, fresh, now))
        for channel, fresh in fresh_letters(letters, told, now)
    ]


def fresh_letters(
    letters: Iterable[DeadLetter], told: dict[str, datetime], now: datetime
) -> Iterator[tuple[str, list[DeadLetter]]]:
    """By channel, the dead letters of which nobody was told, where a day has passed since.

    A report that was made tomorrow, by a clock that was ahead, was not made.
    """
    by_channel: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        by_channel.setdefault(letter.channel, []).append(letter)
    for channel, all_ in by_channel.items():
        last = told.get(channel)
        if last is not None and last > now:
            last = None
        fresh = [letter for letter in all_ if last is None or letter.died_at > last]
        if fresh and (last is None or now - last >= EVERY):
            yield channel, fresh


def _tell(
    context: AlertContext, channel: str, letters: Sequence[DeadLetter], now: datetime
) -> list[Delivery]:
    subjects = [channel, *sorted(f"{letter.key} {rfc3339(letter.died_at)}" for letter in letters)]
    event = dead_letter_event(channel, letters)
    found = health_deliveries(context, event, subjects, now, without=channel)
    return found or health_deliveries(context, event, subjects, now)


def dead_letter_event(channel: str, letters: Sequence[DeadLetter]) -> HealthEvent:
    """The report in words and for machines."""
    count = len(letters)
    what = "a message" if count == 1 else f"{count} messages"
    common = Counter(letter.reason for letter in letters).most_common(REASONS)
    reasons = [f"{number} ×: {reason}" if count > 1 else reason for reason, number in common]
    advice = (
        "What could not be delivered is kept. To read it: wirewatch deliveries --state dead. "
        "When the cause is gone, to send it again: wirewatch retry --dead"
    )
    return HealthEvent(
        "delivery.dead",
        f"{what} could not be delivered over channel {channel}",
        (*reasons, advice),
        {"channel": channel, "count": count, "dead": [letter.key for letter in letters[:50]]},
    )
