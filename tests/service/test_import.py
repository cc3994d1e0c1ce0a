"""`import`: sources and articles come in from files, once, and alert nobody."""

import gzip
import json
import threading
import time
import tomllib
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from sqlmodel import select

from crawler.answer import Answer
from crawler.items import EntryItem
from crawler.record import Listing, record_listing
from service.archive import record_of
from service.cli.import_articles import next_batch
from service.config import load
from store.articles import Article, Entry, Story
from store.deliveries import Alert, Delivery, Match
from store.engine import Store
from store.revisions import Evidence
from tests.service.commands import Run
from tests.service.configs import write
from tests.service.stored import CONFIG, NOON, fill, on_store

SEEN = "2026-03-01T12:30:00Z"
BODY = (
    "Shots were fired along the Durand Line near Torkham on Sunday, officials on both sides said, "
    "and the crossing was closed to trucks for the rest of the day while elders from two villages "
    "met the commanders of the border forces to ask for a truce that would let traders pass again."
)


def row(number: int = 1, **more: object) -> dict[str, object]:
    """An article as `export` writes it."""
    url = f"https://www.dawn.example/news/{number}-shots-at-the-border"
    return {
        "id": 90 + number,
        "url": url,
        "canonical_url": url,
        "source": "dawn",
        "title": f"Shots at the border, part {number}",
        "standfirst": "Two are dead.",
        "body": f"{BODY} It was report {number} of the day.",
        "captions": "A soldier.",
        "authors": ["Amina Khan"],
        "section": "World",
        "tags": ["Afghanistan"],
        "lang": "en",
        "image": "https://www.dawn.example/torkham.jpg",
        "published": "2026-03-01T11:30:00Z",
        "published_precision": "minute",
        "published_from": "json_ld",
        "modified": None,
        "first_seen": SEEN,
        "story": 700 + number,
        "revision": 1,
        "paywalled": False,
        "late": None,
    } | more


def jsonl(*rows: object) -> str:
    return "".join(f"{part if isinstance(part, str) else json.dumps(part)}\n" for part in rows)


def counts(found: Mapping[str, Any]) -> dict[str, int]:
    """Those that are not zero."""
    names = ("new", "revision", "duplicate", "waiting", "skipped", "broken")
    return {name: found[name] for name in names if found.get(name)}


def stored(store: Store) -> list[Article]:
    with store.reading() as session:
        return list(session.exec(select(Article).order_by(Article.id)).all())


def alerts_of(store: Store) -> tuple[int, int]:
    """Alerts and deliveries that there are."""
    with store.reading() as session:
        return len(session.exec(select(Alert)).all()), len(session.exec(select(Delivery)).all())


@pytest.fixture
def config(tmp_path: Path, store: Store) -> Path:
    return write(tmp_path, on_store(store, CONFIG))


# ---- JSON Lines ----------------------------------------------------------------------------------


def test_what_export_wrote_comes_back_as_it_was(run: Run, store: Store, config: Path) -> None:
    told = row(published="2026-03-01T00:00:00Z", published_precision="day", published_from="url",
               paywalled=True, late="the service was down")  # fmt: skip
    done = run("import", "-", "--json", given=jsonl(told))
    assert (done.status, counts(done.rows[-1])) == (0, {"new": 1})
    (back,) = run("export", "articles").rows
    ours = {"id", "story"}
    assert {k: v for k, v in back.items() if k not in ours} == {
        k: v for k, v in told.items() if k not in ours
    }
    assert run("search", "crossing", "--json").rows[0]["article"]["id"] == back["id"]
    again = run("import", "-", "--json", given=run("export", "articles").out)
    assert counts(again.rows[-1]) == {"duplicate": 1}
    assert run("export", "articles").rows == [back]
    assert "whole and writable" in run("check", "--database").err


def test_nothing_waits_to_be_matched_and_nothing_is_told(
    run: Run, store: Store, config: Path
) -> None:
    run("import", "-", given=jsonl(row(1), row(2)))
    assert all(article.matched_at and article.baseline for article in stored(store))
    assert alerts_of(store) == (0, 0)
    assert run("matches", "--json").rows == []
    assert "by import" in run("explain", str(row()["url"])).out


