"""`extract` on files, standard input, rows and a loopback server."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.cli import main
from tests.service.configs import write

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
