"""Processor work away from the event loop: a few workers, a deadline for each piece.

Parsers can be stopped by hostile input for minutes (HTML parsers are quadratic in the number of
attributes of a tag), hold the interpreter meanwhile and hear no signal; so they run in processes
that are killed at the deadline. A worker that dies costs the piece of work it was doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import resource
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from multiprocessing.context import ForkServerContext
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from crawler.memory import give_back, keep_little

P = ParamSpec("P")
T = TypeVar("T")

DEADLINE = 10.0
"""Seconds that one page may take; ordinary ones take hundredths."""
MEMORY = 1024**3
"""Bytes of address space of one worker."""
HEAVY = 1024**2
"""Bytes of a body from which one piece is read at a time: parsers take ten times as much memory."""
PIECES = 2000
"""After so many a worker is replaced, so that what parsers leak does not add up."""


class ProcessingError(Exception):
    """A piece of work took too long or killed its worker; the message says which."""


class PoolClosedError(Exception):
    """The service is ending: the piece was not done and will be done again."""


class ProcessorPool:
    """Worker processes for parsing; started on first use."""

    def __init__(self, workers: int = 2, deadline: float = DEADLINE) -> None:
        """`workers` processes, each killed when one piece takes longer than `deadline` seconds."""
        self._deadline = deadline
        self._workers = workers
        # Pieces wait here rather than in the pool: its deadline counts from its own queue.
        self._free = asyncio.Semaphore(workers)
        # Heavy pieces wait for each other only: a light one always finds a worker.
        self._heavy = asyncio.Semaphore(1)
        self._starting = asyncio.Lock()
        self._is_started = False
        # Another thread may be starting the processes when the pool is closed.
        self._changing = threading.Lock()
        self._closed = False
        self._pending: set[asyncio.Future[Any]] = set()
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._workers,
            max_tasks=PIECES,
            initializer=set_up_worker,
            context=_forking(),
        )

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work(*args)` computed in a worker; what it raises is raised here.

        Raises ProcessingError when the deadline passed or the worker died, PoolClosedError when
        the pool was closed meanwhile.
        """
        return await self.run_within(self._deadline, work, *args, **kwargs)

    async def run_within(
        self, deadline: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for a piece that may take longer, or shall not take so long, in seconds."""
        heavy = any(map(_is_heavy, args))
        async with self._heavy if heavy else contextlib.nullcontext(), self._free:
            pool = await self._usable()
            try:
                future: Future[T] = pool.schedule(
                    partial(_tidily, work) if heavy else work,
                    args=list(args),
                    kwargs=dict(kwargs),
                    timeout=deadline,
                )
                return await self._result(future)
            except BrokenExecutor as error:
                if self._closed:
                    raise PoolClosedError from error
                raise ProcessingError("the processes that read pages had to be replaced") from error
            except FutureTimeoutError as error:
                raise ProcessingError(f"took longer than {deadline:g} s to read") from error
            except ProcessExpired as error:
                raise ProcessingError(f"killed the process that read it ({error})") from error
            except MemoryError as error:
                raise ProcessingError("needed more memory than a page may") from error

    async def _result(self, future: Future[T]) -> T:
        waiting = asyncio.wrap_future(future)
        self._pending.add(waiting)
        try:
            return await waiting
        finally:
            self._pending.discard(waiting)

    async def _usable(self) -> ProcessPool:
        """The pool, or a new one: a worker that dies while nothing is to do breaks it for good.

        Processes are started beside the loop: the first one loads the parsers, for a second or two.
        """
        async with self._starting:
            if not (self._is_started and self._pool.active):
                await asyncio.to_thread(self._start)
        if self._closed:
            raise PoolClosedError
        return self._pool

    def _start(self) -> None:
        with self._changing:
            if not self._closed:
                self._start_anew()

    def _start_anew(self) -> None:
        if not self._pool.active:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool = self._new_pool()
        self._is_started = self._pool.active

    async def close(self) -> None:
        """Ends the workers; what they were doing is lost and will be done again."""
        await asyncio.to_thread(self.kill)
        # The pool may end without a word to those who wait for a result.
        for waiting in self._pending:
            if not waiting.done():
                waiting.set_exception(PoolClosedError())

    def kill(self) -> None:
        """As `close`, where no event loop runs any more."""
        self._closed = True
        with self._changing:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    async def __aenter__(self) -> ProcessorPool:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _is_heavy(piece: object) -> bool:
    """Whether it is a page or document whose body is large; what is in a file is."""
    return bool(getattr(piece, "spooled", "")) or len(getattr(piece, "body", b"")) > HEAVY


def _tidily(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """The result of the work; what it took of memory is given back."""
    try:
        return work(*args, **kwargs)
    except Exception as error:
        _let_go(error)
        raise
    finally:
        give_back()


def _let_go(error: BaseException | None) -> None:
    """Of what the functions held that an error came through: a parsed document, mostly."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _forking() -> ForkServerContext:
    """Workers are forked from a server that has imported what they need, and nothing else.

    Forking the service itself would copy its threads' locks; spawning costs a second and a hundred
    megabytes a worker.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crawler.preloaded"])
    return context


def set_up_worker() -> None:
    """Bounds a worker's memory; leaves Ctrl-C, which reaches all processes, to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_little()
    logging.disable(logging.WARNING)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
