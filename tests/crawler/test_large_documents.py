"""Documents that list very many entries: read in pieces, kept in batches, nothing lost between."""

import asyncio
import gzip
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, func, select

from crawler import spooling, visit
from crawler.answer import Answer
from crawler.items import EntryItem
from crawler.keeping import Kept, keep_listing
from crawler.pool import PoolClosedError
from crawler.record import Listing, record_listing
from crawler.sources.packed import BATCH, EntryPacker, PackedEntries
from crawler.sources.sitemap import parse_sitemap
from store.articles import Entry
from store.engine import Store
from store.errors import StoreError
from store.sources import Document, Gap, SourceState
from store.writer import Writer
from tests.support.crawled import HOUR, NOON, Run, Site, page
from tests.support.http import Response

URL = "https://news.example/sitemap.xml"
MANY = 2 * BATCH + 50
MINUTE = timedelta(minutes=1)


def sitemap(count: int, host: str = "https://news.example") -> bytes:
    rows = "".join(
        f"<url><loc>{host}/story-number-{n}?a=1&amp;b=2</loc><image:image><image:loc>/i.jpg"
        f"</image:loc></image:image></url>"
        for n in range(count)
    )
    return (
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' "
        f"xmlns:image='http://www.google.com/schemas/sitemap-image/1.1'>{rows}</urlset>"
    ).encode()


def packed(count: int, first: int = 0, since: datetime | None = None) -> PackedEntries:
    packer = EntryPacker()
    for number in range(first + count - 1, first - 1, -1):
        at = since + number * MINUTE if since else None
        packer.add(EntryItem(f"https://news.example/s/{number}", published=at))
    entries = packer.entries()
    assert isinstance(entries, PackedEntries)
    return entries


def listing(entries: PackedEntries, *, baseline: bool = False, fetch: int = 3) -> Listing:
    answer = Answer(URL, 200, etag='"1"', last_modified="Sun, 01 Mar 2026 11:00:00 GMT")
    return Listing("news", URL, "sitemap", "main", answer, "hash", entries, NOON, baseline, fetch)


class Ended(Writer):
    """The store fails after so many changes."""

    left = 10**6

    async def write(self, change: Callable[[Session], Any]) -> Any:
        if not self.left:
            raise StoreError("the disk is full")
        self.left -= 1
        return await super().write(change)


class Context:
    """As much of a crawl's context as keeping needs."""

    def __init__(self, store: Store) -> None:
        self.store, self.writer = store, Ended(store)

    def keep(self, what: Listing, *, changes: int = 10**6) -> Kept:
        self.writer.left = changes
        return asyncio.run(keep_listing(self, what))  # type: ignore[arg-type]


@pytest.fixture
def context(store: Store) -> Iterator[Context]:
    context = Context(store)
    with store.writing() as session:
        session.add(SourceState(id="news", url=URL, host="news.example", kind="sitemap"))
    yield context
    context.writer.close()


def entries_in(store: Store) -> int:
    with store.reading() as session:
        return session.exec(select(func.count()).select_from(Entry)).one()


def document_in(store: Store) -> Document | None:
    with store.reading() as session:
        return session.get(Document, ("news", URL))


def test_what_ends_the_crawl_between_two_batches_loses_nothing(
    context: Context, store: Store
) -> None:
    with pytest.raises(StoreError):
        context.keep(listing(packed(MANY), baseline=True), changes=2)
    # Two batches are kept, and nothing that vouches for the third.
    assert (entries_in(store), document_in(store)) == (2 * BATCH, None)
    kept = context.keep(listing(packed(MANY)))
    assert (entries_in(store), kept.waiting) == (MANY, 50)
    document = document_in(store)
    assert document is not None
    assert (document.etag, document.entries, document.visits) == ('"1"', MANY, 1)


def test_a_crawl_that_is_to_end_does_so_between_two_batches(context: Context, store: Store) -> None:
    asked = iter([False, True])
    with pytest.raises(PoolClosedError):
        asyncio.run(keep_listing(context, listing(packed(MANY)), asked.__next__))  # type: ignore[arg-type]
    assert (entries_in(store), document_in(store)) == (BATCH, None)
    context.keep(listing(packed(MANY)))
    assert entries_in(store) == MANY


def test_a_first_visit_fetches_a_few_and_remembers_the_rest(context: Context, store: Store) -> None:
    kept = context.keep(listing(packed(MANY), baseline=True))
    assert ([entry.url[-5:] for entry in kept.entries], kept.baseline) == (
        ["s/449", "s/448", "s/447"],
        3,
    )
    with store.reading() as session:
        old = select(func.count()).where(Entry.outcome == "old")
        assert session.exec(old).one() == MANY - 3
    again = context.keep(listing(packed(MANY)))
    assert (again.waiting, entries_in(store)) == (0, MANY)


