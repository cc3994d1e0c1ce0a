"""Once a day, over another channel: what could not be delivered."""

from datetime import timedelta
from pathlib import Path

import pytest

from alerts.dispatch import Dispatcher
from alerts.envelope import Envelope, PermanentFailure, Receipt
from alerts.outbox import Outbox
from tests.alerts.test_dispatch import Script, scripted
from tests.alerts.world import World, maildir


def refuse(envelope: Envelope, attempt: int) -> Receipt | None:
    raise PermanentFailure("550 no such user")


@pytest.fixture
def desk(world: World, tmp_path: Path) -> World:
    """Its channel `mail` refuses everything, `ops` takes everything."""
    channels = {"mail": scripted(Script(refuse)), "ops": maildir(tmp_path / "ops")}
    world.configure(channels=channels)
    return world


async def die(world: World, *names: str) -> None:
    for name in names:
        world.delivery(name, "mail")
    await Dispatcher(world.context).send_due()


async def test_the_first_dead_letter_is_told_at_once_over_another_channel(desk: World) -> None:
    await die(desk, "one")
    assert await Outbox(desk.context).report_dead_letters() == 1
    (report,) = desk.deliveries(channel="ops")
    assert report.subject == "Wirewatch: a message could not be delivered over channel mail"
    assert "550 no such user" in report.text
    assert "wirewatch retry --dead" in report.text
    assert report.payload["type"] == "delivery.dead"
    assert report.payload["data"]["count"] == 1


async def test_what_follows_within_a_day_is_one_report(desk: World) -> None:
    await die(desk, "one")
    outbox = Outbox(desk.context)
    await outbox.report_dead_letters()
    for hour in range(23):
        desk.wait(hours=1)
        await die(desk, f"in hour {hour}")
        assert await outbox.report_dead_letters() == 0
    desk.wait(hours=1)
    assert await outbox.report_dead_letters() == 1
    assert "23 messages" in desk.deliveries(channel="ops")[-1].subject
    assert "23 ×: 550 no such user" in desk.deliveries(channel="ops")[-1].text
    desk.wait(days=9)
    assert await Outbox(desk.context).report_dead_letters() == 0


async def test_a_restart_tells_nothing_twice(desk: World) -> None:
    await die(desk, "one")
    assert await Outbox(desk.context).report_dead_letters() == 1
    assert await Outbox(desk.context).report_dead_letters() == 0


async def test_without_another_channel_the_same_one_is_tried(world: World) -> None:
    world.configure(channels={"mail": scripted(Script(refuse))})
    await die(world, "one")
    assert await Outbox(world.context).report_dead_letters() == 1
    assert world.deliveries()[-1].channel == "mail"


async def test_a_report_made_by_a_clock_that_was_ahead_silences_nothing(desk: World) -> None:
    desk.wait(days=30)
    await die(desk, "one")
    await Outbox(desk.context).report_dead_letters()
    desk.wait(days=-30)
    await die(desk, "two")
    assert await Outbox(desk.context).report_dead_letters() == 1


async def test_it_is_looked_for_every_five_minutes_only(desk: World) -> None:
    outbox = Outbox(desk.context)
    assert await outbox.report_dead_letters() == 0
    await die(desk, "one")
    assert await outbox.report_dead_letters() == 0
    desk.now += timedelta(minutes=5)
    assert await outbox.report_dead_letters() == 1
