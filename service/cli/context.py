"""What every command starts from: which configuration is meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.cli.output import note
from service.config import Config, load


@dataclass(frozen=True, slots=True)
class Context:
    """One call of the program."""

    file: Path | None
    """As --config names it."""
    env: Mapping[str, str]

    @property
    def path(self) -> Path:
        """Which configuration is meant: named, from the environment, here, or the checkout's."""
        if self.file is not None:
            return self.file
        if named := self.env.get("WIREWATCH_CONFIG"):
            return Path(named)
        here = Path("config.toml")
        if not here.exists() and (home := self.env.get("WIREWATCH_HOME")):
            return Path(home, "config.toml")
        return here

    @property
    def new_path(self) -> Path:
        """Where a new configuration is written: as named, else here."""
        return self.file or Path(self.env.get("WIREWATCH_CONFIG") or "config.toml")

    def load(self) -> Config:
        """The configuration; what is doubtful in it is told. Raises ConfigError."""
        config = load(self.path, self.env)
        for warning in config.warnings:
            note(f"warning: {warning}")
        return config

    def load_quietly(self) -> Config:
        """The configuration, for commands that only look at what is stored."""
        return load(self.path, self.env)
