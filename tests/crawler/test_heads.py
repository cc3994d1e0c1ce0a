"""Headers of answers: as many as any honest site sends, and not without end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tests.support.certificates import make_authority
from tests.support.crawled import Run, Site, feed, page
from tests.support.hostile import SMALL, Answers, answers
from tests.support.http import HttpServer, Request, Response

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

MB = 2**20
ENDLESS = [name for name in answers(SMALL) if "header" in name and "without end" in name]
ENDLESS += ["a header of endless lines", "interim answers without end"]


def given(answer: Answers, server: HttpServer) -> Callable[[Request], Response]:
    return lambda _: answer(server.url, "feed")


@pytest.mark.parametrize("name", ENDLESS)
def test_a_head_without_end_is_cut_off_after_a_quarter_of_a_megabyte(
    on_a_site: Run, name: str
) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", given(answers(SMALL)[name], site.server))
        report = await site.crawl()
        assert report.errors == (
            f"{site.server.url}/feed: the answer's headers are too long or too many",
        )
        # Beyond what was read: what lay in the buffers of the two sockets.
        assert site.server.sent < 8 * MB

    on_a_site(script, config={"timeout": "20s"})


@pytest.mark.parametrize("count", [100, 900])
def test_a_site_with_many_headers_is_read(on_a_site: Run, count: int) -> None:
    async def script(site: Site) -> None:
        listed = feed(site.server, "/a")
        many = {f"X-Trace-{number}": "y" * 100 for number in range(count)}
        site.server.on("/feed", Response(200, listed.body, {**listed.headers, **many}))
        assert (await site.crawl()).entries == 1

    on_a_site(script)


def test_a_few_interim_answers_are_passed_over(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        listed = feed(site.server, "/a").body
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(listed)
        site.server.on("/feed", Response(raw=hint * 9 + head + listed))
        assert (await site.crawl()).entries == 1

    on_a_site(script)


# ---- what a proxy answers ------------------------------------------------------------------------


class Proxy:
    """`async with Proxy(…) as proxy:` takes CONNECT and answers it as is said.

    `behind`: what it opens a tunnel to, whatever it is asked for. Else it answers `begin`, then
    `piece` without end, or nothing more where that is empty.
    """

    def __init__(self, begin: bytes = b"", piece: bytes = b"", behind: int = 0) -> None:
        self._begin, self._piece, self._behind = begin, piece, behind
        self.asked = 0
        self.sent = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = "http://127.0.0.1:{1}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def left(self) -> None:
        """Waits until no connection is open."""
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self._answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._behind:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._behind)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
            return
        writer.write(self._begin)
        while self._piece:
            writer.write(self._piece)
            await writer.drain()
            self.sent += len(self._piece)
            await asyncio.sleep(0.01)
        await reader.read()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65536):
        writer.write(part)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 50_000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 50_000),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: a\r\n"),
        (b"", b""),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b""),
    ],
    ids=["headers", "a header", "a trickle", "silence", "a refusal"],
)
def test_a_proxy_without_a_tunnel_is_left(on_a_site: Run, begin: bytes, piece: bytes) -> None:
    async def script(site: Site) -> None:
        async with Proxy(begin, piece) as proxy:
            site.config["proxy"] = proxy.url
            site.source = {"url": f"https://127.0.0.1:{site.server.port}/feed", "kind": "feed"}
            report = await site.crawl()
            assert report.failed_sources == ("site",)
            assert proxy.asked > 0
            await asyncio.wait_for(proxy.left(), 1)
            # Beyond what was read: what lay in the buffers of the two sockets.
            assert proxy.sent < 8 * MB * proxy.asked

    on_a_site(script, config={"timeout": "1s"})


def test_a_site_is_read_through_a_tunnel(
    on_a_site: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))

    async def script(site: Site) -> None:
        async with (
            HttpServer(tls=authority.server) as server,
            Proxy(behind=server.port) as proxy,
        ):
            server.on("/feed", feed(server, "/a"))
            server.on("/a", page("Story /a"))
            site.config["proxy"] = proxy.url
            site.source = {"url": f"{server.url}/feed", "kind": "feed"}
            report = await site.crawl()
            assert (report.entries, report.errors, proxy.asked > 0) == (1, (), True)

    on_a_site(script)
