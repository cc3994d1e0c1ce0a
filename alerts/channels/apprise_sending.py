"""Sends messages through Apprise, in pieces that the service takes, at the pace that it allows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import apprise
from apprise.common import NotifyFormat, PersistentStoreMode

from alerts.channels.apprise_http import AskedToWaitError, Exchange, bound
from alerts.channels.chat_text import chat_pieces
from alerts.channels.own_thread import OwnThread, StillBusyError
from alerts.channels.webhook import PAUSING, blame_of, parse_retry_after
from alerts.envelope import Blame, Envelope, PermanentFailure, Receipt, TemporaryFailure
from store.addresses import Network

# Its log names addresses, which hold tokens; what went wrong is told by our own log.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_LONGEST_PIECE = {"ntfy": 4000, "ntfys": 4000}
"""Bytes, where the service takes less than Apprise says: ntfy makes a file of what is longer."""
STEPS = 4
"""Timeouts that a piece may take: some services are logged in to, asked for a room and left."""
REMEMBERED = 1000
"""Messages whose taken pieces are remembered; more wait only where hundreds fail half-way."""


def check(url: str) -> None:
    """Whether the URL names one destination. Raises ValueError, without repeating it."""
    schema = url.partition("://")[0]
    plugin = _plugin(url)
    if plugin is None:
        raise ValueError(f"Apprise cannot read this as an address of {schema}://")
    if getattr(plugin, "invalid_targets", ()) or getattr(plugin, "_invalid_targets", ()):
        raise ValueError(f"Apprise does not understand all that this {schema}:// address names")
    count = _destinations(plugin)
    if count > 1:
        raise ValueError(
            f"it names {count} destinations: write a channel for each, or those that work get "
            "every message again for as long as one of them fails"
        )
    if count == 0:
        raise ValueError(f"{schema}:// goes to every room it is in; name one")


def _destinations(plugin: Any) -> int:
    """How many places get a message; 0 stands for all that will be found."""
    if plugin.service_name == "Matrix" and plugin.mode == "off":
        return len(plugin.rooms) + len(plugin.users)
    # Apprise counts what it would try again as more of them; some services take several in one
    # request, and may refuse one of them.
    requests: int = len(plugin) // (plugin.retry + 1)
    return max(requests, len(getattr(plugin, "targets", ())))


def _plugin(url: str) -> apprise.NotifyBase | None:
    asset = apprise.AppriseAsset(
        app_id="Wirewatch", http_redirects=False, storage_mode=PersistentStoreMode.MEMORY
    )
    plugin: apprise.NotifyBase | None = apprise.Apprise.instantiate(
        url, asset=asset, suppress_exceptions=True
    )
    return plugin


class AppriseChannel:
    """One destination. Apprise is synchronous, so each piece is sent in a thread."""

    def __init__(
        self, url: str, allow: Sequence[Network], timeout: float, *, pace: float = 0
    ) -> None:
        """`allow` are private ranges that may be reached; `timeout` is in seconds.

        `pace` are the seconds that lie at least between two pieces.
        """
        plugin = _plugin(url)
        assert plugin is not None, "checked when the configuration was loaded"
        bound(plugin)
        self._plugin, self._allow, self._timeout, self._pace = plugin, allow, timeout, pace
        self._service = url.partition("://")[0].lower()
        self._taken: dict[str, int] = {}
        """Pieces of a message that the service took before it failed: they are not sent again."""
        self._thread = OwnThread(f"apprise {self._service}")
        self._next = 0.0
        """When the next piece may be sent, by the event loop's clock."""

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """Sends what is missing of a message. Raises TemporaryFailure or PermanentFailure."""
        receipt = Receipt()
        pieces = self._pieces(envelope)
        for number in range(self._taken.get(envelope.id, 0), len(pieces)):
            receipt = self._judge(await self._at_pace(*pieces[number]), now)
            self._remember(envelope.id, number + 1)
        self._taken.pop(envelope.id, None)
        return receipt

    def prepare(self, envelope: Envelope) -> None:
        """Nothing: services are slow, not we."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _pieces(self, envelope: Envelope) -> list[tuple[str, str]]:
        body = min(self._plugin.body_maxlen, _LONGEST_PIECE.get(self._service, 30_000))
        return chat_pieces(
            envelope.subject, envelope.text, envelope.id, body, self._plugin.title_maxlen
        )

    def _remember(self, id_: str, pieces: int) -> None:
        """Forgets the oldest where too many stand there, as dead letters would for ever."""
        self._taken[id_] = pieces
        if len(self._taken) > REMEMBERED:
            del self._taken[next(iter(self._taken))]

    async def _at_pace(self, title: str, body: str) -> Exchange:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._next - clock())
        try:
            return await self._exchange(title, body)
        finally:
            # From its end: how long a request was on its way to the service nobody knows.
            self._next = clock() + self._pace

    async def _exchange(self, title: str, body: str) -> Exchange:
        """One piece. Raises TemporaryFailure when it takes too long."""
        within = STEPS * self._timeout
        exchange = Exchange(self._allow, self._timeout, within)
        try:
            await self._thread.run(lambda: self._speak(exchange, title, body), within)
        except TimeoutError as error:
            raise self._temporary("no answer in time", exchange) from error
        except StillBusyError as error:
            raise TemporaryFailure(
                f"{self._service}: the attempt before this one has not ended", blame="destination"
            ) from error
        finally:
            # Whatever is still under way has nobody left to hear of it.
            exchange.break_off()
        return exchange

    def _speak(self, exchange: Exchange, title: str, body: str) -> None:
        """What Apprise does, in its thread."""
        with exchange.open():
            try:
                exchange.taken = self._plugin.notify(
                    body=body, title=title, body_format=NotifyFormat.TEXT, overflow="upstream"
                )
            except AskedToWaitError as asked:
                exchange.pause = asked.seconds
            except Exception as error:  # noqa: BLE001 - what a service answers can break Apprise
                exchange.broken = f"Apprise cannot read its answer ({type(error).__name__})"

    def _judge(self, done: Exchange, now: datetime) -> Receipt:
        """The receipt of a piece that was taken. Raises TemporaryFailure or PermanentFailure."""
        if done.taken:
            return Receipt(done.accepted)
        if done.refused:
            raise TemporaryFailure(
                f"{self._service}: may not be reached, see allow_private ({done.refused})",
                blame="destination",
            )
        if done.code == 410:
            reason = f"{self._service} wants no more messages (410)"
            raise PermanentFailure(reason, 410, done.reply, stops_channel=True)
        asked = _asked(done, now)
        if done.code is not None:
            redirect = ", a redirect, which is not followed" if 300 <= done.code < 400 else ""
            raise self._temporary(f"it answers {done.code}{redirect}", done, asked)
        if asked is not None:
            seconds = asked.total_seconds()
            raise self._temporary(f"it asks for a pause of {seconds:.0f} s", done, asked)
        if done.broken:
            raise self._temporary(done.broken, done)
        if done.accepted is None:
            raise self._temporary("Apprise does not send it", done)
        words = f"it answers {done.accepted}, but does not take the message"
        raise TemporaryFailure(
            f"{self._service}: {words}", done.accepted, done.reply, blame="unclear"
        )

    def _temporary(
        self, words: str, done: Exchange, asked: timedelta | None = None
    ) -> TemporaryFailure:
        blame: Blame = "unclear" if done.code is None else blame_of(done.code)
        if asked is not None or done.is_unreachable:
            blame = "destination"
        return TemporaryFailure(
            f"{self._service}: {words}", done.code, done.reply, retry_after=asked, blame=blame
        )


def _asked(done: Exchange, now: datetime) -> timedelta | None:
    """The pause that the service asks for, by a header or through Apprise."""
    header = parse_retry_after(done.retry_after, now) if done.code in PAUSING else None
    given = None if done.pause is None else timedelta(seconds=done.pause)
    return max((each for each in (header, given) if each is not None), default=None)
