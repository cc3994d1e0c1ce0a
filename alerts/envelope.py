"""One delivery as channels see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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
    """The story it belongs to, if it is about one only."""
    watchlists: tuple[str, ...] = ()
    recipient: str = ""
    """The address; empty for channels with a single destination."""
