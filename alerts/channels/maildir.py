"""Mail files in a folder, for any mail program that reads a Maildir; needs no server.

A message is written to tmp/, synced, and moved to new/. Its name comes from the delivery's id, so
a repeat after a crash finds the file that is there, even after a person has read or filed it.
"""

import os
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from alerts.channels.base import ChannelTable, Surroundings, minutes
from alerts.channels.email import MailAddress
from alerts.channels.own_thread import OwnThread, StillBusyError
from alerts.envelope import Envelope, Receipt, TemporaryFailure
from alerts.mime import mime_message


class MaildirConfig(ChannelTable):
    """[channel.ID] of kind "maildir"."""

    kind: Literal["maildir"]
    path: str = Field(min_length=1, description="the folder; made when missing")
    from_: MailAddress = Field(
        "Wirewatch <wirewatch@localhost>", alias="from", description="the sender that mails show"
    )

    waits: ClassVar[tuple[timedelta, ...]] = minutes(0.5, 2, 5, 10, 20, 40, 60)

    def open(self, around: Surroundings) -> "MaildirChannel":
        """The channel of this table."""
        return MaildirChannel(self, around.folder)


class MaildirChannel:
    """Writes each message once, whatever happens between attempts."""

    def __init__(self, config: MaildirConfig, folder: Path) -> None:
        """`folder` is where a relative path begins."""
        self._root, self._sender = folder / config.path, config.from_
        self._timeout = config.timeout.total_seconds()
        # A network's disk may not answer for hours.
        self._thread = OwnThread("maildir")

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        """Writes the file unless it is there. Raises TemporaryFailure when the disk refuses."""
        raw = mime_message(envelope, self._sender, self._sender)
        name = f"{int(envelope.created_at.timestamp())}.{envelope.id}.wirewatch"
        try:
            kept = await self._thread.run(partial(_keep, self._root, name, raw), self._timeout)
        except (TimeoutError, StillBusyError) as error:
            raise TemporaryFailure(
                f"{self._root} does not answer in time", blame="destination"
            ) from error
        except OSError as error:
            raise TemporaryFailure(
                f"{self._root} cannot be written to: {error.strerror}", blame="destination"
            ) from error
        return Receipt(reply="written" if kept else "was there already")

    def prepare(self, envelope: Envelope) -> None:
        """Nothing: the disk is what takes time."""

    async def close(self) -> None:
        """Nothing is open."""


def _keep(root: Path, name: str, raw: bytes) -> bool:
    """Whether the file was written; False when it was there, new or read."""
    for part in ("tmp", "new", "cur"):
        (root / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    read = (entry.partition(":")[0] for entry in os.listdir(root / "cur"))
    if (root / "new" / name).exists() or name in read:
        return False
    draft = root / "tmp" / name
    with draft.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(root / "new" / name)
    _sync_folder(root / "new")
    return True


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
