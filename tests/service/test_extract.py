"""`extract` on files, standard input, rows and a loopback server."""

import asyncio
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from service.cli import main
from tests.service.configs import write
from tests.support.http import HttpServer, Response

URL = "https://site.example/torkham"
SENTENCE = "Shots were fired along the Durand Line near Torkham on Sunday, officials said. "
PAGE = f"""<!doctype html><html lang="en"><head>
<meta charset="utf-8"><title>Clashes at Torkham - The Site</title>
<meta property="og:type" content="article">
<meta property="article:published_time" content="2026-03-01T08:15:00+05:00">
<link rel="canonical" href="{URL}">
</head><body><article><h1>Clashes at Torkham</h1>
{"".join(f"<p>{number}. {SENTENCE * 3}</p>" for number in range(1, 7))}
</article></body></html>"""


def page_file(folder: Path, text: str = PAGE, name: str = "page.html") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def extract(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["extract", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_file_gives_its_article(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = extract(capsys, page_file(tmp_path), "--url", URL, "--json")
    article = json.loads(out)
    assert status == 0
    assert article["title"] == "Clashes at Torkham"
    assert (article["url"], article["canonical_url"]) == (URL, URL)
    assert article["published"] == "2026-03-01T03:15:00Z"
    assert (article["published_precision"], article["published_from"]) == ("minute", "meta")
    assert article["body"].count("Durand Line") == 18
    assert article["lang"] == "en"


def test_people_get_it_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = extract(capsys, page_file(tmp_path), "--url", URL)
    assert status == 0
    assert out.startswith("Clashes at Torkham\n")
    assert "published  2026-03-01T03:15+00:00 (from meta)" in out
    assert "Durand Line" in out


def test_standard_input_is_read_where_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(PAGE.encode())))
    status, out, _ = extract(capsys, "--json")
    assert (status, json.loads(out)["title"]) == (0, "Clashes at Torkham")


def test_a_page_without_an_article_says_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = extract(capsys, page_file(tmp_path, " "), "--url", URL)
    assert (status, out) == (1, "")
    assert err.startswith(f"wirewatch: {URL} holds no article: empty")


def test_a_file_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = extract(capsys, str(tmp_path / "none.html"))
    assert (status, err) == (1, f"wirewatch: {tmp_path}/none.html: No such file or directory\n")


def test_rows_come_out_in_the_order_they_went_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, empty = page_file(tmp_path), page_file(tmp_path, " ", "empty.html")
    rows: list[Any] = [
        {"id": "a", "url": URL, "path": page},
        {"id": 2, "url": URL, "path": empty},
        {"id": "c", "url": URL, "path": str(tmp_path / "none.html")},
        {"id": "d"},
        {"id": "e", "path": page},
    ]
    lines = [*map(json.dumps, rows), "", "no json"]
    status, out, _ = extract(capsys, "--jsonl", page_file(tmp_path, "\n".join(lines), "rows"))
    found = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [row["id"] for row in found] == ["a", 2, "c", "d", "e", None]
    assert [row.get("error") for row in found] == [
        None, "empty", "unreadable", "unreadable", None, "unreadable"
    ]  # fmt: skip
    assert found[0]["title"] == "Clashes at Torkham"


def test_a_page_is_fetched_where_only_its_address_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, '[crawler]\nallow_private = ["127.0.0.0/8"]')
    folder = tmp_path / "site"
    folder.mkdir()
    page_file(folder)
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split(" port ")[1].split()[0]
            status, out, _ = extract(
                capsys, "--json", "--url", f"http://127.0.0.1:{port}/page.html"
            )
            assert (status, json.loads(out)["title"]) == (0, "Clashes at Torkham")
            status, _, err = extract(capsys, "--url", f"http://127.0.0.1:{port}/none")
            assert status == 1
            assert err.endswith("/none: the site answered 404\n")
        finally:
            server.terminate()


def test_a_private_address_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "")
    status, _, err = extract(capsys, "--url", "http://127.0.0.1:9/")
    assert status == 1
    assert "127.0.0.1" in err
    assert "Traceback" not in err


def test_the_address_of_rows_stands_in_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert extract(capsys, "--jsonl", "--url", URL)[0] == 2


