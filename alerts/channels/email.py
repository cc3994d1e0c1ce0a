"""E-mail over SMTP. The reply to the final dot decides; whatever happens at QUIT does not count."""

import asyncio
import contextlib
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aiosmtplib
from aiosmtplib import errors
from pydantic import AfterValidator, BeforeValidator, Field

from alerts.channels.base import ChannelTable, Surroundings, minutes
from alerts.envelope import Blame, Envelope, PermanentFailure, Receipt, SendError, TemporaryFailure
from alerts.mail_address import mail_address
from alerts.mime import mime_message
from store.config import Secret

FINAL_DOT = timedelta(minutes=10)
"""How long a server may take to answer a whole message (RFC 5321, 4.5.3.2.6)."""
IDLE = timedelta(seconds=60)
"""A kept connection older than this is asked for a sign of life before it is used."""

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_EXAMPLE = 'write it like "smtps://user:${SMTP_PASSWORD}@mail.example.org:465"'
_LOGIN_CODES = frozenset({530, 534, 535, 538, 454})


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _check_address(text: str) -> str:
    """A bare address or `Name <address>` that can be sent to. Raises ValueError."""
    mail_address(text)
    return text


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or parts.path not in {"", "/"} or parts.query or parts.fragment:
        # The address itself is not repeated, nor what Python says of it: it may hold a password.
        raise ValueError(f"not the address of a mail server; {_EXAMPLE}") from None
    return parts


def _check_server(url: Secret) -> Secret:
    parts = _split(url.get_secret_value())
    if parts.username and parts.password is None:
        raise ValueError(f"a user without a password; {_EXAMPLE}")
    return url


MailAddress = Annotated[str, AfterValidator(_check_address)]


class EmailConfig(ChannelTable):
    """[channel.ID] of kind "email"."""

    kind: Literal["email"]
    to: Annotated[tuple[MailAddress, ...], BeforeValidator(_one_or_many)] = Field(
        min_length=1, description="addresses; each gets a message of its own"
    )
    from_: MailAddress = Field(alias="from", description='e.g. "Wirewatch <alerts@example.org>"')
    smtp: Annotated[Secret, AfterValidator(_check_server)] = Field(
        description="smtp:// (no TLS), smtp+starttls:// or smtps://, with user and password"
    )
    tls_ca: str = Field("", description="a CA file, for a mail server of your own")

    waits: ClassVar[tuple[timedelta, ...]] = minutes(0.5, 2, 5, 10, 20, 40, 60)

    def recipients(self) -> tuple[str, ...]:
        """The addresses of `to`, each once."""
        return tuple(dict.fromkeys(self.to))

    def hidden(self) -> tuple[str, ...]:
        """The password: plain, as the address writes it, and as AUTH LOGIN and PLAIN send it."""
        server = _server(self.smtp.get_secret_value())
        if not server.password:
            return ()
        login = f"\0{server.user}\0{server.password}"
        coded = (b64encode(text.encode()).decode() for text in (server.password, login))
        return (server.password, quote(server.password, safe=""), *coded)

    def open(self, around: Surroundings) -> "EmailChannel":
        """The channel of this table."""
        return EmailChannel(self, around.folder)


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    scheme: str
    user: str
    password: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


