"""Reads broken input as long as one likes: does anything escape but the errors it should raise?

    .venv/bin/python -m bench.fuzz [CORPUS …] [--seconds 60] [--seed N] [--only NAME] [--keep D]

Each target gets half of its time broken documents made of whole ones (`bench.mutation`) and half of
it texts that Hypothesis makes up. CORPUS are folders of real feeds, sitemaps and pages, gzipped or
not; without them the project's own fixtures serve. A finding is an exception other than the
target's own error type, a promise broken about what came out, or a piece that took longer than the
deadline of a worker process. Each is printed once, with the number that makes it again, and kept
in D. Exit status 1 when there is one.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from alerts.matcher import Matcher
from alerts.query import QueryError, parse, to_query, to_words
from alerts.rules import Rule, Text
from bench.mutation import TRAPS, broken
from crawler.article_rows import RowError, article_in
from crawler.dates import parse_date
from crawler.extraction import extract
from crawler.items import ArticleItem, DocumentError, Hints, Page
from crawler.opml import outlines
from crawler.pool import DEADLINE, set_up_worker
from crawler.reading import read_document
from crawler.robots import rules_from
from crawler.sources import Document
from crawler.text import clean_text
from crawler.urls import clean_url, listed_url
from crawler.warc import WarcError, read_warc
from service.config import ConfigError, load
from store.folding import fold, tokens

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://site.example/news/"
TYPES = (None, "text/html", "application/xml; charset=utf-16", "text/html; charset=koi8-r")
OURS = ("alerts", "crawler", "service", "store")


class BrokenPromiseError(Exception):
    """What came out is not what it should be."""


def promise(holds: object, words: str) -> None:
    """Raises BrokenPromiseError unless it holds."""
    if not holds:
        raise BrokenPromiseError(words)


def _is_clean(text: str) -> None:
    promise(text == clean_text(text), f"not clean: {text[:60]!r}")
    text.encode()


def _is_web(url: str | None) -> None:
    if url is not None:
        promise(urlsplit(url).scheme in {"http", "https"}, f"no web address: {url[:60]!r}")
        promise(urlsplit(url).hostname, f"no host: {url[:60]!r}")
        url.encode()


def _is_time(at: datetime | None) -> None:
    if at is not None:
        promise(at.tzinfo is not None, "a time without a zone")
        promise(1000 < at.year < 9999, f"a time in {at.year}")


def read_as(kind: str) -> Callable[[bytes], None]:
    """Reads bytes as a document of a kind and looks at what it lists."""

    def read(body: bytes) -> None:
        content_type = TYPES[len(body) % len(TYPES)]
        document = read_document(kind, Document(body, URL, content_type)).document
        _is_clean(document.title or "")
        for address in (*document.documents, document.older):
            _is_web(address)
        for entry in document.entries:
            _is_web(entry.url)
            _is_time(entry.published)
            _is_time(entry.modified)
            for text in (entry.title, entry.summary, entry.guid, *entry.authors, *entry.tags):
                _is_clean(text or "")

    return read


def read_page(body: bytes) -> None:
    """Extracts a page and looks at the article."""
    found = extract(Page(f"{URL}a", body, TYPES[len(body) % len(TYPES)], NOW), Hints())
    if isinstance(found, ArticleItem):
        _is_article(found)


def _is_article(found: ArticleItem) -> None:
    for url in (found.url, found.canonical_url, found.image, found.next_page):
        _is_web(url)
    for at in (found.published, found.modified):
        _is_time(at)
    for text in (found.title, found.standfirst, found.body, found.captions, *found.authors):
        _is_clean(text)
    for text in (found.section or "", *found.tags):
        _is_clean(text)


def _text(body: bytes) -> str:
    """Now and then with lone surrogates in it, as JSON can spell them."""
    return body.decode("utf-8", "surrogateescape" if len(body) % 2 else "replace")


def read_robots(body: bytes) -> None:
    """Obeys a robots.txt."""
    rules = rules_from(200, body, "Wirewatch/1.0 (+desk@example.org)")
    rules.allows(f"{URL}a?b=c%20d")
    promise(rules.crawl_delay is None or 0 <= rules.crawl_delay.total_seconds() <= 60, "delay")


def fold_text(body: bytes) -> None:
    """Folds a text and finds every token of it again."""
    text = _text(body)[:20_000]
    folded = fold(text).text
    promise(fold(folded).text == folded, "folding twice is not folding once")
    for token in tokens(text):
        promise(0 <= token.start < token.end <= len(text), "a token outside the text")


def read_query(body: bytes) -> None:
    """Reads a query, writes it again, and matches it."""
    text = _text(body)[:4000]
    node = parse(text, variants={"a": ("b", '"c d"')})
    to_words(node)
    again = to_query(node)
    promise(parse(again) == parse(to_query(parse(again))), f"does not come back: {again[:60]!r}")
    Matcher({"w": Rule(node)}).match(Text({"title": "A b c d.", "body": text}, "en", "dawn"))


def read_config(body: bytes) -> None:
    """Loads a configuration."""
    path = Path(tempfile.gettempdir(), f"fuzzed-{os.getpid()}.toml")
    path.write_bytes(body)
    try:
        str(load(path, {"HOME": "x"}))
    except ConfigError as error:
        str(error).encode()
        raise
    finally:
        path.unlink()


def read_outlines(body: bytes) -> None:
    """Reads a list of sources."""
    for outline in outlines(body):
        promise(bool(outline.url) != bool(outline.fault), "an outline with neither or both")
        _is_web(outline.url or None)
        _is_clean(outline.name)


def read_row(body: bytes) -> None:
    """Reads an article that a row of JSON Lines tells."""
    try:
        row = json.loads(_text(body))
    except (ValueError, RecursionError):
        row = {"url": URL, "title": _text(body)[:300], "body": _text(body), "tags": [_text(body)]}
    told = article_in(row, NOW)
    _is_article(told.item)
    for at in (told.first_seen, told.text_at):
        _is_time(at)
    _is_clean(told.late or "")


def read_records(body: bytes) -> None:
    """Reads the pages of a WARC file."""
    for record in read_warc(BytesIO(body), 100_000, NOW):
        if record.page is not None:
            _is_web(record.page.url)
            promise(len(record.page.body) <= 100_000, "a page larger than was asked for")


def read_date(body: bytes) -> None:
    """Reads a date, and an address."""
    text = _text(body)[:500]
    found = parse_date(text, timezone="Asia/Karachi", fetched_at=NOW)
    _is_time(found.at if found else None)
    _is_web(clean_url(text))
    _is_web(listed_url(text, URL))


@dataclass(frozen=True)
class Target:
    """One reader of strange input."""

    read: Callable[[bytes], None]
    own: tuple[type[Exception], ...]
    """What it may raise."""
    suits: Callable[[bytes], bool]
    """Which documents of the corpus to start from."""


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda body: any(mark in body[:3000].lower() for mark in marks)


_is_page, _is_feed = _starts(b"<html", b"<!doctype html"), _starts(b"<rss", b"<feed", b"<rdf")
TARGETS = {
    "feed": Target(read_as("feed"), (DocumentError,), _is_feed),
    "sitemap": Target(read_as("sitemap"), (DocumentError,), _starts(b"<urlset", b"<sitemapindex")),
    "wordpress": Target(read_as("wordpress"), (DocumentError,), _starts(b'"date_gmt"')),
    "listing": Target(read_as("listing"), (DocumentError,), _is_page),
    "auto": Target(read_as("auto"), (DocumentError,), lambda body: True),
    "extraction": Target(read_page, (), _is_page),
    "robots": Target(read_robots, (), _starts(b"user-agent")),
    "folding": Target(fold_text, (), lambda body: True),
    "query": Target(read_query, (QueryError,), _starts(b"near/")),
    "config": Target(read_config, (ConfigError,), _starts(b"[source.", b"[watchlist.")),
    "opml": Target(read_outlines, (DocumentError,), _starts(b"<opml")),
    "row": Target(read_row, (RowError,), _starts(b'"url"')),
    "warc": Target(read_records, (WarcError,), _starts(b"warc/1")),
    "dates": Target(read_date, (), _starts(b"gmt", b"2026-")),
}


def _record(answer: bytes) -> bytes:
    head = (
        "WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: https://site.example/a\r\n"
        "WARC-Date: 2026-02-02T10:00:00Z\r\nContent-Type: application/http\r\n"
        f"Content-Length: {len(answer)}\r\n\r\n"
    )
    return head.encode() + answer + b"\r\n\r\n"


OWN_CORPUS = [
    b"<rss version='2.0'><channel><title>N</title><item><title>A</title><link>/a</link>"
    b"<guid>1</guid><pubDate>Mon, 02 Feb 2026 10:00:00 GMT</pubDate></item></channel></rss>",
    b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title type='html'>A &amp;lt;b></title>"
    b"<link href='/a'/><updated>2026-02-02T10:00:00Z</updated><content>x</content></entry></feed>",
    b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>https://site.example/a"
    b"</loc><lastmod>2026-02-02</lastmod></url></urlset>",
    b"<sitemapindex><sitemap><loc>https://site.example/a.xml</loc></sitemap></sitemapindex>",
    b'[{"id":1,"link":"https://site.example/a","date_gmt":"2026-02-02T10:00:00","title":'
    b'{"rendered":"A"},"content":{"rendered":"<p>B</p>"},"guid":{"rendered":"x"}}]',
    b'{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"/a","title":"A"}]}',
    b"User-agent: *\nDisallow: /a*$\nCrawl-delay: 3\nSitemap: https://site.example/s.xml\n",
    b'("a b" NEAR/5 (c* OR =D)) AND NOT title:/e+f?/i AND @a AND lang:en',
    "كابل AND 北京 NEAR/3 (“x y” OR straße*)".encode(),
    b"<opml xmlns:w='urn:wirewatch'><body><outline text='N'><outline type='rss' text='A' xmlUrl="
    b"'feed://site.example/a' htmlUrl='https://site.example' w:id='a' w:kind='feed'/></outline>"
    b"</body></opml>",
    b'{"url":"https://site.example/a","title":"A","body":"B","published":"2026-02-02T10:00:00Z",'
    b'"authors":["C"],"published_offset":300,"revision":2,"modified":"2026-02-03"}',
    _record(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"c\r\n<p>A page</p>\r\n0\r\n\r\n"),
    _record(b"HTTP/1.1 200 OK\nContent-Encoding: gzip\n\n" + gzip.compress(b"<p>B</p>", mtime=0)),
    b"Mon, 02 Feb 2026 10:00:00 GMT", b"2026-02-02T10:00:00+05:30", "۱۴۰۴/۱۱/۱۳ 2026-".encode(),
]  # fmt: skip


def corpus_of(folders: Sequence[Path]) -> list[bytes]:
    """The documents of the folders, of the project's fixtures, and the shipped configuration."""
    files = [ROOT / "config.toml", *sorted((ROOT / "tests" / "fixtures" / "pages").glob("*.html"))]
    for folder in folders:
        files += sorted(p for p in folder.rglob("*") if p.suffix in {".gz", ".xml", ".html"})
    return OWN_CORPUS + [_content(path) for path in files]


