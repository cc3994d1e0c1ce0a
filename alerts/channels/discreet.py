"""Keeps a channel's secrets out of what is said about its failures.

Receivers repeat what they were sent: a web framework answers 404 with the path, which holds a
token; a mail server quotes the login it refuses. Their words are stored with the attempt and shown,
so the secrets of the channel's table are taken out here, whatever its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.channels.base import Channel, ChannelTable, Surroundings
from alerts.envelope import Envelope, Receipt, SendError

HIDDEN = "***"
SHORTEST = 4
"""Letters of a secret, or of the piece of one that a cut reply ends with, that are hidden."""


class DiscreetChannel:
    """Another channel, whose receipts and failures name no secret."""

    def __init__(self, channel: Channel, secrets: Sequence[str]) -> None:
        """`secrets` are the texts to hide, in every form in which they may come back."""
        self._channel = channel
        self._secrets = sorted(
            {secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True
        )

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """Sends through the other channel. Raises TemporaryFailure or PermanentFailure."""
        try:
            receipt = await self._channel.send(envelope, now=now, attempt=attempt)
        except SendError as failure:
            failure.reason = self._hide(failure.reason)
            failure.reply = self._hide(failure.reply)
            failure.args = (failure.reason,)
            raise
        return replace(receipt, reply=self._hide(receipt.reply))

    def prepare(self, envelope: Envelope) -> None:
        """As the other channel does."""
        self._channel.prepare(envelope)

    async def close(self) -> None:
        """Closes the other channel."""
        await self._channel.close()

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
            # The reply may have been cut in the middle of it.
            for length in range(min(len(secret), len(text)), SHORTEST - 1, -1):
                if text.endswith(secret[:length]):
                    text = text[:-length] + HIDDEN
                    break
        return text


def open_channel(table: ChannelTable, around: Surroundings) -> Channel:
    """The channel of a table, discreet about its secrets; nothing is connected yet."""
    return DiscreetChannel(table.open(around), table.hidden())
