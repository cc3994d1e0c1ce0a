"""What a crawl writes, against a real database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from crawler.answer import Answer
from crawler.items import ArticleItem, EntryItem, entry_from_json, entry_to_json
from crawler.record import (
    Listing,
    Recorded,
    record_article,
    record_failed_page,
    record_listing,
    record_not_article,
    record_unchanged,
)
from store.articles import Article, Entry, waiting_entries
from store.engine import Store
from store.sources import Document, HostState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEED = "https://news.example/feed"
TEXT = " ".join(f"word{number}" for number in range(60))


def listing(
    *entries: EntryItem, source: str = "news", baseline: bool = False, fetch: int = 100
) -> Listing:
    answer = Answer(FEED, 200, etag='"1"', last_modified="Sun, 01 Mar 2026 11:00:00 GMT")
    return Listing(source, FEED, "feed", True, answer, "hash", entries, NOON, baseline, fetch)


def entry(path: str, guid: str | None = None) -> EntryItem:
    return EntryItem(f"https://news.example{path}", guid=guid, title="A headline")


def article(path: str = "/a", body: str = TEXT, host: str = "news.example") -> ArticleItem:
    url = f"https://{host}{path}"
    return ArticleItem(url, url, "A headline", "", body)


def keep(store: Store, what: Listing) -> list[Entry]:
    with store.writing() as session:
        return record_listing(session, what)


def file_page(store: Store, waiting: Entry, item: ArticleItem) -> Recorded:
    assert waiting.id is not None
    with store.writing() as session:
        return record_article(session, waiting.id, item, "sha", NOON)


def test_new_entries_wait_and_known_ones_do_not_come_twice(store: Store) -> None:
    assert len(keep(store, listing(entry("/a"), entry("/b"), entry("/a?utm_source=rss")))) == 2
    assert keep(store, listing(entry("/b"), entry("/a"))) == []
    assert [e.url_key for e in keep(store, listing(entry("/b"), entry("/c")))] == ["news.example/c"]


def test_validators_are_kept_as_a_pair_together_with_the_entries(store: Store) -> None:
    keep(store, listing(entry("/a")))
    with store.writing() as session:
        record_unchanged(session, "news", FEED, Answer(FEED, 200, etag='"2"'), NOON)
    with store.reading() as session:
        document = session.get_one(Document, ("news", FEED))
        assert (document.etag, document.last_modified, document.visits) == ('"2"', None, 2)


def test_beyond_the_first_visits_pages_entries_are_known_but_not_fetched(store: Store) -> None:
    items = [entry(f"/{number}") for number in range(10)]
    assert len(keep(store, listing(*items, baseline=True, fetch=3))) == 3
    assert keep(store, listing(*items)) == []


def test_an_address_under_two_sources_becomes_one_article(store: Store) -> None:
    [first] = keep(store, listing(entry("/a")))
    [second] = keep(store, listing(entry("/a?fbclid=1"), source="aggregator"))
    filed = file_page(store, first, article())
    assert filed.outcome == "article"
    with store.reading() as session:
        settled = session.get_one(Entry, second.id)
        assert (settled.outcome, settled.article_id) == ("duplicate", filed.article_id)
    assert keep(store, listing(entry("/a?gclid=2"), source="third")) == []


@pytest.mark.parametrize("path", ["/amp/a", "/a/amp", "/a?print=1", "/a/?utm_medium=mail"])
def test_other_forms_of_an_address_are_the_same_article(store: Store, path: str) -> None:
    [first] = keep(store, listing(entry("/a")))
    file_page(store, first, article())
    again = keep(store, listing(entry(path)))
    for waiting in again:
        assert file_page(store, waiting, article()).outcome == "duplicate"


def test_the_same_text_under_a_second_address_is_one_article(store: Store) -> None:
    first, second = keep(store, listing(entry("/a"), entry("/b")))
    filed = file_page(store, first, article("/a"))
    assert file_page(store, second, article("/b")) == Recorded(
        "duplicate", filed.article_id, "text"
    )


def test_a_copy_on_another_site_is_an_article_of_the_same_story(store: Store) -> None:
    first, second = keep(
        store, listing(entry("/a"), EntryItem("https://other.example/a", title="x"))
    )
    file_page(store, first, article())
    copy = file_page(store, second, article(host="other.example"))
    assert copy.outcome == "article"
    with store.reading() as session:
        assert len({a.story_id for a in session.exec(select(Article))}) == 1


def test_short_texts_are_never_equal(store: Store) -> None:
    first, second = keep(store, listing(entry("/a"), entry("/b")))
    file_page(store, first, article("/a", body="Subscribe to read on."))
    assert (
        file_page(store, second, article("/b", body="Subscribe to read on.")).outcome == "article"
    )


def test_one_guid_with_one_headline_is_one_article_and_with_two_is_two(store: Store) -> None:
    first, moved, other = keep(
        store, listing(entry("/a", "g1"), entry("/moved", "g1"), entry("/other", "g1"))
    )
    file_page(store, first, article("/a"))
    assert file_page(store, moved, article("/moved", body=TEXT + " edited")).reason == "guid"
    different = replace(article("/other", body=TEXT + " new"), title="Another headline")
    assert file_page(store, other, different).outcome == "article"


def test_a_first_visits_article_is_baseline_unless_it_is_news_to_another_source(
    store: Store,
) -> None:
    old, shared = keep(store, listing(entry("/a"), entry("/b"), baseline=True))
    keep(store, listing(entry("/b"), source="known-for-long"))
    for waiting, path in ((old, "/a"), (shared, "/b")):
        file_page(store, waiting, article(path, body=f"{TEXT} {path}"))
    with store.reading() as session:
        assert [a.baseline for a in session.exec(select(Article).order_by(Article.url))] == [
            True,
            False,
        ]


def test_a_failed_page_waits_for_its_next_attempt_and_a_settled_one_does_not(store: Store) -> None:
    first, second = keep(store, listing(entry("/a"), entry("/b")))
    with store.writing() as session:
        record_failed_page(session, first.id or 0, "HTTP 500", NOON, NOON + timedelta(minutes=5))
        record_not_article(session, second.id or 0, "a tag page", "not_article", NOON)
    with store.reading() as session:
        assert waiting_entries(session, "news.example", NOON) == []
        later = waiting_entries(session, "news.example", NOON + timedelta(minutes=5))
        assert [(e.url, e.attempts, e.last_error) for e in later] == [
            ("https://news.example/a", 1, "HTTP 500")
        ]


def test_however_an_attempt_at_a_page_ends_its_host_is_known_to_move(store: Store) -> None:
    read, failed, none = keep(store, listing(entry("/a"), entry("/b"), entry("/c")))

    def moved_at() -> datetime | None:
        with store.reading() as session:
            return session.get_one(HostState, "news.example").page_at

    file_page(store, read, article("/a"))
    assert moved_at() == NOON
    for minutes, note in (
        (1, lambda session, at: record_failed_page(session, failed.id, "HTTP 500", at, at)),
        (2, lambda session, at: record_not_article(session, none.id, "a tag page", "failed", at)),
    ):
        at = NOON + timedelta(minutes=minutes)
        with store.writing() as session:
            note(session, at)
        assert moved_at() == at


@given(
    st.builds(
        EntryItem,
        url=st.text(min_size=1),
        guid=st.none() | st.text(),
        title=st.none() | st.text(),
        authors=st.tuples(st.text(min_size=1)),
        published=st.none() | st.datetimes(timezones=st.just(UTC)),
        modified=st.none() | st.datetimes(timezones=st.just(UTC)),
        published_precision=st.sampled_from(["minute", "day", "unknown"]),
    )
)
def test_an_entry_survives_its_way_through_json(item: EntryItem) -> None:
    back = entry_from_json(entry_to_json(item))
    empty_is_none = replace(item, guid=item.guid or None, title=item.title or None)
    assert back == empty_is_none
