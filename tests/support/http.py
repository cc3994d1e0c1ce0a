"""An HTTP server on loopback whose answers a test writes itself, byte by byte if it must."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it arrived; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """Number of the connection it came over, from 1."""
    at: float
    """When, by a clock that nobody sets."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Response:
    """What to answer. With `chunks` the body is a stream without length, ended by closing."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    wait: float = 0
    """Seconds of silence before the first byte."""
    promise: int | None = None
    """The Content-Length told, when it shall differ from the body's: the connection then closes."""
    raw: bytes | None = None
    """Sent instead of everything else but `chunks`: an answer that is no HTTP, or bad HTTP."""
    pause: float = 0
    """Seconds between two bytes of `raw`."""


class HangUpError(Exception):
    """Raised by a handler: the connection closes without an answer."""


Handler = Callable[[Request], Response | Awaitable[Response]]


async def endless(piece: bytes = b"x" * 65536) -> AsyncIterator[bytes]:
    """A body that never ends."""
    while True:
        yield piece


async def trickle(body: bytes, pause: float) -> AsyncIterator[bytes]:
    """A body that arrives byte by byte, `pause` seconds apart."""
    for byte in body:
        yield bytes([byte])
        await asyncio.sleep(pause)


@dataclass
class HttpServer:
    """`async with HttpServer() as server:` listens until the block ends.

    `server.on("/path", Response(...))` or a function of the request; unknown paths are 404.
    """

    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one; read it inside the block."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    sent: int = 0
    """Bytes of bodies handed to the network so far."""
    _handlers: dict[str, Handler] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """The server's root without a final slash."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def on(self, path: str, answer: Response | Handler) -> str:
        """Sets what a path answers ("*": every other path) and returns its address."""
        self._handlers[path] = (lambda _: answer) if isinstance(answer, Response) else answer
        return self.url + path

    async def wait_for(self, count: int, within: float = 10) -> list[Request]:
        """The requests, once there are `count`. Raises TimeoutError."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, ssl=self.tls, limit=2**20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, HangUpError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        """One request and its answer; whether the connection stays open."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, target, headers, body, number, time.monotonic())
        self.requests.append(request)
        async with self._news:
            self._news.notify_all()
        handler = self._handlers.get(request.path) or self._handlers.get("*")
        answer = handler(request) if handler else Response(404, b"not found")
        response = answer if isinstance(answer, Response) else await answer
        return await self._send(response, writer, head_only=method == "HEAD")

    async def _send(
        self, response: Response, writer: asyncio.StreamWriter, *, head_only: bool
    ) -> bool:
        await asyncio.sleep(response.wait)
        if response.raw is not None:
            step = 1 if response.pause else max(len(response.raw), 1)
            for start in range(0, len(response.raw), step):
                writer.write(response.raw[start : start + step])
                await writer.drain()
                await asyncio.sleep(response.pause)
            if response.chunks is not None:
                await self._send_body(response, writer)
            await writer.drain()
            return False
        whole = response.chunks is None and response.promise is None
        known = response.status in {status.value for status in HTTPStatus}
        phrase = HTTPStatus(response.status).phrase if known else "Unknown"
        lines = [f"HTTP/1.1 {response.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if response.chunks is None:
            length = len(response.body) if response.promise is None else response.promise
            lines.append(f"Content-Length: {length}")
        if not whole:
            lines.append("Connection: close")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if not head_only:
            await self._send_body(response, writer)
        await writer.drain()
        return whole

    async def _send_body(self, response: Response, writer: asyncio.StreamWriter) -> None:
        if response.chunks is None:
            writer.write(response.body)
            self.sent += len(response.body)
            return
        async for chunk in response.chunks:
            writer.write(chunk)
            await writer.drain()
            self.sent += len(chunk)
