"""Many small news sites on loopback, processes that share the work of reading them, and mishaps.

Every site is a host of its own (127.x.y.z). The sites notice when two requests to one host overlap
and how far apart they are; a webhook receiver notices which articles were told, and how often.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime, localtime
from html import escape
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

from tests.support.http import HttpServer, Request, Response
from tests.support.prose import headline, paragraphs
from tests.support.running import RunningService

ANSWER_AFTER = 0.02
"""Seconds that a site thinks; a second request meanwhile overlaps."""
TICK = 0.01
"""Seconds between two looks at how late the sites' own event loop is."""
TOPIC = "Durand Line"

CONFIG = """\
[service]
database = "${{DATABASE}}"

[web]
listen = ""

[crawler]
every = "{every}"
delay = "{delay}"
timeout = "{timeout}"
concurrency = {concurrency}
allow_private = ["127.0.0.0/8"]

[watchlist.border]
any = ['"Durand Line"']
max_per_day = 1000000

[channel.ops]
kind = "webhook"
url = "{hook}"
secret = "whsec_c2l4dGVlbi1ieXRlcy1hcmUtdG9vLWZldy1mb3ItdGhpcw=="
group_wait = "0s"
longest_wait = "1s"

"""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Sites:
    """`async with Sites(300) as sites:` serves so many hosts until the block ends."""

    count: int
    first: str = "127.2.0.1"
    seed: int = 1
    port: int = field(default_factory=free_port)
    busy: Counter[str] = field(default_factory=Counter)
    overlaps: Counter[str] = field(default_factory=Counter)
    """Requests that came while another one to the same host was being answered."""
    asked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When each host was asked for anything."""
    paths: Counter[tuple[str, str]] = field(default_factory=Counter)
    pages: dict[tuple[str, str], bytes] = field(default_factory=dict)
    listed: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """Title and address of what each host's feed shows, the latest last."""
    busy_until: dict[str, float] = field(default_factory=dict)
    """Hosts that answer 429 until that (monotonic) time."""
    late: float = 0.0
    """Seconds by which the sites noticed something too late at worst, because the machine or their
    event loop was busy: so much closer than they were two requests may seem."""
    _servers: list[asyncio.Server] = field(default_factory=list)
    _ticking: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    @property
    def hosts(self) -> list[str]:
        """Their addresses."""
        start = int(IPv4Address(self.first))
        return [str(IPv4Address(start + number)) for number in range(self.count)]

    def url(self, host: str, path: str = "/feed") -> str:
        """The address of a page."""
        return f"http://{host}:{self.port}{path}"

    def publish(
        self, host: str, *, wanted: bool = True, listed_by: str = "", text: Sequence[str] = ()
    ) -> str:
        """Prints an article at a host; the feed of `listed_by`, else its own, names it."""
        path = f"/a/{len(self.pages)}"
        title = headline(self.chance)
        body = text or paragraphs(self.chance, TOPIC if wanted else "")
        inner = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in body)
        self.pages[host, path] = (
            f"<html lang='en'><head><title>{title}</title></head><body><article>"
            f"<h1>{title}</h1>{inner}</article></body></html>"
        ).encode()
        self.listed[listed_by or host].append((title, self.url(host, path)))
        return self.url(host, path)

    def tables(self, hosts: Iterable[str] | None = None) -> str:
        """A source table for each host."""
        return "\n".join(
            f'[source.s{number}]\nurl = "{self.url(host)}"\nkind = "feed"\n'
            for number, host in enumerate(hosts or self.hosts)
        )

    def closest(self, host: str) -> float:
        """Seconds between the two requests to a host that came closest to each other."""
        return min((b - a for a, b in pairwise(self.asked[host])), default=float("inf"))

    async def __aenter__(self) -> Sites:
        for host in self.hosts:
            self._servers.append(await asyncio.start_server(self._serve, host, self.port))
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._ticking is not None
        self._ticking.cancel()
        for server in self._servers:
            server.close()

    async def _tick(self) -> None:
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self.late = max(self.late, time.monotonic() - due)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.overlaps[host] += self.busy[host] > 0
                self.busy[host] += 1
                self.asked[host].append(time.monotonic())
                try:
                    await asyncio.sleep(ANSWER_AFTER)
                    writer.write(self._answer(host, head.split(b" ", 2)[1].decode()))
                    await writer.drain()
                finally:
                    self.busy[host] -= 1
        writer.close()

    def _answer(self, host: str, path: str) -> bytes:
        self.paths[host, path] += 1
        if self.busy_until.get(host, 0) > time.monotonic():
            return _http(429, b"", "Retry-After: 3\r\n")
        if path == "/feed":
            return _http(200, self._feed(host), "Content-Type: application/rss+xml\r\n")
        if page := self.pages.get((host, path)):
            return _http(200, page, "Content-Type: text/html; charset=utf-8\r\n")
        return _http(404, b"")

    def _feed(self, host: str) -> bytes:
        now = format_datetime(localtime())
        items = "".join(
            f"<item><title>{title}</title><link>{url}</link><pubDate>{now}</pubDate></item>"
            for title, url in reversed(self.listed[host])
        )
        return f"<rss version='2.0'><channel><title>{host}</title>{items}</channel></rss>".encode()


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class Receiver:
    """What a webhook took: for each article the ids of the messages that told it."""

    told: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    last: float = 0.0
    """When it was last told something new (monotonic)."""

    def take(self, request: Request) -> Response:
        """Accepts a message."""
        content = json.loads(request.body)
        for match in content["data"].get("matches", ()):
            self.told[match["article"]["url"]].append(request.headers["webhook-id"])
            self.last = time.monotonic()
        return Response(204)

    def missing(self, wanted: Iterable[str]) -> set[str]:
        """What it was not told."""
        return set(wanted) - self.told.keys()

    def doubled(self) -> dict[str, list[str]]:
        """Articles that were told in several messages."""
        return {url: ids for url, ids in self.told.items() if len(set(ids)) > 1}

    def repeats(self) -> int:
        """Messages that came again under their id: their sender died before it noted the answer."""
        return sum(len(ids) - len(set(ids)) for ids in self.told.values())

    async def until(self, wanted: Iterable[str], within: float) -> None:
        """Waits until all of it was told. Raises TimeoutError with what is missing."""
        deadline = time.monotonic() + within
        while missing := self.missing(wanted):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(missing)} missing: {sorted(missing)[:5]}")
            await asyncio.sleep(0.05)


