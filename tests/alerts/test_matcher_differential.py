"""The matcher against a second one written from the definition."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matcher import Matcher, Rule, Text, why_not
from store.folding import tokens as folded_tokens
from tests.alerts.reference import Reference, tokens
from tests.support.queries import contents, rules, texts


def agree(rule_list: list[Rule], text: Text) -> None:
    """Raises AssertionError where the two differ in what matches or where."""
    matcher = Matcher({f"w{index}": rule for index, rule in enumerate(rule_list)})
    matched = {hit.watchlist: [tuple(span) for span in hit.spans] for hit in matcher.match(text)}
    for index, rule in enumerate(rule_list):
        assert matched.get(f"w{index}") == Reference(rule, text).spans(), rule


@settings(max_examples=200, deadline=None)
@given(st.lists(rules, min_size=1, max_size=5), texts)
def test_both_matchers_find_the_same_places(rule_list: list[Rule], text: Text) -> None:
    agree(rule_list, text)


@given(contents)
def test_both_ways_of_folding_find_the_same_tokens(text: str) -> None:
    from_table = [(hit.text, hit.start, hit.end) for hit in folded_tokens(text)]
    assert from_table == [(token.text, token.start, token.end) for token in tokens(text)]


@settings(deadline=None)
@given(rules, texts)
def test_a_reason_is_given_exactly_where_a_rule_does_not_match(rule: Rule, text: Text) -> None:
    assert bool(why_not(rule, text)) is (not Matcher({"w": rule}).match(text))


@settings(deadline=None)
@given(rules, texts, st.sampled_from(("NFC", "NFD")))
def test_composed_and_decomposed_texts_match_alike(rule: Rule, text: Text, form: str) -> None:
    other = Text(
        {name: unicodedata.normalize(form, content) for name, content in text.fields.items()},
        text.lang,
        text.source,
    )
    matcher = Matcher({"w": rule})
    assert words(matcher, text) == words(matcher, other)


def words(matcher: Matcher, text: Text) -> list[tuple[str, str, str]]:
    """The marked words of every hit, composed."""
    return [
        (
            span.field,
            span.term,
            unicodedata.normalize("NFC", text.fields[span.field][span.start : span.end]),
        )
        for hit in matcher.match(text)
        for span in hit.spans
    ]


@settings(deadline=None)
@given(st.lists(rules, min_size=2, max_size=6), texts)
def test_adding_one_by_one_is_the_same_as_all_at_once(rule_list: list[Rule], text: Text) -> None:
    named = {f"w{index}": rule for index, rule in enumerate(rule_list)}
    matcher = Matcher({"w0": rule_list[-1], "gone": rule_list[0]})
    matcher.match(text)
    for name, rule in named.items():
        matcher.add(name, rule)
        matcher.match(text)
    matcher.remove("gone")
    assert matcher.match(text) == Matcher(named).match(text)


@pytest.mark.campaign
@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), rules), min_size=2, max_size=5), texts)
def test_a_matcher_brought_up_to_date_is_like_a_new_one(
    states: list[dict[str, Rule]], text: Text
) -> None:
    matcher = Matcher({})
    for state in states:
        matcher = matcher.updated(state)
        assert matcher.match(text) == Matcher(state).match(text)
