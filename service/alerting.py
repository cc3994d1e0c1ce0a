"""What matching and delivery stand on, built from a configuration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from alerts.context import AlertContext
from alerts.rules import Rule, compile_rule
from service.config import Config
from store.engine import Store
from store.writer import Writer


def compile_rules(config: Config) -> dict[str, Rule]:
    """The watchlists as the matcher reads them; they were checked when the file was loaded."""
    return {
        name: compile_rule(watchlist, config.variants)
        for name, watchlist in config.watchlists.items()
    }


def state_path(config: Config, store: Store) -> Path:
    """Where an installation's own files stand: beside the database, else beside config.toml.

    The suffix is left to the caller: `.id`, `.lock`.
    """
    return store.path or config.path.parent / "wirewatch"


def alert_context(
    config: Config,
    store: Store,
    writer: Writer,
    installation: str,
    clock: Callable[[], datetime],
    chance: Callable[[], float],
    *,
    matches: bool = True,
) -> AlertContext:
    """What matching and delivery share, under this configuration.

    `matches`: whether it is used for matching; compiling many watchlists takes time and memory.
    """
    return AlertContext(
        store=store,
        writer=writer,
        rules=compile_rules(config) if matches else {},
        watchlists=config.watchlists,
        channels=config.channels,
        timezone=config.service.timezone,
        installation=installation,
        source_names={id_: source.name for id_, source in config.sources.items()},
        templates=config.path.parent / "templates",
        allow_private=config.crawler.allow_private,
        clock=clock,
        chance=chance,
        health_notify=config.health.notify,
    )
