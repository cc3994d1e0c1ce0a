"""Sends messages through Apprise, in pieces that the service takes, at the pace that it allows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

import apprise
from apprise.common import NotifyFormat, PersistentStoreMode

from alerts.channels.apprise_http import Exchange, bound, exchange
from alerts.channels.chat_text import chat_pieces
from alerts.channels.webhook import blame_of, parse_retry_after
from alerts.envelope import Envelope, PermanentFailure, Receipt, TemporaryFailure
from store.addresses import Network

# Its log names addresses, which hold tokens; what went wrong is told by our own log.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_LONGEST_PIECE = {"ntfy": 4000, "ntfys": 4000}
"""Bytes, where the service takes less than Apprise says: ntfy makes a file of what is longer."""
PATIENCE = 60.0
"""Seconds that a piece may take beyond its timeouts: Apprise waits as services' rates ask it to."""


def check(url: str) -> None:
    """Whether Apprise can read the URL. Raises ValueError, without repeating it."""
    if _plugin(url) is None:
        schema = url.partition("://")[0]
        raise ValueError(f"Apprise cannot read this as an address of {schema}://")


def _plugin(url: str) -> apprise.NotifyBase | None:
    asset = apprise.AppriseAsset(
        app_id="Wirewatch", http_redirects=False, storage_mode=PersistentStoreMode.MEMORY
    )
    plugin: apprise.NotifyBase | None = apprise.Apprise.instantiate(
        url, asset=asset, suppress_exceptions=True
    )
    return plugin


class AppriseChannel:
    """One service. Apprise is synchronous, so each piece is sent in a thread."""

    def __init__(self, url: str, allow: Sequence[Network], timeout: float) -> None:
        """`allow` are private ranges that may be reached; `timeout` is in seconds."""
        plugin = _plugin(url)
        assert plugin is not None, "checked when the configuration was loaded"
        bound(plugin)
        self._plugin, self._allow, self._timeout = plugin, allow, timeout
        self._service = url.partition("://")[0].lower()
        self._taken: dict[str, int] = {}
        """Pieces of a message that the service took before it failed: they are not sent again."""
        self._busy = Lock()

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """Sends what is missing of a message. Raises TemporaryFailure or PermanentFailure."""
        code = None
        pieces = self._pieces(envelope)
        for number in range(self._taken.get(envelope.id, 0), len(pieces)):
            done = await self._exchange(*pieces[number])
            self._judge(done, now)
            self._taken[envelope.id] = number + 1
            code = done.code
        self._taken.pop(envelope.id, None)
        return Receipt(code)

    def prepare(self, envelope: Envelope) -> None:
        """Nothing: services are slow, not we."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _pieces(self, envelope: Envelope) -> list[tuple[str, str]]:
        body = min(self._plugin.body_maxlen, _LONGEST_PIECE.get(self._service, 30_000))
        return chat_pieces(
            envelope.subject, envelope.text, envelope.id, body, self._plugin.title_maxlen
        )

    async def _exchange(self, title: str, body: str) -> Exchange:
        """One piece. Raises TemporaryFailure when it takes far too long."""
        within = 4 * self._timeout + PATIENCE
        try:
            async with asyncio.timeout(within):
                return await asyncio.to_thread(self._speak, title, body)
        except TimeoutError as error:
            raise TemporaryFailure(
                f"{self._service}: no answer in time", blame="unclear"
            ) from error

    def _speak(self, title: str, body: str) -> Exchange:
        # A piece that was given up may still be under way in its thread.
        with self._busy, exchange(self._allow, self._timeout) as now:
            taken = self._plugin.notify(
                body=body, title=title, body_format=NotifyFormat.TEXT, overflow="upstream"
            )
        if taken:
            now.broken = now.refused = ""
        elif not now.broken and now.code is not None and 200 <= now.code < 300:
            now.broken = f"it answers {now.code}, but does not take the message"
        elif not now.broken and now.code is None:
            now.broken = "Apprise does not send it"
        return now

    def _judge(self, done: Exchange, now: datetime) -> None:
        """Nothing for a piece that was taken. Raises TemporaryFailure or PermanentFailure."""
        if done.refused:
            raise TemporaryFailure(
                f"{self._service}: may not be reached, see allow_private ({done.refused})",
                blame="destination",
            )
        if done.broken:
            lost = done.code is None and done.broken == "no connection"
            raise TemporaryFailure(
                f"{self._service}: {done.broken}",
                done.code,
                done.reply,
                blame="destination" if lost else "unclear",
            )
        if done.code is None or 200 <= done.code < 300:
            return
        if done.code == 410:
            reason = f"{self._service} wants no more messages (410)"
            raise PermanentFailure(reason, 410, done.reply, stops_channel=True)
        redirect = ", a redirect, which is not followed" if 300 <= done.code < 400 else ""
        raise TemporaryFailure(
            f"{self._service}: it answers {done.code}{redirect}",
            done.code,
            done.reply,
            retry_after=_pause(done, now),
            blame=blame_of(done.code),
        )


def _pause(done: Exchange, now: datetime) -> timedelta | None:
    return parse_retry_after(done.retry_after, now) if done.code in {429, 503} else None