def test_a_large_window_that_moved_on_opens_a_gap_and_one_that_touches_does_not(
    context: Context, store: Store
) -> None:
    since = NOON - timedelta(days=2)
    context.keep(listing(packed(MANY, 0, since), baseline=True, fetch=0))
    context.keep(listing(packed(MANY, MANY - 1, since)))
    with store.reading() as session:
        assert session.exec(select(Gap)).all() == []
    document = document_in(store)
    assert document is not None
    assert document.overlap == pytest.approx(1 / MANY)
    context.keep(listing(packed(MANY, 4 * MANY, since)))
    with store.reading() as session:
        [gap] = session.exec(select(Gap)).all()
    assert gap.after == since + (2 * MANY - 2) * MINUTE
    assert gap.before == since + 4 * MANY * MINUTE


def test_many_and_few_entries_leave_the_same_document(context: Context, store: Store) -> None:
    since = NOON - timedelta(days=2)
    first, then = packed(MANY, 0, since), packed(MANY, 30, since)
    for entries in (first, then):
        context.keep(listing(entries))
    large = document_in(store)
    with store.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM entry")
        session.connection().exec_driver_sql("DELETE FROM document")
    for entries in (first, then):
        with store.writing() as session:
            record_listing(session, replace(listing(entries), entries=tuple(entries)))
    small = document_in(store)
    assert large is not None
    assert small is not None
    assert large.model_dump() == small.model_dump()


def test_a_large_sitemap_goes_through_a_file_that_does_not_stay(
    on_a_site: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spooling, "SPOOLED", 1_000)
    monkeypatch.setattr(visit, "FIRST_VISIT_PAGES", 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def script(site: Site) -> None:
        site.server.on("*", page("A story"))
        site.server.on("/robots.txt", Response(404))
        body = sitemap(MANY, site.server.url)
        site.server.on("/map.xml", Response(200, body))
        site.source = {"url": f"{site.server.url}/map.xml", "kind": "auto"}
        report = await site.crawl()
        assert (report.errors, len(site.entries())) == ((), MANY)
        more = sitemap(MANY + 1, site.server.url)
        site.server.on("/map.xml", Response(200, gzip.compress(more)))
        site.now += HOUR
        report = await site.crawl()
        assert (report.entries, len(site.entries())) == (1, MANY + 1)

    on_a_site(script)
    assert [left for left in tmp_path.iterdir() if left.name.startswith("wirewatch-")] == []


# How they are read and packed


def test_packed_entries_are_what_was_packed() -> None:
    entries = packed(MANY)
    assert [entry.url for entry in entries] == [
        f"https://news.example/s/{n}" for n in range(MANY - 1, -1, -1)
    ]
    assert (len(entries), len(list(entries.batches()))) == (MANY, 3)
    assert (entries[1].url[-3:], entries[-1].url[-3:]) == ("448", "s/0")
    assert [entry.url[-3:] for entry in entries[:2]] == ["449", "448"]
    few = EntryPacker()
    few.add(EntryItem("https://news.example/a"))
    assert few.entries() == (EntryItem("https://news.example/a"),)


@pytest.mark.parametrize("form", ["utf-8", "gzip", "utf-16", "latin-1", "bom", "junk"])
def test_a_sitemap_is_the_same_in_pieces_of_any_length(form: str) -> None:
    body = sitemap(3_000)
    text = body.decode()
    forms = {
        "utf-8": body,
        "gzip": gzip.compress(body),
        "utf-16": text.encode("utf-16"),
        "latin-1": text.replace("/i.jpg", "/é.jpg").encode("latin-1"),
        "bom": b"\xef\xbb\xbf" + body,
        "junk": b"Warning: deprecated\n" + body,
    }
    document = parse_sitemap(forms[form], URL)
    assert len(body) > 4 * 65_536
    assert [entry.url for entry in document.entries] == [
        f"https://news.example/story-number-{n}?a=1&b=2" for n in range(3_000)
    ]
    assert len(document.warnings) == (form == "junk")


def test_a_long_list_of_addresses_is_read_line_by_line() -> None:
    lines = [f"https://news.example/story-number-{number}" for number in range(5_000)]
    document = parse_sitemap("\r\n".join([*lines, "", "x y"]).encode(), URL)
    assert [entry.url for entry in document.entries] == lines
    assert document.warnings == ("1 lines without a usable address were left out",)


def test_a_long_sitemap_that_broke_off_says_so() -> None:
    body = sitemap(3_000)
    for broken in (body[:-300], gzip.compress(body)[:-400]):
        document = parse_sitemap(broken, URL)
        assert 2_000 < len(document.entries) < 3_000
        assert document.warnings == ("the sitemap broke off before its end",)
