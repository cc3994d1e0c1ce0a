"""What systemd is told, over a real socket of its kind."""

import asyncio
import contextlib
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.supervised import notify, signs_every, supervised


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(5)
        yield listener


def heard(listener: socket.socket) -> list[str]:
    """Everything that was said so far."""
    listener.setblocking(False)
    found = []
    while True:
        try:
            found.append(listener.recv(100).decode())
        except BlockingIOError:
            return found


@pytest.fixture
def env(listener: socket.socket, tmp_path: Path) -> dict[str, str]:
    """What systemd gives a service that is to give signs of life ten times a second."""
    listener.bind(str(tmp_path / "notify"))
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}


async def test_ready_alive_and_ending_are_told(
    listener: socket.socket, env: dict[str, str]
) -> None:
    async with supervised(env):
        await asyncio.sleep(0.23)
        signs = heard(listener)
    assert signs[0] == "READY=1"
    assert signs[1:].count("WATCHDOG=1") == len(signs) - 1 >= 2
    assert heard(listener)[-1] == "STOPPING=1"
    await asyncio.sleep(0.15)
    assert heard(listener) == []


async def test_a_loop_that_is_held_up_gives_no_sign(
    listener: socket.socket, env: dict[str, str]
) -> None:
    async with supervised(env):
        await asyncio.sleep(0)
        heard(listener)
        time.sleep(0.3)  # noqa: ASYNC251 - this is what a held up loop is
        assert heard(listener) == []


def test_an_abstract_address_is_understood(listener: socket.socket) -> None:
    name = f"wirewatch-test-{os.getpid()}"
    listener.bind(f"\0{name}")
    notify({"NOTIFY_SOCKET": f"@{name}"}, "READY=1")
    assert heard(listener) == ["READY=1"]


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:9", "@nobody-listens-here"])
async def test_without_anybody_who_listens_all_goes_on(address: str) -> None:
    async with supervised({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"}):
        await asyncio.sleep(0.01)
    async with supervised({}):
        pass


@contextlib.contextmanager
def no_file_to_be_had() -> Iterator[None]:
    """The process has as many files open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_signs_come_again_once_there_are_files_again(
    listener: socket.socket, env: dict[str, str]
) -> None:
    async with supervised(env):
        with no_file_to_be_had():
            await asyncio.sleep(0.2)
            heard(listener)
        await asyncio.sleep(0.2)
        assert "WATCHDOG=1" in heard(listener)
    assert heard(listener)[-1] == "STOPPING=1"


async def test_an_end_without_a_file_is_an_end(listener: socket.socket, tmp_path: Path) -> None:
    listener.bind(str(tmp_path / "notify"))
    with contextlib.ExitStack() as stack:
        async with supervised({"NOTIFY_SOCKET": str(tmp_path / "notify")}):
            stack.enter_context(no_file_to_be_had())
    assert heard(listener) == ["READY=1"]


def test_signs_are_given_twice_as_often_as_asked_for_and_only_by_who_is_asked() -> None:
    assert signs_every({"WATCHDOG_USEC": "120000000"}, 7) == 60
    assert signs_every({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}, 7) == 60
    assert signs_every({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "8"}, 7) is None
    assert signs_every({"WATCHDOG_USEC": "0"}, 7) is None
    assert signs_every({"WATCHDOG_USEC": "soon"}, 7) is None
    assert signs_every({}, 7) is None
