"""The demonstration is the end-to-end test: from config.toml to the inbox, on a site of its own."""

import json
import mailbox
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import environment

SECONDS = "18"
SEED = "11"


def run_demo(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "service", "demo", *words]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=170
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def finished(folder: Path) -> subprocess.CompletedProcess[str]:
    words = ("--seconds", SECONDS, "--seed", SEED, "--json", "--keep", "kept")
    return run_demo(*words, cwd=folder)


@pytest.fixture(scope="module")
def events(finished: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.stdout.splitlines()]


pytestmark = pytest.mark.timeout(180)


def of_kind(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def test_every_alert_that_was_due_arrived_once_and_no_other(
    finished: subprocess.CompletedProcess[str], events: list[dict[str, Any]]
) -> None:
    assert of_kind(events, "sum"), finished.stderr
    score = of_kind(events, "sum")[0]
    wrong = [event for event in of_kind(events, "alert") if event["verdict"] in ("false", "twice")]
    assert wrong == []
    assert score["arrived"] == score["due"] >= 5
    assert score["holds"] is True
    assert finished.returncode == 0
    assert "Traceback" not in finished.stderr


def test_alerts_show_the_sentence_with_the_matched_words(events: list[dict[str, Any]]) -> None:
    alerts = [event for event in of_kind(events, "alert") if event["verdict"] == "right"]
    assert alerts
    for alert in alerts:
        assert alert["watchlists"]
        assert any(piece["marked"] for excerpt in alert["excerpts"] for piece in excerpt), alert


def test_the_first_visit_is_one_summary_for_each_source_that_has_matches(
    events: list[dict[str, Any]],
) -> None:
    assert 1 <= len([e for e in of_kind(events, "alert") if e["verdict"] == "past"]) <= 2


def test_the_maildir_holds_what_the_mail_server_got(
    events: list[dict[str, Any]], folder: Path
) -> None:
    kept = mailbox.Maildir(folder / "kept" / "inbox", create=False)
    subjects = sorted(str(message["Subject"]) for message in kept)
    assert len(subjects) == len(of_kind(events, "alert"))


def test_the_log_holds_no_traceback(
    finished: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert "Traceback" not in (folder / "kept" / "wirewatch.log").read_text("utf-8")


@pytest.mark.campaign
def test_ctrl_c_ends_it_early_with_the_sum(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "service",
        "demo",
        "--seconds",
        "600",
        "--json",
        "--seed",
        SEED,
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        seen = []
        for line in process.stdout:
            seen.append(json.loads(line))
            if seen[-1]["event"] == "published" and len(of_kind(seen, "published")) == 1:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    score = of_kind(seen, "sum")[0]
    assert score["holds"] is True
    assert 1 <= score["stories"] <= 3


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = run_demo("--keep", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
