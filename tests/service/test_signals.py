"""A process that was told to end does, also when its loop is blocked."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

PROCESS = """
import asyncio, sys, time
from service.signals import stop_on_signals

async def main():
    stop = asyncio.Event()
    stop_on_signals(stop, patience=float(sys.argv[1]))
    print("ready", flush=True)
    {then}

asyncio.run(main())
"""
SLEEPS = "time.sleep(60)"
SPINS = "while True: pass"
BLOCKED_WHEN_TOLD = "await stop.wait(); time.sleep(60)"
ORDERLY = "await stop.wait(); print('in order', flush=True)"
DEAF_READER = "print('x' * 2**20, flush=True)"


@contextlib.contextmanager
def started(then: str, patience: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens to signals and then does what it was given."""
    command = [sys.executable, "-c", PROCESS.format(then=then), str(patience)]
    # Without a buffer: the line after the first must not be read along with it and be lost.
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.2)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("then", [SLEEPS, SPINS, BLOCKED_WHEN_TOLD])
def test_a_blocked_loop_is_cut_off_when_patience_ends(then: str) -> None:
    with started(then, patience=0.5) as process:
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert time.monotonic() - told < 15
        assert b"cut off" in said


@pytest.mark.parametrize("then", [SLEEPS, SPINS, BLOCKED_WHEN_TOLD])
def test_a_second_signal_ends_a_blocked_loop_at_once(then: str) -> None:
    with started(then, patience=50) as process:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_that_turns_ends_in_order(number: signal.Signals) -> None:
    with started(ORDERLY, patience=50) as process:
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
        assert (process.returncode, said) == (0, b"in order\n")


def test_a_log_that_nobody_reads_does_not_keep_the_process_alive() -> None:
    with started(DEAF_READER, patience=0.5) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 1


def test_what_the_process_starts_reacts_to_signals_as_ever() -> None:
    child = "import subprocess; c = subprocess.Popen(['sleep', '60']); c.terminate()"
    with started(f"{child}; print(c.wait(), flush=True)", patience=50) as process:
        said, _ = process.communicate(timeout=30)
        assert said == f"{-signal.SIGTERM}\n".encode()