def test_what_is_broken_is_told_with_its_line_and_the_rest_goes_in(
    run: Run, store: Store, config: Path, tmp_path: Path
) -> None:
    broken: list[object] = [
        '{"url": ',
        "[1]",
        row(url="javascript:alert(1)"),
        row(url=7),
        row(title=""),
        row(published="yesterday"),
        row(published_precision="week"),
        row(authors="Amina"),
        row(first_seen="9999-13-31T23:59:59Z"),
        "[" * 200_000,
        '{"id": "x", "url": "https://a.example/", "error": "empty", "detail": "no text"}',
        "\x00\x01",
    ]
    (tmp_path / "a.jsonl").write_text(jsonl(row(1), *broken, "", row(2)), encoding="utf-8")
    done = run("import", "a.jsonl", "--json")
    assert done.status == 1
    *problems, last = done.rows
    assert [problem["number"] for problem in problems] == [*range(2, 14)]
    assert counts(last) == {"new": 2, "broken": 12}
    assert "line 4: its url is no web address" in run("import", "a.jsonl").err
    assert len(stored(store)) == 2


@pytest.mark.parametrize("zone", ["Asia/Karachi", "America/New_York"])
def test_a_time_at_which_no_article_can_be_is_none(
    run: Run, store: Store, config: Path, zone: str
) -> None:
    write(config.parent, on_store(store, CONFIG.replace("Asia/Kabul", zone)))
    far = [
        "0001-01-01T00:00:00Z",
        "1989-12-31",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
    ]
    names = ("published", "modified", "first_seen")
    told = [row(n, body=f"{BODY} {n}", **dict.fromkeys(names, at)) for n, at in enumerate(far)]
    before = datetime.now(UTC)
    done = run("import", "-", "--match", "--json", given=jsonl(*told))
    assert (done.status, counts(done.rows[0])) == (0, {"new": 4})
    assert done.rows[1] == {"matches": 4, "deliveries": 1}
    for article in stored(store):
        assert (article.published, article.published_precision) == (None, "unknown")
        assert (article.modified, article.first_seen >= before) == (None, True)
    assert run("search", "crossing").status == 0


