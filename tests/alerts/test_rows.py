"""Rows in, matches out: the pure part of `wirewatch match`."""

import pytest

from alerts.matcher import Matcher
from alerts.query import parse
from alerts.rows import RowError, hits_of_row
from alerts.rules import Rule

MATCHER = Matcher(
    {
        "line": Rule(parse('"Durand Line" OR author:Khan')),
        "urdu": Rule(parse("durand AND lang:ur AND source:dawn")),
    }
)


def test_a_row_yields_its_id_the_watchlist_and_the_places() -> None:
    row = {"id": 7, "title": "The Durand Line", "authors": ["A. Shah", "B. Khan"], "extra": 1}
    (hit,) = hits_of_row(MATCHER, row)
    assert hit.watchlist == "line"
    assert hit.spans == (("title", 4, 15, "Durand Line"), ("author", 11, 15, "Khan"))


def test_language_and_source_count() -> None:
    row = {"id": "a", "body": "Durand", "lang": "ur-PK", "source": "dawn", "section": None}
    assert [hit.watchlist for hit in hits_of_row(MATCHER, row)] == ["urdu"]


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
        hits_of_row(MATCHER, row)
