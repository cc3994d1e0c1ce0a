"""Many sources on one machine: visits a second, processor time of unchanged visits, memory.

    .venv/bin/python bench/many_sources.py [--sources 10000]

Every source is a feed on a loopback address of its own, so every visit is a crawl of its own host
with its own robots.txt, as it is with real sites. `wirewatch run --once` visits all of them twice:
the first round reads every feed, the second is answered 304 throughout. The service is a process of
its own; its processor time and memory are those of all its processes. The sites answer at once and
share the machine with the service, so the rates are floors.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from multiprocessing.synchronize import Event
from pathlib import Path

import psutil

FIRST = int(IPv4Address("127.1.0.1"))
SAMPLE = 1.0
"""Seconds between two looks at the memory."""
ROBOTS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 33\r\n\r\n"
    b"User-agent: *\nDisallow: /private\n"
)
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n'
CONFIG = """\
[service]
database = "sqlite:///wirewatch.db"
[web]
listen = ""
[crawler]
allow_private = ["127.0.0.0/8"]
delay = "0s"
"""
"""Without a delay, which costs time and no work: the sites are one machine here, and ours."""


def address(number: int) -> str:
    """The host of one source."""
    return str(IPv4Address(FIRST + number))


def feed(host: str, port: int) -> bytes:
    """One entry, whose page robots.txt forbids: lists are measured here, not pages."""
    item = (
        f"<item><title>Report of {host}</title><link>http://{host}:{port}/private/1</link>"
        "<pubDate>Sun, 01 Mar 2026 08:00:00 GMT</pubDate></item>"
    )
    body = f"<rss version='2.0'><channel><title>{host}</title>{item}</channel></rss>".encode()
    head = (
        'HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: "1"\r\n'
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Site(asyncio.Protocol):
    """Answers robots.txt, the feed and its validator; every other page is gone."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remembers where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """One request, which fits a packet on loopback."""
        path = data.split(b" ", 2)[1]
        host, port = self.transport.get_extra_info("sockname")
        if path == b"/robots.txt":
            self.transport.write(ROBOTS)
        elif path != b"/feed":
            self.transport.write(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
        elif b"\r\nif-none-match:" in data.lower():
            self.transport.write(UNCHANGED)
        else:
            self.transport.write(feed(host, port))


def serve(sources: int, port: int, ready: Event) -> None:
    """The sites, in a process of their own."""

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        for number in range(sources):
            await loop.create_server(Site, address(number), port, backlog=8)
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(listen())


@dataclass
class Round:
    """What one visit to every source cost."""

    seconds: float = 0.0
    processor: float = 0.0
    """Seconds, of all processes of the service."""
    memory: list[float] = field(default_factory=list)
    """MB (proportional set size, all processes), one a sample."""


def play(folder: Path) -> Round:
    """One `run --once`."""
    began, result = time.monotonic(), Round()
    command = [sys.executable, "-P", "-m", "service", "--config", str(folder / "config.toml")]
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen([*command, "run", "--once"], stdout=log, stderr=log)
        family: dict[int, float] = {}
        while child.poll() is None:
            result.memory.append(look_at(child.pid, family))
            time.sleep(SAMPLE)
    result.seconds = time.monotonic() - began
    result.processor = sum(family.values())
    return result


def look_at(pid: int, family: dict[int, float]) -> float:
    """Memory of a process and its children in MB; `family` keeps each one's processor time."""
    total = 0.0
    try:
        parent = psutil.Process(pid)
        for one in (parent, *parent.children(recursive=True)):
            times = one.cpu_times()
            family[one.pid] = times.user + times.system
            total += one.memory_full_info().pss / 2**20
    except psutil.Error:
        pass
    return total


def tell(name: str, sources: int, result: Round) -> None:
    """The figures of one round."""
    memory = [m for m in result.memory if m] or [0.0]
    tenths = [memory[len(memory) * n // 10] for n in range(10)]
    print(
        f"{name}: {sources / result.seconds:.1f} visits/s in {result.seconds:.0f} s, "
        f"{1000 * result.processor / sources:.1f} CPU s per 1,000 visits\n"
        f"  memory, MB, at each tenth of the time: {' '.join(f'{m:.0f}' for m in tenths)}",
        flush=True,
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="many sources on one machine")
    parser.add_argument("--sources", type=int, default=10_000)
    sources: int = parser.parse_args().sources
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    sites = context.Process(target=serve, args=(sources, port, ready), daemon=True)
    sites.start()
    assert ready.wait(120), "the sites did not start"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = "".join(
            f'[source.s{n}]\nurl = "http://{address(n)}:{port}/feed"\nkind = "feed"\n'
            for n in range(sources)
        )
        (folder / "config.toml").write_text(CONFIG + tables, "utf-8")
        for round_name in ("first round", "unchanged (304)"):
            tell(round_name, sources, play(folder))
    sites.kill()


if __name__ == "__main__":
    main()
