"""The two scripts work from a fresh clone, from anywhere, and install only once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.audit import weaknesses

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


def test_the_audit_names_what_is_weak_and_what_mends_it() -> None:
    weak = {"id": "PYSEC-1", "fix_versions": ["2.1"]}
    report = {
        "dependencies": [
            {"name": "good", "version": "1.0", "vulns": []},
            {"name": "bad", "version": "2.0", "vulns": [weak, {"id": "PYSEC-2"}]},
            {"name": "skipped", "skip_reason": "not found"},
        ]
    }
    assert list(weaknesses(report)) == [
        "bad 2.0: PYSEC-1, mended in 2.1",
        "bad 2.0: PYSEC-2, mended in no version yet",
    ]


@pytest.mark.timeout(300)
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