def test_a_file_without_address_is_filed_under_the_one_it_claims(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = extract(capsys, page_file(tmp_path), "--json")
    assert (json.loads(out)["url"], json.loads(out)["canonical_url"]) == (URL, URL)
    bare = page_file(tmp_path, PAGE.replace(f'<link rel="canonical" href="{URL}">', ""))
    _, out, _ = extract(capsys, bare, "--json")
    assert json.loads(out)["url"] == "https://page.invalid/"


ZONED = PAGE.replace(
    "</article>",
    "<blockquote class='pullquote'>Nobody slept that night.</blockquote><figure><img src='/x.png'>"
    "<figcaption>The gate, as it was on Saturday.</figcaption></figure></article>"
    "<div class='related'><ul><li><a href='/2'>Traders count their losses at the gate</a></li>"
    "</ul></div><div class='comments'><p>I was there, and it was so.</p></div>"
    "<script>document.title = 'run'</script>",
).replace("<p>1.", "<p class='standfirst'>The third night in a row, in short.</p><p>1.")


def test_every_zone_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = extract(capsys, page_file(tmp_path, ZONED), "--json")
    zones = json.loads(out)["zones"]
    assert zones["title"] == ["Clashes at Torkham"]
    assert zones["standfirst"] == ["The third night in a row, in short."]
    assert len(zones["body"]) == 6
    assert zones["quote"] == ["Nobody slept that night."]
    assert zones["caption"] == ["The gate, as it was on Saturday."]
    assert zones["related"] == ["Traders count their losses at the gate"]
    assert zones["comments"] == ["I was there, and it was so."]
    assert "Nobody slept" not in json.loads(out)["body"]


def test_a_terminal_shows_the_zones_in_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    _, out, _ = extract(capsys, page_file(tmp_path, ZONED + "<p>\x1b[31mred</p>"))
    assert "\x1b[35mNobody slept that night.\x1b[0m" in out
    assert "\x1b[32mThe gate, as it was on Saturday.\x1b[0m" in out
    assert "\x1b[2mrelated    \x1b[0m\x1b[2mTraders count their losses at the gate" in out
    assert "\x1b[31mred" not in out


def test_the_html_view_is_escaped_and_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = ZONED.replace("Nobody slept", "&lt;script&gt;alert(1)&lt;/script&gt; Nobody slept")
    out = tmp_path / "view.html"
    status, _, err = extract(capsys, page_file(tmp_path, hostile), "--html", str(out))
    assert (status, err) == (0, f"{out}: written\n")
    view = LexborHTMLParser(out.read_text(encoding="utf-8"))
    assert view.css("script") == []
    assert view.css_first("p.quote").text().startswith("quote<script>alert(1)</script> Nobody")
    frame = view.css_first("iframe").attributes
    assert frame["sandbox"] == ""
    assert "document.title = 'run'" in str(frame["srcdoc"])
    policy = view.css_first("meta[http-equiv]").attributes["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_html_view_shows_why_a_page_is_no_article(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "view.html"
    page = "<title>404</title><h1>Page not found</h1><p>Look elsewhere.</p>"
    status, _, _ = extract(capsys, page_file(tmp_path, page), "--html", str(out))
    assert status == 1
    assert "no article: not_found" in out.read_text(encoding="utf-8")
    assert 'class="title"><b>title</b>Page not found' in out.read_text(encoding="utf-8")


async def _with_site(
    capsys: pytest.CaptureFixture[str], folder: Path, crawler: str, path: str = "/a"
) -> tuple[int, str, str, list[str]]:
    """`extract --url` of a page on a loopback site whose robots.txt forbids /private."""
    async with HttpServer() as server:
        robots = b"User-agent: *\nDisallow: /private\n"
        server.on("/robots.txt", Response(200, robots, {"Content-Type": "text/plain"}))
        for place in ("/a", "/private"):
            page = PAGE.replace(URL, f"{server.url}{place}").encode()
            server.on(place, Response(200, page, {"Content-Type": "text/html"}))
        settings = f'[crawler]\nallow_private = ["127.0.0.0/8"]\n{crawler}'
        write(folder, settings.replace("PROXY", server.url))
        address = "http://127.0.0.9:8999/far" if "PROXY" in crawler else f"{server.url}{path}"
        server.on("*", Response(200, PAGE.encode(), {"Content-Type": "text/html"}))
        status, out, err = await asyncio.to_thread(extract, capsys, "--json", "--url", address)
        return status, out, err, [request.target for request in server.requests]


@pytest.mark.parametrize(
    ("crawler", "path", "status", "asked"),
    [
        ("", "/a", 0, ["/robots.txt", "/a"]),
        ("", "/private", 1, ["/robots.txt"]),
        ("obey_robots = false", "/private", 0, ["/private"]),
        ('proxy = "PROXY"\nobey_robots = false', "", 0, ["http://127.0.0.9:8999/far"]),
    ],
)
async def test_robots_and_proxy_hold_for_a_single_page_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    crawler: str,
    path: str,
    status: int,
    asked: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err, targets = await _with_site(capsys, tmp_path, crawler, path)
    assert (found, targets) == (status, asked), err
    assert "robots.txt forbids it" in err if status else "Clashes at Torkham" in out


async def test_a_page_that_is_packed_again_and_again_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, '[crawler]\nallow_private = ["127.0.0.0/8"]\nobey_robots = false\n')
    packed = PAGE.encode()
    for _ in range(3):
        packed = gzip.compress(packed)
    async with HttpServer() as server:
        server.on("*", Response(200, packed, {"Content-Encoding": "gzip, gzip, gzip"}))
        address = f"{server.url}/a"
        status, out, err = await asyncio.to_thread(extract, capsys, "--json", "--url", address)
    assert (status, out) == (1, "")
    assert "packed again and again" in err
