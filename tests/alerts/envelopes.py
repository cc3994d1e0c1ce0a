"""Envelopes to send in tests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from alerts.envelope import Envelope

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

PLAIN = Envelope(
    id="q7Zk3-first1",
    created_at=NOON,
    subject="Durand Line: Kabul protests new fence — Dawn",
    text="Kabul protests new fence\nڈیورنڈ لائن\n.a line that begins with a dot\n",
    html='<p>Kabul protests new fence</p><p dir="auto">ڈیورنڈ لائن</p>',
    payload={
        "type": "watchlist.matched",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {"delivery": "q7Zk3-first1", "watchlist": "durand-line", "matches": []},
    },
    thread="story-42",
    watchlists=("durand-line",),
    recipient="Analyst <analyst@example.org>",
)


def envelope(**changes: Any) -> Envelope:
    """The plain one with changes."""
    return replace(PLAIN, **changes)
