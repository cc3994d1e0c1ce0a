"""Makes or refreshes .venv beside this checkout. Standard library only; safe to run twice at once.

    venv.py [--dev]

Prints nothing and installs nothing when .venv already matches pyproject.toml and constraints.txt.
Installs with uv where it is at hand or can be had with pip, and with plain pip otherwise.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def wanted(extra: str) -> str:
    """What an installed .venv is remembered by: the two files, the interpreter and the extra."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {extra or 'plain'}"


def is_current(extra: str) -> bool:
    """Whether .venv holds what the files ask for; the development set contains the plain one."""
    try:
        have = (VENV / "installed").read_text().strip()
    except OSError:
        return False
    return PYTHON.exists() and have in {wanted(extra), wanted("dev")}


def run(*command: str | Path, quiet: bool = False) -> bool:
    """Runs a command; its output goes to standard error so that --json output stays clean."""
    output = subprocess.DEVNULL if quiet else sys.stderr
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, stdout=output, stderr=output, check=False)
    return done.returncode == 0


def uv_command(scratch: str) -> list[str] | None:
    """The command that runs uv: the one installed, else one fetched into a scratch folder."""
    if found := shutil.which("uv"):
        return [found]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--target",
        scratch,
        "uv",
    ]
    if run(*pip, quiet=True) and (uv := Path(scratch) / "bin" / "uv").exists():
        return [str(uv)]
    return None


def install_with_uv(uv: list[str], requirement: str) -> bool:
    """Makes .venv and installs with uv."""
    return run(*uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV) and run(
        *uv,
        "pip",
        "install",
        "--quiet",
        # Without compiled modules every start takes seconds longer.
        "--compile-bytecode",
        "--python",
        PYTHON,
        "-c",
        "constraints.txt",
        "-e",
        requirement,
    )


def install_with_pip(requirement: str) -> bool:
    """Makes .venv and installs with the interpreter's own pip: slower, needs nothing else."""
    return run(sys.executable, "-m", "venv", "--clear", VENV) and run(
        PYTHON, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "-e", requirement
    )


def install(extra: str) -> bool:
    """Installs Wirewatch and what it needs; true when .venv is complete."""
    requirement = f".[{extra}]" if extra else "."
    print("wirewatch: installing into .venv (once; about a minute) …", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        uv = uv_command(scratch)
        done = (uv is not None and install_with_uv(uv, requirement)) or install_with_pip(
            requirement
        )
    if done:
        (VENV / "installed").write_text(wanted(extra))
    return done


def main() -> int:
    """Entry point; 0 when .venv is ready."""
    if sys.version_info[:2] < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        print(
            f"wirewatch: needs Python 3.11 or newer, this is {have}; set PYTHON=…", file=sys.stderr
        )
        return 2
    extra = "dev" if "--dev" in sys.argv[1:] else ""
    if is_current(extra):
        return 0
    with open(ROOT / ".venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(extra) or install(extra):
            return 0
    print(
        "wirewatch: the installation failed; the lines above say why. "
        "It needs a package index that pip can reach; run the command again afterwards.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
