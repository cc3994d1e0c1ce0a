"""docs/queries.md: what it says can be written is read, what it says is refused is refused."""

import re
from pathlib import Path

import pytest

from alerts.query import QueryError, parse, to_query, to_words

PAGE = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
WRITTEN, REFUSED = PAGE.split("## Errors")
VARIANTS = {"durand": ['"Durand Line"']}


def rows(part: str) -> list[tuple[str, str]]:
    """Every query of the first column, with what the second says."""
    cells = re.findall(r"^\| (`.*?`) \| (.*) \|$", part, re.MULTILINE)
    return [(query, said) for queries, said in cells for query in re.findall(r"`(.+?)`", queries)]


@pytest.mark.parametrize("query", [query for query, _ in rows(WRITTEN)])
def test_what_can_be_written_is_read_and_can_be_said(query: str) -> None:
    tree = parse(query, variants=VARIANTS)
    assert parse(to_query(tree), variants=VARIANTS) == tree
    assert to_words(tree)


@pytest.mark.parametrize(("query", "said"), rows(REFUSED))
def test_what_is_refused_is_refused_for_the_reason_given(query: str, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query, variants=VARIANTS)
    assert said.split(":")[0].strip("`") in caught.value.problem


def test_the_tables_hold_examples() -> None:
    assert len(rows(WRITTEN)) >= 14
    assert len(rows(REFUSED)) >= 14
