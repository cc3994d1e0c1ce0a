"""Publication times as sites and feeds write them, in any of their languages and calendars.

Nothing is guessed: a text that leaves the year, the month or the order of day and month open gives
None, and today's date is never a default. Where a text holds several dates the first counts, a
Gregorian one before any other calendar's.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from datetime import timezone as fixed_zone
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from crawler import date_words as words
from crawler.calendars import hijri_date, solar_hijri_date

EARLIEST_YEAR = 1990
"""Before the web: such a date is a default value or a slip."""
LATEST_YEAR = 2100
EARLIEST = datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
"""Sites whose clock or zone is off are this far ahead; what is further is no time of an article."""
_LONGEST_TEXT = 300
"""A text that goes on after this is prose; only its beginning is read."""


@dataclass(frozen=True, slots=True)
class ParsedDate:
    """A time as read, with how much of it was written."""

    at: datetime
    """In UTC; a day stands as its midnight in the zone of the text or of the source."""
    precision: Literal["minute", "day"]
    zone_given: bool
    """Whether the text named its zone; otherwise the source's zone was taken."""
    offset: timedelta | None = field(default=None, compare=False)
    """From UTC, where the text named one: tells the day as readers there saw it."""


def is_believable(at: datetime, now: datetime) -> bool:
    """Whether an article can be of that time, as of `now`."""
    return EARLIEST <= at <= now + AHEAD


class _Clock(NamedTuple):
    """A time of day, perhaps with a zone: where it stands in the text, seconds since midnight."""

    start: int
    end: int
    seconds: int
    zone: tzinfo | None


class _Day(NamedTuple):
    day: date
    gregorian: bool


def parse_date(
    text: str, *, timezone: str = "UTC", fetched_at: datetime | None = None
) -> ParsedDate | None:
    """The time the text names, or None when it names none for certain. Never raises for any text.

    `timezone` is for texts without one (raises ZoneInfoNotFoundError when there is no such zone).
    `fetched_at` (aware) lets "3 hours ago" and "yesterday" be resolved; without it they are None.
    A time in the future is returned as it is: whoever knows the clock judges it.
    """
    zone = ZoneInfo(timezone)
    try:
        return _parse(text[:_LONGEST_TEXT].strip(), zone, fetched_at)
    except (ValueError, OverflowError):
        return None


def _parse(text: str, zone: ZoneInfo, fetched_at: datetime | None) -> ParsedDate | None:
    found = _RFC822.fullmatch(text)
    if found:
        return _from_rfc822(found, zone)
    folded = words.fold(text)
    for pattern, reader in _WHOLE_TEXTS:
        found = pattern.fullmatch(folded)
        if found:
            return reader(found, zone)
    return _from_prose(folded, zone, fetched_at)


def _finish(
    day: date, seconds: int | None, named: tzinfo | None, zone: ZoneInfo
) -> ParsedDate | None:
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        return None
    local = datetime.combine(day, time(), named or zone) + timedelta(seconds=seconds or 0)
    precision: Literal["minute", "day"] = "day" if seconds is None else "minute"
    offset = local.utcoffset() if named is not None else None
    return ParsedDate(local.astimezone(UTC), precision, named is not None, offset)


# --- zones --------------------------------------------------------------------------------------

_UNIVERSAL = frozenset({"z", "utc", "gmt", "ut"})
_OFFSET = r"[+-]\d{1,2}:?(?:\d{2})?"
_ZONE = re.compile(rf"(?:(?P<name>z|[a-z]{{2,5}})\b\s*)?(?P<offset>{_OFFSET}(?![\d:]))?")


