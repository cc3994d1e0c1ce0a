"""A thread of one's own, for calls that may hang.

The threads that asyncio lends are few: the store is read in them, so a few calls that hang would
stop all matching and sending, and the interpreter waits for each of them at its end. A daemon
thread of the channel's own holds up nobody else.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class StillBusyError(Exception):
    """The call before this one has not ended."""


class OwnThread:
    """Runs one call at a time; used by one task at a time."""

    def __init__(self, name: str) -> None:
        """`name` is the thread's, for whoever looks at the process."""
        self._name = name
        self._last: asyncio.Future[Any] | None = None

    async def run(self, call: Callable[[], T], within: float) -> T:
        """What the call returns or raises.

        Raises TimeoutError after `within` seconds; the call then goes on. Raises StillBusyError
        when one that went on has not ended after as many.
        """
        if self._last is not None and not await _ends(self._last, within):
            raise StillBusyError
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        # Nobody may be left to hear how it ended.
        outcome.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._last = outcome
        Thread(target=_work, args=(call, outcome), name=self._name, daemon=True).start()
        if not await _ends(outcome, within):
            raise TimeoutError
        return outcome.result()


def _work(call: Callable[[], T], outcome: asyncio.Future[T]) -> None:
    try:
        settle = partial(outcome.set_result, call())
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        settle = partial(outcome.set_exception, error)
    with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
        outcome.get_loop().call_soon_threadsafe(settle)


async def _ends(call: asyncio.Future[Any], within: float) -> bool:
    """Whether the call ends within so many seconds; it is not cancelled if we are."""
    done, _ = await asyncio.wait({call}, timeout=within)
    return bool(done)