def test_a_line_that_never_ends_is_passed_over(
    run: Run, store: Store, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.import_files.LONGEST_LINE", 4000)
    done = run("import", "-", "--json", given=jsonl(row(1), row(2, body="x" * 20_000), row(3)))
    problem, last = done.rows
    assert (problem["number"], counts(last)) == (2, {"new": 2, "broken": 1})


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_files_are_unpacked_and_a_cut_one_gives_what_it_has(
    run: Run, store: Store, config: Path, tmp_path: Path, pack: Any
) -> None:
    packed = pack(jsonl(*map(row, range(1, 9))).encode())
    (tmp_path / "whole").write_bytes(packed)
    (tmp_path / "cut").write_bytes(packed[: len(packed) - 3])
    cut = run("import", "cut", "--format", "jsonl", "--json")
    assert cut.rows[-1]["broken"] <= 2
    done = run("import", "whole", "--json")
    total = cut.rows[-1]["new"] + done.rows[-1]["new"]
    assert (done.status, total, len(stored(store))) == (0, 8, 8)


def test_a_crawled_article_is_left_and_an_imported_one_is_revised_by_a_later_text(
    run: Run, store: Store, config: Path
) -> None:
    edited = {"body": f"{BODY} Nine people died, not two.", "revision": 2,
              "modified": "2026-03-02T09:00:00Z"}  # fmt: skip
    run("import", "-", given=jsonl(row()))
    done = run("import", "-", "--json", given=jsonl(row(**edited)))
    assert counts(done.rows[-1]) == {"revision": 1}
    (article,) = stored(store)
    assert (article.revision, article.matched_revision) == (2, 2)
    assert "Nine people" in article.body
    # Neither the same text nor the older one again.
    done = run("import", "-", "--json", given=jsonl(row(**edited), row()))
    assert counts(done.rows[-1]) == {"duplicate": 2}
    assert "{+Nine people died, not two.+}" in run("diff", str(row()["url"])).out
    assert "whole and writable" in run("check", "--database").err


def test_a_text_of_one_site_is_stored_once_and_a_copy_elsewhere_joins_its_story(
    run: Run, store: Store, config: Path
) -> None:
    first = row(url="https://www.dawn.org/news/1", canonical_url=None)
    moved = row(url="https://archive.dawn.org/1", canonical_url=None)
    copy = row(url="https://copy.example/1", canonical_url=None, source="copy")
    late = row(url="https://late.example/1", canonical_url=None, first_seen="2026-05-01T00:00:00Z")
    early = row(url="https://old.example/1", canonical_url=None, first_seen="2025-05-01T00:00:00Z")
    given = jsonl(*(each | {"body": BODY} for each in (first, moved, copy, late, early)))
    done = run("import", "-", "--json", given=given)
    assert counts(done.rows[-1]) == {"new": 4, "duplicate": 1}
    told, copied, later, earlier = stored(store)
    assert told.story_id == copied.story_id
    assert len({told.story_id, later.story_id, earlier.story_id}) == 3


def test_the_source_is_the_rows_own_the_sites_the_given_or_the_host(
    run: Run, store: Store, config: Path
) -> None:
    write(config.parent, on_store(store, f"{CONFIG}\n[source.post]\nurl = 'https://www.post.org/'"))
    urls = {
        "https://www.dawn.example/a": "dawn",
        "https://tolo.example/a": "tolo",
        "https://news.post.org/a": "post",
        "https://www.nowhere.example/a": "nowhere.example",
    }
    # A source of that id is configured for another site: the article's own decides.
    rows = [row(url=url, canonical_url=None, source=None, title=url, body="") for url in urls]
    rows[1]["source"] = "dawn"
    run("import", "-", given=jsonl(*rows))
    assert [article.source_id for article in stored(store)] == [*urls.values()]
    other = row(url="https://other.example/a", source=None, canonical_url=None, body="")
    run("import", "-", "--source", "archive-2025", given=jsonl(other))
    assert stored(store)[-1].source_id == "archive-2025"
    assert run("articles", "--source", "archive-2025", "--json").rows
    assert run("import", "-", "--source", "a b").status == 2


def test_a_row_cannot_take_the_address_of_another_site(
    run: Run, store: Store, config: Path
) -> None:
    run("import", "-", given=jsonl(row(canonical_url="https://victim.example/story-1")))
    (article,) = stored(store)
    assert article.canonical_url == row()["url"]


# ---- beside the crawler and the alerts -----------------------------------------------------------


def listed(store: Store, *urls: str, baseline: bool = False) -> list[Entry]:
    """What a visit of the source dawn makes of a feed that lists these."""
    feed = "https://www.dawn.example/feed"
    entries = [EntryItem(url=url) for url in urls]
    with store.writing() as session:
        return record_listing(
            session,
            Listing("dawn", feed, "feed", "main", Answer(feed), "", entries, NOON, baseline, 100),
        )


def test_an_imported_article_is_no_news_when_a_source_lists_it_later(
    run: Run, store: Store, config: Path
) -> None:
    run("import", "-", given=jsonl(row()))
    assert listed(store, f"{row()['url']}?utm_source=rss") == []


def test_what_a_source_has_listed_is_left_to_its_crawl(
    run: Run, store: Store, config: Path
) -> None:
    assert len(listed(store, str(row()["url"]))) == 1
    done = run("import", "-", "--json", given=jsonl(row()))
    assert (done.status, counts(done.rows[-1])) == (0, {"waiting": 1})
    assert stored(store) == []
    assert "left to the crawl" in run("import", "-", given=jsonl(row())).out


@pytest.mark.parametrize(
    "backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)], indirect=True
)
def test_match_makes_one_summary_however_much_is_found(
    run: Run, store: Store, config: Path
) -> None:
    rows = [row(number, body=f"{BODY} {number} {'word ' * number}") for number in range(1, 71)]
    done = run("import", "-", "--match", "--json", given=jsonl(*rows))
    assert counts(done.rows[0]) == {"new": 70}
    assert done.rows[1] == {"matches": 70, "deliveries": 1}
    assert alerts_of(store) == (0, 1)
    with store.reading() as session:
        delivery = session.exec(select(Delivery)).one()
        matches = session.exec(select(Match)).all()
    assert delivery.subject == "durand-line: 70 past articles"
    assert "came by import" in delivery.text
    assert (delivery.payload["data"]["found"], delivery.payload["data"]["since"]) == (70, None)
    assert {match.silent for match in matches} == {"backfill"}
    again = run("import", "-", "--match", "--json", given=jsonl(*rows))
    assert again.rows[1] == {"matches": 0, "deliveries": 0}
    assert alerts_of(store) == (0, 1)


def test_matches_of_an_import_that_was_killed_are_told_by_the_next(
    run: Run, store: Store, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("service.cli.importing._Desk.finish", _die)
        assert run("import", "-", "--match", given=jsonl(row(1))).status == 1
    assert alerts_of(store) == (0, 0)
    done = run("import", "-", "--match", "--json", given=jsonl(row(1), row(2)))
    assert counts(done.rows[0]) == {"new": 1, "duplicate": 1}
    assert done.rows[1] == {"matches": 2, "deliveries": 1}


def _die(_: object) -> None:
    raise KeyboardInterrupt


def test_matches_of_a_revised_article_point_to_the_text_as_it_stands(
    run: Run, store: Store, config: Path
) -> None:
    run("import", "-", "--match", given=jsonl(row()))
    text = f"It has been a quiet week, nobody denies it. {BODY}"
    later = row(body=text, revision=2, modified="2026-03-02T09:00:00Z")
    run("import", "-", given=jsonl(later))
    (match,) = run("matches", "--json").rows
    (excerpt,) = [each for each in match["excerpts"] if each["field"] == "body"]
    assert text[excerpt["start"] : excerpt["end"]] == excerpt["text"]


def test_a_dry_run_writes_nothing(run: Run, store: Store, config: Path) -> None:
    run("import", "-", given=jsonl(row(1)))
    done = run("import", "-", "--dry-run", "--json", given=jsonl(row(1), row(2), "x"))
    assert counts(done.rows[-1]) == {"new": 1, "duplicate": 1, "broken": 1}
    assert len(stored(store)) == 1


def test_the_first_import_makes_the_database(run: Run, tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    assert run("import", "-", "--dry-run", given=jsonl(row())).status == 0
    assert not (tmp_path / "wirewatch.db").exists()
    assert "1 new" in run("import", "-", given=jsonl(row())).out
    assert len(run("articles", "--json").rows) == 1


@pytest.mark.parametrize(
    ("filed", "seconds", "next_"),
    [(1, 0.001, 2), (40, 0.1, 50), (50, 5.0, 2), (1, 9.0, 1), (8, 0.25, 8), (3, 0.0, 6)],
)
def test_a_batch_is_as_large_as_others_can_wait(filed: int, seconds: float, next_: int) -> None:
    assert next_batch(filed, seconds) == next_


@pytest.mark.parametrize(
    "backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)], indirect=True
)
def test_others_write_while_an_import_runs(run: Run, store: Store, config: Path) -> None:
    waits: list[float] = []
    done = threading.Event()

    def write_now_and_then() -> None:
        while not done.wait(0.05):
            begun = time.monotonic()
            with store.writing() as session:
                session.add(Story(created_at=NOON))
            waits.append(time.monotonic() - begun)

    other = threading.Thread(target=write_now_and_then)
    other.start()
    rows = (row(number, body=f"{number} {'word ' * number}") for number in range(1, 200))
    try:
        imported = run("import", "-", "--json", given=jsonl(*rows))
    finally:
        done.set()
        other.join()
    assert counts(imported.rows[-1]) == {"new": 199}
    assert len(waits) > 2
    assert max(waits) < 15


# ---- pages ---------------------------------------------------------------------------------------


def page(number: int, text: str = BODY, link: str = "") -> bytes:
    paragraphs = "".join(f"<p>{text} Paragraph {part}.</p>" for part in range(3))
    return (
        f"<html lang=en><head><title>Shots at the border {number}</title>{link}"
        '<meta property="article:published_time" content="2026-02-27T08:00:00Z"></head>'
        f"<body><article><h1>Shots at the border {number}</h1>{paragraphs}</article></body></html>"
    ).encode()


def kept(url: str, body: bytes, at: datetime, status: int = 200, **headers: str) -> bytes:
    """A record as `keep_pages` writes it."""
    pairs = {"Content-Type": "text/html; charset=utf-8", "ETag": '"1"'} | headers
    evidence = Evidence(article_id=1, revision=1, fetched_at=at, url=url, status=status,
                        headers=[list(pair) for pair in pairs.items()], page_sha256="")  # fmt: skip
    return record_of(evidence, body)


def test_kept_pages_come_back_with_their_date_and_evidence(
    run: Run, store: Store, config: Path, tmp_path: Path
) -> None:
    at = datetime(2026, 2, 28, 6, 0, tzinfo=UTC)
    url = "https://www.dawn.example/news/1-shots"
    later = page(1, BODY.replace("truce", "ceasefire of a week"))
    (tmp_path / "pages.warc.gz").write_bytes(
        kept(url, page(1), at)
        + kept("https://www.dawn.example/gone", page(2), at, status=404)
        + kept("https://www.dawn.example/a.png", b"\x89PNG", at, **{"Content-Type": "image/png"})
        + kept(url, later, at + timedelta(days=1))
        + kept("https://www.dawn.example/", b"<html><body><p>Hello</body></html>", at)
    )
    done = run("import", "pages.warc.gz", "--json")
    assert (done.status, counts(done.rows[-1])) == (0, {"new": 1, "revision": 1, "skipped": 3})
    (article,) = stored(store)
    assert (article.first_seen, article.source_id, article.lang) == (at, "dawn", "en")
    assert (article.published_from, article.url) == ("meta", url)
    with store.reading() as session:
        proofs = session.exec(select(Evidence).order_by(Evidence.revision)).all()
    assert [(proof.revision, proof.status) for proof in proofs] == [(1, 200), (2, 200)]
    assert ["ETag", '"1"'] in proofs[0].headers
    again = run("import", "pages.warc.gz", "--json")
    assert counts(again.rows[-1]) == {"duplicate": 2, "skipped": 3}


def warc(body: bytes, headers: bytes = b"", date: bytes = b"2026-02-28T06:00:00Z") -> bytes:
    """A record as other tools write it."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + headers + b"\r\n" + body
    return (
        b"WARC/1.1\r\nWARC-Type: response\r\nContent-Type: application/http;msgtype=response\r\n"
        b"WARC-Target-URI: <https://www.dawn.example/news/1-shots>\r\nWARC-Date: " + date
        + b"\r\nContent-Length: %d\r\n\r\n%b\r\n\r\n" % (len(answer), answer)
    )  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    [
        *("plain", "gzip", "gzip in members", "gzip and padding", "deflate", "br", "zstd"),
        *("zstd in frames", "three times", "chunked", "cut off", "kept decoded"),
    ],
)
def test_bodies_are_unpacked_as_their_headers_say(
    run: Run, store: Store, config: Path, tmp_path: Path, shape: str
) -> None:
    body = page(1)

    def parts(pack: Callable[[bytes], bytes]) -> bytes:
        return b"".join(pack(body[at : at + 300]) for at in range(0, len(body), 300))

    records = {
        "plain": warc(body),
        "gzip": warc(gzip.compress(body), b"Content-Encoding: gzip\r\n"),
        "gzip in members": warc(parts(gzip.compress), b"Content-Encoding: gzip\r\n"),
        "gzip and padding": warc(gzip.compress(body) + bytes(512), b"Content-Encoding: gzip\r\n"),
        "br": warc(brotli.compress(body), b"Content-Encoding: br\r\n"),
        "zstd in frames": warc(parts(zstandard.compress), b"Content-Encoding: zstd\r\n"),
        "three times": warc(
            gzip.compress(brotli.compress(zlib.compress(body))),
            b"Content-Encoding: deflate, br, gzip\r\n",
        ),
        "deflate": warc(zlib.compress(body), b"Content-Encoding: deflate\r\n"),
        "zstd": warc(zstandard.compress(body), b"content-encoding: zstd\r\n"),
        "chunked": warc(
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), b"Transfer-Encoding: chunked\r\n"
        ),
        "cut off": warc(b"f" * 40 + b"\r\n" + body, b"Transfer-Encoding: chunked\r\n"),
        "kept decoded": warc(body, b"Content-Encoding: br\r\nTransfer-Encoding: chunked\r\n"),
    }
    (tmp_path / "a.warc").write_bytes(records[shape])
    assert counts(run("import", "a.warc", "--json").rows[-1]) == {"new": 1}
    assert stored(store)[0].title == "Shots at the border 1"
    assert "Paragraph 2." in stored(store)[0].body


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (warc(page(1))[:-900], "record 1 is cut short"),
        (warc(page(1), b"Content-Encoding: gzip\r\n").replace(b"<html", b"\x1f\x8b"), "not packed"),
        (warc(gzip.compress(bytes(50_000_000)), b"Content-Encoding: gzip\r\n"), "when unpacked"),
        (
            warc(zstandard.compress(bytes(50_000_000)), b"Content-Encoding: zstd\r\n"),
            "when unpacked",
        ),
        (warc(brotli.compress(bytes(50_000_000)), b"Content-Encoding: br\r\n"), "when unpacked"),
        (warc(gzip.compress(page(1))[:-9], b"Content-Encoding: gzip\r\n"), "cut short"),
        (
            warc(gzip.compress(b"") + gzip.compress(page(1))[:-9], b"Content-Encoding: gzip\r\n"),
            "cut short",
        ),
        (warc(zlib.compress(page(1))[:-9], b"Content-Encoding: deflate\r\n"), "cut short"),
        (warc(brotli.compress(page(1))[:-9], b"Content-Encoding: br\r\n"), "cut short"),
        (warc(zstandard.compress(page(1))[:-9], b"Content-Encoding: zstd\r\n"), "cut short"),
        (warc(gzip.compress(b"") * 1001, b"Content-Encoding: gzip\r\n"), "more than 1000 parts"),
        (warc(page(1), b"Content-Encoding: " + b"deflate," * 4 + b"br\r\n"), "more than 3 times"),
        (warc(bytes(11_000_000)), "larger than"),
        (warc(page(1), date=b"yesterday"), "WARC-Date is no time"),
        (warc(page(1), date=b"0001-01-01T00:00:00Z"), "before 1990 or in the future"),
        (warc(page(1), date=b"9999-12-31T23:59:59Z"), "before 1990 or in the future"),
        (b"WARC/1.0\r\n" + b"A: b\r\n" * 1000, "more than 500 headers"),
        (b"WARC/1.0\r\n" + b"A" * 100_000, "a header without end"),
        (b"WARC/1.0\r\nContent-Length: x\r\n\r\n", "how long it is"),
        (warc(page(1)) + b"junk\r\n", "does not begin as records do"),
    ],
)
def test_a_broken_archive_is_told_in_words(
    run: Run, store: Store, config: Path, tmp_path: Path, record: bytes, why: str
) -> None:
    (tmp_path / "a.warc").write_bytes(record)
    done = run("import", "a.warc", "--json")
    assert done.status == 1
    assert why in done.rows[0]["problem"]
    assert done.rows[-1]["broken"] == 1


def test_a_saved_page_is_filed_under_its_canonical_address_or_the_given_one(
    run: Run, store: Store, config: Path, tmp_path: Path
) -> None:
    link = '<link rel=canonical href="https://www.dawn.example/news/1-shots">'
    (tmp_path / "named.html").write_bytes(page(1, link=link))
    (tmp_path / "nameless.html").write_bytes(page(2, BODY.replace("Sunday", "Monday")))
    done = run("import", "named.html", "nameless.html")
    assert done.status == 1
    assert "nameless.html: the page does not say at which address it stood; give it with --url" in (
        done.err
    )
    assert run("import", "nameless.html", "--url", "https://tolo.example/2").status == 0
    assert [(each.url, each.source_id) for each in stored(store)] == [
        ("https://www.dawn.example/news/1-shots", "dawn"),
        ("https://tolo.example/2", "tolo"),
    ]
    assert run("import", "named.html", "nameless.html", "--url", "https://a.example/").status == 2
    (tmp_path / "empty.html").write_bytes(b"<html><body></body></html>")
    assert "holds no article" in run("import", "empty.html").err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b'[{"url": "x"}]', "jq -c"),
        (b"<rss><channel/></rss>", "source add"),
        (b"%PDF-1.7", "--format names"),
        (b"\x1f\x8b\x08junk", "cannot be unpacked"),
    ],
)
def test_a_file_of_another_kind_is_told_in_words(
    run: Run, tmp_path: Path, content: bytes, why: str
) -> None:
    write(tmp_path, CONFIG)
    (tmp_path / "a.file").write_bytes(content)
    done = run("import", "a.file")
    assert done.status == 1
    assert why in done.err
    assert run("import", "missing.jsonl").status == 2


# ---- OPML ----------------------------------------------------------------------------------------


def opml(*outlines: str, head: str = "") -> str:
    return f'<?xml version="1.0"?>{head}<opml version="2.0"><body>{"".join(outlines)}</body></opml>'


def sources(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "config.toml").read_text("utf-8"))["source"]
    return found


def test_a_readers_list_becomes_source_tables_and_the_rest_of_the_file_stays(
    run: Run, tmp_path: Path
) -> None:
    config = write(tmp_path, f"# Ours.\n{CONFIG}")
    before = config.read_text("utf-8")
    given = opml(
        '<outline text="World"><outline text="South"><outline text="The &amp; Post" type="rss" '
        'xmlUrl="https://post.example/feed" htmlUrl="https://post.example/"/></outline></outline>',
        '<outline text="No feed" htmlUrl="https://www.plain.example/"/>',
        '<outline text="Old" type="rss" xmlUrl="feed://post.example/other"/>',
        '<outline text="Known" type="rss" xmlUrl="http://www.tolo.example"/>',
        '<outline text="Twice" type="rss" xmlUrl="https://post.example/feed/"/>',
        '<outline text="Script" xmlUrl="javascript:alert(1)"/>',
        '<outline text="Nothing"/>',
        '<outline text="List" type="include" url="https://lists.example/a.opml"/>',
    )
    tried = run("import", "-", "--dry-run", given=given)
    assert '[source."post.example"]' in tried.out
    assert config.read_text("utf-8") == before
    done = run("import", "-", given=given)
    assert done.status == 1
    assert "source.tolo reads http://www.tolo.example/ already" in done.err
    assert "source.post.example reads https://post.example/feed/ already" in done.err
    assert "no web address: javascript:alert(1)" in done.err
    new = {name: table for name, table in sources(tmp_path).items() if name not in before}
    assert new == {
        "post.example": {"url": "https://post.example/feed", "kind": "feed", "name": "The & Post"},
        "www.plain.example": {"url": "https://www.plain.example/", "name": "No feed"},
        "post.example-2": {"url": "http://post.example/other", "kind": "feed", "name": "Old"},
    }
    assert config.read_text("utf-8").startswith("# Ours.\n")
    again = run("import", "-", "--json", given=given)
    assert counts(again.rows[-1]) == {"duplicate": 5, "broken": 3}


def test_what_export_wrote_brings_the_same_sources_back(run: Run, tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    exported = run("export", "sources").out
    assert counts(run("import", "-", "--json", given=exported).rows[-1]) == {"duplicate": 3}
    kept = load(tmp_path / "config.toml", {}).sources
    write(tmp_path, '[channel.inbox]\nkind = "maildir"\npath = "inbox"\n')
    assert run("import", "-", given=exported).status == 0
    assert load(tmp_path / "config.toml", {}).sources == kept


def test_what_a_name_says_is_no_reference_to_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    write(tmp_path, CONFIG)
    outline = (
        '<outline text="${SMTP_PASSWORD} $${A}" xmlUrl="https://x.example/?a=${SMTP_PASSWORD}"/>'
    )
    assert run("import", "-", given=opml(outline)).status == 0
    found = load(tmp_path / "config.toml", {"SMTP_PASSWORD": "hunter2"}).sources["x.example"]
    assert found.name == "${SMTP_PASSWORD} $${A}"
    assert "hunter2" not in found.url


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            opml('<outline text="&b;" xmlUrl="https://x.example/"/>',
                 head='<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'),
            id="entities",
        ),
        pytest.param(
            opml('<outline text="&x;" xmlUrl="https://x.example/"/>',
                 head='<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/hostname">]>'),
            id="an entity that is a file",
        ),
        pytest.param(
            opml(f'<outline {" ".join(f"a{n}=""" for n in range(60_000))}/>',
                 '<outline text="x" xmlUrl="https://x.example/"/>'),
            id="attributes",
        ),
        pytest.param(
            opml("<outline>" * 20_000, '<outline xmlUrl="https://x.example/"/>'),
            id="depth",
        ),
        pytest.param(opml('<outline text="\x1b[2J&#27;" xmlUrl="https://x.example/"'), id="cut"),
    ],
)  # fmt: skip
def test_a_hostile_list_ends_in_words_or_in_harmless_tables(
    run: Run, tmp_path: Path, given: str
) -> None:
    write(tmp_path, CONFIG)
    done = run("import", "-", given=given)
    assert "Traceback" not in done.err
    tables = sources(tmp_path)
    assert tables.keys() <= {"dawn", "tolo", "off", "x.example"}
    if "x.example" in tables:
        assert len(tables["x.example"].get("name", "")) < 60
    assert "\x1b" not in done.out + done.err
    load(tmp_path / "config.toml", {})