def _offset_zone(written: str) -> tzinfo | None:
    """The zone of +05:30, -0800 or +5; None for what lies beyond any zone of the earth."""
    digits = written[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    offset = -offset if written[0] == "-" else offset
    if int(minutes) > 59 or not timedelta(hours=-12) <= offset <= timedelta(hours=14):
        return None
    return fixed_zone(offset)


def _named_zone(name: str, day: date, zone: ZoneInfo) -> tzinfo | None:
    """The zone a name like PKT means to a source in `zone`; None for a word that is no zone."""
    if name in _UNIVERSAL:
        return UTC
    if name in words.REGIONS:
        return ZoneInfo(words.REGIONS[name])
    own_names = {
        (datetime(day.year, month, 1, tzinfo=zone).tzname() or "").lower() for month in (1, 7)
    }
    if name in words.ZONES and (
        name in own_names or zone.key in words.LOCAL_ZONE_NAMES.get(name, ())
    ):
        return zone
    return fixed_zone(timedelta(seconds=words.ZONES[name])) if name in words.ZONES else None


def _written_zone(written: str, day: date, zone: ZoneInfo) -> tuple[tzinfo | None, int]:
    """The zone at the start of a text, and how many characters it takes."""
    lead = len(written) - len(written.lstrip(" (,"))
    found = _ZONE.match(written, lead)
    if not found or not found[0]:
        return None, 0
    named = _named_zone(found["name"], day, zone) if found["name"] else None
    if found["name"] and named is None:
        return None, 0
    offset = _offset_zone(found["offset"]) if found["offset"] else None
    # A short one that stands apart is one at the end of the text; else it may count something.
    ends = not written[found.end() :].strip(" )")
    joined = bool(found["name"]) or lead == 0 or len(found["offset"] or "") >= 5 or ends
    if offset is not None and joined:
        return offset, found.end()
    return named, found.end("name") if found["name"] else 0


# --- texts that are a date and nothing else ------------------------------------------------------

_RFC822 = re.compile(
    r"(?:[A-Za-z]{2,9}\.?,?\s+)?(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]{3,9})\.?[\s-]+"
    r"(?P<year>\d{2,4})\s+(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.\d+)?)?"
    r"(?:\s*(?P<zone>[+-]\d{2}:?\d{2}|[+-]\d{1,2}|[A-Za-z]{1,5}))?(?:\s*\([^)]*\))?",
    re.ASCII,
)
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})-(?P<day>\d{1,2})|-?w(?P<week>\d{2})-?(?P<weekday>[1-7])"
    r"|-(?P<ordinal>\d{3}))"
    r"(?:[t\s_]\s*(?P<hour>\d{1,2})(?::?(?P<minute>\d{1,2})(?::?(?P<second>\d{1,2})(?:[.,]\d+)?)?)?"
    r"(?P<zone>[^\d\s:].*|\s.*)?)?",
    re.ASCII | re.DOTALL,
)
_DAY_FIRST_ISO = re.compile(
    r"(?P<day>\d{1,2})-(?P<month>\d{1,2})-(?P<year>\d{4})t(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,]\d+)?)?(?P<zone>[^\d\s:].*|\s.*)?",
    re.ASCII | re.DOTALL,
)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:t?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?:\.\d+)?(?P<zone>[^\d\s].*)?)?",
    re.ASCII | re.DOTALL,
)
_EPOCH = re.compile(r"(\d{9,10})(?:\.\d+)?|(\d{12,13})|(\d{15,16})", re.ASCII)


def _full_year(written: str) -> int:
    """RFC 2822, 4.3: two digits up to 49 are 20xx, other years below 1000 count from 1900."""
    year = int(written)
    if len(written) >= 4:
        return year
    return 2000 + year if year < 50 else 1900 + year


def _seconds(hour: str, minute: str | None, second: str | None) -> int:
    """Seconds since midnight; 24:00 is the next midnight, a leap second the one before it."""
    hours, minutes, seconds = int(hour), int(minute or 0), min(int(second or 0), 60)
    if hours > 24 or minutes > 59 or (hours == 24 and minutes + seconds):
        raise ValueError(f"no time {hour}:{minute}:{second}")
    return hours * 3600 + minutes * 60 + min(seconds, 59)


def _from_rfc822(found: re.Match[str], zone: ZoneInfo) -> ParsedDate | None:
    month = words.GREGORIAN_MONTHS.get(found["month"].lower())
    if month is None:
        return None
    day = date(_full_year(found["year"]), month, int(found["day"]))
    named, _ = _written_zone((found["zone"] or "").lower(), day, zone)
    return _finish(day, _seconds(found["hour"], found["minute"], found["second"]), named, zone)


def _from_iso(found: re.Match[str], zone: ZoneInfo) -> ParsedDate | None:
    parts = found.groupdict()
    year = int(parts["year"])
    if parts.get("week"):
        day = date.fromisocalendar(year, int(parts["week"]), int(parts["weekday"]))
    elif parts.get("ordinal"):
        day = date(year, 1, 1) + timedelta(days=int(parts["ordinal"]) - 1)
    else:
        day = _numeric_year_first(year, int(parts["month"]), int(parts["day"])).day
    if not parts["hour"]:
        return _finish(day, None, None, zone)
    rest = (parts["zone"] or "").strip()
    hour = _of_24(int(parts["hour"]), _half_of_day("", rest))
    named, _ = _written_zone(rest, day, zone)
    return _finish(day, _seconds(str(hour), parts["minute"], parts["second"]), named, zone)


