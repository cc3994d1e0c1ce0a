"""Are two articles one story? The policy on near-identical texts.

A story is one text in many places: an agency's report under twelve headlines, shortened, extended,
with another byline, at a second domain. Two articles that tell the same event in words of their own
are two stories. What is compared is the body, as a set of shingles (`crawler.shingles`); headline
and byline are what editors change.

1. *Candidates* share at least three hashes of their sketches of 16, and were first seen within a
   week of each other (`WINDOW`). An index finds them. A text that comes back after a year is news.
2. *Long texts* (40 words and more) are one story when the likeness of their shingles is at least
   0.4. Copies with a fifth of their sentences dropped have .7 to .8, copies cut to half .5; the
   nearest other articles of one topic have .1.
3. *Rewritten texts*: one word in five replaced, evenly, breaks half of the runs and leaves a
   likeness of .36, but the words that stay are the report's. So 0.2 is enough on two sites where
   the vocabularies are alike too (0.55). A later report that repeats half of
   an earlier one has as much in common, but in one piece: the other half brings words of its own,
   and .41 is left of the vocabulary.
4. *Numbers*: a form that sister sites fill with other facts keeps its words and changes its
   numbers. Below a likeness of 0.6, texts with four numbers and more must have half of them in
   common.
5. *The same site* rarely prints a text twice under two addresses, but often fills a form anew: the
   rates of the day, the weather, the stars. There it takes a likeness of 0.6, within twelve hours.
6. *Short texts* (12 to 39 words) carry little that is their own. They are one story only with a
   likeness of 0.8 **and** 0.6 of the words of the headlines in common, at least four of them,
   within a day. Below 12 words nothing is compared: "Subscribe to read on" is no story.
7. A text of 40 words and more and a shorter one are compared like two short ones.

How false stories are avoided. A false story is worse than a missed one: it hides an alert, while a
missed one is an alert too many. What a site prints below everything (a disclaimer, "subscribe to
our newsletter", who we are) would make its short pieces alike. So what stands in three or more of
the ten latest other articles of either source is furniture (`furniture`): it is taken out of both
texts before they are judged, and what is left must still be 12 words long; where it was a tenth of
a text or more, rule 3 is not applied, for its words cannot be told apart. Nothing is joined by way
of a third: an article enters the story of the one article that it is most like.

Measured by `bench/stories.py`; the figures are in docs/stories.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from crawler.shingles import (
    Hashes,
    Shingles,
    headline_likeness,
    likeness,
    numbers_agree,
    repeated,
    vocabulary_likeness,
    without_some,
)

WINDOW = timedelta(days=7)
SHARED = 3
"""Hashes of 16 that make a candidate."""
ALIKE = 0.4
LONG = 40
"""Words."""

ALIKE_WHATEVER_NUMBERS = 0.6
ALIKE_WHEN_REWRITTEN = 0.2
VOCABULARY_ALIKE = 0.55
MOSTLY_OWN = 0.9
"""Part of a text's shingles that is no furniture."""

ALIKE_ON_ONE_SITE = 0.6
WINDOW_ON_ONE_SITE = timedelta(hours=12)

SHORT = 12
"""Words."""
ALIKE_WHEN_SHORT = 0.8
HEADLINES_ALIKE = 0.6
HEADLINE_WORDS = 4
WINDOW_WHEN_SHORT = timedelta(days=1)

NEIGHBOURS = 10
"""Latest articles of a source that show what it prints below everything."""
FURNITURE_IN = 3


def furniture(neighbours: Iterable[Shingles]) -> Hashes:
    """What stands in so many of a source's other articles that it says nothing of any."""
    return repeated(neighbours, FURNITURE_IN)


def is_same_story(
    one: Shingles,
    other: Shingles,
    *,
    same_site: bool,
    apart: timedelta,
    without: Hashes | None = None,
) -> float:
    """The likeness of two texts of one story; 0 when they are two stories.

    `apart`: the time between their first sights. `without`: the furniture of their sources.
    """
    bare = [without_some(each, without) for each in (one, other)]
    # As many words are left as shingles, within one run.
    words = min(min(text.words, len(bare[at].hashes) + 2) for at, text in enumerate((one, other)))
    like = likeness(bare[0], bare[1])
    if words < SHORT or abs(apart) > WINDOW:
        return 0.0
    if words < LONG and not _short_ones_are_one(one, other, like, apart):
        return 0.0
    if same_site and (like < ALIKE_ON_ONE_SITE or abs(apart) > WINDOW_ON_ONE_SITE):
        return 0.0
    if like < ALIKE_WHATEVER_NUMBERS and not numbers_agree(one, other):
        return 0.0
    return like if like >= ALIKE or _is_rewritten(one, other, like, bare) else 0.0


def _is_rewritten(one: Shingles, other: Shingles, like: float, bare: Sequence[Shingles]) -> bool:
    mostly_own = all(
        len(rest.hashes) >= MOSTLY_OWN * len(whole.hashes)
        for whole, rest in zip((one, other), bare, strict=True)
    )
    vocabulary = vocabulary_likeness(one, other)
    return like >= ALIKE_WHEN_REWRITTEN and mostly_own and vocabulary >= VOCABULARY_ALIKE


def _short_ones_are_one(one: Shingles, other: Shingles, like: float, apart: timedelta) -> bool:
    return (
        like >= ALIKE_WHEN_SHORT
        and len(one.headline & other.headline) >= HEADLINE_WORDS
        and headline_likeness(one, other) >= HEADLINES_ALIKE
        and abs(apart) <= WINDOW_WHEN_SHORT
    )
