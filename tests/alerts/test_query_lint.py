"""Warnings about watchlists that can be read and are probably not meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.config import WatchlistConfig
from alerts.query import QueryError, Term, parse
from alerts.query_lint import lint
from alerts.rules import Rule, compile_rule
from tests.support.queries import TERMS

VARIANTS = {"durand": ['"Durand Line"', '"Durand border"']}


def warnings(keys: dict[str, Any]) -> list[str]:
    rule = compile_rule(WatchlistConfig.model_validate(keys), VARIANTS)
    return [str(warning) for warning in lint(rule)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"any": ["WHO"]}, ["WHO: matches 'who' too; write =WHO for capitals only"]),
        ({"any": ['"C++"']}, ["\"C++\": signs are not looked for: it finds every 'c'"]),
        (
            {"any": ['"Torkham OR Chaman"', '"war and peace"', '"OR so"']},
            ['"Torkham OR Chaman": OR is a word here; an operator stands outside quotation marks'],
        ),
        (
            {"any": ["@durand"], "none": ["durand"]},
            ["NOT durand: stands in everything that is looked for: no match ever"],
        ),
        (
            {"query": "a NEAR/3 (Torkham OR Torkhams) AND NOT torkham*"},
            ["NOT torkham*: stands in everything that is looked for: no match ever"],
        ),
        (
            {"query": "title:x AND NOT x"},
            ["NOT x: stands in everything that is looked for: no match ever"],
        ),
        (
            {"any": ["x"], "none": ["source:bbc"], "sources": ["dawn*"]},
            ["NOT source:bbc: never applies: `sources` does not let it in"],
        ),
        (
            {"any": ["x"], "none": ["lang:en"], "lang": ["ur"]},
            ["NOT lang:en: never applies: `lang` does not let it in"],
        ),
        (
            {"any": ["x"], "none": ["cup", '"Durand Cup"']},
            ['NOT "Durand Cup": never applies: another NOT says the same and more'],
        ),
        (
            {"query": "title:Torkham NEAR/3 (caption:Chaman OR tag:x)"},
            [
                "title:Torkham NEAR/3 (caption:Chaman OR tag:x): its two sides are looked for in "
                "different fields: no match ever"
            ],
        ),
        (
            {"any": ["x"], "lang": ["Urdu"]},
            ['lang:urdu: is no language tag, so it fits no article; write "ur" or "fa"'],
        ),
    ],
)
def test_what_is_probably_not_meant_is_said(keys: dict[str, Any], expected: list[str]) -> None:
    assert warnings(keys) == expected


@pytest.mark.parametrize(
    "keys",
    [
        {"any": ["=WHO", "Torkham", "clash*", '"Al-Qaeda"', "l'Iran", "USA1"]},
        {"any": ["@durand"], "none": ['"Durand Cup"', "border"]},
        {"any": ['"Durand Line"', "Torkham"], "none": ["durand"]},
        {"query": "x AND NOT title:x"},
        {"query": "title:x NEAR/3 y"},
        {"query": "title:x NEAR/3 (body:y OR title:z)"},
        {"any": ["durand"], "none": ["=Durand"]},
        {"any": ["x"], "none": ["source:dawn-urdu"], "sources": ["dawn*"]},
        {"any": ["x"], "none": ["lang:ur"], "lang": ["ur-PK", "en"]},
    ],
)
def test_what_may_well_be_meant_is_left_alone(keys: dict[str, Any]) -> None:
    assert warnings(keys) == []


def test_a_term_that_stands_in_many_articles_is_named_with_its_share() -> None:
    rule = compile_rule(WatchlistConfig.model_validate({"any": ["police", "Torkham"]}), {})
    shares = {Term("police"): 0.21, Term("Torkham"): 0.001}
    assert [str(warning) for warning in lint(rule, shares.__getitem__)] == [
        "police: stands in 21% of all articles; narrow it with AND or NEAR"
    ]


def test_a_common_word_beside_others_or_under_not_floods_nobody() -> None:
    def warned(query: str) -> bool:
        rule = compile_rule(WatchlistConfig.model_validate({"query": query}), {})
        return bool(lint(rule, lambda term: 0.5 if term == Term("police") else 0.0))

    assert warned("police")
    assert warned("Torkham OR (police AND NOT x AND lang:en)")
    assert not warned("police AND Torkham")
    assert not warned("police NEAR/5 Torkham")
    assert not warned("Torkham AND NOT police")


@given(st.sampled_from(TERMS) | st.text("aBé's’-*北京กำش \u0301\u093c", max_size=8))
def test_a_term_that_can_be_read_can_stand_in_a_text(text: str) -> None:
    """So the warning that none can hold it is for what the parser cannot know."""
    try:
        rule = Rule(parse(f'"{text}"'))
    except QueryError:
        return
    assert not [warning for warning in lint(rule) if "no text can hold" in str(warning)]
