"""What changed after it was published, as people and programs see it."""

from datetime import timedelta
from pathlib import Path

import pytest

from crawler.revisions import record_missing
from store.engine import Store
from tests.service.commands import Run
from tests.service.configs import write
from tests.service.stored import CONFIG, NOON, on_store
from tests.support.edits import edit_in, file_in

URL = "https://dawn.example/fence"
BEFORE = "Troops stand along the Durand Line. " + " ".join(f"word{n}" for n in range(300))
AFTER = BEFORE.replace("the Durand Line", "the border")


@pytest.fixture(autouse=True)
def _edited(tmp_path: Path, store: Store) -> None:
    write(tmp_path, on_store(store, CONFIG))
    with store.writing() as session:
        number = file_in(session, URL, "Fence \x1b[31m<b>", BEFORE, NOON)
        edit_in(session, number, "Fence \x1b[31m<b>", AFTER, NOON + timedelta(hours=1))
        record_missing(session, number, 410, "HTTP 410", NOON + timedelta(hours=3), 0.0)
        file_in(session, "https://tolo.example/1", "Copy", BEFORE, NOON)
        file_in(session, "https://tolo.example/2", "Other", "Unlike. " * 50, NOON)


def test_diff_marks_the_words_that_went_and_came(run: Run) -> None:
    shown = run("diff", URL)
    assert shown.status == 0
    assert "revision 2, edited 2026-03-01 17:30" in shown.out
    assert "[-Durand Line.-]" in shown.out
    assert "{+border.+}" in shown.out
    assert "word299" not in shown.out
    assert "word299" in run("diff", URL, "--whole").out
    assert "revision 3, removed 2026-03-01 19:30: HTTP 410" in shown.out
    assert "\x1b" not in shown.out


def test_diff_as_a_page_acts_on_nothing(run: Run, tmp_path: Path) -> None:
    assert run("diff", URL, "--html", "diff.html").status == 0
    page = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "<del>Durand Line. </del>" in page
    assert "<ins>border. </ins>" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert run("diff", URL, "--html", "-").out.strip() == page.strip()


def test_diff_for_programs(run: Run) -> None:
    edit, removal = run("diff", URL, "--json").rows
    assert (edit["from"], edit["to"], edit["kind"]) == (1, 2, "edit")
    assert {"mark": "gone", "text": "Durand Line. "} in edit["diff"]
    assert (removal["kind"], removal["note"]) == ("removed", "HTTP 410")
    assert len(edit["chain"]) == 64


def test_diff_of_what_never_changed_and_of_what_is_not_there(run: Run) -> None:
    assert "nothing changed" in run("diff", "https://tolo.example/2").out
    missing = run("diff", "https://tolo.example/9")
    assert missing.status == 1
    assert "no article is stored under this address" in missing.err


def test_explain_tells_copies_revisions_and_proof(run: Run) -> None:
    told = run("explain", URL).out
    assert "same story tolo.example: https://tolo.example/1 (98 % the same text)" in told
    assert "revision 2 edited 2026-03-01 17:30" in told
    assert "revision 3 removed 2026-03-01 19:30: HTTP 410" in told
    assert "again      next look at 2026-03-01 22:" in told
    assert ", after 2 looks" in told
    assert "proof      revision 1: 200 at 2026-03-01 16:30, sha256 " in told
    (row,) = run("explain", URL, "--json").rows
    assert [each["kind"] for each in row["revisions"]] == ["first", "edit", "removed"]
    assert ["Server", "press/1.0"] in row["evidence"][0]["headers"]


def test_articles_of_a_story(run: Run) -> None:
    (row,) = run("explain", URL, "--json").rows
    rows = run("articles", "--story", str(row["article"]["story"]), "--json").rows
    assert {each["url"] for each in rows} == {URL, "https://tolo.example/1"}
    assert {each["revision"] for each in rows} == {1, 3}


def test_check_follows_the_chain(run: Run, store: Store) -> None:
    assert run("check", "--database").status == 0
    with store.writing() as session:
        session.connection().exec_driver_sql("UPDATE revision SET note = 'x' WHERE number = 3")
    store.close()
    found = run("check", "--database")
    assert found.status == 1
    assert "revision 3: its text or time is not the one that was kept" in found.err
