"""Who is alive, who is taken for dead, and what both sides know of it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from service import queue
from service.presence import Presence, Signs, stalled_after
from store.engine import Store
from tests.support import postgresql
from tests.support.together import Wire

BEAT, LOST = 0.05, 0.5
"""Seconds; sixteen times as fast as in earnest."""
FOR_EVER = 1e9
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def url() -> Iterator[str]:
    """A database with a queue, by TCP."""
    with postgresql.database(tcp=True) as url:
        with contextlib.closing(Store(url)) as store, store.writing() as session:
            queue.install(session)
        yield url


@contextlib.contextmanager
def present(
    url: str,
    *,
    lost: float = LOST,
    alone: bool = False,
    displaced: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Presence]:
    with contextlib.closing(Store(url)) as store:
        presence = Presence(
            store, alone=alone, displaced=displaced, beat=BEAT, lost=lost, clock=clock
        )
        presence.begin()
        try:
            if not alone:
                presence.enlist()
            yield presence
        finally:
            presence.end()


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(Store(url)) as store, store.writing() as session:
        found = session.connection().execute(text(statement))
        return [tuple(row) for row in found] if found.returns_rows else []


async def until(holds: Callable[[], bool], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - a thread makes it true
            await asyncio.sleep(0.01)


async def test_a_worker_that_nobody_hears_asks_nothing_until_it_is_heard_again(url: str) -> None:
    server = postgresql.server()
    async with Wire(server.port) as wire:
        by_wire = url.replace(f":{server.port}/", f":{wire.port}/")
        with await asyncio.to_thread(contextlib.ExitStack) as stack:
            presence = await asyncio.to_thread(stack.enter_context, present(by_wire))
            number = presence.worker
            assert number is not None
            await until(lambda: presence.may_ask(number))
            wire.freeze()
            await until(lambda: presence.is_lost)
            assert not presence.may_ask(number)
            wire.mend()
            await until(lambda: presence.may_ask(number))
            assert presence.worker == number
            await asyncio.to_thread(stack.close)


async def test_one_that_was_taken_for_dead_is_another_from_then_on(url: str) -> None:
    # As after the sleep of a virtual machine whose clocks slept too: by its own it was never lost.
    with present(url, lost=FOR_EVER) as presence:
        former = presence.worker
        assert former is not None
        assert presence.may_ask(former)
        await asyncio.to_thread(ask, url, "DELETE FROM procrastinate_workers")
        await until(lambda: not presence.may_ask(former))
        await until(lambda: presence.worker is not None)
        assert presence.worker != former
        assert presence.may_ask(presence.worker or 0)
        assert not presence.may_ask(former)
    assert await asyncio.to_thread(ask, url, "SELECT id FROM procrastinate_workers") == []


async def test_signs_are_given_while_the_event_loop_is_busy(url: str) -> None:
    with present(url) as presence:
        number = presence.worker
        assert number is not None
        last = "SELECT last_heartbeat FROM procrastinate_workers"
        [before] = ask(url, last)
        ends, allowed = time.monotonic() + 3 * LOST, True
        while time.monotonic() < ends:  # busy: it does not wait
            allowed = allowed and presence.may_ask(number)
        [after] = ask(url, last)
        assert allowed
        assert after[0] - before[0] > timedelta(seconds=2 * LOST)  # type: ignore[operator]


async def test_a_sleep_of_the_machine_counts_as_silence(url: str) -> None:
    slept = [0.0]
    with present(url, clock=lambda: time.monotonic() + slept[0]) as presence:
        number = presence.worker or 0
        await until(lambda: presence.may_ask(number))
        slept[0] = 60.0
        allowed = presence.may_ask(number)
        assert not allowed
        await until(lambda: presence.may_ask(number))


async def test_signs_go_on_after_an_error_that_nobody_thought_of(url: str) -> None:
    fails = threading.Event()

    def clock() -> float:
        if fails.is_set() and threading.current_thread().name == "presence":
            raise OSError("no such clock")
        return time.monotonic()

    with present(url, clock=clock) as presence:
        number = presence.worker or 0
        fails.set()
        await until(lambda: presence.is_lost)
        fails.clear()
        await until(lambda: presence.may_ask(number))


async def test_one_that_was_alone_ends_when_another_has_its_database(url: str) -> None:
    server, displaced = postgresql.server(), threading.Event()
    async with Wire(server.port) as wire:
        by_wire = url.replace(f":{server.port}/", f":{wire.port}/")
        # A minute lasts 0.6 s.
        fast = present(
            by_wire, alone=True, displaced=displaced.set, clock=lambda: 100 * time.monotonic()
        )
        with await asyncio.to_thread(contextlib.ExitStack) as stack:
            await asyncio.to_thread(stack.enter_context, fast)
            wire.cut()
            await until(lambda: ask(url, _LOCKS) == [(0,)])
            await asyncio.to_thread(stack.enter_context, present(url, alone=True))
            assert not displaced.is_set()
            wire.mend()
            await until(displaced.is_set)
            await asyncio.to_thread(stack.close)


_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def test_who_gives_no_other_sign_for_long_is_dead_by_the_observers_clock() -> None:
    signs, silent_for = Signs(), stalled_after(30 * SECOND)
    assert silent_for == 44 * SECOND
    # The first look at a sign that is years old by the database's clock says nothing yet.
    assert signs.silent({1: NOON, 2: NOON}, 1000, silent_for) == {}
    # The database's clock is set forward by an hour, then back: whoever gives signs is alive.
    assert signs.silent({1: NOON, 2: NOON + 3600 * SECOND}, 1043, silent_for) == {}
    assert signs.silent({1: NOON, 2: NOON}, 1044, silent_for) == {}
    assert signs.silent({1: NOON, 2: NOON}, 1045, silent_for) == {1: NOON}
    assert signs.silent({2: NOON}, 1088.5, silent_for) == {2: NOON}
    # A number that comes again after it was struck off begins anew.
    assert signs.silent({1: NOON}, 1100, silent_for) == {}
