"""Queries over everything stored: the index names candidates, the matcher decides."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from alerts.matcher import Hit, Matcher, Rule, Text
from alerts.query_index import to_sought
from store.search import PART, StoredText, Tell, Window, candidates, stored_texts
from store.search_terms import any_of

_FIELD_WEIGHT = {"title": 3.0, "standfirst": 2.0}
"""How much more a place in the headline says than one in the text, by usual practice of search
engines; other fields count 1."""
_SATURATED = 1.5
"""Places of a term of which the score is half of what any number can reach; BM25's usual k1."""


@dataclass(frozen=True, slots=True)
class Found:
    """A stored article and the rules that match it."""

    article: StoredText
    hits: tuple[Hit, ...]

    @property
    def text(self) -> Text:
        """The article as it was matched."""
        return as_text(self.article)


def as_text(article: StoredText) -> Text:
    """A stored article as the matcher reads it."""
    return Text(article.fields, article.lang, article.source)


def find(
    session: Session,
    rules: Mapping[str, Rule],
    window: Window,
    tell: Tell = lambda done, of: None,
) -> Iterator[Found]:
    """The stored articles that any of the rules matches, the one stored last first.

    `tell` hears how many candidates were looked at, of how many.
    """
    if not rules:
        return
    sought = any_of(to_sought(rule.query) for rule in rules.values())
    ids = candidates(session, sought, window)
    matcher = Matcher(rules)
    tell(0, len(ids))
    for start in range(0, len(ids), PART):
        for article in stored_texts(session, ids[start : start + PART], window):
            if hits := matcher.match(as_text(article)):
                yield Found(article, tuple(hits))
        tell(min(start + PART, len(ids)), len(ids))


def by_relevance(found: Iterable[Found], most: int | None = None) -> list[int]:
    """Ids of the best articles, best first: those with many places of rare terms, in the headline.

    Places of one term count less and less, and a term weighs the more the fewer of the found
    articles hold it; so the order depends on nothing but the articles themselves. Equally good
    ones stay in their order.
    """
    places = {each.article.id: _places(each) for each in found}
    holding = Counter(term for terms in places.values() for term in terms)

    def score(id_: int) -> float:
        return sum(
            count / (count + _SATURATED) * math.log(1 + len(places) / holding[term])
            for term, count in places[id_].items()
        )

    return sorted(places, key=score, reverse=True)[:most]


def _places(found: Found) -> dict[str, float]:
    """The weighted number of places of each term."""
    count: dict[str, float] = {}
    for hit in found.hits:
        for span in hit.spans:
            weight = _FIELD_WEIGHT.get(span.field, 1.0)
            count[span.term] = count.get(span.term, 0.0) + weight
    return count