def _content(path: Path) -> bytes:
    body = path.read_bytes()
    return gzip.decompress(body) if path.suffix == ".gz" else body


@dataclass
class Tally:
    """What came of one target; travels from the process that reads."""

    name: str
    cases: int = 0
    refused: int = 0
    """Cases that ended in the target's own error."""
    slowest: float = 0.0
    seconds: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    """Where and what: how to make it again."""

    def line(self) -> str:
        """The figures, for a person."""
        return (
            f"{self.name:<11} {self.cases:>9,} cases in {self.seconds:>6.0f} s, {self.refused:>9,} "
            f"refused in words, slowest {self.slowest:>5.2f} s, {len(self.findings)} findings"
        )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _package(frame.filename) in OURS]
    last = ours[-1] if ours else frames[-1]
    words = str(error)[:120] if isinstance(error, BrokenPromiseError) else ""
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} {words}".strip()


def _package(file: str) -> str:
    path = Path(file)
    return path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else ""


class Reader:
    """Gives one target its cases and notes what happens."""

    def __init__(self, name: str, keep: Path | None) -> None:
        self.target = TARGETS[name]
        self.tally = Tally(name)
        self.keep = keep

    def give(self, body: bytes, origin: str) -> None:
        """One case."""
        began = time.perf_counter()
        try:
            self.target.read(body)
        except self.target.own:
            self.tally.refused += 1
        except Exception as error:  # noqa: BLE001 - what the bench looks for
            self.find(_place(error), origin, body)
        took = time.perf_counter() - began
        if took > DEADLINE / 2:
            self.find(f"slow: {took:.0f} s", origin, body)
        self.tally.slowest = max(took, self.tally.slowest)
        self.tally.cases += 1

    def find(self, what: str, origin: str, body: bytes) -> None:
        """Notes a finding, the first time it is made."""
        if what in self.tally.findings:
            return
        self.tally.findings[what] = origin
        print(f"FOUND {self.tally.name}: {what} ({origin})", flush=True)
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            number = len(self.tally.findings)
            (self.keep / f"{self.tally.name}-{number}.bin").write_bytes(body)


