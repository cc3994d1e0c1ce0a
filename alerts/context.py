"""What matching and delivery share: store, configuration, clock and chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from alerts.channels.base import ChannelTable, Surroundings
from alerts.composer import Composer
from alerts.config import WatchlistConfig
from alerts.rules import Rule
from store.addresses import Network
from store.engine import Store
from store.writer import Writer


@dataclass(frozen=True)
class AlertContext:
    """Replaced whole when the configuration is loaded anew."""

    store: Store
    writer: Writer
    rules: Mapping[str, Rule]
    """The watchlists as the matcher reads them."""
    watchlists: Mapping[str, WatchlistConfig]
    channels: Mapping[str, ChannelTable]
    timezone: str
    """Name of the zone in which people live: for times, digests and quiet hours."""
    installation: str
    """Kept outside the database; part of every delivery's id."""
    source_names: Mapping[str, str]
    """Configured names; empty or missing ones are the site's own, else the id."""
    templates: Path
    """Folder beside config.toml whose templates replace ours; need not exist."""
    allow_private: Sequence[Network]
    clock: Callable[[], datetime]
    """The time now, aware."""
    chance: Callable[[], float]
    """Evenly from 0 to 1."""
    health_notify: Sequence[str] | None = None
    """Channels that are told about the monitor itself; None: every one."""
    alone: bool = True
    """Whether no other process delivers from this store; claims of a dead one are then free."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def composer(self) -> Composer:
        """Composes messages in the zone, with the operator's templates."""
        return Composer(self.zone, self.templates)

    @property
    def surroundings(self) -> Surroundings:
        """What channels are opened with."""
        return Surroundings(self.templates.parent, self.allow_private)

    def watchlist_name(self, watchlist: str) -> str:
        """What people call it."""
        table = self.watchlists.get(watchlist)
        return table.name if table and table.name else watchlist

    def notified(self, watchlist: str) -> list[str]:
        """The configured channels that a watchlist tells."""
        table = self.watchlists.get(watchlist)
        wanted = self.channels if table is None or table.notify is None else table.notify
        return [channel for channel in wanted if channel in self.channels]

    def health_channels(self, without: str = "") -> list[str]:
        """The configured channels that are told about the monitor, but one.

        When nobody else is left, every other channel is told: bad news must reach somebody.
        """
        wanted = self.channels if self.health_notify is None else self.health_notify
        chosen = [name for name in wanted if name in self.channels and name != without]
        if chosen or (self.health_notify is not None and not self.health_notify):
            return chosen
        return [name for name in self.channels if name != without]
