"""The two scripts work from a fresh clone, from anywhere, and install only once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.audit import accepted_in

ROOT = Path(__file__).resolve().parent.parent
BASE_PYTHON = Path(sys.base_prefix, "bin", "python3")
"""A Python as a user has it: with pip, and outside of any environment."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HEAD of this repository, in a folder with a space in its path."""
    folder = tmp_path_factory.mktemp("with a space") / "wire watch"
    subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
    return folder


def run(
    clone: Path, *words: str, cwd: Path, home: Path, script: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The script as a new user runs it: nothing of this machine's home or environment."""
    kept = {"PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or name.startswith(("PIP_", "UV_"))
    }
    return subprocess.run(
        [script or clone / "wirewatch", *words],
        cwd=cwd,
        env=environment | {"HOME": str(home), "PYTHON": str(BASE_PYTHON)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def audit(folder: Path, found: str, accepted: str = "") -> tuple[int, str]:
    """The audit's exit status and words on the first day of December."""
    (folder / "report.json").write_text(found)
    (folder / "accepted.toml").write_text(accepted)
    done = subprocess.run(
        [BASE_PYTHON, ROOT / "scripts" / "audit.py", "--report", folder / "report.json",
         "--accepted", folder / "accepted.toml", "--on", "2026-12-01"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


WEAK = """{"dependencies": [
    {"name": "good", "version": "1.0", "vulns": []},
    {"name": "bad", "version": "2.0", "vulns": [
        {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.1"]}, {"id": "PYSEC-2"}]},
    {"name": "skipped", "skip_reason": "not found"}]}"""
ACCEPTED = """
[[accepted]]
id = "CVE-2026-1"
until = 2026-12-01
reason = "only its server part"
[[accepted]]
id = "PYSEC-2"
until = {until}
reason = "nothing mends it yet"
"""


def test_a_known_weakness_fails_the_build_and_says_what_mends_it(tmp_path: Path) -> None:
    status, said = audit(tmp_path, WEAK)
    assert status == 1
    assert "bad 2.0: PYSEC-1, mended in 2.1\n" in said
    assert "bad 2.0: PYSEC-2, mended in no version yet\n" in said
    assert "accepted.toml" in said


def test_one_that_is_accepted_does_not_until_its_day_is_over(tmp_path: Path) -> None:
    status, said = audit(tmp_path, WEAK, ACCEPTED.format(until="2026-12-01"))
    assert (status, said.count("accepted until 2026-12-01")) == (0, 2)
    status, said = audit(tmp_path, WEAK, ACCEPTED.format(until="2026-11-30"))
    assert status == 1
    assert "PYSEC-2, mended in no version yet; it was accepted until 2026-11-30" in said


def test_without_weaknesses_the_audit_ends_well_and_names_what_need_not_be_accepted(
    tmp_path: Path,
) -> None:
    status, said = audit(tmp_path, '{"dependencies": []}', ACCEPTED.format(until="2026-12-01"))
    assert status == 0
    assert "PYSEC-2 is accepted and no longer there" in said
    assert audit(tmp_path, '{"dependencies": []}')[0] == 0


@pytest.mark.parametrize(
    ("found", "accepted"),
    [
        ("no report", ""),
        (WEAK, "[[accepted]]\nid = 'PYSEC-1'\nreason = 'for ever'\n"),
        (WEAK, "[[accepted]]\nid = 'PYSEC-1'\nuntil = 'soon'\nreason = 'so'\n"),
        (WEAK, "[[accepted]]\nid = 'PYSEC-1'\nuntil = 2026-12-02\nreason = ''\n"),
    ],
)
def test_what_cannot_be_read_is_no_clean_audit(tmp_path: Path, found: str, accepted: str) -> None:
    status, said = audit(tmp_path, found, accepted)
    assert status == 2
    assert "Traceback" not in said


def test_the_file_of_accepted_weaknesses_can_be_read() -> None:
    accepted_in((ROOT / "scripts" / "accepted.toml").read_text("utf-8"))


@pytest.mark.timeout(300)
@pytest.mark.long
@pytest.mark.campaign
def test_a_fresh_clone_installs_once_and_runs_from_anywhere(clone: Path, tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "else where"
    home.mkdir()
    elsewhere.mkdir()
    # A folder of one's own may hold modules of the same names.
    for name in ("service", "store", "alerts"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    first = run(clone, "--help", cwd=elsewhere, home=home)
    assert first.returncode == 0, first.stderr
    assert "run" in first.stdout
    installed = (clone / ".venv" / "installed").stat().st_mtime_ns

    second = run(clone, "--help", cwd=clone.parent, home=home)
    assert second.returncode == 0
    assert second.stdout == first.stdout
    assert second.stderr == ""
    assert (clone / ".venv" / "installed").stat().st_mtime_ns == installed
    assert len(list(elsewhere.iterdir())) == 3

    link = tmp_path / "wirewatch"
    link.symlink_to(clone / "wirewatch")
    linked = run(clone, "--help", cwd=tmp_path, home=home, script=link)
    assert linked.stdout == first.stdout
