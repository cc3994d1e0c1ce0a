"""`search`, `try`, `suggest`, `match` on real files: what they find, say and leave behind."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from store.articles import Article, Story
from store.deliveries import Delivery, Match
from store.engine import Store
from store.search_index import clear_index
from tests.service.commands import Run
from tests.service.configs import ROOT, write
from tests.service.stored import on_store

NOW = datetime.now(UTC)
CONFIG = """
    [source.dawn]
    url = "https://dawn.example/"
    [source.tolo]
    url = "https://tolo.example/"
    [channel.inbox]
    kind = "maildir"
    path = "inbox"
    [channel.other]
    kind = "maildir"
    path = "other"
    [variants]
    durand = ['"Durand Line"', '"ڈیورنڈ لائن"']
    [watchlist.border]
    name = "Border"
    any = ['"Durand Line"', "Torkham"]
    none = ["cricket"]
    max_per_day = 1
    notify = ["inbox"]
"""
ARTICLES = [
    # Days ago, source, title, body; the last ones are the newest.
    (30, "dawn", "Old news of Torkham", "Torkham was quiet."),
    (9, "tolo", "Cricket", "A cricket match at Torkham."),
    (5, "dawn", "The Durrand Line", "Shots along the Durrand Line."),
    (5, "dawn", "Torkham closed", "The gate at Torkham is shut. Torkham, again."),
    (5, "tolo", "Elsewhere", "Traders wait at Torkham."),
    (2, "tolo", "سرحد", "ڈیورنڈ لائن پر جھڑپیں"),
    (1, "dawn", "Turkham reopens", "Turkham is open along the Durand Line."),
]


@pytest.fixture
def store(tmp_path: Path, store: Store) -> Store:
    write(tmp_path, on_store(store, CONFIG))
    with store.writing() as session:
        for number, (days, source, title, body) in enumerate(ARTICLES, 1):
            seen = NOW - timedelta(days=days)
            session.add(Story(id=number, created_at=seen))
            session.flush()
            url = f"https://{source}.example/{number}"
            session.add(
                Article(id=number, url=url, canonical_url=url, url_key=url, source_id=source,
                        story_id=number, title=title, body=body, first_seen=seen, matched_at=seen)
            )  # fmt: skip
    return store


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["article"]["id"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["Torkham"], [5, 4, 2, 1]),
        (["Torkham", "--since", "10d"], [5, 4, 2]),
        (["Torkham", "--source", "dawn"], [4, 1]),
        (["Torkham", "--limit", "2"], [5, 4]),
        (["Torkham", "--in", "title"], [4, 1]),
        (["Torkham", "--by", "relevance"], [4, 1, 5, 2]),
        (["@durand"], [7, 6]),
        (["T*rkham OR nowhere"], None),
        (["source:tolo AND Torkham AND NOT cricket"], [5]),
        (["/[TU]orkham/"], [5, 4, 2, 1]),
        (["nowhere"], []),
    ],
)
def test_search_finds_what_a_watchlist_would(
    run: Run, store: Store, arguments: list[str], found: list[int] | None
) -> None:
    outcome = run("search", *arguments, "--json")
    if found is None:
        assert outcome.status == 2
        assert "a star stands only at the end of a word" in outcome.err
        return
    assert outcome.status == 0
    assert ids(outcome.rows) == found
    for row in outcome.rows:
        excerpt = row["excerpts"][0]
        assert all(mark["end"] <= len(excerpt["text"]) for mark in excerpt["highlights"])


def test_search_shows_a_table_with_the_sentence(run: Run, store: Store) -> None:
    outcome = run("search", "Torkham AND shut")
    assert "The gate at Torkham is shut." in outcome.out
    assert "https://dawn.example/4" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "Durand Line"], "two words side by side"),
        (["search", "lang:ur"], "nothing to look for"),
        (["search", "a", "--source", "dwan"], 'no source "dwan"; did you mean "dawn"?'),
        (["try"], "which one?"),
        (["try", "bordr"], 'no watchlist "bordr"; did you mean "border"?'),
        (["try", "--query", "("], "something is missing here"),
        (["try", "--query", "a", "--backfill", "7d"], "--backfill stands beside"),
        (["suggest", "bordr"], 'did you mean "border"?'),
        (["match", "--watchlist", "bordr"], 'did you mean "border"?'),
        (["explain", " "], "which address?"),
        (["articles", "--source", "dwan"], 'no source "dwan"; did you mean "dawn"?'),
        (["matches", "--watchlist", "bordr"], 'no watchlist "bordr"; did you mean "border"?'),
        (["deliveries", "--watchlist", "bordr"], 'did you mean "border"?'),
    ],
)
def test_what_nobody_can_mean_is_told_with_what_was_probably_meant(
    run: Run, store: Store, arguments: list[str], said: str
) -> None:
    outcome = run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err


def test_an_id_that_is_no_longer_configured_but_stored_still_lists(run: Run, store: Store) -> None:
    with store.writing() as session:
        session.add(Match(watchlist="gone", article_id=1, story_id=1, matched_at=NOW))
    assert len(run("matches", "--watchlist", "gone", "--json").rows) == 1


def test_try_tells_hits_by_day_and_source_and_the_alerts_to_expect(run: Run, store: Store) -> None:
    (row,) = run("try", "border", "--json").rows
    assert row["hits"] == 4
    assert row["searched"] == len(ARTICLES)
    assert [each["hits"] for each in row["hits_per_day"]] == [1, 2, 1]
    assert row["hits_per_source"] == [{"source": "dawn", "hits": 3}, {"source": "tolo", "hits": 1}]
    assert row["alerts"] == 4
    assert row["alerts_per_week"] == pytest.approx(4 / 30 * 7, abs=0.1)
    assert row["days_above_max"] == [(NOW - timedelta(days=5)).date().isoformat()]
    assert ids(row["newest"]) == [7, 5, 4, 1]
    with store.reading() as session:
        assert session.exec(select(Match)).all() == []


def test_try_compares_with_the_matches_that_are_stored(run: Run, store: Store) -> None:
    with store.writing() as session:
        for article in (1, 2, 7):
            session.add(
                Match(watchlist="border", article_id=article, story_id=article, matched_at=NOW)
            )
    (row,) = run("try", "border", "--json").rows
    assert (row["adds"], ids(row["added"])) == (2, [5, 4])
    assert (row["removes"], [each["id"] for each in row["removed"]]) == (1, [2])
    (row,) = run("try", "border", "--since", "7d", "--json").rows
    assert (row["adds"], row["removes"]) == (2, 0)


def test_try_compares_a_changed_query_with_the_loaded_one(run: Run, store: Store) -> None:
    (row,) = run("try", "border", "--query", "Torkham OR Turkham OR Durrand", "--json").rows
    assert row["compared_with"] == "the loaded watchlist"
    assert (ids(row["newest"]), ids(row["added"])) == ([7, 5, 4, 3, 2, 1], [3, 2])
    assert row["removed"] == []
    (row,) = run("try", "border", "--query", "Torkham AND NOT cricket", "--json").rows
    assert [each["id"] for each in row["removed"]] == [7]


def test_try_in_words_warns_above_max_per_day(run: Run, store: Store) -> None:
    outcome = run("try", "border")
    assert "found      4 of 7 articles, 4 alerts" in outcome.out
    assert "expect about 0.9 alerts a week" in outcome.out
    assert "The gate at Torkham is shut." in outcome.out
    assert "more than max_per_day = 1 alerts on 1 day" in outcome.err


def test_what_first_visits_found_is_a_hit_and_no_alert(run: Run, store: Store) -> None:
    with store.writing() as session:
        for article in session.exec(select(Article)):
            article.baseline = True
    (row,) = run("try", "border", "--json").rows
    assert (row["hits"], row["alerts"], row["alerts_per_week"]) == (4, 0, None)
    assert "nothing can be said of a week" in run("try", "border").out


def test_copies_of_a_story_are_one_alert(run: Run, store: Store) -> None:
    with store.writing() as session:
        session.get_one(Article, 5).story_id = 4
    (row,) = run("try", "border", "--json").rows
    assert (row["hits"], row["alerts"], row["days_above_max"]) == (4, 3, [])


def test_backfill_keeps_past_matches_and_makes_one_summary(run: Run, store: Store) -> None:
    with store.writing() as session:
        session.add(Match(watchlist="border", article_id=4, story_id=4, matched_at=NOW))
        session.get_one(Article, 7).matched_at = None
    (row,) = run("try", "border", "--backfill", "7d", "--json").rows
    assert (row["matches"], row["deliveries"]) == (1, 1)
    with store.reading() as session:
        made = session.exec(select(Match).where(Match.silent == "backfill")).all()
        assert [match.article_id for match in made] == [5]
        (delivery,) = session.exec(select(Delivery)).all()
    assert (delivery.channel, delivery.kind, delivery.state) == ("inbox", "summary", "pending")
    assert delivery.subject == "Border: 1 past article"
    assert "Traders wait at *Torkham*." in delivery.text
    assert delivery.payload["type"] == "watchlist.past"
    assert delivery.payload["data"]["found"] == 1
    assert [each["article"]["id"] for each in delivery.payload["data"]["matches"]] == [5]


def test_backfill_again_tells_nothing_again(run: Run, store: Store) -> None:
    assert "3 new matches, 1 summaries" in run("try", "border", "--backfill", "7d").out
    assert "0 new matches, 0 summaries" in run("try", "border", "--backfill", "7d").out
    with store.reading() as session:
        assert len(session.exec(select(Delivery)).all()) == 1


def test_a_long_past_is_one_message_of_bearable_size(run: Run, store: Store) -> None:
    with store.writing() as session:
        for number in range(100, 400):
            url = f"https://dawn.example/{number}"
            session.add(
                Article(id=number, url=url, canonical_url=url, url_key=url, source_id="dawn",
                        story_id=1, title="Torkham", body="Torkham " * 50, first_seen=NOW,
                        matched_at=NOW)
            )  # fmt: skip
    (row,) = run("try", "border", "--backfill", "7d", "--json").rows
    assert (row["matches"], row["deliveries"]) == (303, 1)
    with store.reading() as session:
        (delivery,) = session.exec(select(Delivery)).all()
    assert "wirewatch matches --watchlist border" in delivery.text
    assert len(json.dumps(delivery.payload)) < 25_000
    assert delivery.payload["data"]["found"] == 303


def test_suggest_finds_other_spellings_and_the_rest_of_a_set(run: Run, store: Store) -> None:
    rows = run("suggest", "border", "--json").rows
    found = {row["suggestion"]: (row["like"], row["why"], row["articles"]) for row in rows}
    assert found == {
        '"durrand line"': ('"Durand Line"', "one letter differs", 1),
        '"ڈیورنڈ لائن"': ('"Durand Line"', "in @durand", 1),
    }


def test_suggest_counts_only_articles_that_the_watchlist_misses(run: Run, store: Store) -> None:
    """Turkham stands in one article, which matches by Durand Line."""
    with store.writing() as session:
        session.get_one(Article, 7).body = "Turkham is open."
    rows = run("suggest", "border", "--json").rows
    assert "turkham" in {row["suggestion"] for row in rows}
    assert "turkham" in run("suggest", "border").out


def test_match_is_a_filter_for_rows(run: Run, store: Store) -> None:
    rows = [
        {"id": "a", "title": "Torkham", "body": "the Durand\nLine"},
        {"id": 2, "title": "Cricket at Torkham"},
        {"id": 3, "body": "nothing"},
    ]
    outcome = run("match", given="\n\n".join(map(json.dumps, rows)))
    assert outcome.status == 0
    assert outcome.rows == [
        {
            "id": "a",
            "watchlist": "border",
            "spans": [
                {"field": "title", "start": 0, "end": 7, "term": "Torkham"},
                {"field": "body", "start": 4, "end": 15, "term": "Durand Line"},
            ],
        }
    ]


@pytest.mark.parametrize("bad", ["[1]", "3", "nonsense", '{"title": "x"}', '{"id": 1, "body": 5}'])
def test_a_row_that_cannot_be_read_is_told_and_the_others_go_on(
    run: Run, store: Store, bad: str
) -> None:
    outcome = run(
        "match", given=f'{{"id": 1, "body": "Torkham"}}\n{bad}\n{{"id": 2, "body": "Torkham"}}'
    )
    assert outcome.status == 1
    assert [row["id"] for row in outcome.rows] == [1, 2]
    assert "row 2: " in outcome.err


def test_watchlists_of_one_rule_and_awkward_ids_are_printed_whole(
    run: Run, tmp_path: Path, store: Store
) -> None:
    write(tmp_path, on_store(store, CONFIG) + '[watchlist.other]\nany = ["gate"]\n'
          '[watchlist.same]\nany = ["gate"]\n')  # fmt: skip
    awkward = {"a": ["\u2028", 'q"\x1b']}
    outcome = run("match", given=json.dumps({"id": awkward, "body": "gate"}))
    assert [(row["id"], row["watchlist"]) for row in outcome.rows] == [
        (awkward, "other"), (awkward, "same"),
    ]  # fmt: skip
    assert outcome.rows[0]["spans"] == outcome.rows[1]["spans"]
    assert "\u2028" not in outcome.out
    assert "\x1b" not in outcome.out


def test_a_row_too_long_to_hold_is_told_and_the_others_go_on(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.match.LONGEST", 100_000)
    rows = [{"id": 1, "body": "Torkham"}, {"id": 2, "body": "Torkham " * 50_000},
            {"id": 3, "body": "Torkham"}]  # fmt: skip
    outcome = run("match", given="\n".join(map(json.dumps, rows)))
    assert [row["id"] for row in outcome.rows] == [1, 3]
    assert outcome.err.startswith("wirewatch: row 2: longer than")
    assert outcome.status == 1


def test_a_row_that_comes_through_a_pipe_is_answered_before_the_next(tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    command = [sys.executable, "-m", "service", "match"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=env, text=True, bufsize=1,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(f'{{"id": {number}, "body": "Torkham"}}\n')
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(30) == 0


def test_match_reads_a_file_and_narrows_to_a_watchlist(
    run: Run, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "body": "Torkham"}\n')
    assert len(run("match", "rows.jsonl", "--watchlist", "border").rows) == 1


def test_nothing_stored_yet_is_said(run: Run, tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    for command in (["search", "a"], ["try", "border"], ["suggest", "border"]):
        assert "nothing is stored yet" in run(*command).err


def test_check_warns_of_a_term_that_stands_in_many_stored_articles(
    run: Run, store: Store, tmp_path: Path
) -> None:
    with store.writing() as session:
        for number in range(100, 320):
            url = f"https://dawn.example/{number}"
            body = "Police at the border of the land" if number % 4 else "Border police said"
            session.add(
                Article(id=number, url=url, canonical_url=url, url_key=url, source_id="dawn",
                        story_id=1, title="News", body=body, first_seen=NOW)
            )  # fmt: skip
    rules = 'any = ["police", "torkham", "shah"]\n[watchlist.b]\nany = [\'"border police"\']\n'
    rules += "[watchlist.c]\nany = ['\"police border\"']\n"
    write(tmp_path, on_store(store, CONFIG) + "[watchlist.a]\n" + rules)
    warned = [line for line in run("check").err.splitlines() if "stands in" in line]
    assert [line.split(": ", 2)[2] for line in warned] == [
        "police: stands in 97% of all articles; narrow it with AND or NEAR",
        '"border police": stands in 24% of all articles; narrow it with AND or NEAR',
    ]


@pytest.mark.parametrize("option", ["--database", "--reindex"])
def test_check_makes_up_for_what_the_index_lacks(run: Run, store: Store, option: str) -> None:
    with store.writing() as session:
        clear_index(session.connection())
    assert run("search", "Torkham", "--json").rows == []
    assert run("check", option).status == 0
    assert len(run("search", "Torkham", "--json").rows) == 4


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("hit", ["search", "Torkham"]),
        ("trial", ["try", "border"]),
        ("suggestion", ["suggest", "border"]),
        ("row match", ["match"]),
    ],
)
def test_every_field_of_what_they_print_is_in_the_manual(
    run: Run, store: Store, name: str, arguments: list[str]
) -> None:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split(f"## {name}\n")[1].split("\n## ")[0]
    told = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE)))
    row = run(*arguments, "--json", given='{"id": 1, "body": "Torkham"}').rows[0]
    assert sorted(told) == sorted(row)
