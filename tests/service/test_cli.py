"""The commands on real files: what they print, what they leave behind, how they end."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from service.cli import COMMANDS
from service.cli.setup import template
from store.articles import Article
from store.deliveries import Alert, Attempt, ChannelState, Delivery, Match
from store.engine import Store
from store.sources import HostState, SourceState
from tests.service.commands import Outcome, Run
from tests.service.configs import ROOT, SHIPPED, write
from tests.service.stored import CONFIG, COPY, NOON, URL, fill, on_store

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def stored(tmp_path: Path, store: Store) -> Store:
    """A configuration in the folder of the test and a database."""
    write(tmp_path, on_store(store, CONFIG))
    fill(store)
    return store


# ---- init and check ------------------------------------------------------------------------------


def test_init_writes_the_shipped_configuration_which_passes_check(run: Run, tmp_path: Path) -> None:
    assert run("init").status == 0
    assert (tmp_path / "config.toml").read_bytes() == SHIPPED.read_bytes()
    checked = run("check")
    assert checked.status == 0
    assert "config.toml is in order: " in checked.out
    assert checked.err == ""


def test_init_never_overwrites(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "# mine")
    outcome = run("init")
    assert outcome.status == 1
    assert "is there already and is left as it is" in outcome.err
    assert path.read_text() == "# mine"


def test_init_writes_where_config_says(run: Run, tmp_path: Path) -> None:
    assert run("--config", "other.toml", "init").status == 0
    assert (tmp_path / "other.toml").exists()


def test_the_packaged_template_is_the_file_at_the_root() -> None:
    assert template() == SHIPPED.read_text(encoding="utf-8")


def test_check_tells_each_watchlist_in_words(run: Run, tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        [channel.inbox]
        kind = "maildir"
        path = "inbox"
        [watchlist.w]
        name = "Border"
        any = ['"Durand Line"', "Torkham"]
        none = ['"Durand Cup"']
        in = ["title"]
        lang = ["en"]
        min_mentions = 2
        deliver = "daily 08:00"
        updates = "changes"
        examples = [ { title = "Durand Line and Torkham", text = "", expect = true } ]
        """,
    )
    outcome = run("check")
    assert outcome.status == 0
    assert outcome.out.splitlines()[0] == "watchlist w (Border)"
    assert "Durand Line" in outcome.out
    assert "title of articles from every source in en" in outcome.out
    assert "at least 2 times" in outcome.out
    assert "inbox (maildir), daily 08:00, at most 50 a day" in outcome.out
    assert "when an article that was told of changes" in outcome.out
    assert "1 of 1 hold" in outcome.out
    assert outcome.out.splitlines()[-1] == (
        "config.toml is in order: 0 sources, 1 watchlist, 1 channel"
    )


def test_check_ends_with_2_and_every_fault_when_something_is_wrong(
    run: Run, tmp_path: Path
) -> None:
    write(tmp_path, "[servcie]\n[crawler]\ndelay = 1")
    outcome = run("check")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        'wirewatch: config.toml:1: servcie: unknown table; did you mean "service"?',
        'config.toml:3: crawler.delay: 1 is not a duration; write "90s", "15m", "6h" or "30d"',
        "2 errors",
    ]


def test_check_json_gives_faults_as_objects(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "[crawler]\ndelay = 1")
    outcome = run("check", "--json")
    assert outcome.status == 2
    assert outcome.rows == [
        {
            "file": "config.toml",
            "line": 2,
            "column": None,
            "path": "crawler.delay",
            "error": '1 is not a duration; write "90s", "15m", "6h" or "30d"',
        }
    ]


def test_a_broken_query_is_shown_with_a_caret(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "[watchlist.w]\nany = [\n  'a',\n  'Torkham clash AND',\n]")
    outcome = run("check")
    assert outcome.status == 2
    lines = outcome.err.splitlines()
    assert lines[0].startswith("wirewatch: config.toml:4: watchlist.w.any[1]: ")
    assert lines[1].strip() == "Torkham clash AND"
    assert lines[2].strip() == "^"


