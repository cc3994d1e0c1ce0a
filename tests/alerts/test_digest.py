"""When things go out, in zones whose clocks jump."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digest import Deliver, at_local, day_end, day_start, due_at, hold_until, parse_deliver

BERLIN, NEW_YORK, KABUL = (
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/New_York"),
    ZoneInfo("Asia/Kabul"),
)
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clocks jump by half an hour
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, KABUL, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]
)
MOMENTS = st.integers(0, 10 * 365 * 86400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
TIMES = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
NO_WAIT = timedelta(0)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "deliver"),
    [
        ("instant", Deliver("instant")),
        (" Hourly ", Deliver("hourly")),
        ("daily 07:30", Deliver("daily", time(7, 30))),
        ("weekly mon 00:00", Deliver("weekly", time(0, 0), 0)),
        ("weekly sun 23:59", Deliver("weekly", time(23, 59), 6)),
    ],
)
def test_deliver_is_read(text: str, deliver: Deliver) -> None:
    assert parse_deliver(text) == deliver


@pytest.mark.parametrize(
    "text", ["", "now", "daily", "daily 7:30", "daily 24:00", "weekly 07:30", "weekly xyz 07:30"]
)
def test_deliver_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"07:30"):
        parse_deliver(text)


def test_an_instant_alert_waits_for_company() -> None:
    now = utc("2026-03-01T12:00")
    wait = timedelta(seconds=30)
    assert due_at(Deliver("instant"), now, timezone=BERLIN, group_wait=wait) == now + wait


@pytest.mark.parametrize(
    ("deliver", "now", "due"),
    [
        ("daily 07:30", "2026-03-01T06:29", "2026-03-01T06:30"),
        ("daily 07:30", "2026-03-01T06:30", "2026-03-02T06:30"),
        ("weekly mon 07:30", "2026-03-01T12:00", "2026-03-02T06:30"),
        ("weekly mon 07:30", "2026-03-02T06:30", "2026-03-09T06:30"),
        ("weekly sun 07:30", "2026-03-01T06:00", "2026-03-01T06:30"),
        ("hourly", "2026-03-01T12:00", "2026-03-01T13:00"),
        ("hourly", "2026-03-01T12:59:59", "2026-03-01T13:00"),
    ],
)
def test_a_digest_goes_out_at_its_next_time(deliver: str, now: str, due: str) -> None:
    found = due_at(parse_deliver(deliver), utc(now), timezone=BERLIN, group_wait=NO_WAIT)
    assert found == utc(due)


def test_an_hourly_digest_follows_local_hours_where_offsets_are_odd() -> None:
    found = due_at(Deliver("hourly"), utc("2026-03-01T12:10"), timezone=KABUL, group_wait=NO_WAIT)
    assert found == utc("2026-03-01T12:30")


@pytest.mark.parametrize(
    ("day", "clock", "moment"),
    [
        # Berlin springs forward from 02:00 to 03:00 on 29 March, back from 03:00 on 25 October.
        (date(2026, 3, 29), time(2, 30), "2026-03-29T01:00"),
        (date(2026, 3, 29), time(7, 30), "2026-03-29T05:30"),
        (date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),
        (date(2026, 10, 25), time(7, 30), "2026-10-25T06:30"),
    ],
)
def test_a_local_time_is_one_moment_on_change_over_days(
    day: date, clock: time, moment: str
) -> None:
    assert at_local(day, clock, BERLIN) == utc(moment)


@given(ZONES, TIMES, st.dates(date(2020, 1, 1), date(2029, 12, 1)))
def test_a_daily_digest_exists_once_a_day(zone: ZoneInfo, clock: time, first: date) -> None:
    """Walking from digest to digest visits every local day exactly once."""
    deliver, now = Deliver("daily", clock), at_local(first, clock, zone)
    for day in range(1, 8):
        now = due_at(deliver, now, timezone=zone, group_wait=NO_WAIT)
        assert now == at_local(first + timedelta(days=day), clock, zone)


@pytest.mark.parametrize("start", [date(2026, 3, 27), date(2026, 10, 23)])
@pytest.mark.parametrize("clock", [time(7, 30), time(2, 30)])
def test_asked_at_every_minute_of_the_change_the_same_digests_come_out(
    start: date, clock: time
) -> None:
    deliver = Deliver("daily", clock)
    begin = at_local(start, time(12), BERLIN)
    found = {
        due_at(deliver, begin + timedelta(minutes=step), timezone=BERLIN, group_wait=NO_WAIT)
        for step in range(3 * 24 * 60)
    }
    days = [moment.astimezone(BERLIN).date() for moment in sorted(found)]
    assert days == [start + timedelta(days=number) for number in range(1, len(days) + 1)]


@given(
    ZONES, MOMENTS, st.sampled_from(["hourly", "daily 07:30", "weekly wed 02:30", "daily 00:00"])
)
def test_a_digest_is_due_after_now_and_within_its_period(
    zone: ZoneInfo, now: datetime, text: str
) -> None:
    due = due_at(parse_deliver(text), now, timezone=zone, group_wait=NO_WAIT)
    period = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(days=7)}[text[0]]
    assert now < due <= now + period + timedelta(hours=1)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        ("", "2026-03-01T23:00", None),
        ("22:00-07:00", "2026-03-01T20:59", None),
        ("22:00-07:00", "2026-03-01T21:00", "2026-03-02T06:00"),
        ("22:00-07:00", "2026-03-02T05:59", "2026-03-02T06:00"),
        ("22:00-07:00", "2026-03-02T06:00", None),
        ("12:00-13:00", "2026-03-01T11:30", "2026-03-01T12:00"),
        ("12:00-12:00", "2026-03-01T11:00", None),
        ("22:00-02:30", "2026-03-28T23:00", "2026-03-29T01:00"),
        ("22:00-07:00", "2026-10-25T00:30", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_hold_until_their_end(quiet: str, now: str, until: str | None) -> None:
    assert hold_until(quiet, utc(now), BERLIN) == (utc(until) if until else None)


@given(ZONES, MOMENTS, TIMES, TIMES)
def test_what_is_held_is_free_at_the_end(
    zone: ZoneInfo, now: datetime, begin: time, end: time
) -> None:
    quiet = f"{begin:%H:%M}-{end:%H:%M}"
    until = hold_until(quiet, now, zone)
    if until is not None:
        assert now < until <= now + timedelta(hours=25)
        assert hold_until(quiet, until, zone) is None


@given(ZONES, MOMENTS)
def test_every_moment_lies_in_one_day(zone: ZoneInfo, now: datetime) -> None:
    assert day_start(now, zone) <= now < day_end(now, zone)
    assert day_start(day_end(now, zone), zone) == day_end(now, zone)
