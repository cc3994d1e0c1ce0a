from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.dates import ParsedDate, parse_date

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(text: str, timezone: str = "UTC", fetched_at: datetime | None = None) -> str | None:
    found = parse_date(text, timezone=timezone, fetched_at=fetched_at)
    if found is None:
        return None
    return found.at.strftime("%Y-%m-%d" if found.precision == "day" else "%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 12 Mar 2021 10:30:00 +0000",
        "Mon, 12 Mar 2021 10:30:00 GMT",  # not a Monday
        "Fri, 12 Mar 21 10:30 UT",
        "12 Mar 2021 10:30:00 Z",
        "Fri, 12 March 2021 15:30:00 PKT",
        "Fri, 12 Mar 2021 05:30:00 EST",
        "Fri, 12 Mar 2021 15:30:00 +5",
        "12 Mar 2021 04:30:00 -06",
        "2021-03-12 15:30:00 +5",
        "2021-03-12 15:30 (+5)",
        "March 12, 2021 15:30:00 +5",
        "Fri, 12 Mar 2021 10:30:00 +0000 (Coordinated Universal Time)",
        "2021-03-12T10:30:00Z",
        "2021-03-12T10:30:00.1234567+00:00",
        "2021-03-12 16:00:00,5 +0530",
        "2021-03-12T10:30Z",
        "20210312T103000Z",
        "2021-W10-5T10:30:00Z",
        "2021-071T10:30:00Z",
        "2021-03-12T15:30:00+05:00[Asia/Karachi]",
        "1615545000",
        "1615545000000",
        "Fri Mar 12 10:30:00 UTC 2021",
        "Fri Mar 12 2021 15:30:00 GMT+0500 (Pakistan Standard Time)",
        "Published: March 12, 2021 3:30 PM PKT | Updated: March 14, 2021 9:00 AM PKT",
    ],
)
def test_forms_of_one_moment(text: str) -> None:
    assert parse_date(text, timezone="America/New_York") == ParsedDate(
        datetime(2021, 3, 12, 10, 30, tzinfo=UTC), "minute", True
    )


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("۱۲ مارچ ۲۰۲۱، ۱۰:۳۰", "Asia/Karachi"),
        ("12 مارچ 2021 صبح 10:30", "Asia/Karachi"),
        ("د ۲۰۲۱ کال د مارچ ۱۲، ۱۰:۳۰", "Asia/Kabul"),
        ("جمعه ۲۲ حوت ۱۳۹۹ - ۱۰:۳۰", "Asia/Kabul"),
        ("د ۱۳۹۹ کال د کب ۲۲، ۱۰:۳۰", "Asia/Kabul"),
        ("جمعه ۲۲ اسفند ۱۳۹۹ ساعت ۱۰:۳۰", "Asia/Tehran"),
        ("۱۳۹۹/۱۲/۲۲ ۱۰:۳۰", "Asia/Tehran"),
        ("١٢ آذار ٢٠٢١ ١٠:٣٠ ص", "Asia/Baghdad"),
        ("12 مارس 2021 - 10:30", "Asia/Riyadh"),
        ("28 رجب 1442 10:30", "Asia/Riyadh"),
        ("28 رجب 1442 هـ الموافق 12 مارس 2021 10:30", "Asia/Riyadh"),
        ("12 मार्च 2021, 10:30 पूर्वाह्न", "Asia/Kolkata"),
        ("१२ मार्च २०२१, १०:३०", "Asia/Kolkata"),
        ("১২ মার্চ ২০২১, ১০:৩০", "Asia/Dhaka"),
        ("12 Mart 2021 10:30", "Europe/Istanbul"),
        ("12 марта 2021 г., 10:30", "Europe/Moscow"),
        ("12 mars 2021 à 10h30", "Europe/Paris"),
        ("Freitag, 12. März 2021 um 10.30 Uhr", "Europe/Berlin"),
        ("viernes, 12 de marzo de 2021 - 10:30", "Europe/Madrid"),
        ("12 marca 2021, 10:30", "Europe/Warsaw"),
        ("12. ožujka 2021. 10:30", "Europe/Zagreb"),
        ("2021. március 12. 10:30", "Europe/Budapest"),
        ("2021 m. kovo 12 d. 10:30", "Europe/Vilnius"),
        ("2021. gada 12. marts, 10:30", "Europe/Riga"),
        ("12. maaliskuuta 2021 klo 10.30", "Europe/Helsinki"),
        ("12 Μαρτίου 2021, 10:30", "Europe/Athens"),
        ("12 tháng 3, 2021 10:30", "Asia/Ho_Chi_Minh"),
        ("12 มีนาคม 2564 10:30", "Asia/Bangkok"),
        ("2021年3月12日 10時30分", "Asia/Tokyo"),
        ("2021년 3월 12일 오전 10:30", "Asia/Seoul"),
        ("12.03.2021 10:30", "Europe/Berlin"),
        ("12/03/2021 10:30", "Asia/Karachi"),
        ("03/12/2021 10:30 a.m.", "America/Chicago"),
        ("Mar. 12th, 2021 at 10:30 am", "America/Chicago"),
    ],
)
def test_languages_and_calendars(text: str, zone: str) -> None:
    found = parse_date(text, timezone=zone)
    local = parse_date("2021-03-12T10:30", timezone=zone)
    assert found == local
    assert found is not None
    assert not found.zone_given


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 مارچ 2021 شام 5:30", "2021-03-12 17:30"),
        ("12 مارچ 2021 رات 11:30", "2021-03-12 23:30"),
        ("12 مارچ 2021 رات 1:30", "2021-03-12 01:30"),
        ("March 12, 2021 12:05 AM", "2021-03-12 00:05"),
        ("March 12, 2021, 5 pm", "2021-03-12 17:00"),
        ("2021-03-12T24:00:00", "2021-03-13 00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31 23:59"),
    ],
)
def test_times_of_day(text: str, expected: str) -> None:
    assert at(text) == expected


