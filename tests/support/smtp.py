"""An SMTP server on loopback that accepts, and can be told to fail in every way a server fails."""

import asyncio
import base64
import email
import email.policy
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import Enum
from typing import Self

VERBS = frozenset(
    {"CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT", "RSET", "NOOP", "QUIT"}
)


TRICKLE = 0.1
"""Seconds between two bytes of a reply that trickles in."""


class Fault(Enum):
    """What a server does instead of replying."""

    STALL = "keeps silent, connection open"
    CLOSE = "closes the connection"
    TRICKLE = "replies a byte at a time"
    ENDLESS = "replies without end"


@dataclass(frozen=True)
class ReceivedMail:
    """One message the server took responsibility for."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    connection: int
    """Number of the connection it came over, from 1."""

    @property
    def message(self) -> EmailMessage:
        """The parsed message."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)


@dataclass
class _Rule:
    verb: str
    answer: str | Fault
    when: Callable[[str], bool]
    left: int | None
    accept: bool


@dataclass
class SmtpSink:
    """`async with SmtpSink() as sink:` listens on `sink.host`:`sink.port` until the block ends."""

    tls: ssl.SSLContext | None = None
    """TLS from the first byte."""
    starttls: ssl.SSLContext | None = None
    """Offers STARTTLS."""
    login: tuple[str, str] | None = None
    """User and password; without them MAIL is refused with 530."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one; read it inside the block."""
    utf8: bool = False
    """Offers SMTPUTF8."""
    delay_dot: float = 0
    """Seconds that the reply to a whole message takes."""
    messages: list[ReceivedMail] = field(default_factory=list)
    """Accepted messages, in order."""
    connections: int = 0
    said: int = 0
    """Bytes of endless replies handed to the network so far."""
    commands: list[str] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, ssl=self.tls, limit=2**20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Closes every open connection, as a server does with idle clients."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def fail(
        self,
        verb: str,
        answer: str | Fault,
        *,
        when: Callable[[str], bool] = lambda argument: True,
        times: int | None = None,
        accept: bool = False,
    ) -> None:
        """From now on `verb` is answered so, `times` times (None: always).

        DOT is the end of a message; with `accept` the message counts as received all the same.
        """
        assert verb in VERBS, verb
        self._rules.append(_Rule(verb, answer, when, times, accept))

    def recover(self) -> None:
        """Forgets all faults."""
        self._rules.clear()

    async def wait_for(self, count: int, within: float = 10) -> list[ReceivedMail]:
        """The messages, once there are `count`. Raises TimeoutError."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: len(self.messages) >= count)
        return self.messages

    async def accept(self, mail: ReceivedMail) -> None:
        """Takes the message."""
        self.messages.append(mail)
        async with self._news:
            self._news.notify_all()

    def rule(self, verb: str, argument: str) -> _Rule | None:
        """The fault to act out now."""
        for rule in self._rules:
            if rule.verb == verb and rule.left != 0 and rule.when(argument):
                rule.left = None if rule.left is None else rule.left - 1
                return rule
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            await _Conversation(self, reader, writer, self.connections).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class _Conversation:
    def __init__(
        self,
        sink: SmtpSink,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self.sink, self.reader, self.writer, self.number = sink, reader, writer, number
        self.secure = sink.tls is not None
        self.known = sink.login is None
        self.sender = ""
        self.recipients: list[str] = []
        self.open = True

    async def run(self) -> None:
        await self.answer("CONNECT", "", "220 sink.test ESMTP")
        while self.open and (line := await self.reader.readline()):
            text = line.decode("utf-8", "replace").strip()
            verb, _, argument = text.partition(" ")
            self.sink.commands.append(text)
            command = getattr(self, verb.lower(), None)
            if command is None or verb.upper() not in VERBS:
                await self.say("502 5.5.1 not implemented")
            else:
                await command(argument)

    async def say(self, reply: str) -> None:
        self.writer.write(reply.encode() + b"\r\n")
        await self.writer.drain()

    async def answer(self, verb: str, argument: str, reply: str) -> bool:
        """Replies, or acts out the fault set for the verb; whether the reply was the good one."""
        return await self.act(self.sink.rule(verb, argument), reply)

    async def act(self, rule: _Rule | None, reply: str) -> bool:
        if rule is None:
            await self.say(reply)
            return True
        if rule.answer is Fault.STALL:
            await self.reader.read()
        if rule.answer is Fault.TRICKLE:
            await self.trickle(reply)
            return True
        if rule.answer is Fault.ENDLESS:
            await self.go_on(reply[:3])
        if isinstance(rule.answer, Fault):
            self.open = False
            return False
        await self.say(rule.answer)
        self.open = not rule.answer.startswith("421")
        return False

    async def trickle(self, reply: str) -> None:
        for byte in reply.encode() + b"\r\n":
            self.writer.write(bytes([byte]))
            await self.writer.drain()
            await asyncio.sleep(TRICKLE)

    async def go_on(self, code: str) -> None:
        lines = f"{code}-and so on\r\n".encode() * 5000
        while True:
            self.writer.write(lines)
            await self.writer.drain()
            self.sink.said += len(lines)

    async def ehlo(self, argument: str) -> None:
        lines = ["sink.test", "8BITMIME", "SIZE 20000000"]
        if self.sink.starttls and not self.secure:
            lines.append("STARTTLS")
        if self.sink.utf8:
            lines.append("SMTPUTF8")
        if self.sink.login:
            lines.append("AUTH PLAIN LOGIN")
        body = "\r\n".join(f"250-{line}" for line in lines[:-1])
        await self.answer("EHLO", argument, f"{body}\r\n250 {lines[-1]}")

    async def starttls(self, argument: str) -> None:
        if not self.sink.starttls:
            await self.say("502 5.5.1 no TLS here")
        elif await self.answer("STARTTLS", argument, "220 go ahead"):
            await self.writer.start_tls(self.sink.starttls)
            self.secure = True

    async def auth(self, argument: str) -> None:
        method, _, initial = argument.partition(" ")
        if method.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            user = base64.b64decode(initial).decode()
            await self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.reader.readline()).decode()
        if (user, password) != self.sink.login:
            await self.say("535 5.7.8 authentication credentials invalid")
        elif await self.answer("AUTH", user, "235 2.7.0 welcome"):
            self.known = True

    async def mail(self, argument: str) -> None:
        if not self.known:
            await self.say("530 5.7.0 authentication required")
        elif await self.answer("MAIL", argument, "250 2.1.0 sender ok"):
            self.sender, self.recipients = _address(argument), []

    async def rcpt(self, argument: str) -> None:
        if await self.answer("RCPT", argument, "250 2.1.5 recipient ok"):
            self.recipients.append(_address(argument))

    async def data(self, argument: str) -> None:
        if not self.recipients:
            await self.say("503 5.5.1 no recipient")
        elif await self.answer("DATA", argument, "354 end with a dot"):
            lines: list[bytes] = []
            while (line := await self.reader.readline()) != b".\r\n":
                if not line:
                    return
                lines.append(line[1:] if line.startswith(b".") else line)
            await self.dot(b"".join(lines))

    async def dot(self, raw: bytes) -> None:
        mail = ReceivedMail(self.sender, tuple(self.recipients), raw, self.number)
        self.sender, self.recipients = "", []
        rule = self.sink.rule("DOT", raw.decode("latin-1"))
        if rule is None or rule.accept:
            # Responsibility is taken before the reply leaves, as real servers do.
            await self.sink.accept(mail)
        await asyncio.sleep(self.sink.delay_dot)
        await self.act(rule, f"250 2.0.0 queued as {len(self.sink.messages)}")

    async def rset(self, argument: str) -> None:
        self.sender, self.recipients = "", []
        await self.answer("RSET", argument, "250 2.0.0 ok")

    async def noop(self, argument: str) -> None:
        await self.answer("NOOP", argument, "250 2.0.0 ok")

    async def quit(self, argument: str) -> None:
        await self.answer("QUIT", argument, "221 2.0.0 bye")
        self.open = False


def _address(argument: str) -> str:
    return argument.partition("<")[2].partition(">")[0]
