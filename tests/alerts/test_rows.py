"""Rows in, matches out: the pure part of `wirewatch match`."""

import json

import pytest

from alerts.matcher import Matcher
from alerts.query import parse
from alerts.rows import RowError, matches_of_row
from alerts.rules import Rule

MATCHER = Matcher(
    {
        "line": Rule(parse('"Durand Line" OR author:Khan')),
        "urdu": Rule(parse("durand AND lang:ur AND source:dawn")),
    }
)


def test_a_row_yields_its_id_the_watchlist_and_the_places() -> None:
    row = {"id": 7, "title": "The Durand Line", "authors": ["A. Shah", "B. Khan"], "extra": 1}
    assert list(matches_of_row(MATCHER, row)) == [
        {
            "id": 7,
            "watchlist": "line",
            "spans": [
                {"field": "title", "start": 4, "end": 15, "term": "Durand Line"},
                {"field": "author", "start": 11, "end": 15, "term": "Khan"},
            ],
        }
    ]
    assert json.dumps(list(matches_of_row(MATCHER, row)))


def test_language_and_source_count() -> None:
    row = {"id": "a", "body": "Durand", "lang": "ur-PK", "source": "dawn", "section": None}
    assert [match["watchlist"] for match in matches_of_row(MATCHER, row)] == ["urdu"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"body": "x"}, "needs an id"),
        ({"id": 1, "body": 5}, "body is neither"),
        ({"id": 1, "tags": ["a", 5]}, "tags is neither"),
    ],
)
def test_a_row_that_is_no_article_is_refused(row: dict[str, object], message: str) -> None:
    with pytest.raises(RowError, match=message):
        list(matches_of_row(MATCHER, row))
