"""In how many of the stored articles a term stands, by the counts of the search index."""

from __future__ import annotations

from sqlmodel import Session

from alerts.matcher import Matcher, Rule
from alerts.query import Term
from alerts.query_index import to_sought
from alerts.query_tree import TEXT_FIELDS
from alerts.search import as_text
from store.search import Window, candidates, count_articles, count_candidates, stored_texts

_FEWEST_ARTICLES = 200
"""Fewer say nothing about how common a term is."""
_SAMPLE = 300
"""Candidates in which a phrase is looked for, to judge the others by; the newest."""


class Commonness:
    """Answers for one state of the store; each term is counted once."""

    def __init__(self, session: Session) -> None:
        """`session` must stay open."""
        self._session = session
        self._total = count_articles(session)
        self._known: dict[Term, float] = {}

    def share(self, term: Term) -> float:
        """The share of articles that hold the term, 0 to 1; 0 where too few are stored to tell.

        Exact for single words. Of a phrase, the articles with all its words are counted, and how
        many of them hold the phrase is judged by a sample.
        """
        if self._total < _FEWEST_ARTICLES:
            return 0.0
        if term not in self._known:
            self._known[term] = self._counted(term)
        return self._known[term]

    def _counted(self, term: Term) -> float:
        sought = to_sought(term)
        most = count_candidates(self._session, sought) / self._total
        if most == 0 or (len(term.words) == 1 and not term.exact):
            return most
        ids = candidates(self._session, sought, Window())[:_SAMPLE]
        matcher = Matcher({"": Rule(term, TEXT_FIELDS)})
        texts = stored_texts(self._session, ids, Window())
        holding = sum(bool(matcher.match(as_text(text))) for text in texts)
        return most * holding / len(ids)
