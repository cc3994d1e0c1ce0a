"""An installation's id and its lock."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.installation import installation_id, only_service
from service.problems import InstallationError


def test_the_id_is_made_once_and_then_stays(tmp_path: Path) -> None:
    first = installation_id(tmp_path / "wirewatch.id")
    assert len(first) == 32
    assert installation_id(tmp_path / "wirewatch.id") == first
    assert [path.name for path in tmp_path.iterdir()] == ["wirewatch.id"]


def test_two_installations_have_two_ids(tmp_path: Path) -> None:
    assert installation_id(tmp_path / "a.id") != installation_id(tmp_path / "b.id")


def test_an_empty_id_is_refused_in_words_rather_than_replaced(tmp_path: Path) -> None:
    (tmp_path / "wirewatch.id").write_text("\n")
    with pytest.raises(InstallationError, match="restore it from a backup"):
        installation_id(tmp_path / "wirewatch.id")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="nowhere"):
        installation_id(tmp_path / "nowhere" / "wirewatch.id")


def test_a_second_service_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    lock = tmp_path / "wirewatch.lock"
    with (
        only_service(lock, "this database"),
        pytest.raises(InstallationError, match=f"process {os.getpid()}.*this database"),
        only_service(lock, "this database"),
    ):
        pass
    with only_service(lock, "this database"):
        pass


def test_the_lock_ends_with_the_process_however_it_ends(tmp_path: Path) -> None:
    lock = tmp_path / "wirewatch.lock"
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from service.installation import only_service\n"
        "with only_service(Path(sys.argv[1]), 'x'): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(lock)], check=False)
    assert done.returncode == -9
    with only_service(lock, "x"):
        pass
