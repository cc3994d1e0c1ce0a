"""`export`: other programs get what is stored."""

import csv
import io
import json
from pathlib import Path

import pytest
from lxml import etree

from service.cli.export import cell
from store.engine import Store
from store.sources import Document
from tests.service.commands import Run
from tests.service.configs import write
from tests.service.stored import CONFIG, COPY, URL, fill, on_store


@pytest.fixture(autouse=True)
def _stored(tmp_path: Path, store: Store) -> None:
    write(tmp_path, on_store(store, CONFIG))
    fill(store)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_articles_and_matches_are_the_objects_of_the_lists(run: Run) -> None:
    for what in ("articles", "matches"):
        assert run("export", what).rows == run(what, "--json").rows
    assert [row["url"] for row in run("export", "articles", "--source", "dawn").rows] == [URL]
    assert run("export", "matches", "--watchlist", "ttp").rows == []
    assert run("export", "articles", "--since", "2026-03-02").rows == []


def test_csv_has_a_column_for_each_field_and_objects_are_taken_apart(run: Run) -> None:
    copy, first = table(run("export", "articles", "--csv").out)
    assert (copy["url"], first["url"]) == (COPY, URL)
    assert first["authors"] == "Amina Khan"
    assert first["body"].startswith("Shots were fired")
    [match] = table(run("export", "matches", "--csv").out)
    assert match["article.url"] == URL
    assert json.loads(match["excerpts"])[0]["field"] == "body"


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx"])
def test_what_a_spreadsheet_would_run_is_a_text(text: str) -> None:
    assert cell(text) == "'" + text.replace("\r", "\\x0d")


def test_other_cells_are_as_they_are() -> None:
    assert [cell(value) for value in ("a=b", 5, None, ["a", "b"], [], True)] == [
        *("a=b", 5, None, "a; b", "", True)
    ]


def test_sources_are_opml_with_the_feed_that_is_read(run: Run, store: Store) -> None:
    with store.writing() as session:
        feed = "https://dawn.example/feed?a=1&b=2"
        session.add(Document(source_id="dawn", url=feed, kind="feed", role="main"))
    opml = etree.fromstring(run("export", "sources").out.encode())
    assert opml.get("version") == "2.0"
    outlines = {each.get("htmlUrl"): each.get("xmlUrl") for each in opml.iter("outline")}
    assert outlines == {
        "https://dawn.example/": feed,
        "https://tolo.example/": "https://tolo.example/",
        "https://off.example/": None,
    }
    assert "leave the options out" in run("export", "sources", "--csv").err


def test_a_file_is_written_whole_and_never_overwritten(run: Run, tmp_path: Path) -> None:
    written = run("export", "articles", "--to", "a.jsonl")
    assert (written.status, written.out) == (0, "")
    assert "2 articles" in written.err
    kept = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["url"] for line in kept.splitlines()] == [COPY, URL]
    again = run("export", "articles", "--to", "a.jsonl")
    assert again.status == 1
    assert "is there already" in again.err
    assert sorted(path.name for path in tmp_path.glob("a.*")) == ["a.jsonl"]


def test_an_id_that_nobody_knows_is_no_empty_answer(run: Run) -> None:
    assert run("export", "articles", "--source", "dwan").status == 2
