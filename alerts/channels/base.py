"""What a channel is: it sends one message to one destination, and says how a failure is meant.

A channel never decides when to try again (`alerts.retry` does) and keeps no record
(`alerts.dispatch` does). It raises `TemporaryFailure` or `PermanentFailure` and nothing else for
anything that the world outside can cause.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from pydantic import AfterValidator, ConfigDict, Field

from alerts.envelope import Envelope, Receipt
from alerts.retry import Policy
from store.addresses import Network
from store.config import Duration, Table

_QUIET = re.compile(r"(?:([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d))?")


class Channel(Protocol):
    """A destination that is open for sending; used by one task at a time."""

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """Sends one message; returns once the destination took responsibility for it.

        `attempt` counts from 1. Raises TemporaryFailure or PermanentFailure.
        """

    def prepare(self, envelope: Envelope) -> None:
        """Does ahead what needs no connection, while the message before it is on its way."""

    async def close(self) -> None:
        """Ends connections; errors in doing so are nobody's concern."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What channels are opened with besides their own table."""

    folder: Path
    """Where relative paths begin: the folder of config.toml."""
    allow_private: Sequence[Network] = ()
    """Private address ranges that all may reach; a table may add its own."""


def _check_quiet(quiet: str) -> str:
    if not _QUIET.fullmatch(quiet):
        raise ValueError(f'{quiet!r} are not quiet hours; write them like "22:00-07:00"')
    return quiet


class ChannelTable(Table):
    """[channel.ID]: the keys that every kind of channel has."""

    # What was written may hold a password; pydantic would print it with the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    quiet: Annotated[str, AfterValidator(_check_quiet)] = Field(
        "", description='hours of the day in which messages are held, e.g. "22:00-07:00"'
    )
    timeout: Duration = Field(timedelta(seconds=15), description="of each step of an attempt")
    give_up: Duration = Field(
        timedelta(days=3), description="a message not delivered by then is a dead letter"
    )
    longest_wait: Duration = Field(timedelta(hours=6), description="between two attempts")
    group_wait: Duration = Field(
        timedelta(seconds=30), description="gather what arrives together into one message"
    )

    waits: ClassVar[tuple[timedelta, ...]] = ()
    """Before the second, third … attempt, before `longest_wait`; the last one repeats."""
    one_watchlist: ClassVar[bool] = False
    """Whether a message may tell of one watchlist only."""

    def recipients(self) -> tuple[str, ...]:
        """Who gets each message; one delivery is made for each. ("",) is a single destination."""
        return ("",)

    def policy(self) -> Policy:
        """How long and how often a message is tried."""
        return Policy(self.waits, self.longest_wait, self.give_up)

    def hidden(self) -> tuple[str, ...]:
        """Texts that must not be stored or shown, in every form in which a reply may hold them."""
        return ()

    def open(self, around: Surroundings) -> Channel:
        """The channel of this table; nothing is connected or written yet."""
        raise NotImplementedError


def read_network(value: object) -> Network:
    """An address range. Raises ValueError in words."""
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f'{value!r} is not an address range; write "127.0.0.0/8"') from error


@lru_cache(maxsize=1000)
def recipient_key(address: str) -> str:
    """What stands for an address in the database; empty for an empty one."""
    bare = parseaddr(address)[1] or address
    return sha256(bare.lower().encode()).hexdigest()[:12] if address else ""


def find_recipient(config: ChannelTable, key: str) -> str | None:
    """The address that a key stands for, if the channel still has it."""
    return next((address for address in config.recipients() if recipient_key(address) == key), None)


def minutes(*values: float) -> tuple[timedelta, ...]:
    """A table of waits."""
    return tuple(timedelta(minutes=value) for value in values)
