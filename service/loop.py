"""One event loop for everything: Scrapy's reactor runs on the loop of APScheduler and the rest.

Twisted lets a process have one reactor, installed before anything asks for it; so a process calls
`run` once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` to its end in a loop that Scrapy can crawl in; returns or raises what it does."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    reactor = AsyncioSelectorReactor(loop)
    installReactor(reactor)  # type: ignore[no-untyped-call]
    task = loop.create_task(main)
    task.add_done_callback(lambda _: reactor.stop())  # type: ignore[no-untyped-call]
    # Signals are the service's own business: it drains before it ends.
    reactor.run(installSignalHandlers=False)  # type: ignore[no-untyped-call]
    return task.result()
