"""Signed JSON over HTTP, as Standard Webhooks 1.0 describes it (www.standardwebhooks.com).

The id survives retries, the timestamp does not, the signature covers both and the body. 2xx alone
is success, redirects are not followed, 410 means stop.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from alerts.channels.base import ChannelTable, Surroundings, minutes, read_network
from alerts.envelope import Blame, Envelope, PermanentFailure, Receipt, TemporaryFailure
from store.addresses import Network
from store.config import Secret
from store.http_client import ForbiddenAddressError, guarded_client, httpx

REPLY_READ = 64 * 1024
"""Bytes of a reply that are read at most; the connection closes on a longer one."""
REPLY_TIME = 2.0
"""Seconds that a reply's body may take once its status is known: the status has decided."""

TOKEN_LENGTH = 16
"""Letters from which on a part of a path is taken to be a token, not a word."""

_PREFIX = "whsec_"
_FEWEST, _MOST = 24, 64  # bytes of a signing key, from the specification
_KEY_HELP = 'write "whsec_" and 24 to 64 random bytes in base64'


def signing_key(secret: str) -> bytes:
    """The key that a `whsec_…` secret stands for. Raises ValueError, without repeating it."""
    text = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the secret is not base64; {_KEY_HELP}") from error
    if not _FEWEST <= len(key) <= _MOST:
        raise ValueError(f"the secret has {len(key)} bytes; {_KEY_HELP}")
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One `v1,…` signature over id, timestamp (Unix seconds) and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Retry-After as seconds or as a date; None for nonsense and for times gone by."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text[:9]))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware - now if aware > now else None


def address_secrets(url: str) -> tuple[str, ...]:
    """What of an address may be a token: the path, the query, and their parts if long enough."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    long = [part for part in parts.path.split("/") if len(part) >= TOKEN_LENGTH]
    values = [value for _, value in parse_qsl(parts.query)]
    given = [parts.username or "", parts.password or "", parts.query, *long, *values]
    found = [target, *given] if len(target) > len("/hook") else given
    return tuple(dict.fromkeys(form for text in found for form in (text, unquote(text))))


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() for letter in url):
        raise ValueError('not a web address; write one like "https://ops.example.org/hook"')
    return url


def _check_secret(url: Secret) -> Secret:
    signing_key(url.get_secret_value())
    return url


def _check_secret_url(url: Secret) -> Secret:
    _check_url(url.get_secret_value())
    return url


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


class WebhookConfig(ChannelTable):
    """[channel.ID] of kind "webhook"."""

    kind: Literal["webhook"]
    url: Annotated[Secret, AfterValidator(_check_secret_url)] = Field(
        description="where the JSON is posted; may hold a token and is never shown"
    )
    secret: Annotated[
        tuple[Annotated[Secret, AfterValidator(_check_secret)], ...], BeforeValidator(_one_or_many)
    ] = Field(
        min_length=1,
        description="Standard Webhooks signing secret; while it changes, a list: new, old",
    )
    allow_private: tuple[Annotated[Network, BeforeValidator(read_network)], ...] = Field(
        (), description="address ranges that may be reached although private"
    )

    waits: ClassVar[tuple[timedelta, ...]] = minutes(
        5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440
    )  # the specification's table: 5 s, 5 and 30 min, 2, 5, 10, 14, 20 and 24 h
    one_watchlist: ClassVar[bool] = True

    def hidden(self) -> tuple[str, ...]:
        """The secrets, and what of the address may be a token: path, query and their long parts."""
        url = self.url.get_secret_value()
        return (*(secret.get_secret_value() for secret in self.secret), *address_secrets(url))

    def open(self, around: Surroundings) -> "WebhookChannel":
        """The channel of this table."""
        return WebhookChannel(self, around.allow_private)


class WebhookChannel:
    """Posts signed JSON; connections are kept by the client."""

    def __init__(self, config: WebhookConfig, allow_private: Sequence[Network] = ()) -> None:
        """`allow_private` is added to the table's own ranges."""
        self._url = config.url.get_secret_value()
        self._host = urlsplit(self._url).hostname or ""
        self._keys = [signing_key(secret.get_secret_value()) for secret in config.secret]
        self._timeout = config.timeout.total_seconds()
        allowed = (*allow_private, *config.allow_private)
        self._client = guarded_client(allowed, timeout=self._timeout)

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """One POST, signed anew. Raises TemporaryFailure or PermanentFailure."""
        text = json.dumps(envelope.payload, ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-8", "replace")
        request = self._client.build_request(
            "POST", self._url, content=body, headers=self._headers(envelope.id, now, body)
        )
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.send(request, stream=True, follow_redirects=False)
        except TimeoutError as error:
            raise self._temporary("no answer in time", "unclear") from error
        except httpx.HTTPError as error:
            raise self._network_failure(error) from error
        try:
            reply = await _beginning(response)
        finally:
            await response.aclose()
        return self._judge(response, reply, now)

    def prepare(self, envelope: Envelope) -> None:
        """Nothing: the signature holds the time of the attempt."""

    async def close(self) -> None:
        """Closes kept connections."""
        await self._client.aclose()

    def _headers(self, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
        timestamp = int(now.timestamp())
        return {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "Wirewatch",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                signature(key, message_id, timestamp, body) for key in self._keys
            ),
        }

    def _judge(self, response: httpx.Response, reply: str, now: datetime) -> Receipt:
        code = response.status_code
        if 200 <= code < 300:
            return Receipt(code, reply)
        if code == 410:
            raise PermanentFailure(
                f"{self._host} wants no more messages (410)", code, reply, stops_channel=True
            )
        words = f"it answers {code} {response.reason_phrase}".rstrip()
        if 300 <= code < 400:
            words += ", a redirect, which is not followed"
        raise self._temporary(
            words,
            blame_of(code),
            code=code,
            reply=reply,
            retry_after=parse_retry_after(response.headers.get("retry-after"), now)
            if code in PAUSING
            else None,
        )

    def _network_failure(self, error: httpx.HTTPError) -> TemporaryFailure:
        if isinstance(error, ForbiddenAddressError):
            return self._temporary(
                f"may not be reached, see allow_private ({error})", "destination"
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return self._temporary(f"no connection ({_words(error)})", "destination")
        if isinstance(error, httpx.TimeoutException):
            return self._temporary("no answer in time", "unclear")
        return self._temporary(f"the exchange broke off ({_words(error)})", "unclear")

    def _temporary(
        self,
        words: str,
        blame: Blame,
        *,
        code: int | None = None,
        reply: str = "",
        retry_after: timedelta | None = None,
    ) -> TemporaryFailure:
        return TemporaryFailure(
            f"{self._host}: {words}", code, reply, retry_after=retry_after, blame=blame
        )


PAUSING = frozenset({429, 502, 503, 504})
"""Codes that speak for the whole receiver, now: with them Retry-After is obeyed."""


def blame_of(code: int) -> Blame:
    """What a code speaks for: the whole receiver, or (400, 413 and 422) the one message."""
    if code in PAUSING:
        return "destination"
    return "message" if code in {400, 413, 422} else "unclear"


def _words(error: httpx.HTTPError) -> str:
    return str(error)[:120] or type(error).__name__


async def _beginning(response: httpx.Response) -> str:
    """The reply's first bytes, undecoded; what breaks while reading it changes nothing."""
    kept = bytearray()
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(REPLY_TIME):
            async for chunk in response.aiter_raw():
                kept += chunk
                if len(kept) >= REPLY_READ:
                    break
    return bytes(kept[:REPLY_READ]).decode("utf-8", "replace")
