"""Which story does a text belong to? The policy of `crawler.stories` on what the store holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from crawler.shingles import Hashes, Shingles, shingles, sketch
from crawler.stories import NEIGHBOURS, SHARED, WINDOW, furniture, is_same_story
from crawler.urls import same_site
from store.articles import Article
from store.stories import latest_of_source, sketched_alike

MOST_COMPARED = 8
"""Candidates whose texts are read; those that share most."""
MOST_OF_ONE_STORY = 2
"""Candidates of one story: thirty copies of one text need not all be read."""
CERTAIN = 0.8
"""Likeness beyond which no better candidate is looked for: two texts cannot both be as like to a
third and be unlike each other."""


@dataclass(frozen=True, slots=True)
class Searched:
    """An article that is about to be filed."""

    canonical_url: str
    source_id: str
    text: Shingles
    at: datetime


def near_identical(session: Session, searched: Searched) -> Sequence[Article]:
    """Stored articles of the same story, the most alike first."""
    found = []
    for article in _candidates(session, searched):
        other = shingles(article.title, article.body)
        if like := _likeness(session, searched, article, other):
            found.append((-like, article.id, article))
        if like >= CERTAIN:
            break
    return [article for _, _, article in sorted(found, key=lambda each: each[:2])]


def _candidates(session: Session, searched: Searched) -> Sequence[Article]:
    ids = sketched_alike(session, sketch(searched.text), searched.at, WINDOW, SHARED)
    chosen: list[Article] = []
    of_story: Counter[int] = Counter()
    for number in ids[: 4 * MOST_COMPARED]:
        article = session.get(Article, number)
        if article is None:  # forgotten since
            continue
        of_story[article.story_id] += 1
        if of_story[article.story_id] <= MOST_OF_ONE_STORY:
            chosen.append(article)
        if len(chosen) == MOST_COMPARED:
            break
    return chosen


def _likeness(session: Session, searched: Searched, article: Article, other: Shingles) -> float:
    """First without regard to furniture, which can only make texts more alike than they are."""
    assert article.first_seen is not None
    apart = searched.at - article.first_seen
    site = same_site(article.canonical_url, searched.canonical_url)
    like = is_same_story(searched.text, other, same_site=site, apart=apart)
    if not like:
        return 0.0
    without = _furniture(session, searched.source_id, article)
    return is_same_story(searched.text, other, same_site=site, apart=apart, without=without)


def _furniture(session: Session, source_id: str, article: Article) -> Hashes:
    """Of the source that lists the new article and of the one that has the stored one."""
    texts = [
        shingles(title, body)
        for source in sorted({source_id, article.source_id})
        for title, body in latest_of_source(session, source, [article.id or 0], NEIGHBOURS)
    ]
    return furniture(texts)