@dataclass
class Wire:
    """A TCP connection to a server that can be cut: `async with Wire(port) as wire`."""

    target: int
    """Port of the server on loopback."""
    port: int = 0
    _server: asyncio.Server | None = None
    _is_cut: bool = False
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Wire:
        self._flows.set()
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Drops every connection and lets no new one through."""
        self._is_cut = True
        for end in self._ends:
            end.transport.abort()

    def freeze(self) -> None:
        """Lets nothing through any more, and says nothing of it: a dead network."""
        self._flows.clear()

    def mend(self) -> None:
        """Lets everything through again; what was frozen arrives."""
        self._is_cut = False
        self._flows.set()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            theirs, ours = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        for source, target in ((reader, ours), (theirs, writer)):
            self._ends.add(target)
            task = asyncio.create_task(self._pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            while piece := await source.read(65536):
                await self._flows.wait()
                target.write(piece)
                await target.drain()
        self._ends.discard(target)
        target.close()


@dataclass
class Crew:
    """Processes on one configuration: `async with crew(...) as one:`."""

    folder: Path
    sites: Sites
    receiver: Receiver
    config: Path
    database: str
    stack: contextlib.AsyncExitStack
    running: list[RunningService] = field(default_factory=list)

    async def start(self, *words: str, name: str, database: str = "") -> RunningService:
        """Starts one more process; its log is `name.log`."""
        service = RunningService(
            self.config, words=words, name=name, env={"DATABASE": database or self.database}
        )
        await self.stack.enter_async_context(service)
        self.running.append(service)
        return service

    def logs(self) -> str:
        """What all of them said."""
        return "\n".join(f"--- {each.name}\n{each.log[-4000:]}" for each in self.running)


@contextlib.asynccontextmanager
async def crew(
    folder: Path,
    sites: Sites,
    database: str,
    *,
    every: str = "1s",
    delay: str = "0s",
    concurrency: int = 16,
    answer_within: str = "1s",
    hosts: Sequence[str] | None = None,
) -> AsyncIterator[Crew]:
    """Sites, a receiver and a configuration that joins them; processes are started as wanted."""
    receiver = Receiver()
    async with sites, HttpServer() as hooks, contextlib.AsyncExitStack() as stack:
        hook = hooks.on("/hook", receiver.take)
        config = folder / "config.toml"
        text = CONFIG.format(
            every=every, delay=delay, timeout=answer_within, hook=hook, concurrency=concurrency
        )
        config.write_text(text + sites.tables(hosts), "utf-8")
        yield Crew(folder, sites, receiver, config, database, stack)