TEXTS = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.one_of(st.text(max_size=20).map(lambda t: t.encode("utf-8", "replace")),
                  st.sampled_from(TRAPS), st.sampled_from(OWN_CORPUS)),
        max_size=12,
    ).map(b"".join),
)  # fmt: skip


def _made_up(reader: Reader, seed: int, examples: int = 500) -> None:
    @seeded(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(TEXTS)
    def give(body: bytes) -> None:
        reader.give(body, f"hypothesis, round {seed}")

    give()


def fuzz(name: str, options: argparse.Namespace, at: "Synchronized[int]", pipe: Any) -> None:
    """Reads until the target's time is over; runs in a process of its own."""
    set_up_worker()
    whole = corpus_of(options.corpus)
    suited = [body for body in whole if TARGETS[name].suits(body)] or whole
    reader, began = Reader(name, options.keep), time.monotonic()
    until, turn = began + options.seconds, 0
    while (now := time.monotonic()) < until:
        _made_up(reader, options.seed + turn)
        half = 2 * time.monotonic() - now
        while time.monotonic() < min(half, until):
            at.value += 1
            reader.give(broken(at.value, options.seed, suited), f"case {at.value}")
        turn += 1
    reader.tally.seconds = time.monotonic() - began
    pipe.send(reader.tally)


def run(name: str, options: argparse.Namespace) -> Tally:
    """One target in a process of its own, which is killed when a case does not end."""
    context = multiprocessing.get_context("fork")
    at: Synchronized[int] = context.Value("q", options.first)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=fuzz, args=(name, options, at, sending))
    process.start()
    sending.close()
    if receiving.poll(options.seconds + 6 * DEADLINE):
        try:
            tally: Tally = receiving.recv()
        except EOFError:
            tally = Tally(name, at.value, findings={f"died at case {at.value}": str(at.value)})
    else:
        process.kill()
        tally = Tally(name, at.value, findings={f"hung at case {at.value}": f"case {at.value}"})
    process.join()
    return tally


def tallies(options: argparse.Namespace) -> Iterator[Tally]:
    """One target after the other."""
    for name in options.only or TARGETS:
        tally = run(name, options)
        print(tally.line(), flush=True)
        yield tally


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="broken input for everything that reads")
    parser.add_argument("corpus", type=Path, nargs="*", help="folders of real documents")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--first", type=int, default=0, help="go on behind this case")
    parser.add_argument("--only", action="append", choices=sorted(TARGETS))
    parser.add_argument("--keep", type=Path, help="a folder for the findings")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    done = list(tallies(options))
    cases, found = sum(tally.cases for tally in done), sum(len(tally.findings) for tally in done)
    seconds = sum(tally.seconds for tally in done)
    print(f"{cases:,} cases in {seconds:,.0f} s, {found} findings")
    for tally in done:
        for what, origin in tally.findings.items():
            print(f"  {tally.name}: {what} ({origin})")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
