"""A process that was told to end does, also when its loop is blocked."""

import signal
import subprocess
import sys
import time

BLOCKED = """
import asyncio, time
from service.serve import stop_on_signals

async def main():
    stop = asyncio.Event()
    stop_on_signals(stop, patience=0.5)
    print("ready", flush=True)
    await stop.wait()
    time.sleep(60)

asyncio.run(main())
"""


def test_a_loop_that_is_blocked_does_not_keep_the_process_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", BLOCKED], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert time.monotonic() - told < 15
        assert b"cut off" in said
