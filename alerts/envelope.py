"""One delivery as channels see it, and what can become of it: a receipt or one of two failures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from unicodedata import category

REPLY_LIMIT = 512
"""Bytes of a reply that are kept with an attempt."""

REASON_LIMIT = 500
"""Code points of a reason."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

Blame = Literal["message", "destination", "unclear"]
"""What a temporary failure is about: this one message, everything sent there, or hard to tell."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery as it is sent: its content was frozen when it was made."""

    id: str
    """The same in all attempts: Message-ID, webhook-id, name of a mail file; no full stop."""
    created_at: datetime
    subject: str
    text: str
    html: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """What machines get, as JSON."""
    thread: str | None = None
    """The conversation it belongs to: `story-42`, `outage-…`; fit for a Message-ID."""
    watchlists: tuple[str, ...] = ()
    recipient: str = ""
    """The address; empty for channels with a single destination."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The destination has taken responsibility for the message."""

    code: int | None = None
    reply: str = ""
    """The beginning of what it said."""


class SendError(Exception):
    """The destination has not taken the message. Raised only as one of the two kinds below."""

    def __init__(self, reason: str, code: int | None = None, reply: str = "") -> None:
        """`reason` is one line for a person and holds no secret."""
        reason = one_line(reason)
        super().__init__(reason)
        self.reason, self.code, self.reply = reason, code, clip(reply)


class TemporaryFailure(SendError):  # noqa: N818 - the pair of words names what follows
    """Worth another attempt."""

    def __init__(
        self,
        reason: str,
        code: int | None = None,
        reply: str = "",
        *,
        retry_after: timedelta | None = None,
        blame: Blame = "message",
    ) -> None:
        """`retry_after` is what the destination asked for, as it asked."""
        super().__init__(reason, code, reply)
        self.retry_after, self.blame = retry_after, blame


class PermanentFailure(SendError):  # noqa: N818
    """No attempt will ever succeed."""

    def __init__(
        self,
        reason: str,
        code: int | None = None,
        reply: str = "",
        *,
        stops_channel: bool = False,
    ) -> None:
        """`stops_channel`: the destination wants nothing any more (410)."""
        super().__init__(reason, code, reply)
        self.stops_channel = stops_channel


def one_line(words: str) -> str:
    """The words without what would break a line, move a cursor, turn the text or fit no column.

    A server's own words stand in reasons, and reasons in terminals, logs and mails.
    """
    whole = words.encode("utf-8", "replace").decode()
    kept = (" " if category(letter) in _UNSEEN else letter for letter in whole)
    line = " ".join("".join(kept).split())
    return line if len(line) <= REASON_LIMIT else line[: REASON_LIMIT - 1] + "…"


def clip(reply: str) -> str:
    """As much of a reply as is kept, in at most 512 bytes of UTF-8."""
    return reply.encode("utf-8", "replace")[:REPLY_LIMIT].decode("utf-8", "ignore")
