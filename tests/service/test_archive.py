"""Pages of matched articles as WARC, and what proves them."""

import hashlib
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from sqlmodel import select
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from service import archive as module
from service.archive import Archive
from store.deliveries import Match
from store.engine import Store
from store.outbox import take_article
from store.revisions import Evidence, KeptPage
from store.writer import Writer
from tests.service.configs import write
from tests.service.stored import NOON
from tests.support.edits import edit_in, file_in, page_at
from tests.support.prose import paragraphs
from tests.support.running import run_command
from tests.support.site import Site


class Bench:
    """A store with pages that wait, and an archive beside it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.store = store
        self.writer = Writer(self.store)
        self.folder = folder / "pages"
        self.now = NOON

    def archive(self) -> Archive:
        return Archive(self.folder, self.store, self.writer, lambda: self.now)

    def file(self, number: int, *, matched: bool | None = True) -> str:
        """`matched`: None leaves the article waiting."""
        url, body = f"https://dawn.example/{number}", f"Text {number}. " * (number + 1)
        with self.store.writing() as session:
            id_ = file_in(session, url, f"T{number}", body, NOON, keep_page=True)
            if matched is not None:
                take_article(session, id_, 1, NOON)
            if matched:
                session.add(Match(watchlist="w", article_id=id_, story_id=number, matched_at=NOON))
        return body

    def rows(self, table: Any) -> list[Any]:
        with self.store.reading() as session:
            return list(session.exec(select(table)))

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.warc.gz"))


@pytest.fixture
async def bench(tmp_path: Path, store: Store) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, store)
    yield made
    made.writer.close()


def pages(file: Path) -> dict[str, bytes]:
    with file.open("rb") as opened:
        return {
            record.rec_headers.get_header("WARC-Target-URI"): record.content_stream().read()
            for record in ArchiveIterator(opened)
            if record.rec_type == "response"
        }


async def test_pages_of_matched_articles_are_kept_and_the_others_forgotten(bench: Bench) -> None:
    bodies = {n: bench.file(n, matched=n % 2 == 0) for n in range(4)}
    bench.file(9, matched=None)
    assert await bench.archive().keep() == 2
    assert await bench.archive().keep() == 0
    [file] = bench.files()
    kept = pages(file)
    assert set(kept) == {"https://dawn.example/0", "https://dawn.example/2"}
    assert kept["https://dawn.example/2"] == page_at("", NOON, bodies[2]).body
    assert len(bench.rows(KeptPage)) == 1
    proofs = {proof.url: proof for proof in bench.rows(Evidence)}
    proof = proofs["https://dawn.example/2"]
    assert proof.page_sha256 == hashlib.sha256(kept[proof.url]).hexdigest()
    assert proofs["https://dawn.example/1"].warc is None


async def test_other_tools_open_the_files(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        bench.file(number)
    await bench.archive().keep()
    [file] = bench.files()
    with file.open("rb") as opened:
        records = [
            (str(r.headers["WARC-Target-URI"]), r.http_headers["Server"], r.verify_payload_digest())
            for r in FastIterator(opened, parse_http=True)
            if r.headers["WARC-Type"] == "response"
        ]
    assert records == [(f"https://dawn.example/{n}", "press/1.0", True) for n in range(3)]

    class Asked:
        verbose = False
        inputs = (str(file),)

    checker = Checker(Asked())
    checker.process_all()
    assert checker.exit_value == 0, capsys.readouterr().out


async def test_each_record_can_be_read_where_the_store_says(bench: Bench) -> None:
    for number in range(3):
        bench.file(number)
    await bench.archive().keep()
    for proof in bench.rows(Evidence):
        name, offset = proof.warc.split(":")
        with (bench.folder / name).open("rb") as opened:
            opened.seek(int(offset))
            record = next(iter(ArchiveIterator(opened)))
            assert record.rec_headers.get_header("WARC-Target-URI") == proof.url
            assert hashlib.sha256(record.content_stream().read()).hexdigest() == proof.page_sha256


async def test_a_record_cut_short_hides_nothing_that_comes_after(bench: Bench) -> None:
    bench.file(0)
    bench.file(1)
    await bench.archive().keep()
    [first] = bench.files()
    first.write_bytes(first.read_bytes()[:-20])
    bench.file(2)
    await bench.archive().keep()
    assert len(bench.files()) == 2
    assert "https://dawn.example/2" in pages(bench.files()[1])


async def test_a_full_disk_leaves_pages_waiting_and_files_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.file(0)
    archive = bench.archive()
    await archive.keep()
    size = bench.files()[0].stat().st_size
    bench.file(1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(module.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            await archive.keep()
    assert bench.files()[0].stat().st_size == size
    assert await archive.keep() == 1
    assert set(pages(bench.files()[0])) == {"https://dawn.example/0", "https://dawn.example/1"}


async def test_a_new_day_and_a_full_file_begin_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = bench.archive()
    bench.file(0)
    await archive.keep()
    bench.now += timedelta(days=1)
    bench.file(1)
    await archive.keep()
    monkeypatch.setattr(module, "LARGEST", 10)
    bench.file(2)
    await archive.keep()
    assert [file.name for file in bench.files()] == [
        "wirewatch-20260301T120000Z-000.warc.gz",
        "wirewatch-20260302T120000Z-000.warc.gz",
        "wirewatch-20260302T120000Z-001.warc.gz",
    ]


async def test_the_page_of_an_edit_waits_until_the_edit_is_matched(bench: Bench) -> None:
    bench.file(0)
    await bench.archive().keep()
    with bench.store.writing() as session:
        edit_in(session, 1, "T0", "Another text of it.", NOON, keep_page=True)
    assert await bench.archive().keep() == 0
    with bench.store.writing() as session:
        take_article(session, 1, 2, NOON)
    assert await bench.archive().keep() == 1


@pytest.mark.campaign
async def test_keep_pages_from_the_configuration_to_the_file(tmp_path: Path) -> None:
    chance = random.Random(3)
    async with Site() as site:
        url = site.publish("Fence", paragraphs(chance, "Durand Line"))
        site.publish("Rain", paragraphs(chance))
        config = write(
            tmp_path,
            f"""
            [service]
            keep_pages = true
            [web]
            listen = ""
            [crawler]
            delay = "0s"
            allow_private = ["127.0.0.0/8"]
            [source.times]
            url = "{site.feed_url}"
            [channel.inbox]
            kind = "maildir"
            path = "inbox"
            [watchlist.durand-line]
            any = ['"Durand Line"']
            """,
        )
        assert (await run_command(config, "run", "--once")).status == 0
    [file] = (tmp_path / "pages").glob("*.warc.gz")
    kept = pages(file)
    assert set(kept) == {url}
    assert b"Durand Line" in kept[url]
