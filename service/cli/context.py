"""What every command starts from: which configuration, and what is stored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from service.cli.output import complain, note
from service.config import Config, load
from store.engine import Store
from store.schema import require_current


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


@contextmanager
def opened(config: Config) -> Iterator[Store | None]:
    """The database as it is; None, after saying so, when nothing was ever stored."""
    store = Store(config.service.database)
    try:
        if store.path is not None and not store.path.exists():
            complain(f"{store.path}: nothing is stored yet; `wirewatch run` begins to")
            yield None
            return
        require_current(store)
        yield store
    finally:
        store.close()


@contextmanager
def stored(config: Config) -> Iterator[Session | None]:
    """A session to read with; None, after saying so, when nothing was ever stored."""
    with opened(config) as store:
        if store is None:
            yield None
            return
        with store.reading() as session:
            yield session