def _from_epoch(found: re.Match[str], zone: ZoneInfo) -> ParsedDate | None:
    seconds, milliseconds, microseconds = (int(number or 0) for number in found.groups())
    at = datetime.fromtimestamp(seconds + milliseconds // 1000 + microseconds // 10**6, UTC)
    return ParsedDate(at, "minute", True) if EARLIEST_YEAR <= at.year <= LATEST_YEAR else None


_Reader = Callable[[re.Match[str], ZoneInfo], ParsedDate | None]
_WHOLE_TEXTS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (_ISO, _from_iso),
    (_DAY_FIRST_ISO, _from_iso),
    (_COMPACT, _from_iso),
    (_EPOCH, _from_epoch),
)


# --- times of day --------------------------------------------------------------------------------


def _either(marks: tuple[str, ...]) -> str:
    return "|".join(re.escape(words.fold(mark)) for mark in sorted(marks, key=len, reverse=True))


_HALF = rf"(?:(?P<am>{_either(words.MORNING)})|(?P<pm>{_either(words.AFTERNOON)})"
_HALF += rf"|(?P<night>{_either(words.NIGHT)}))"
_HALF_BEFORE = re.compile(rf"(?<![^\W\d_]){_HALF}\.?\s*$")
_HALF_AFTER = re.compile(rf"\s*{_HALF}(?![^\W\d_])\.?")
_COLON_TIME = re.compile(
    r"(?<![\d:.+-])(?P<hour>\d{1,2})\s?(?::|h|時|时|시)\s?(?P<minute>[0-5]\d)(?!\d)"
    r"(?:[:分]\s?(?P<second>[0-6]\d)(?:[.,]\d+)?(?!\d))?[分분]?"
)
_DOTTED_TIME = re.compile(r"(?<![\d.:])(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?![\d.])")
_BARE_HOUR = re.compile(r"(?<![\d:.])(?P<hour>\d{1,2})(?=\s?(?:[ap]\.?m\b|(?P<french>h\b)))")


def _half_of_day(before: str, after: str) -> str:
    """What stands with a time: am, pm, night or nothing."""
    found = _HALF_AFTER.match(after) or _HALF_BEFORE.search(before)
    return (found.lastgroup or "") if found else ""


def _of_24(hour: int, half: str) -> int:
    if not half or not 1 <= hour <= 12:
        return hour
    afternoon = half == "pm" or (half == "night" and 6 <= hour < 12)
    return hour % 12 + (12 if afternoon else 0)


def _clock(folded: str, zone: ZoneInfo) -> _Clock | None:
    """The first time of day in the text."""
    for pattern in (_COLON_TIME, _BARE_HOUR, _DOTTED_TIME):
        found = pattern.search(folded)
        if not found:
            continue
        parts = found.groupdict()
        before, after = folded[: found.start()], folded[found.end() :]
        hour = _of_24(int(parts["hour"]), _half_of_day(before, after))
        seconds = _seconds(str(hour), parts.get("minute"), parts.get("second"))
        half = _HALF_AFTER.match(after)
        end = found.end() + (half.end() if half else 0)
        named, length = _written_zone(folded[end:], date(2020, 1, 1), zone)
        return _Clock(found.start(), end + length, seconds, named)
    return None


# --- days in running text ------------------------------------------------------------------------

_TOKEN = re.compile(r"\d+|[^\s\d!-/:-@\[-`{-~،؛۔।॰…|·•«»“”„’‘年月日년월일]+|[年月日년월일]")
_NUMERIC = re.compile(
    r"(?<![\d:/.-])(\d{1,4})(?:\s(?=[/|]))?([/.|-])\s?(\d{1,2})(?:\s(?=[/|]))?\2\s?(\d{1,4})"
    r"(?![\d:/]|[.-]\d)"
)
_EAST_ASIAN = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]?")
_VIETNAMESE = re.compile(r"(\d{1,2}) thang (\d{1,2}),? (?:nam )?(\d{4})")
_MONTH_TABLES = (
    (words.GREGORIAN_MONTHS, date, True),
    (words.SOLAR_HIJRI_MONTHS, solar_hijri_date, False),
    (words.HIJRI_MONTHS, hijri_date, False),
)
_LONGEST_MONTH_NAME = 3
"""Words: rabi al awwal."""
_LAST_SOLAR_YEAR = 1412
"""Of years 13xx and 14xx: up to here Solar Hijri (1412 is 2033), above Hijri (1413 is 1992)."""
_BUDDHIST_YEARS = range(2533, 2644)
"""1990 to 2100 as Thai sites count."""