def test_a_day_stands_as_its_midnight_in_the_zone_of_the_source() -> None:
    assert parse_date("2021-03-12", timezone="Asia/Karachi") == ParsedDate(
        datetime(2021, 3, 11, 19, 0, tzinfo=UTC), "day", False
    )


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("12 Mar 2021 10:30 PST", "Asia/Karachi", "2021-03-12 05:30"),
        ("12 Mar 2021 10:30 PST", "UTC", "2021-03-12 18:30"),
        ("12 Mar 2021 10:30 IST", "Asia/Kolkata", "2021-03-12 05:00"),
        ("12 Mar 2021 10:30 IST", "Asia/Jerusalem", "2021-03-12 08:30"),
        ("12 Mar 2021 10:30 BST", "Asia/Dhaka", "2021-03-12 04:30"),
        ("12 Jul 2021 10:30 BST", "Europe/London", "2021-07-12 09:30"),
        ("July 12, 2021, 10:30 am ET", "UTC", "2021-07-12 14:30"),
    ],
)
def test_zone_names_that_clash_are_read_as_the_source_means_them(
    text: str, zone: str, expected: str
) -> None:
    assert at(text, zone) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "no date", "12 March", "March 2021", "2021", "today", "3 hours ago", "10:30",
        "+9999", "0001-01-01", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "0",
        "Fri, 29 Feb 2021 10:00:00 GMT", "31.04.2021", "2021-13-01", "2021-03-12T25:00:00Z",
        "03/04/2026", "۳۱ حوت ۱۳۹۹", "45 Mar 2021", "9999999999999999", "1.2.3", "Version 2.10.1",
        "12345678901234567890",
    ],
)  # fmt: skip
def test_what_names_no_day_for_certain_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_a_number_above_twelve_is_the_day_whatever_stands_between() -> None:
    assert at("12.16.2025") == at("16.12.2025") == at("16 | 12 | 2025") == "2025-12-16"
    assert at("06.08.2009") == at("06 | 08 | 2009") == "2009-08-06"


