"""The search index: it follows the articles, and never leaves out one that matches."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel, insert

from alerts.matcher import Matcher, Rule, Text
from alerts.query import Pattern, parse
from alerts.query_index import to_sought
from store.articles import Article, Story
from store.engine import Store
from store.search import (
    Window,
    candidates,
    index_missing,
    rebuild_index,
    unindexed,
    vocabulary,
)
from store.search_terms import EVERYTHING, Resembling, any_of, index_terms
from tests.alerts.world import NOON
from tests.support.queries import FIELDS, contents, rules


@pytest.fixture
def store(store: Store) -> Store:
    with store.writing() as session:
        session.add(Story(id=1, created_at=NOON))
    return store


def article(number: int, **changes: object) -> Article:
    url = f"https://dawn.example/{number}"
    values = {"url": url, "canonical_url": url, "url_key": url, "source_id": "dawn", "story_id": 1}
    seen = NOON + timedelta(hours=number)
    return Article(**{**values, "id": number, "title": "", "first_seen": seen, **changes})


def add(store: Store, *articles: Article) -> None:
    with store.writing() as session:
        session.add_all(articles)


def asked(store: Store, query: str, **window: object) -> list[int]:
    with store.reading() as session:
        return candidates(session, to_sought(parse(query)), Window(**window))  # type: ignore[arg-type]


def words(store: Store, letters: str = "ct北") -> list[str]:
    """The words of the index that begin with one of the letters."""
    with store.reading() as session:
        return sorted(vocabulary(session, Resembling(letters=frozenset(letters))))


@pytest.mark.parametrize(
    "query",
    [
        "torkham",
        '"Durand Line"',
        "clash*",
        '"border clash*"',
        "title:Torkham",
        "author:Khan",
        "tag:Pakistan",
        "url:dawn",
        "caption:soldier",
        "Torkham NEAR/3 Kabul",
        "nowhere OR (Torkham AND NOT Torkham)",
        "北京",
        '"北京市 Durand"',
        "کابل",
        "/Tork.am/",
    ],
)
def test_an_article_is_a_candidate_for_what_it_holds(store: Store, query: str) -> None:
    text = "The Durand–Line: border clashes. 在北京市Durand線. كابل"
    add(
        store,
        article(1, title="Torkham", body=text, captions="A soldier", authors=["A. Khan"]),
        article(
            2, title="Kabul", body="Torkham", tags=["Pakistan"], captions="在北京市Durand, soldier"
        ),
        article(3, title="Something else", body="京 is not 北 here", url="ftp://x/y"),
    )
    found = asked(store, query)
    assert found
    assert found == sorted(found, reverse=True)
    assert (3 in found) == (query == "/Tork.am/")


def test_letters_of_a_script_without_spaces_are_found_alone_and_side_by_side(store: Store) -> None:
    add(store, article(1, body="北京"), article(2, body="京北"), article(3, body="กรุงเทพ"))
    assert asked(store, "京") == [2, 1]
    assert asked(store, "北京") == [1]
    assert asked(store, "กรุง") == [3]
    assert asked(store, "กเทพ") == []


def test_a_window_narrows_candidates_to_what_was_seen_since(store: Store) -> None:
    add(store, *(article(number, body="Torkham") for number in (1, 2, 3)))
    assert asked(store, "Torkham", since=NOON + timedelta(hours=2)) == [3, 2]
    assert asked(store, "Torkham", since=NOON + timedelta(days=2)) == []


def test_the_index_follows_an_article_that_changes_and_one_that_goes(store: Store) -> None:
    add(store, article(1, body="Torkham"), article(2, body="Torkham"))
    with store.writing() as session:
        session.get_one(Article, 1).body = "Chaman"
        session.delete(session.get_one(Article, 2))
    assert asked(store, "Torkham") == []
    assert asked(store, "Chaman") == [1]
    assert words(store) == ["chaman"]


def test_a_change_that_is_undone_is_undone_in_the_index_too(store: Store) -> None:
    add(store, article(1, body="Torkham"))
    with Session(store.write_engine) as session:
        session.get_one(Article, 1).body = "Chaman"
        session.flush()
        session.rollback()
    assert (asked(store, "Torkham"), asked(store, "Chaman")) == ([1], [])


def test_what_was_copied_in_bulk_is_found_missing_and_made_up_for(store: Store) -> None:
    with store.writing() as session:
        columns = Article.__table__.columns.keys()  # type: ignore[attr-defined]
        rows = [article(number, body="Torkham").model_dump() for number in (1, 2)]
        session.connection().execute(
            insert(SQLModel.metadata.tables["article"]),
            [{c: row[c] for c in columns} for row in rows],
        )
    assert asked(store, "Torkham") == []
    with store.reading() as session:
        assert unindexed(session) == [1, 2]
    assert index_missing(store) == 2
    assert index_missing(store) == 0
    assert asked(store, "Torkham") == [2, 1]


def test_an_index_made_anew_is_the_same_one(store: Store) -> None:
    add(store, article(1, body="Torkham clashes"), article(2, body="北京 Torkham"))
    before = words(store)
    assert {"clashes", "torkham"} <= set(before)
    assert rebuild_index(store) == 2
    assert words(store) == before


def test_words_are_found_by_their_first_letter_their_ending_and_as_they_are(store: Store) -> None:
    add(store, article(1, body="Kabul Kandahar Qabul Abul 북abul 京abul Okabul Herat turkham"))
    like = Resembling(frozenset("k"), frozenset({"abul", "kabul"}), frozenset({"herat", "no"}))
    with store.reading() as session:
        found = list(vocabulary(session, like))
    assert sorted(found) == ["herat", "kabul", "kandahar", "okabul", "qabul", "북abul"]


def test_a_deep_query_and_a_long_list_are_understood(store: Store) -> None:
    add(store, article(1, body="w1 w2 w3"))
    deep = "w1"
    for number in range(40):
        deep = f"({deep} {'AND' if number % 2 else 'OR'} w{number % 3 + 1})"
    assert asked(store, deep) == [1]
    assert asked(store, " OR ".join(f"w{number}" for number in range(3, 5000))) == [1]


fields = st.dictionaries(st.sampled_from(FIELDS), contents, min_size=1)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rules, fields)
def test_whatever_matches_is_a_candidate(store: Store, rule: Rule, texts: dict[str, str]) -> None:
    if not Matcher({"w": Rule(rule.query)}).match(Text(texts)):
        return
    names = {"caption": "captions"}
    stored = article(1, **{names.get(name, name): text for name, text in texts.items()})
    with Session(store.write_engine) as session:
        session.add(stored)
        session.flush()
        assert candidates(session, to_sought(rule.query), Window()) == [1]
        session.rollback()


def test_what_narrows_nothing_down_is_everything() -> None:
    assert to_sought(Pattern("a+")) == EVERYTHING
    assert any_of([to_sought(parse("a")), EVERYTHING]) == EVERYTHING
    assert to_sought(parse("/a+/ AND b")) == to_sought(parse("b"))
    assert to_sought(parse("lang:ur AND b AND NOT c")) == to_sought(parse("b"))


def test_index_terms_are_folded_words_letters_and_pairs() -> None:
    assert index_terms(["Clashes at 北京", "The CLASHES’"]) == {
        *("clashes", "at", "the", "北", "京", "北京")
    }