def test_an_example_that_does_not_hold_stops_the_start(run: Run, tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        [watchlist.w]
        any = ["Torkham"]
        examples = [
          { text = "Torkham is shut", expect = true },
          { text = "Torkham is open", expect = false },
          { text = "Chaman is shut", expect = true },
        ]
        """,
    )
    outcome = run("check")
    assert outcome.status == 2
    first, second, _ = outcome.err.splitlines()
    assert first == (
        'wirewatch: config.toml:6: watchlist.w.examples[1]: must not match, but "Torkham" does'
    )
    assert second.startswith("config.toml:7: watchlist.w.examples[2]: must match, but does not: ")


def test_warnings_go_to_standard_error_and_stop_nothing(run: Run, tmp_path: Path) -> None:
    write(tmp_path, '[watchlist.w]\nany = ["x"]')
    outcome = run("check")
    assert outcome.status == 0
    assert outcome.err.startswith("warning: config.toml:1: watchlist.w: no channel is configured")


def test_check_sends_a_test_message(run: Run, tmp_path: Path) -> None:
    write(tmp_path, '[channel.inbox]\nkind = "maildir"\npath = "inbox"')
    outcome = run("check", "--send", "inbox")
    assert outcome.status == 0
    assert "inbox: the test message was taken" in outcome.err
    (file,) = (tmp_path / "inbox" / "new").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert str(message["Subject"]).startswith("Wirewatch: a test message: A watchlist: A headline")
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        said = part.get_content()
        assert "this channel works. The article below is made up." in said
        assert "https://news.example/2026/03/01/headline" in said


def test_check_names_what_fails_in_own_templates(run: Run, tmp_path: Path) -> None:
    """And the test message shows the others as they are."""
    write(tmp_path, '[channel.inbox]\nkind = "maildir"\npath = "inbox"')
    write(tmp_path, "{{ heading.title }}\n\n{{ mising }}", "templates/articles.txt")
    write(tmp_path, "{% for x in %}", "templates/summary.html")
    write(tmp_path, "<p>MINE {{ sections[0].name }}</p>", "templates/articles.html")
    write(tmp_path, "", "templates/artcles.html")
    outcome = run("check", "--send", "inbox")
    assert outcome.status == 1
    folder = tmp_path / "templates"
    assert f"{folder}/articles.txt:3: UndefinedError: 'mising' is undefined; the" in outcome.err
    assert f"{folder}/summary.html:1: TemplateSyntaxError: " in outcome.err
    assert f"warning: {folder}/artcles.html: no message has a template of this" in outcome.err
    assert outcome.err.count("Error: ") == 2
    (file,) = (tmp_path / "inbox" / "new").iterdir()
    assert "<p>MINE A watchlist</p>" in file.read_text("utf-8")
    objects = run("check", "--json").rows
    assert [(Path(each["file"]).name, each["line"]) for each in objects] == [
        ("articles.txt", 3),
        ("summary.html", 1),
    ]


def test_own_templates_that_are_in_order_are_no_news(run: Run, tmp_path: Path) -> None:
    write(tmp_path, '[channel.inbox]\nkind = "maildir"\npath = "inbox"')
    for file in (ROOT / "alerts" / "templates").iterdir():
        write(tmp_path, file.read_text("utf-8"), f"templates/{file.name}")
    write(tmp_path, "Ours.", "templates/foot.txt")
    write(tmp_path, "{% include 'foot.txt' %}", "templates/health.txt")
    outcome = run("check")
    assert (outcome.status, "templates" in outcome.err) == (0, False)


def test_a_channel_that_does_not_take_the_test_message_is_a_failure(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "inbox").write_text("a file where a folder should be")
    write(tmp_path, '[channel.inbox]\nkind = "maildir"\npath = "inbox"')
    outcome = run("check", "--send", "inbox")
    assert outcome.status == 1
    assert "inbox: the test message was not taken: " in outcome.err


def test_a_mail_server_that_is_not_there_is_told_without_the_password(
    run: Run, tmp_path: Path
) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody answers here
        taken.bind(("127.0.0.1", 0))
        write(
            tmp_path,
            f"""
            [channel.desk]
            kind = "email"
            to = ["a@example.org"]
            from = "w@example.org"
            smtp = "smtp://me:hunter22@127.0.0.1:{taken.getsockname()[1]}"
            """,
        )
        outcome = run("check", "--send", "desk")
    assert outcome.status == 1
    assert "desk: the test message for a@example.org was not taken: 127.0.0.1:" in outcome.err
    assert "hunter22" not in outcome.out + outcome.err


def test_an_unknown_channel_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    write(tmp_path, '[channel.inbox]\nkind = "maildir"\npath = "inbox"')
    outcome = run("check", "--send", "inbx")
    assert outcome.status == 2
    assert 'there is no channel "inbx"; did you mean "inbox"?' in outcome.err


@pytest.mark.usefixtures("stored")
def test_check_verifies_a_whole_database(run: Run) -> None:
    outcome = run("check", "--database")
    assert outcome.status == 0
    assert "whole and writable" in outcome.err


def test_check_tells_of_a_damaged_database(run: Run, tmp_path: Path) -> None:
    write(tmp_path, CONFIG)
    (tmp_path / "wirewatch.db").write_bytes(b"this is no database, however long one looks" * 200)
    outcome = run("check", "--database")
    assert outcome.status == 1
    assert "the file is not a Wirewatch database" in outcome.err


# ---- which configuration -------------------------------------------------------------------------


def test_the_configuration_is_found_where_the_environment_says(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREWATCH_HOME", str(write(tmp_path, "", "home/config.toml").parent))
    assert f"{tmp_path}/home/config.toml is in order" in run("check").out
    write(tmp_path, "")
    assert run("check").out.startswith("config.toml is in order")
    monkeypatch.setenv("WIREWATCH_CONFIG", str(write(tmp_path, "", "named.toml")))
    assert f"{tmp_path}/named.toml is in order" in run("check").out
    write(tmp_path, "", "given.toml")
    assert run("--config", "given.toml", "check").out.startswith("given.toml is in order")


def test_a_missing_configuration_says_how_to_get_one(run: Run) -> None:
    outcome = run("check")
    assert outcome.status == 2
    assert "config.toml: no such file; `wirewatch init` writes one" in outcome.err


# ---- lists ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("stored")
def test_articles_come_as_json_newest_first(run: Run) -> None:
    outcome = run("articles", "--json")
    assert outcome.status == 0
    assert [row["url"] for row in outcome.rows] == [COPY, URL]
    assert outcome.rows[1] == {
        "id": 1,
        "url": URL,
        "canonical_url": URL,
        "source": "dawn",
        "title": "Clashes at \x1b[31mTorkham [bold]",
        "standfirst": "Two dead.",
        "body": "Shots were fired along the Durand Line near Torkham.",
        "captions": "A soldier.",
        "authors": ["Amina Khan"],
        "section": "World",
        "tags": ["Afghanistan"],
        "lang": "en",
        "image": "https://dawn.example/torkham.jpg",
        "published": "2026-03-01T11:30:00Z",
        "published_precision": "minute",
        "published_from": "json_ld",
        "modified": None,
        "first_seen": "2026-03-01T12:00:00Z",
        "story": 7,
        "revision": 1,
        "paywalled": False,
        "late": None,
    }


@pytest.mark.usefixtures("stored")
def test_a_match_carries_its_article_without_the_body(run: Run) -> None:
    (match,) = run("matches", "--json").rows
    article = match.pop("article")
    assert match == {
        "id": 5,
        "watchlist": "durand-line",
        "matched_at": "2026-03-01T12:01:00Z",
        "terms": ['"Durand Line"'],
        "excerpts": [
            {
                "field": "body",
                "text": "along the Durand Line near",
                "start": 16,
                "end": 42,
                "highlights": [{"start": 10, "end": 21}],
            }
        ],
    }
    assert article["url"] == URL
    assert "body" not in article


@pytest.mark.usefixtures("stored")
def test_a_delivery_carries_the_matches_it_tells_of(run: Run) -> None:
    dead, delivered = run("deliveries", "--json").rows
    assert [match["id"] for match in delivered.pop("matches")] == [5]
    assert delivered == {
        "id": "aa11",
        "channel": "inbox",
        "watchlist": "durand-line",
        "state": "delivered",
        "attempts": 0,
        "next_attempt_at": None,
        "held_because": None,
        "last_error": None,
        "created_at": "2026-03-01T12:02:00Z",
        "delivered_at": "2026-03-01T12:03:00Z",
        "kind": "alert",
        "subject": "Clashes at Torkham",
    }
    assert (dead["id"], dead["state"], dead["last_error"]) == ("bb22", "dead", "550 no such user")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("command", "ids"),
    [
        ("articles --source dawn", [1]),
        ("articles --watchlist durand-line", [1]),
        ("articles --watchlist ttp", []),
        ("articles --story 7 --limit 1", [2]),
        ("articles --story 8", []),
        ("articles --since 2026-03-01T12:30:00Z", [2]),
        ("articles --since 2026-03-01T12:30:00+04:30", [2, 1]),
        ("articles --since 2026-03-02", []),
        ("articles --since 36500d", [2, 1]),
        ("articles --limit 0", []),
        ("matches --watchlist durand-line --source dawn --story 7", [5]),
        ("matches --source copy", []),
        ("matches --since 2026-03-02", []),
        ("deliveries --state dead", ["bb22"]),
        ("deliveries --state held", []),
        ("deliveries --source dawn --watchlist durand-line --story 7", ["bb22", "aa11"]),
        ("deliveries --watchlist ttp", []),
        ("deliveries --source copy", []),
        ("deliveries --since 2026-03-02", []),
    ],
)
def test_lists_are_narrowed_by_their_options(run: Run, command: str, ids: list[object]) -> None:
    outcome = run(*command.split(), "--json")
    assert outcome.status == 0
    assert [row["id"] for row in outcome.rows] == ids


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("command", ["articles", "matches", "deliveries", "status", "source list"])
def test_tables_show_pages_text_as_text(run: Run, command: str) -> None:
    outcome = run(*command.split())
    assert outcome.status == 0
    assert "\x1b" not in outcome.out
    if command in {"articles", "matches"}:
        assert "Clashes at \\x1b[31mTorkham [bold]" in outcome.out


@pytest.mark.usefixtures("stored")
def test_times_are_shown_in_the_configured_zone(run: Run) -> None:
    assert "2026-03-01 16:00" in run("articles", "--source", "dawn").out


@pytest.mark.parametrize("zone", ["Asia/Karachi", "America/New_York"])
@pytest.mark.parametrize("precision", ["minute", "day"])
@pytest.mark.parametrize("at", [FIRST, LAST])
def test_a_time_that_no_zone_can_tell_ends_no_command(
    run: Run, stored: Store, tmp_path: Path, zone: str, precision: str, at: datetime
) -> None:
    write(tmp_path, on_store(stored, CONFIG.replace("Asia/Kabul", zone)))
    far = {"published": at, "published_precision": precision, "first_seen": at}
    far["published_offset"] = 840 if at == LAST else -720
    with stored.writing() as session:
        session.execute(update(Article).values(far))
    for command in ("articles", "matches", "search Durand", f"explain {URL}", "try durand-line"):
        outcome = run(*command.split())
        assert (outcome.status, outcome.err) == (0, "")
    assert f"{at:%Y-%m-%d}" in run("articles").out


@pytest.mark.usefixtures("stored")
def test_a_source_is_shown_as_it_fares(run: Run) -> None:
    rows = {row["id"]: row for row in run("source", "list", "--json").rows}
    assert rows["dawn"] == {
        "id": "dawn",
        "url": "https://dawn.example/",
        "kind": "auto",
        "name": "Dawn",
        "state": "ok",
        "last_visit": "2026-03-01T12:00:00Z",
        "next_visit": "2026-03-01T12:15:00Z",
        "last_new_article": "2026-03-01T12:00:00Z",
        "articles_per_day": 12.35,
        "last_error": None,
        "reason": None,
        "state_since": None,
    }
    assert (rows["tolo"]["state"], rows["tolo"]["last_visit"]) == ("ok", None)
    assert rows["off"]["state"] == "disabled"
    assert (rows["gone"]["state"], rows["gone"]["last_error"]) == ("disabled", "timed out")


@pytest.mark.usefixtures("stored")
def test_status_counts_the_three_waiting_lines(run: Run) -> None:
    (state,) = run("status", "--json").rows
    assert (state["entries_waiting"], state["articles_waiting"]) == (1, 0)
    assert (state["deliveries_waiting"], state["dead_letters"]) == (0, 1)
    assert state["last_error"] == "gone: timed out"
    assert [source["id"] for source in state["sources"]] == ["dawn", "tolo", "off"]
    table = run("status").out
    assert "1 entry to fetch" in table
    assert "1 dead letter" in table


@pytest.mark.usefixtures("stored")
def test_a_digest_that_waits_is_shown_as_held_until_its_time(run: Run, stored: Store) -> None:
    due = datetime(2026, 3, 2, 3, tzinfo=UTC)
    with stored.writing() as session:
        session.add(
            Alert(
                match_id=5,
                watchlist="durand-line",
                channel="inbox",
                recipient="x",
                made_at=NOON,
                due_at=due,
            )
        )
    first, *_ = run("deliveries", "--json").rows
    assert (first["id"], first["state"], first["channel"]) == (None, "held", "inbox")
    assert first["next_attempt_at"] == "2026-03-02T03:00:00Z"
    assert first["subject"] == "durand-line: 1 article so far"
    assert [match["id"] for match in first["matches"]] == [5]
    assert [row["id"] for row in run("deliveries", "--state", "held", "--json").rows] == [None]
    assert run("deliveries", "--watchlist", "ttp", "--json").rows == []
    assert "2026-03-02 07:30" in run("deliveries").out
    assert "gathering   1 alert, next 2026-03-02 07:30" in run("status").out
    explained = run("explain", URL).out
    assert "told       inbox: gathered until 2026-03-02 07:30\n" in explained
    with stored.writing() as session:
        session.execute(update(Alert).where(col(Alert.due_at) == due).values(held="max_per_day"))
    explained = run("explain", URL).out
    assert "inbox: gathered until 2026-03-02 07:30, above max_per_day\n" in explained


@pytest.mark.usefixtures("stored")
def test_a_stopped_channel_is_shown_with_its_reason_and_leaves_health_alone(
    run: Run, stored: Store
) -> None:
    with stored.writing() as session:
        session.add(ChannelState(id="ops", stopped_at=NOON, reason="wants no more (410)"))
        visits_go_on(session)
    assert "stopped     channel ops: wants no more (410)" in run("status").out
    (state,) = run("status", "--json").rows
    assert (state["channels_stopped"], state["healthy"]) == (["ops"], True)


def test_health_is_an_exit_status(run: Run, stored: Store) -> None:
    assert run("status", "--health").status == 1  # no visit since the stored one
    with stored.writing() as session:
        visits_go_on(session)
    assert run("status", "--health") == Outcome(0, "", "")


def visits_go_on(session: Session) -> None:
    """Nothing is overdue by the clock of the machine, which is the one that `status` reads."""
    now = datetime.now(UTC)
    session.get_one(SourceState, "dawn").next_visit = now + timedelta(hours=1)
    session.add(HostState(host="dawn.example", page_at=now))


def test_a_service_that_never_ran_is_not_healthy(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "")
    assert run("status", "--health").status == 1


@pytest.mark.parametrize(
    "command", ["articles", "matches", "deliveries", "status", "source list", "retry --dead"]
)
def test_before_the_first_run_lists_are_empty_and_nothing_is_made(
    run: Run, tmp_path: Path, command: str
) -> None:
    write(tmp_path, "")
    outcome = run(*command.split())
    assert outcome.status == 0
    assert "nothing is stored yet" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_database_of_a_newer_program_is_told(run: Run, stored: Store) -> None:
    with stored.write_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'future'")
    outcome = run("articles")
    assert outcome.status == 1
    assert "written by a newer version of Wirewatch" in outcome.err


# ---- explain and retry ---------------------------------------------------------------------------


@pytest.mark.usefixtures("stored")
def test_explain_tells_the_way_of_an_address_to_each_watchlist(run: Run) -> None:
    outcome = run("explain", f"{URL}?utm_source=feed")
    assert outcome.status == 0
    assert "found by   dawn at 2026-03-01 16:30" in outcome.out
    assert "fetched    yes, it holds an article" in outcome.out
    assert "published  2026-03-01 16:00 (from json ld)" in outcome.out
    assert f"same story copy: {COPY}" in outcome.out
    assert 'watchlist  durand-line: matched at 2026-03-01 16:31: "Durand Line"' in outcome.out
    assert "told       inbox: delivered at 2026-03-01 16:33 (aa11)" in outcome.out
    assert "told       desk: dead letter: 550 no such user (bb22)" in outcome.out
    assert "watchlist  ttp: no match: " in outcome.out


def test_explain_tells_every_attempt_to_programs(run: Run, stored: Store) -> None:
    with stored.writing() as session:
        session.add(
            Attempt(
                delivery_id=2,
                number=1,
                at=NOON,
                outcome="permanent",
                code=550,
                reply=b"5.1.1 no such user",
                error="refused",
            )
        )
    (row,) = run("explain", URL, "--json").rows
    told = {each["channel"]: each for each in row["watchlists"][0]["told"]}
    assert (told["inbox"]["state"], told["inbox"]["delivered_at"]) == (
        "delivered",
        "2026-03-01T12:03:00Z",
    )
    assert told["desk"]["attempts"] == [
        {
            "number": 1,
            "at": "2026-03-01T12:00:00Z",
            "outcome": "permanent",
            "code": 550,
            "reply": "5.1.1 no such user",
            "error": "refused",
        }
    ]
    assert "550 no such user, 1 attempt (bb22)" in run("explain", URL).out


@pytest.mark.usefixtures("stored")
def test_explain_tells_why_a_page_is_not_there_yet(run: Run) -> None:
    outcome = run("explain", "https://dawn.example/later")
    assert outcome.status == 0
    assert "not yet; after 2 attempts, next 2026-03-01 17:30: 503 from the site" in outcome.out


@pytest.mark.usefixtures("stored")
def test_explain_gives_the_same_as_json(run: Run) -> None:
    (row,) = run("explain", URL, "--json").rows
    assert row["article"]["id"] == 1
    assert row["entries"][0]["outcome"] == "article"
    assert row["same_story"] == [COPY]
    verdicts = {verdict["watchlist"]: verdict for verdict in row["watchlists"]}
    assert verdicts["durand-line"]["matched"] is True
    assert verdicts["ttp"]["why_not"]


@pytest.mark.usefixtures("stored")
def test_explain_knows_nothing_of_an_address_that_nobody_listed(run: Run) -> None:
    outcome = run("explain", "https://dawn.example/unknown")
    assert outcome.status == 1
    assert "no source has listed this address" in outcome.out


@pytest.mark.parametrize("which", ["--dead", "bb22", "2"])
def test_retry_makes_a_dead_letter_wait_again(run: Run, stored: Store, which: str) -> None:
    assert run("retry", which).status == 0
    with stored.reading() as session:
        letter = session.get(Delivery, 2)
        assert letter is not None
        assert (letter.state, letter.claim) == ("pending", None)
    assert run("retry", "--dead").out.startswith("0 of 0")


@pytest.mark.parametrize(
    ("since", "state"), [("2026-03-01T12:02:00Z", "pending"), ("2026-03-02", "dead")]
)
def test_retry_may_begin_at_a_time(run: Run, stored: Store, since: str, state: str) -> None:
    assert run("retry", "--dead", "--since", since).status == 0
    with stored.reading() as session:
        assert session.get_one(Delivery, 2).state == state
    assert run("retry", "bb22", "--since", since).status == 2


@pytest.mark.parametrize("state", ["held", "pending"])
def test_what_waits_for_a_channel_that_is_not_there_says_so(
    run: Run, stored: Store, state: str
) -> None:
    """`desk` is in the database and not in the configuration; only a person can help."""
    why = "channel desk is not in the configuration"
    with stored.writing() as session:
        letter = session.get_one(Delivery, 2)
        letter.state, letter.next_attempt_at = state, NOON
        session.add(letter)
    assert f"told       desk: held: {why} (bb22)" in run("explain", URL).out
    [told] = run("explain", URL, "--json").rows
    [_, desk] = told["watchlists"][0]["told"]
    assert (desk["held_because"], desk["next_attempt_at"]) == (why, None)
    row = run("deliveries", "--json").rows[0]
    assert (row["id"], row["held_because"], row["next_attempt_at"]) == ("bb22", why, None)
    assert why in run("deliveries").out
    for name in ("bb22", "2"):
        outcome = run("retry", name)
        assert outcome.status == 1
        assert f"{name}: held: {why}; it goes out by itself" in outcome.out


def test_a_dead_letter_of_a_channel_that_is_not_there_waits_for_it(run: Run, stored: Store) -> None:
    outcome = run("retry", "bb22")
    assert outcome.status == 0
    assert "what is for channel desk is held: it is not in the configuration" in outcome.out
    assert "0 of 1 will be sent again" in outcome.out
    with stored.reading() as session:
        assert session.get_one(Delivery, 2).state == "pending"


def test_what_waits_for_a_channel_that_was_told_to_stop_says_so(run: Run, stored: Store) -> None:
    with stored.writing() as session:
        letter = session.get_one(Delivery, 1)
        letter.state, letter.delivered_at, letter.next_attempt_at = "held", None, NOON
        session.add(letter)
        session.add(ChannelState(id="inbox", stopped_at=NOON, reason="ops wants no more (410)"))
    why = "channel inbox was told to stop: ops wants no more (410)"
    assert f"told       inbox: held: {why} (aa11)" in run("explain", URL).out
    assert run("retry", "aa11").status == 0
    assert "held" not in run("explain", URL).out


def test_the_matches_that_a_message_tells_of(run: Run, stored: Store) -> None:
    """All of them, however many; an id may begin with anything."""
    with stored.writing() as session:
        for number in range(60):
            session.add(
                Match(
                    id=100 + number,
                    watchlist=f"w{number}",
                    article_id=1,
                    story_id=7,
                    matched_at=NOON,
                )
            )
            session.flush()
            session.add(
                Alert(
                    match_id=100 + number,
                    watchlist=f"w{number}",
                    channel="inbox",
                    made_at=NOON,
                    due_at=NOON,
                    delivery_id=1,
                )
            )
        delivery = session.get_one(Delivery, 1)
        delivery.key = "-a_1123456789"
        session.add(delivery)
        session.add(
            Delivery(
                id=99,
                key="-ax1123456789",
                channel="inbox",
                subject="",
                text="",
                created_at=NOON,
            )
        )
    assert len(run("matches", "--delivery", "-a_1", "--json").rows) == 61
    table = run("matches", "--delivery", "-a_1123456789")
    assert len(table.out.splitlines()) == 62
    assert "the newest" not in table.err
    assert run("matches", "--delivery", "bb22", "--limit", "5", "--json").rows[0]["id"] == 5
    assert "no delivery has an id that begins with n" in run("matches", "--delivery", "n").err
    assert "2 deliveries have ids that begin with -a" in run("matches", "--delivery", "-a").err


def test_retry_leaves_what_was_delivered_alone(run: Run, stored: Store) -> None:
    outcome = run("retry", "aa11")
    assert outcome.status == 1
    assert "aa11: no dead letter has this id" in outcome.out
    with stored.reading() as session:
        letter = session.get(Delivery, 1)
        assert letter is not None
        assert letter.state == "delivered"


# ---- the program itself --------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("stored")
def test_a_backup_is_the_database_and_the_id_that_belongs_to_it(run: Run, tmp_path: Path) -> None:
    outcome = run("backup", "copies.db")
    assert outcome.status == 0
    assert "verified" in outcome.out
    assert (tmp_path / "copies.db.id").read_text() == (tmp_path / "wirewatch.id").read_text()
    (tmp_path / "copies.db").replace(tmp_path / "wirewatch.db")
    assert [row["id"] for row in run("articles", "--json").rows] == [2, 1]
    again = run("backup", "wirewatch.db")
    assert again.status == 1
    assert "is left as it is" in again.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["retry"],
        ["articles", "--since", "yesterday"],
        ["articles", "--limit", "-1"],
        ["deliveries", "--state", "lost"],
        ["check", "--nope"],
        [],
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    write(tmp_path, "")
    outcome = run(*arguments)
    assert outcome.status == 2
    assert "Usage: wirewatch" in outcome.err
    assert "Traceback" not in outcome.err


def test_help_lists_every_command_without_importing_one() -> None:
    code = (
        "import sys; from service.cli import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('scrapy', 'sqlalchemy', 'service.config')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert all(f"\n  {name} " in shown.stdout for name in COMMANDS)


def test_the_check_that_a_container_makes_every_minute_loads_no_crawler() -> None:
    code = (
        "import sys; import service.cli.status;"
        "sys.exit(any(name in sys.modules for name in ('scrapy', 'lxml', 'crawler.extraction')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists(run: Run, name: str) -> None:
    outcome = run(name, "--help")
    assert outcome.status == 0
    assert f"Usage: wirewatch {name}" in outcome.out


@pytest.mark.usefixtures("stored")
def test_a_reader_that_goes_away_ends_the_list_quietly(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(SHIPPED.parent)}
    command = [sys.executable, "-m", "service", "articles", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as output:
        done = subprocess.run(
            command, cwd=tmp_path, env=env, stdout=output, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.usefixtures("stored")
def test_json_is_whole_where_the_terminal_knows_ascii_only(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(SHIPPED.parent), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "service", "check", "--json"]
    write(tmp_path, '[watchlist.w]\nname = "ڈیورنڈ"\nany = ["x"]')
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert json.loads(done.stdout)["name"] == "ڈیورنڈ"
