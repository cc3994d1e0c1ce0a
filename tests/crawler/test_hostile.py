"""What a hostile server can send: it costs its own source's turn, a bounded time, and no memory."""

import gzip
import itertools
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import brotli
import pytest
import zstandard

from tests.support.crawled import Run, Site
from tests.support.http import HttpServer, Response, endless, trickle

ZEROS = 60 * 2**20
"""Bytes of a bomb when unpacked, three times what the configuration below allows."""
LIMITS = {"max_size": "2MB", "timeout": "2s"}
RSS = {"Content-Type": "application/rss+xml"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def xml(text: str) -> Response:
    return Response(200, text.encode(), RSS)


def packed(name: str, body: bytes) -> Response:
    return Response(200, body, {**RSS, "Content-Encoding": name})


def packed_twice(body: bytes) -> Response:
    return packed("gzip, gzip", gzip.compress(gzip.compress(body)))


def bomb(name: str) -> Response:
    zeros = bytes(ZEROS)
    body = {
        "gzip": lambda: gzip.compress(zeros, 1),
        "deflate": lambda: zlib.compress(zeros, 1),
        "br": lambda: brotli.compress(zeros, quality=1),
        "zstd": lambda: zstandard.compress(zeros, 1),
    }[name]()
    return packed(name, body)


LAUGHS = (
    "<!DOCTYPE rss [<!ENTITY a 'ha'>"
    + "".join(
        f"<!ENTITY {this} '{f'&{before};' * 10}'>"
        for before, this in itertools.pairwise("abcdefghij")
    )
    + "]><rss version='2.0'><channel><title>&j;</title></channel></rss>"
)


@dataclass(frozen=True)
class Case:
    """One hostile answer to the question for a feed, and what the source's error says of it."""

    answer: Callable[[HttpServer], Response]
    error: str


FEEDS = {
    "a gzip bomb": Case(lambda _: bomb("gzip"), "larger than"),
    "a deflate bomb": Case(lambda _: bomb("deflate"), "larger than"),
    "a brotli bomb": Case(lambda _: bomb("br"), "larger than"),
    "a zstd bomb": Case(lambda _: bomb("zstd"), "larger than"),
    "a bomb in a bomb": Case(lambda _: packed_twice(bytes(ZEROS)), "larger than"),
    "a body that never ends": Case(
        lambda _: Response(200, headers=RSS, chunks=endless()), "larger than"
    ),
    "a body a byte at a time": Case(
        lambda _: Response(200, headers=RSS, chunks=trickle(b"<rss>" * 99, 0.3)), "in time"
    ),
    "an answer that never begins": Case(lambda _: Response(200, b"", RSS, wait=60), "in time"),
    "a body cut short": Case(
        lambda _: Response(200, b"<rss version='2.0'>", RSS, promise=999), "broke off"
    ),
    "an unknown encoding": Case(lambda _: packed("rot13", b"<rss/>"), "not understood"),
    "broken gzip": Case(lambda _: packed("gzip", b"\x1f\x8b" + b"?" * 99), "."),
    "a redirect to itself": Case(
        lambda s: Response(302, headers={"Location": f"{s.url}/feed"}), "again and again"
    ),
    "a redirect to a file": Case(
        lambda _: Response(302, headers={"Location": "file:///etc/hostname"}), "."
    ),
    "a header of a megabyte": Case(
        lambda _: Response(200, b"<rss/>", {**RSS, "X": "y" * 2**20}), "."
    ),
    "ten thousand headers": Case(
        lambda _: Response(200, b"<rss/>", {f"X-{n}": "y" for n in range(10_000)}), "."
    ),
    "nothing but NULs": Case(lambda _: Response(200, bytes(100_000), RSS), "."),
    "bytes of no encoding": Case(lambda _: Response(200, b"\xff\xfe\xfa" * 9_999, RSS), "."),
    "a million nested tags": Case(lambda _: xml("<rss>" + "<a>" * 300_000), "."),
    "a start tag of a megabyte": Case(
        lambda _: xml("<rss " + " ".join(f"a{n}=''" for n in range(120_000)) + ">"), "."
    ),
}
"""An error of "." is any: it says something."""


@pytest.mark.parametrize("name", FEEDS)
def test_a_hostile_feed_is_an_error_in_words_within_seconds(on_a_site: Run, name: str) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", FEEDS[name].answer(site.server))
        began = time.monotonic()
        report = await site.crawl()
        assert time.monotonic() - began < 15
        assert report.failed_sources == ("site",)
        assert FEEDS[name].error in site.state().last_error
        assert "Traceback" not in site.state().last_error
        site.publish("/after")
        site.now = site.state().next_visit
        assert (await site.crawl()).articles == 1

    on_a_site(script, config=LIMITS)
