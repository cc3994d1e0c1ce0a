from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crawler.items import DocumentItem, EntryItem
from crawler.sources.ranking import Measure, carries_article, has_stopped, measured, ranked, roles

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def feed(url: str = "feed", items: int = 10, hours: int = 24, **more: object) -> Measure:
    values = {"newest": NOW, "span": hours * HOUR, "dated": 1.0, "titled": 1.0, **more}
    return Measure("feed", url, items=items, **values)  # type: ignore[arg-type]


def best(*measures: Measure) -> str:
    return ranked(measures)[0].url


def test_of_two_feeds_the_longer_or_the_better_dated_is_better() -> None:
    assert best(feed("short", 5, 12), feed("long", 40, 96)) == "long"
    assert best(feed("undated", dated=0.0, newest=None, span=None), feed("dated")) == "dated"
    assert best(feed("summary"), feed("whole", full_text=1.0)) == "whole"
    assert best(feed("first"), feed("second")) == "first"


def test_a_news_sitemap_of_two_days_beats_a_feed_of_three_hours() -> None:
    news = Measure("sitemap", "news", items=400, newest=NOW, span=2 * DAY, dated=1, titled=1)
    assert best(feed(hours=3), news) == "news"


def test_a_feed_beats_an_archive_that_is_megabytes_and_tells_no_publication() -> None:
    archive = Measure("sitemap", "all", items=50_000, span=900 * DAY, size=8 * 2**20)
    assert best(archive, feed()) == "feed"


def test_links_on_a_page_come_after_whatever_tells_dates() -> None:
    page = Measure("listing", "page", items=60, titled=1.0)
    assert best(page, feed(items=10, hours=3)) == "feed"


def test_a_channel_that_stopped_comes_after_those_that_go_on() -> None:
    old = feed("old", 100, 500, newest=NOW - 30 * DAY)
    assert [one.url for one in ranked([old, feed("new", 3, 5)])] == ["new", "old"]
    assert has_stopped(old, [feed("new", 3, 5)])
    assert not has_stopped(feed("new", newest=None), [feed("other")])


def test_the_second_is_of_another_kind_and_the_same_scope_and_goes_on() -> None:
    page = Measure("listing", "page", items=30, titled=1.0)
    stopped = Measure("sitemap", "map", items=30, newest=NOW - 9 * DAY, span=DAY, dated=1)
    part = Measure("wordpress", "api", items=9, newest=NOW, span=DAY, dated=1, scope="part")
    found = {m.url: role for m, role in roles([feed(), feed("other", 5), page, stopped, part])}
    assert found == {
        "feed": "main",
        "other": "spare",
        "page": "second",
        "map": "spare",
        "api": "spare",
    }


def test_what_cannot_be_read_or_lists_nothing_has_no_rank() -> None:
    assert roles([Measure("feed", "x", error="HTTP 404"), Measure("feed", "y")]) == []


def entry(**values: object) -> EntryItem:
    return EntryItem("https://news.example/a", **values)  # type: ignore[arg-type]


def test_a_measure_counts_publications_and_believes_no_date_of_the_future() -> None:
    entries = (
        entry(published=NOW - 5 * HOUR, published_precision="minute", title="A"),
        entry(published=NOW - HOUR, published_precision="minute"),
        entry(published=NOW + 400 * DAY, published_precision="minute"),
        entry(modified=NOW),
    )
    found = measured("feed", "feed", DocumentItem(entries), NOW)
    assert (found.items, found.newest, found.span) == (4, NOW - HOUR, 4 * HOUR)
    assert (found.dated, found.titled) == (0.5, 0.25)


def test_a_whole_text_is_long_and_not_cut() -> None:
    text = "<p>" + "The commission met in the valley. " * 30
    assert carries_article(entry(content=text))
    assert not carries_article(entry(content=text + "[&hellip;]"))
    assert not carries_article(entry(content="<p>" + "<b></b>" * 200))
    assert not carries_article(entry(summary=text))


MEASURES = st.builds(
    Measure,
    kind=st.sampled_from(["feed", "sitemap", "wordpress", "listing"]),
    url=st.text("ab", min_size=1, max_size=3),
    scope=st.sampled_from(["own", "site", "part"]),
    items=st.integers(0, 60_000),
    newest=st.none() | st.integers(0, 900).map(lambda hours: NOW - hours * HOUR),
    span=st.none() | st.integers(0, 90_000).map(lambda hours: hours * HOUR),
    dated=st.floats(0, 1),
    full_text=st.floats(0, 1),
    size=st.integers(0, 10**8),
)


@given(st.lists(MEASURES, max_size=6))
def test_whatever_is_found_one_is_main_and_at_most_one_second(measures: list[Measure]) -> None:
    given_roles = [role for _, role in roles(measures)]
    working = sum(measure.works for measure in measures)
    assert len(given_roles) == working
    assert given_roles.count("main") == min(working, 1)
    assert given_roles.count("second") <= 1
