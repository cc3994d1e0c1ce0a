"""The process's one reactor, in a thread of its own, for tests that crawl."""

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from crawler.guard import GuardedResolver
from crawler.pool import ProcessorPool
from service import loop

T = TypeVar("T")
Main = Callable[[GuardedResolver], Coroutine[Any, Any, T]]


@cache
def _started() -> tuple[asyncio.AbstractEventLoop, GuardedResolver]:
    ready: list[tuple[asyncio.AbstractEventLoop, GuardedResolver]] = []
    begun = threading.Event()

    async def stay(resolver: GuardedResolver) -> None:
        ready.append((asyncio.get_running_loop(), resolver))
        begun.set()
        await asyncio.Event().wait()

    threading.Thread(target=loop.run, args=(stay,), daemon=True).start()
    assert begun.wait(30)
    return ready[0]


async def shared_pool() -> ProcessorPool:
    """One worker for all tests of a process: starting one takes seconds. Ask in the reactor."""
    return _pool()


@cache
def _pool() -> ProcessorPool:
    pool = ProcessorPool(1)
    atexit.register(pool.kill)
    return pool


def in_reactor(main: Main[T], timeout: float = 60) -> T:
    """Runs `main(resolver)` in the reactor's loop and returns its result."""
    event_loop, resolver = _started()
    return asyncio.run_coroutine_threadsafe(main(resolver), event_loop).result(timeout)
