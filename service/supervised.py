"""Tells systemd that the service is ready, that its event loop turns, and that it ends (sd_notify).

A process that runs but does nothing any more, since something holds up its loop, is ended and
started anew by systemd (`WatchdogSec`) once no sign of life has come for so long.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping

import structlog

log = structlog.get_logger("service")


def notify(env: Mapping[str, str], message: str) -> None:
    """Sends one line, as `READY=1`, to the socket that the environment names, if it names one.

    What cannot be sent is told in the log: the next one may be, and the service goes on meanwhile.
    """
    address = env.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        # Also this fails, when the process has as many files open as it may.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            # @ stands for the NUL that begins an abstract address.
            sender.sendto(message.encode(), address.replace("@", "\0", 1))
    except OSError as error:
        log.warning("service", status="could not tell systemd", why=str(error), told=message)


def signs_every(env: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life, twice as often as asked for; None when nobody asks.

    `pid`: ours, for the environment may have been meant for another process.
    """
    if env.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    asked = env.get("WATCHDOG_USEC", "")
    return int(asked) / 2_000_000 if asked.isdecimal() and int(asked) > 0 else None


@contextlib.asynccontextmanager
async def supervised(env: Mapping[str, str]) -> AsyncIterator[None]:
    """Ready when the block begins, alive while the loop turns, ending when the block does."""
    notify(env, "READY=1")
    every = signs_every(env, os.getpid())
    living = asyncio.create_task(_live(env, every)) if every else None
    try:
        yield
    finally:
        notify(env, "STOPPING=1")
        if living is not None:
            living.cancel()


async def _live(env: Mapping[str, str], every: float) -> None:
    while True:
        notify(env, "WATCHDOG=1")
        await asyncio.sleep(every)
