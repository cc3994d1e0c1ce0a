"""Whether two windows touch, and where a gap is read up."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from crawler.gap import (
    Lookout,
    in_words,
    is_gap,
    missed,
    next_guess,
    pages_to_try,
    reaches_back,
    remembered,
    share_known,
)
from crawler.items import EntryItem

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = "https://news.example"


def entry(number: int, *, dated: bool = True, hours: float | None = None) -> EntryItem:
    """Article n was published at n o'clock, noon being 100."""
    at = NOON + (number if hours is None else hours) * HOUR - 100 * HOUR
    return EntryItem(f"{SITE}/{number}", published=at if dated else None)


def window(first: int, last: int, *, dated: bool = True) -> list[EntryItem]:
    """Newest first."""
    return [entry(number, dated=dated) for number in range(last, first - 1, -1)]


def looked(entries: Sequence[EntryItem]) -> Lookout:
    keys = [f"news.example{entry.url.removeprefix(SITE)}" for entry in entries]
    return remembered(entries, keys, Lookout([], None), NOON)


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize(("first", "gap"), [(51, False), (59, False), (60, False), (61, True)])
def test_windows_that_touch_have_no_gap_between(dated: bool, first: int, gap: bool) -> None:
    before = looked(window(51, 60, dated=dated))
    assert is_gap(window(first, first + 9, dated=dated), before) is gap


def test_a_pinned_entry_does_not_hide_a_gap() -> None:
    pinned = entry(1)
    before = looked([pinned, *window(52, 60)])
    assert is_gap([pinned, *window(71, 79)], before)


def test_a_site_with_new_addresses_for_old_articles_has_no_gap() -> None:
    before = looked(window(51, 60))
    moved = [EntryItem(f"{SITE}/new/{n}", published=entry(n).published) for n in range(60, 50, -1)]
    assert not is_gap(moved, before)


@pytest.mark.parametrize("entries", [[], window(1, 3)])
def test_without_something_to_compare_there_is_no_gap(entries: list[EntryItem]) -> None:
    assert not is_gap(entries, Lookout([], NOON))
    assert not is_gap([], looked(window(1, 3)))


def test_undated_entries_are_remembered_as_they_were_new() -> None:
    first = Lookout(["news.example/1"], None)
    entries = [entry(9, dated=False), entry(5, dated=False)]
    seen = remembered(entries, {"news.example/5"}, first, NOON)
    assert seen.recent == ["news.example/5", "news.example/1"]


def test_a_date_in_the_future_is_not_reached() -> None:
    assert remembered([entry(300), entry(50)], set(), Lookout([], None), NOON).reached == (
        entry(50).published
    )


def test_a_page_reaches_back_with_a_known_article_or_with_older_ones() -> None:
    before = looked(window(51, 60))
    assert reaches_back(window(58, 70), before, ordered=True)
    assert not reaches_back(window(61, 70), before, ordered=True)
    assert reaches_back(window(30, 40), before, ordered=True)
    one_old = [*window(61, 70), entry(1)]
    assert not reaches_back(one_old, before, ordered=True)
    assert reaches_back(one_old, before, ordered=False)


def test_what_was_missed_is_unknown_and_not_from_before() -> None:
    before = looked(window(51, 60))
    page = [*window(59, 64), entry(3)]
    found = missed(page, "feed", {"news.example/59", "news.example/60"}, before)
    assert [e.url for e in found] == [f"{SITE}/{n}" for n in (64, 63, 62, 61)]


def test_below_the_last_known_article_of_an_undated_page_all_is_old() -> None:
    before = looked(window(51, 60, dated=False))
    page = window(55, 64, dated=False)
    found = missed(page, "listing", {"news.example/60"}, before)
    assert [e.url for e in found] == [f"{SITE}/{n}" for n in (64, 63, 62, 61)]


def test_a_sitemap_rebuilt_today_is_no_flood_of_news() -> None:
    before = looked(window(51, 60))
    built = [EntryItem(f"{SITE}/a/{n}", modified=NOON) for n in range(500)]
    assert missed(built, "sitemap", set(), before) == ()
    assert len(missed(built[:20], "sitemap", set(), before)) == 20
    assert len(missed([*built, entry(70)], "sitemap", set(), before)) == 1


def test_the_documents_own_older_pages_come_first_and_then_the_likeliest_channel() -> None:
    others = [
        ("sitemap", f"{SITE}/sitemap.xml"),
        ("wordpress", f"{SITE}/wp-json/wp/v2/posts?per_page=100&page=1"),
        ("page", f"{SITE}/"),
    ]
    own = f"{SITE}/feed.xml?before=60"
    pages = pages_to_try("feed", f"{SITE}/feed.xml", own, others, NOON)
    assert [kind for kind, _ in pages] == ["feed", "wordpress", "sitemap"]
    assert pages[0][1] == own
    assert "after=2026-02-28T12:00:00" in pages[1][1]
    assert "per_page=100" in pages[1][1]


@pytest.mark.parametrize(
    ("url", "guess"),
    [
        (f"{SITE}/feed/", f"{SITE}/feed/?paged=2"),
        (f"{SITE}/world/feed", f"{SITE}/world/feed?paged=2"),
        (f"{SITE}/?feed=rss2", f"{SITE}/?feed=rss2&paged=2"),
        (f"{SITE}/rss.xml", None),
    ],
)
def test_wordpress_feeds_have_older_pages_that_they_do_not_name(
    url: str, guess: str | None
) -> None:
    assert pages_to_try("feed", url, None, [], NOON) == ([("feed", guess)] if guess else [])


def test_guessed_pages_are_counted_on() -> None:
    assert next_guess(f"{SITE}/feed/?paged=2") == f"{SITE}/feed/?paged=3"
    assert next_guess(f"{SITE}/feed/?page=2") is None


def test_the_overlap_is_the_known_share() -> None:
    assert share_known(["a", "b", "c", "d"], {"a", "x"}) == 0.25
    assert share_known([], set()) == 1.0


def test_a_gap_is_told_with_its_ends() -> None:
    said = in_words(NOON, NOON + HOUR)
    assert said == ("articles between 2026-03-02 12:00 UTC and 2026-03-02 13:00 UTC may be missing")
    assert "the last visit and now" in in_words(None, None)
