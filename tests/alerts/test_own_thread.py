"""Calls that hang hold up nobody but who made them."""

import asyncio
import subprocess
import sys
from threading import Event

import pytest

from alerts.channels.own_thread import OwnThread, StillBusyError
from tests.service.configs import ROOT

HANGS = """
import asyncio, time
from alerts.channels.own_thread import OwnThread

async def main():
    try:
        await OwnThread("x").run(lambda: time.sleep(60), 0.1)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


async def test_a_call_returns_or_raises_as_if_it_were_made_here() -> None:
    thread = OwnThread("x")
    assert await thread.run(lambda: 7, 5) == 7
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0, 5)
    assert await thread.run(lambda: 8, 5) == 8


async def test_while_a_call_hangs_no_other_is_begun() -> None:
    thread, gate, begun = OwnThread("x"), Event(), list[int]()
    with pytest.raises(TimeoutError):
        await thread.run(gate.wait, 0.05)
    with pytest.raises(StillBusyError):
        await thread.run(lambda: begun.append(1), 0.05)
    assert begun == []
    gate.set()
    await thread.run(lambda: begun.append(2), 5)
    assert begun == [2]


async def test_who_is_cancelled_leaves_the_call_and_the_next_one_waits_for_it() -> None:
    thread, gate = OwnThread("x"), Event()
    calling = asyncio.create_task(thread.run(gate.wait, 60))
    await asyncio.sleep(0.05)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    asyncio.get_running_loop().call_later(0.05, gate.set)
    assert await thread.run(gate.is_set, 5)


def test_a_call_that_hangs_does_not_keep_the_interpreter_from_ending() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "given up\n", "")