def test_a_time_written_day_first_keeps_its_zone() -> None:
    found = parse_date("06-08-2009T14:12:32+0200")
    assert found is not None
    assert (found.at.isoformat(), found.offset) == (
        "2009-08-06T12:12:32+00:00",
        timedelta(hours=2),
    )


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("1 June 2019 at 08:34 PM EDT", -4), ("2021-03-12T02:00:00+05:00", 5),
        ("12 March 2021 10:00 PKT", 5), ("2021-03-12T02:00:00Z", 0), ("12 March 2021 10:00", None),
    ],
)  # fmt: skip
def test_the_offset_is_that_of_the_zone_the_text_names(text: str, hours: int | None) -> None:
    found = parse_date(text)
    assert found is not None
    assert found.offset == (None if hours is None else timedelta(hours=hours))


def test_slashes_without_a_known_zone_are_read_only_when_one_order_is_possible() -> None:
    assert at("13/03/2021") == at("03/13/2021") == "2021-03-13"
    assert at("05/05/2021") == "2021-05-05"
    assert at("11/12/2026", fetched_at=NOW) == "2026-11-12"
    assert at("10/09/2026", fetched_at=NOW) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 hours ago", "2026-11-22 09:00"),
        ("an hour ago", "2026-11-22 11:00"),
        ("1 hour 15 minutes ago", "2026-11-22 10:45"),
        ("3h ago", "2026-11-22 09:00"),
        ("3 گھنٹے پہلے", "2026-11-22 09:00"),
        ("۳ ساعت پیش", "2026-11-22 09:00"),
        ("۳ ساعته مخکې", "2026-11-22 09:00"),
        ("منذ ٣ ساعات", "2026-11-22 09:00"),
        ("منذ ساعتين", "2026-11-22 10:00"),
        ("3 घंटे पहले", "2026-11-22 09:00"),
        ("৩ ঘণ্টা আগে", "2026-11-22 09:00"),
        ("3 saat önce", "2026-11-22 09:00"),
        ("3 часа назад", "2026-11-22 09:00"),
        ("il y a 3 heures", "2026-11-22 09:00"),
        ("hace 3 horas", "2026-11-22 09:00"),
        ("vor 3 Stunden", "2026-11-22 09:00"),
        ("3小时前", "2026-11-22 09:00"),
        ("vor 2 Tagen", "2026-11-20"),
        ("گزشتہ روز", None),
        ("yesterday", "2026-11-21"),
        ("Yesterday, 14:30", "2026-11-21 14:30"),
        ("آج 09:30", "2026-11-22 09:30"),
        ("3 hours of rain", None),
    ],
)
def test_a_span_before_the_fetching_counts_when_the_fetching_is_known(
    text: str, expected: str | None
) -> None:
    assert at(text, fetched_at=NOW) == expected


def test_polish_and_croatian_listopad_are_told_apart_by_the_dot() -> None:
    assert at("12 listopada 2024") == "2024-11-12"
    assert at("12. listopada 2024.") == "2024-10-12"


_PIECES = st.lists(
    st.one_of(
        st.sampled_from(["2021", "12", "Mar", "مارچ", "۱۳۹۹", "حوت", "T", "Z", "+05:00", ":", "/"]),
        st.sampled_from(["-", ".", " ", "ago", "hours", "PM", "24:00", "年", "月", "W10", "IST"]),
        st.integers(0, 10**6).map(str),
    )
)


@given(st.one_of(st.text(), _PIECES.map("".join), _PIECES.map(" ".join)), st.booleans())
@example("AGO332149H", True)
@example("99999999999999 hours ago", True)
def test_any_text_gives_a_sane_date_or_none(text: str, fetched: bool) -> None:
    found = parse_date(text, timezone="Asia/Kabul", fetched_at=NOW if fetched else None)
    assert found is None or (found.at.utcoffset() == timedelta(0) and 1989 <= found.at.year <= 2101)


_FORMS = ("%a, %d %b %Y %H:%M:%S +0000", "%Y-%m-%dT%H:%M:%SZ", "%d %B %Y, %I:%M:%S %p UTC")


@given(st.integers(631_200_000, 4_000_000_000), st.sampled_from(_FORMS))
def test_what_was_written_is_read_back(seconds: int, form: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert parse_date(moment.strftime(form)) == ParsedDate(moment, "minute", True)
