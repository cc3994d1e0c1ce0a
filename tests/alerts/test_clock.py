"""Whole lines of alerts under clocks that jump, stand still and come to odd days."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.digest import due_at, hold_until, parse_deliver
from alerts.dispatch import Dispatcher
from alerts.outbox import Outbox
from tests.alerts.world import DURAND, World, maildir

only_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {**DURAND, "deliver": "daily 07:30"}


class Line:
    """Everything from an article to the folder of its mail, with one dispatcher throughout."""

    def __init__(self, world: World, inbox: Path) -> None:
        self.world, self.inbox = world, inbox
        self.outbox, self.dispatcher = Outbox(world.context), Dispatcher(world.context)

    async def look(self) -> int:
        """One look at each line; how many mails there are by now."""
        await self.outbox.match()
        await self.outbox.gather()
        await self.dispatcher.send_due()
        return sum(path.is_file() for path in self.inbox.glob("new/*"))

    def found(self, name: str) -> int:
        """How many mails tell of it."""
        return sum(name in path.read_text() for path in self.inbox.glob("new/*"))


@pytest.fixture
def line(world: World, tmp_path: Path) -> Line:
    inbox = tmp_path / "inbox"
    world.configure(
        watchlists={"durand-line": DAILY},
        channels={"desk": maildir(inbox, group_wait="0s", quiet="22:00-06:00")},
        timezone="Europe/Berlin",
    )
    return Line(world, inbox)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("deliver", "now", "due"),
    [
        ("daily 07:30", "2028-02-28T08:00", "2028-02-29T07:30"),
        ("daily 07:30", "2028-02-29T07:30", "2028-03-01T07:30"),
        ("daily 07:30", "2027-02-28T08:00", "2027-03-01T07:30"),
        ("weekly tue 07:30", "2028-02-26T08:00", "2028-02-29T07:30"),
        ("daily 00:00", "2026-12-31T23:59", "2027-01-01T00:00"),
        ("hourly", "2026-12-31T23:30", "2027-01-01T00:00"),
        ("weekly fri 07:30", "2026-12-31T12:00", "2027-01-01T07:30"),
        ("weekly thu 07:30", "2026-12-31T08:00", "2027-01-07T07:30"),
        ("daily 07:30", "2026-03-28T08:00", "2026-03-29T07:30"),
        ("daily 07:30", "2026-10-24T08:00", "2026-10-25T07:30"),
    ],
)
def test_a_digest_on_leap_days_at_the_years_end_and_when_clocks_change(
    deliver: str, now: str, due: str
) -> None:
    found = due_at(
        parse_deliver(deliver), berlin(now), timezone=BERLIN, group_wait=timedelta(seconds=30)
    )
    assert found == berlin(due)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2028-02-28T23:00", "2028-02-29T06:00"),
        ("2028-02-29T23:00", "2028-03-01T06:00"),
        ("2026-12-31T23:59", "2027-01-01T06:00"),
        ("2026-03-28T23:00", "2026-03-29T06:00"),
        ("2026-10-24T23:00", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_over_such_nights(now: str, until: str) -> None:
    assert hold_until("22:00-06:00", berlin(now), BERLIN) == berlin(until)


@only_sqlite
@pytest.mark.parametrize("noon", ["2028-02-28T12:00", "2026-12-31T12:00", "2026-10-24T12:00"])
async def test_over_odd_nights_each_article_is_in_one_digest(line: Line, noon: str) -> None:
    """A leap day, a year's end, a night of 25 hours: looked at every three hours for three days."""
    line.world.now = berlin(noon)
    mails = []
    for look in range(24):
        if look % 8 == 0:
            line.world.article(f"Durand Line fence {look:03}")
        mails.append(await line.look())
        line.world.wait(hours=3)
    assert sorted(set(mails)) == [0, 1, 2, 3]
    assert [line.found(f"fence {look:03}") for look in (0, 8, 16)] == [1, 1, 1]


@only_sqlite
async def test_three_days_asleep_lose_nothing_and_repeat_nothing(line: Line) -> None:
    line.world.now = berlin("2026-06-01T12:00")
    line.world.article("Durand Line fence")
    line.world.delivery("on its way")
    assert await line.look() == 1
    line.world.article("Durand Line post")
    line.world.wait(days=3)
    assert await line.look() == 2
    assert line.found("Durand Line fence") == 1
    line.world.wait(days=1)
    assert await line.look() == 3
    line.world.wait(days=1)
    assert await line.look() == 3
    assert line.found("Durand Line post") == 1


@only_sqlite
@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1), timedelta(days=400)])
async def test_a_clock_that_jumps_and_is_set_right_tells_each_article_once(
    line: Line, jump: timedelta
) -> None:
    line.world.now = berlin("2026-06-01T12:00")
    names = [f"Durand Line fence {number}" for number in range(3)]
    line.world.article(names[0])
    await line.look()
    line.world.now += jump
    line.world.article(names[1])
    await line.look()
    line.world.now -= jump
    line.world.article(names[2])
    await line.look()
    for _ in range(3):  # three mornings
        line.world.wait(days=1)
        mails = await line.look()
    assert [line.found(name) for name in names] == [1, 1, 1]
    assert await line.look() == mails
    assert all(delivery.state == "delivered" for delivery in line.world.deliveries())