def test_a_configuration_that_would_not_load_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    config = write(tmp_path, 'source = { a = { url = "https://a.example/" } }\n')
    before = config.read_bytes()
    done = run("import", "-", given=opml('<outline xmlUrl="https://x.example/"/>'))
    assert done.status == 1
    assert "left as it is" in done.err
    assert config.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_long_list_is_taken_whole(run: Run, tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    many = (f'<outline text="{n}" xmlUrl="https://x.example/{n}"/>' for n in range(3000))
    assert run("import", "-", given=opml(*many)).status == 0
    assert len(sources(tmp_path)) == 3003


def test_far_too_many_sources_are_refused(run: Run, tmp_path: Path) -> None:
    config = write(tmp_path, CONFIG)
    before = config.read_bytes()
    many = (f'<outline xmlUrl="https://x.example/{number}"/>' for number in range(20_001))
    done = run("import", "-", given=opml(*many))
    assert done.status == 1
    assert "at most 20,000" in done.err
    assert config.read_bytes() == before


def test_articles_after_a_list_are_filed_under_its_sources(
    run: Run, store: Store, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.opml").write_text(opml('<outline xmlUrl="https://new.example/feed"/>'))
    told = row(url="https://new.example/1", canonical_url=None, source=None)
    (tmp_path / "b.jsonl").write_text(jsonl(told))
    assert run("import", "a.opml", "b.jsonl").status == 0
    assert stored(store)[0].source_id == "new.example"


def test_an_article_that_is_visited_by_the_crawler_is_left_as_it_is(
    run: Run, store: Store, config: Path
) -> None:
    fill(store)
    told = row(url="https://dawn.example/torkham", canonical_url=None)
    done = run("import", "-", "--json", given=jsonl(told))
    assert counts(done.rows[-1]) == {"duplicate": 1}