class EmailChannel:
    """Sends over one connection that is kept open between messages."""

    def __init__(
        self, config: EmailConfig, folder: Path, *, final_dot: timedelta = FINAL_DOT
    ) -> None:
        """`folder` is where a relative `tls_ca` is looked for."""
        self._config, self._folder = config, folder
        self._server = _server(config.smtp.get_secret_value())
        self._timeout = config.timeout.total_seconds()
        self._final_dot = final_dot.total_seconds()
        self._client: aiosmtplib.SMTP | None = None
        self._used = 0.0
        self._ahead: tuple[Envelope, bytes] | None = None

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """One transaction: MAIL, one RCPT, DATA. Raises TemporaryFailure or PermanentFailure."""
        raw = self._bytes(envelope)
        try:
            await self._begin(raw, envelope.recipient)
            return await self._transfer(envelope.recipient, raw)
        except (SendError, errors.SMTPException, OSError, ssl.SSLError) as error:
            # After a refusal the connection is in order; after anything else nobody knows.
            if not await _reset(self._client, error):
                self._drop()
            raise self._failure(error) from error
        except asyncio.CancelledError:
            self._drop()
            raise

    def prepare(self, envelope: Envelope) -> None:
        """Writes the mail while the server is busy with the one before it."""
        self._ahead = (envelope, self._written(envelope))

    def _bytes(self, envelope: Envelope) -> bytes:
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead and ahead[0] is envelope else self._written(envelope)

    def _written(self, envelope: Envelope) -> bytes:
        return mime_message(envelope, self._config.from_, envelope.recipient)

    async def close(self) -> None:
        """Says QUIT if somebody still listens."""
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(errors.SMTPException, OSError, ssl.SSLError):
            await client.quit(timeout=min(self._timeout, 1))
        client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        clock = asyncio.get_running_loop().time()
        if self._client is not None and not await self._alive(self._client, clock):
            self._drop()
        if self._client is None:
            self._client = await self._connect()
        self._used = clock
        return self._client

    async def _alive(self, client: aiosmtplib.SMTP, clock: float) -> bool:
        if not client.is_connected:
            return False
        if clock - self._used < IDLE.total_seconds():
            return True
        try:
            await client.noop(timeout=self._timeout)
        except (errors.SMTPException, OSError, ssl.SSLError):
            return False
        return True

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        try:
            client = aiosmtplib.SMTP(
                hostname=server.host,
                port=server.port,
                use_tls=server.scheme == "smtps",
                start_tls=server.scheme == "smtp+starttls",
                tls_context=self._tls_context(),
                timeout=self._timeout,
                local_hostname=_own_name(),
            )
            await client.connect()
            await _greet(client)
        except (errors.SMTPException, OSError, ssl.SSLError) as error:
            raise self._connect_failure(error) from error
        try:
            if server.user:
                await client.login(server.user, server.password)
        except (errors.SMTPException, OSError, ssl.SSLError) as error:
            client.close()
            raise self._login_failure(error) from error
        return client

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._server.scheme == "smtp":
            return None
        if not self._config.tls_ca:
            return ssl.create_default_context()
        ca = self._folder / self._config.tls_ca
        try:
            return ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise TemporaryFailure(
                f"tls_ca: {ca} cannot be read as a CA file ({error})", blame="destination"
            ) from error

    async def _begin(self, raw: bytes, recipient: str) -> None:
        """Opens a transaction; a kept connection that turns out to be dead is replaced once."""
        kept = self._client is not None
        try:
            await self._mail(await self._connected(), raw, recipient)
        except errors.SMTPServerDisconnected:
            if not kept:
                raise
            self._drop()
            await self._mail(await self._connected(), raw, recipient)

    async def _mail(self, client: aiosmtplib.SMTP, raw: bytes, recipient: str) -> None:
        """MAIL. A refusal of the sender is the configuration's fault, not this message's.

        It is therefore temporary: one mistake there must not kill everything that waits.
        """
        options = _size_option(client, raw) + self._utf8_option(client, recipient)
        try:
            await client.mail(_bare(self._config.from_), options=options, encoding="utf-8")
        except errors.SMTPSenderRefused as error:
            if error.code == 552:
                raise
            reason = _login_words(error) or "the server refuses the sender address"
            raise self._temporary(reason, error, "destination") from error

    def _utf8_option(self, client: aiosmtplib.SMTP, recipient: str) -> list[str]:
        """SMTPUTF8 where an address needs it. Raises SendError when the server lacks it."""
        sender = _needs_utf8(self._config.from_)
        if not sender and not _needs_utf8(recipient):
            return []
        if client.supports_extension("smtputf8"):
            return ["SMTPUTF8"]
        words = "it takes only ASCII before the @ (it does not offer SMTPUTF8)"
        if sender:
            raise self._temporary(f"{words}, unlike the sender address", None, "destination")
        raise PermanentFailure(f"{self._server.place}: {words}, unlike this recipient")

    async def _transfer(self, recipient: str, raw: bytes) -> Receipt:
        """RCPT and DATA. Any 2xx after the final dot is acceptance."""
        client = self._client
        assert client
        await client.rcpt(_bare(recipient), encoding="utf-8")
        try:
            reply = await client.data(raw, timeout=self._final_dot)
        except errors.SMTPDataError as error:
            if not 200 <= error.code < 300:
                raise
            return Receipt(error.code, error.message)
        return Receipt(reply.code, reply.message)

    def _failure(self, error: Exception) -> SendError:
        """What a failure inside a transaction means."""
        if isinstance(error, SendError):
            return error
        if not isinstance(error, errors.SMTPResponseException):
            return self._temporary(_network_words(error), None, "unclear")
        if error.code == 421:
            return self._temporary("the server closes the connection", error, "destination")
        if words := _login_words(error):
            return self._temporary(words, error, "destination")
        if 500 <= error.code < 600:
            return PermanentFailure(
                f"{self._server.place} refuses the message: {_words(error)}",
                error.code,
                error.message,
            )
        return self._temporary("the server refuses for now", error, "message")

    def _connect_failure(self, error: Exception) -> TemporaryFailure:
        if isinstance(error, ssl.SSLCertVerificationError):
            words = f"its certificate is not trusted ({error.verify_message})"
        elif isinstance(error.__cause__, ssl.SSLCertVerificationError):
            words = f"its certificate is not trusted ({error.__cause__.verify_message})"
        else:
            words = _network_words(error)
        known = error if isinstance(error, errors.SMTPResponseException) else None
        return self._temporary(f"no connection: {words}", known, "destination")

    def _login_failure(self, error: Exception) -> TemporaryFailure:
        if isinstance(error, errors.SMTPAuthenticationError):
            words = _login_words(error) or "the server refuses the user or password"
            return self._temporary(words, error, "destination")
        return self._temporary(f"logging in failed: {_network_words(error)}", None, "destination")

    def _temporary(
        self, words: str, error: errors.SMTPResponseException | None, blame: Blame
    ) -> TemporaryFailure:
        said = f": {_words(error)}" if error else ""
        return TemporaryFailure(
            f"{self._server.place}: {words}{said}",
            error.code if error else None,
            error.message if error else "",
            blame=blame,
        )

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _server(url: str) -> _Server:
    parts = _split(url)
    return _Server(
        parts.hostname or "",
        parts.port or _PORTS[parts.scheme],
        parts.scheme,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


@lru_cache(maxsize=1000)
def _bare(address: str) -> str:
    return mail_address(address).bare


@lru_cache(maxsize=1000)
def _needs_utf8(address: str) -> bool:
    return mail_address(address).needs_utf8


def _own_name() -> str:
    """Our name in EHLO: the host's if it is a full one, else an address literal (RFC 5321)."""
    name = socket.gethostname()
    full = "." in name and name.isascii() and name.isprintable() and " " not in name
    return name if full else "[127.0.0.1]"


def _size_option(client: aiosmtplib.SMTP, raw: bytes) -> list[str]:
    return [f"SIZE={len(raw)}"] if client.supports_extension("size") else []


async def _greet(client: aiosmtplib.SMTP) -> None:
    """EHLO, or HELO for servers that know no better, unless STARTTLS has done it."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except errors.SMTPHeloError:
        await client.helo()


async def _reset(client: aiosmtplib.SMTP | None, error: Exception) -> bool:
    """Readies the connection for the next message; whether it can be used again."""
    code = getattr(error, "code", None)
    if client is None or code in {None, 421} or not client.is_connected:
        return False
    try:
        await client.rset(timeout=5)
    except (errors.SMTPException, OSError, ssl.SSLError):
        return False
    return True


def _login_words(error: errors.SMTPResponseException) -> str:
    if error.code == 535:
        return "the server refuses the user or password (key smtp)"
    return "the server wants another login (key smtp)" if error.code in _LOGIN_CODES else ""


def _words(error: errors.SMTPResponseException) -> str:
    return f"{error.code} {' '.join(error.message.split())}"[:200]


def _network_words(error: Exception) -> str:
    if isinstance(error, errors.SMTPTimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, errors.SMTPServerDisconnected | ConnectionResetError):
        return "it closed the connection"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason})"
    message = error.message if isinstance(error, errors.SMTPException) else str(error)
    return str(message)[:200] or type(error).__name__
