"""One event loop for everything: Scrapy's reactor runs on the loop of APScheduler and the rest.

Twisted lets a process have one reactor, installed before anything asks for it; so a process calls
`run` once. Every name that the reactor resolves passes the address guard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor

from crawler.guard import GuardedResolver
from crawler.memory import keep_little

T = TypeVar("T")


def run(main: Callable[[GuardedResolver], Coroutine[Any, Any, T]]) -> T:
    """Runs `main` to its end in a loop that Scrapy can crawl in; returns or raises what it does.

    `main` is given the resolver, which lets no private address pass until it is told to.
    """
    keep_little()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    reactor = AsyncioSelectorReactor(loop)
    installReactor(reactor)  # type: ignore[no-untyped-call]
    resolver = GuardedResolver(reactor)
    reactor.installNameResolver(resolver)  # type: ignore[arg-type] # zope knows it is one
    task = loop.create_task(main(resolver))
    task.add_done_callback(lambda _: reactor.stop())  # type: ignore[no-untyped-call]
    # Signals are the service's own business: it drains before it ends.
    reactor.run(installSignalHandlers=False)  # type: ignore[no-untyped-call]
    return task.result()
