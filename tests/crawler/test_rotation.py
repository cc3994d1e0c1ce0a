from datetime import UTC, datetime, timedelta

from crawler.sources.rotation import Part, parts_to_read

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def read(parts: list[Part], most: int = 50, old_before: datetime | None = None) -> list[str]:
    return parts_to_read(parts, most, NOW, old_before)


def test_parts_never_read_come_first_in_the_order_of_the_index() -> None:
    parts = [Part("b"), Part("a", read_at=NOW, newest=NOW), Part("c")]
    assert read(parts) == ["b", "c", "a"]


def test_an_archive_that_did_not_change_since_we_know_the_site_is_not_read_at_all() -> None:
    parts = [Part("2019", NOW - 900 * DAY), Part("today", NOW - HOUR), Part("unsaid")]
    assert read(parts, old_before=NOW - 2 * DAY) == ["today", "unsaid"]
    assert read(parts) == ["2019", "today", "unsaid"]


def test_of_parts_with_lastmod_only_the_changed_are_read_the_newest_first() -> None:
    said, then = NOW - HOUR, NOW - DAY
    parts = [
        Part("same", said, said, read_at=NOW - HOUR),
        Part("older", said - HOUR, then, read_at=NOW - HOUR),
        Part("newer", said, then, read_at=NOW - HOUR),
    ]
    assert read(parts) == ["newer", "older"]


def test_the_freshest_parts_are_read_once_a_day_because_lastmod_may_lie() -> None:
    parts = [
        Part(str(n), NOW - (n + 1) * DAY, NOW - (n + 1) * DAY, read_at=NOW - DAY) for n in range(6)
    ]
    assert read(parts) == ["0", "1", "2"]


def test_parts_without_lastmod_are_read_by_what_they_held_and_none_is_forgotten() -> None:
    parts = [
        Part(f"{n:03}", newest=NOW - (200 - n) * DAY, read_at=NOW - HOUR * (n % 7))
        for n in range(200)
    ]
    chosen = read(parts)
    assert len(chosen) == len(set(chosen)) == 50
    assert chosen[:40] == [f"{n:03}" for n in range(199, 159, -1)]
    # Played on, every part is read again in the end.
    seen: set[str] = set()
    for visit in range(40):
        chosen = read(parts)
        seen.update(chosen)
        at = NOW + visit * HOUR
        parts = [Part(p.url, newest=p.newest, read_at=at if p.url in chosen else p.read_at)
                 for p in parts]  # fmt: skip
    assert len(seen) == 200