def _gregorian(year: int, month: int, day: int) -> date:
    return date(year - 543 if year in _BUDDHIST_YEARS else year, month, day)


def _numeric_year_first(year: int, month: int, day: int) -> _Day:
    if not 1300 <= year <= 1500:
        return _Day(_gregorian(year, month, day), True)
    convert = solar_hijri_date if year <= _LAST_SOLAR_YEAR else hijri_date
    return _Day(convert(year, month, day), False)


def _month_first(zone: ZoneInfo) -> bool:
    return zone.key.startswith(words.MONTH_FIRST_ZONES) and not zone.key.startswith(
        words.DAY_FIRST_ZONES
    )


def _numeric_day(found: re.Match[str], zone: ZoneInfo, today: date | None) -> _Day:
    """12.03.2021, 2021/3/12, 3/12/21. Raises ValueError when day and month cannot be told apart.

    Dots, hyphens and bars put the day first where that gives a day at all; slashes do so unless
    the source's zone is American. With slashes and a source whose zone is not known (UTC) both
    readings must agree, or one of them must lie in the future.
    """
    first, mark, second, last = found[1], found[2], int(found[3]), found[4]
    if len(first) == 4:
        return _numeric_year_first(int(first), second, int(last))
    if len(first) > 2 or len(last) not in {2, 4}:
        raise ValueError("not a date")
    year = _full_year(last)
    day_first = _readable(year, second, int(first))
    month_first = _readable(year, int(first), second)
    if month_first is None or day_first == month_first:
        return _required(day_first)
    if mark != "/" and day_first is not None:
        return day_first
    if day_first is None or _month_first(zone):
        return month_first
    if zone.key != "UTC":
        return day_first
    past = [known for known in (day_first, month_first) if today and known.day <= today]
    if len(past) != 1:
        raise ValueError("day or month first?")
    return past[0]


def _readable(year: int, month: int, day: int) -> _Day | None:
    try:
        return _numeric_year_first(year, month, day)
    except (ValueError, OverflowError):
        return None


def _required(day: _Day | None) -> _Day:
    if day is None:
        raise ValueError("no such day")
    return day


def _days_with_month_names(folded: str) -> Iterator[tuple[int, _Day]]:
    """Every day written with a month's name, and where the name stands."""
    found = list(_TOKEN.finditer(folded))
    tokens = [match[0] for match in found]
    for index, match in enumerate(found):
        for length in range(_LONGEST_MONTH_NAME, 0, -1):
            name = " ".join(tokens[index : index + length])
            for table, convert, gregorian in _MONTH_TABLES:
                month = table.get(name)
                if month is None:
                    continue
                if name == "listopada" and re.search(r"\d\.\s*$", folded[: match.start()]):
                    month = 10  # Croatian writes "12. listopada" for October, Polish without dot
                day = _around(tokens[:index], tokens[index + length :], month, convert)
                if day:
                    yield match.start(), _Day(day, gregorian)


def _around(
    before: list[str], after: list[str], month: int, convert: Callable[[int, int, int], date]
) -> date | None:
    """The day whose month's name stands between these tokens, by the orders in use.

    12 March 2021; 2021 March 12; March 12 2021; 2021 gada 12 marts. Of two numbers the one with
    four digits is the year; two digits are a year only in the first order.
    """
    left, further_left = _numbers(reversed(before))
    right, further_right = _numbers(iter(after))
    orders = (
        (right, left, (2, 4)),
        (left, right, (4,)),
        (further_right, right, (4,)),
        (further_left, left, (4,)),
    )
    for year, day, widths in orders:
        if year and day and len(day) <= 2 and len(year) in widths:
            try:
                return _in_calendar(convert, _full_year(year), month, int(day))
            except (ValueError, OverflowError):
                continue
    return None


