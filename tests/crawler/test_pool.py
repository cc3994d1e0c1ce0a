"""Parsing in worker processes: results come back, stuck and dying work is ended and named."""

import asyncio
import os
import signal
import sys
import time

import psutil
import pytest

from crawler.extraction import language
from crawler.pool import PoolClosedError, ProcessingError, ProcessorPool
from crawler.sources import Document


def double(number: int) -> int:
    return 2 * number


def be_stuck(seconds: float) -> None:
    time.sleep(seconds)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill_memory() -> int:
    return len(bytearray(8 * 1024**3))


def fail() -> None:
    raise LookupError("mine")


def has_read_the_model() -> bool:
    until = time.monotonic() + 20
    while not language.is_loaded() and time.monotonic() < until:
        time.sleep(0.05)
    return language.is_loaded()


def times_of(_document: Document) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(0.3)
    return began, time.monotonic()


def fail_with_much_in_hand(_document: Document) -> None:
    tree = [str(number) * 20 for number in range(400_000)]
    raise LookupError(f"{len(tree)} words")


def memory() -> int:
    return psutil.Process().memory_info().rss


def loaded(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in sys.modules]


async def test_results_and_errors_come_back() -> None:
    async with ProcessorPool(1, deadline=30) as pool:
        assert await pool.run(has_read_the_model)  # before any page came
        assert await pool.run(double, 21) == 42
        with pytest.raises(LookupError, match="mine"):
            await pool.run(fail)


async def test_stuck_dying_and_greedy_work_is_ended_and_the_pool_goes_on() -> None:
    async with ProcessorPool(1, deadline=3.0) as pool:
        with pytest.raises(ProcessingError, match="longer than 3 s"):
            await pool.run(be_stuck, 60)
        with pytest.raises(ProcessingError, match="killed the process"):
            await pool.run(die)
        with pytest.raises(ProcessingError, match="more memory"):
            await pool.run(fill_memory)
        assert await pool.run(double, 4) == 8


async def test_a_worker_that_dies_while_idle_is_replaced() -> None:
    async with ProcessorPool(1) as pool:
        worker = await pool.run(os.getpid)
        psutil.Process(worker).kill()
        await asyncio.sleep(0.5)
        assert await pool.run(double, 5) == 10
        assert await pool.run(os.getpid) != worker


async def test_work_in_hand_when_the_pool_closes_is_told_so() -> None:
    async with ProcessorPool(1) as pool:
        assert await pool.run(double, 1) == 2
        pieces = [asyncio.create_task(pool.run(be_stuck, 60)) for _ in range(2)]
        await asyncio.sleep(0.1)
        await pool.close()
        ended = await asyncio.gather(*pieces, return_exceptions=True)
        assert [type(error) for error in ended] == [PoolClosedError] * 2


async def test_documents_in_files_are_read_one_at_a_time() -> None:
    async with ProcessorPool(2, deadline=30) as pool:
        document = Document(b"", "https://news.example/", spooled="/tmp/a-document")
        first, second = await asyncio.gather(*(pool.run(times_of, document) for _ in range(2)))
    assert first[1] <= second[0] or second[1] <= first[0]


async def test_what_a_failed_document_took_of_memory_is_given_back() -> None:
    async with ProcessorPool(1, deadline=30) as pool:
        before = await pool.run(memory)
        with pytest.raises(LookupError, match="400000 words"):
            await pool.run(fail_with_much_in_hand, Document(bytes(2 * 2**20), "https://x.example/"))
        assert await pool.run(memory) < before + 15 * 2**20


async def test_a_worker_holds_no_client_of_the_network() -> None:
    async with ProcessorPool(1, deadline=30) as pool:
        assert await pool.run(loaded, ("lxml", "requests", "urllib3", "scrapy")) == ["lxml"]
