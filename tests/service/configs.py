"""Configurations for the tests, written to real files."""

from pathlib import Path
from textwrap import dedent

import pytest

from service.config import Config, ConfigError, load

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config.toml"


def write(folder: Path, text: str, name: str = "config.toml") -> Path:
    """A file with the text, less its indentation; only its owner may read it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    path.chmod(0o600)
    return path


def load_text(folder: Path, text: str, env: dict[str, str] | None = None) -> Config:
    """The configuration a text makes."""
    return load(write(folder, text), env or {})


def faults(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    """What is said about a text, one string a fault, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, env)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def doubts(folder: Path, text: str) -> list[str]:
    """The warnings about a text, without the folder's name."""
    return [str(p).replace(f"{folder}/", "") for p in load_text(folder, text).warnings]