def _in_calendar(convert: Callable[[int, int, int], date], year: int, month: int, day: int) -> date:
    return _gregorian(year, month, day) if convert is date else convert(year, month, day)


def _numbers(tokens: Iterator[str]) -> tuple[str | None, str | None]:
    """The next two numbers, with nothing but fillers before and between them."""
    numbers: list[str] = []
    for token in tokens:
        if token.isdecimal() and token.isascii():
            numbers.append(token)
            if len(numbers) == 2:
                break
        elif token not in words.FILLERS:
            break
    return (*numbers, None, None)[:2]  # type: ignore[return-value]


def _days(folded: str, zone: ZoneInfo, today: date | None) -> Iterator[tuple[int, _Day]]:
    yield from _days_with_month_names(folded)
    for found in _EAST_ASIAN.finditer(folded):
        day = _readable(int(found[1]), int(found[2]), int(found[3]))
        if day:
            yield found.start(), day
    for found in _VIETNAMESE.finditer(folded):
        day = _readable(int(found[3]), int(found[2]), int(found[1]))
        if day:
            yield found.start(), day
    for found in _NUMERIC.finditer(folded):
        try:
            yield found.start(), _numeric_day(found, zone, today)
        except (ValueError, OverflowError):
            continue


def _from_prose(folded: str, zone: ZoneInfo, fetched_at: datetime | None) -> ParsedDate | None:
    clock = _clock(folded, zone)
    rest = folded if not clock else f"{folded[: clock.start]} | {folded[clock.end :]}"
    today = fetched_at.astimezone(zone).date() if fetched_at else None
    days = sorted(_days(rest, zone, today), key=lambda found: (not found[1].gregorian, found[0]))
    if days:
        day = days[0][1].day
        return _finish(day, clock.seconds if clock else None, clock.zone if clock else None, zone)
    return _from_relative(folded, clock, zone, fetched_at) if fetched_at else None


# --- "3 hours ago" -------------------------------------------------------------------------------

_LONGEST_RELATIVE = 60
_IL_Y_A = re.compile(r"\bil y a\b")
_EAST_ASIAN_AGO = re.compile(
    r"(\d+)\s*(分钟|分鐘|分|분|小时|小時|時間|시간|天|日|일)\s*(?:之?前|전)"
)
_EAST_ASIAN_UNITS = {
    words.fold(unit): seconds
    for unit, seconds in (
        ("分钟", 60), ("分鐘", 60), ("分", 60), ("분", 60),
        ("小时", 3600), ("小時", 3600), ("時間", 3600), ("시간", 3600),
        ("天", 86400), ("日", 86400), ("일", 86400),
    )
}  # fmt: skip


def _from_relative(
    folded: str, clock: _Clock | None, zone: ZoneInfo, fetched_at: datetime
) -> ParsedDate | None:
    """ "3 hours ago", "yesterday, 14:30": counted back from the fetching."""
    if len(folded) > _LONGEST_RELATIVE:
        return None
    tokens = [token.lower() for token in _TOKEN.findall(folded)]
    days = next((words.DAY_WORDS[token] for token in tokens if token in words.DAY_WORDS), None)
    if days is not None:
        day = (fetched_at.astimezone(zone) - timedelta(days=days)).date()
        named = clock.zone if clock else None
        return _finish(day, clock.seconds if clock else None, named, zone)
    seconds = _seconds_ago(folded, tokens)
    longest = fetched_at - datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC)
    if seconds is None or seconds > longest.total_seconds():
        return None
    at = fetched_at.astimezone(UTC) - timedelta(seconds=seconds)
    if seconds % 86400 == 0:
        return _finish(at.astimezone(zone).date(), None, None, zone)
    return ParsedDate(at.replace(second=0, microsecond=0), "minute", True)


def _seconds_ago(folded: str, tokens: list[str]) -> int | None:
    east_asian = _EAST_ASIAN_AGO.search(folded)
    if east_asian:
        return int(east_asian[1]) * _EAST_ASIAN_UNITS[east_asian[2]]
    if words.AGO.isdisjoint(tokens) and not _IL_Y_A.search(folded):
        return None
    counted, total = 0, 0
    number = 1
    for token in tokens:
        if token.isdecimal():
            number = int(token)
            continue
        seconds = words.DUALS.get(token) or number * words.UNITS.get(token, 0)
        counted, total = counted + bool(seconds), total + seconds
        number = 1 if seconds else number
    return total if counted else None
