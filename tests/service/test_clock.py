"""The service's own plans under clocks that jump and in places where they change."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import structlog

from alerts.digest import parse_deliver
from service.health import PERIODS, _last_moments
from service.scheduler import Look, Scheduler

BERLIN = ZoneInfo("Europe/Berlin")


class Idle:
    """All that the scheduler asks of a service: nothing to crawl, nothing to end."""

    def tell_of_articles(self, told: object) -> None:
        """Nobody writes articles."""

    async def finish(self) -> None:
        """Nothing is in hand."""


def marking(seen: asyncio.Event) -> Look:
    """A look that finds nothing, and can be waited for."""

    async def look() -> int:
        seen.set()
        return 0

    return look


async def test_looks_go_on_after_the_machines_clock_was_set_back_by_a_day() -> None:
    delivered, forgot = asyncio.Event(), asyncio.Event()
    scheduler = Scheduler(
        cast(Any, Idle()), {"deliver": marking(delivered), "forget": marking(forgot)}
    )
    async with scheduler.running():
        # What a clock that was a day ahead had planned.
        for job in scheduler._jobs.get_jobs():
            scheduler._jobs.modify_job(job.id, next_run_time=datetime.now(UTC) + timedelta(days=1))
        async with asyncio.timeout(10):
            await asyncio.gather(delivered.wait(), forgot.wait())


async def test_all_that_one_look_tells_bears_its_run() -> None:
    log = structlog.get_logger("test")
    ended = asyncio.Event()

    async def look() -> int:
        log.info("match")
        await asyncio.to_thread(log.info, "alert")
        ended.set()
        return 0

    told: list[dict[str, Any]] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:
        told.append(dict(event))
        raise structlog.DropEvent

    usual = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        async with Scheduler(cast(Any, Idle()), {"match": look}).running(), asyncio.timeout(10):
            await ended.wait()
    finally:
        structlog.configure(**usual)
    (first, second) = [event for event in told if event["event"] in {"match", "alert"}][:2]
    assert first["run"] == second["run"]
    assert re.fullmatch(r"match-\d{10}", first["run"])


@pytest.mark.parametrize(
    ("text", "now", "since", "until"),
    [
        ("daily 08:00", "2026-03-29T08:01", "2026-03-28T08:00", "2026-03-29T08:00"),
        ("daily 08:00", "2026-03-29T07:59", "2026-03-27T08:00", "2026-03-28T08:00"),
        ("daily 08:00", "2026-10-25T08:01", "2026-10-24T08:00", "2026-10-25T08:00"),
        ("daily 08:00", "2028-03-01T08:00", "2028-02-29T08:00", "2028-03-01T08:00"),
        ("daily 08:00", "2027-01-01T08:00", "2026-12-31T08:00", "2027-01-01T08:00"),
        ("weekly mon 08:00", "2026-03-30T08:01", "2026-03-23T08:00", "2026-03-30T08:00"),
        ("weekly mon 08:00", "2026-10-26T08:01", "2026-10-19T08:00", "2026-10-26T08:00"),
        ("hourly", "2027-01-01T00:10", "2026-12-31T23:00", "2027-01-01T00:00"),
    ],
)
def test_the_daily_line_has_one_time_on_every_day(
    text: str, now: str, since: str, until: str
) -> None:
    deliver = parse_deliver(text)
    told = _last_moments(deliver, berlin(now), PERIODS[deliver.every], BERLIN)
    assert told == (berlin(since), berlin(until))


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)
