"""Queries of any size: read and matched in bounded time, or refused in words; never a crash."""

import time

import pytest

from alerts.matcher import Matcher
from alerts.query import QueryError, parse, to_query, to_words
from alerts.rules import Rule, Text

MANY = [f"word{number}" for number in range(10_000)]
VARIANTS = {"many": MANY[:3000], "phrases": [f'"{word} of {word}"' for word in MANY[:3000]]}
TEXT = Text({"title": "The word77 of word77 and word5", "body": "word9999 " * 500}, "en", "dawn")
LONG = {
    "a choice of ten thousand terms": " OR ".join(MANY),
    "ten thousand terms at once": " AND ".join(MANY),
    "thousands of exclusions": "word77 AND NOT " + " AND NOT ".join(MANY[100:3000]),
    "two sets of thousands beside each other": "@many NEAR/50 @phrases",
    "a phrase of ten thousand words": f'"{" ".join(MANY)}"',
    "a term of a hundred thousand letters": "a" * 100_000,
    "thousands of truncations": " OR ".join(f"{word}*" for word in MANY[:3000]),
    "a pattern of a thousand parentheses": "/" + "(" * 1000 + "word" + ")" * 1000 + "/",
    "a thousand patterns": " OR ".join(f"/{word}[a-z]+/i" for word in MANY[:1000]),
}
FOUND = {
    "a choice of ten thousand terms",
    "thousands of exclusions",
    "two sets of thousands beside each other",
    "thousands of truncations",
    "a pattern of a thousand parentheses",
}


@pytest.mark.parametrize("name", LONG)
def test_a_query_of_any_length_is_read_written_and_matched(name: str) -> None:
    began = time.process_time()
    query = parse(LONG[name], variants=VARIANTS)
    assert to_words(query)
    assert parse(to_query(query), variants=VARIANTS) == query
    hits = Matcher({"w": Rule(query)}).match(TEXT)
    assert bool(hits) == (name in FOUND)
    assert time.process_time() - began < 60


@pytest.mark.parametrize(
    "query",
    [
        "(" * 200 + "a" + ")" * 200,
        "(" * 100_000,
        "a AND NOT (" * 200 + "b" + ")" * 200,
        "title:(" * 200 + "a" + ")" * 200,
        "title:" * 10_000 + "a",
        "/a{1000}{1000}{1000}/",
        "/(a)\\1/",
    ],
)
def test_what_nests_too_deep_or_grows_too_large_is_refused_in_words(query: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(query)
    assert str(refused.value)


def test_a_pattern_that_stops_other_engines_takes_linear_time() -> None:
    matcher = Matcher({"w": Rule(parse(r"/(a+)+\s(a|aa)+$/"))})
    began = time.process_time()
    assert matcher.match(Text({"body": "a" * 1_000_000 + "!"})) == []
    assert time.process_time() - began < 30
