"""Ends the process when it is told to: orderly if it can, at once if it must.

Signals are heard by a thread of their own. A handler of the event loop would be called by the loop,
and one that is blocked, by a disk or a database that does not answer say, hears nothing. Only what
holds the interpreter itself could keep the thread waiting; such work is done in other processes
(`crawler.pool`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time

import structlog

log = structlog.get_logger("service")

END_WITHIN = 9.5
"""Seconds after a signal; whoever started a service commonly kills it after ten."""
_SAY_WITHIN = 0.5
"""Seconds for the last line of the log: whoever reads it may be what everything waits for."""
_HEARD = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals(stop: asyncio.Event, patience: float = END_WITHIN) -> None:
    """SIGTERM and SIGINT set `stop`; a second one, or `patience` seconds, end the process at once.

    Nothing is lost by that: what was in hand waits in the store for the next start. Called once, in
    the main thread and within the loop that `stop` belongs to.
    """
    hearing, told = socket.socketpair()
    told.setblocking(False)
    # The interpreter writes a signal's number there in the very moment it comes, whatever the main
    # thread is doing. `loop.add_signal_handler` would take this place for itself.
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    for number in _HEARD:
        signal.signal(number, _heard_elsewhere)
        signal.siginterrupt(number, False)
    loop = asyncio.get_running_loop()
    # `told` goes along because it must stay open as long as the thread listens.
    threading.Thread(
        target=_end_when_told,
        args=(hearing, told, loop, stop, patience),
        name="signals",
        daemon=True,
    ).start()


def _heard_elsewhere(_number: int, _frame: object) -> None:
    """Only with a handler does a signal not do what it does by default."""


def _end_when_told(
    hearing: socket.socket,
    _told: socket.socket,
    loop: asyncio.AbstractEventLoop,
    stop: asyncio.Event,
    patience: float,
) -> None:
    _hear(hearing, None)
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:  # the loop is closed: there is nothing left to wait for
        os._exit(1)
    if not _hear(hearing, patience):
        _say_it_is_cut_off()
    os._exit(1)


def _hear(hearing: socket.socket, patience: float | None) -> bool:
    """Waits for one of the signals; False when none came in so many seconds."""
    until = None if patience is None else time.monotonic() + patience
    while True:
        hearing.settimeout(None if until is None else max(0.001, until - time.monotonic()))
        try:
            number = hearing.recv(1)
        except TimeoutError:
            return False
        # Other signals for which there is a handler come here too.
        if number[0] in _HEARD:
            return True


def _say_it_is_cut_off() -> None:
    why = "the work in hand did not end in time; it waits"
    saying = threading.Thread(
        target=log.error, args=("service",), kwargs={"status": "cut off", "why": why}, daemon=True
    )
    saying.start()
    saying.join(_SAY_WITHIN)
