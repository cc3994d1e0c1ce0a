"""Fixtures of commands."""

import io
from pathlib import Path

import pytest

from service.cli import main
from tests.service.commands import Outcome, Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, with an environment of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("WIREWATCH_CONFIG", "WIREWATCH_HOME"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str, given: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8"))
        capsys.readouterr()
        status = main(arguments)
        said = capsys.readouterr()
        return Outcome(status, said.out, said.err)

    return command
