"""What the search index holds of a text, and what it can be asked for. Pure.

The index answers "which articles may hold this": it keeps, for each article, the set of its folded
words, without their places and fields. In scripts without spaces every letter is a word, and
nearly every article of the language holds it; so two neighbouring ones are kept as a pair too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from store.folding import fold
from store.folding_rules import is_spaceless


@dataclass(frozen=True, slots=True)
class Word:
    """Articles that hold this folded word, or pair of letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """Articles that hold a folded word that begins so."""

    text: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Articles that are found by each."""

    items: tuple[Sought, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Articles that are found by one of them."""

    items: tuple[Sought, ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """All articles: the words do not narrow it down."""


Sought = Word | Beginning | AllOf | AnyOf | Everything
EVERYTHING = Everything()


def all_of(items: Iterable[Sought]) -> Sought:
    """What each of them finds; what finds everything narrows nothing down."""
    kept = list(dict.fromkeys(item for item in items if item != EVERYTHING))
    if len(kept) < 2:
        return kept[0] if kept else EVERYTHING
    return AllOf(tuple(kept))


@dataclass(frozen=True, slots=True)
class Resembling:
    """Words of the index that may look like others: rather too many."""

    letters: frozenset[str] = frozenset()
    """All that begin with one of these letters."""
    endings: frozenset[str] = frozenset()
    """All that are one of these behind one letter more."""
    words: frozenset[str] = frozenset()
    """These themselves."""

    def holds(self, word: str) -> bool:
        """Whether a word is one of them."""
        return word[:1] in self.letters or word[1:] in self.endings or word in self.words


def any_of(items: Iterable[Sought]) -> Sought:
    """What one of them finds."""
    kept = list(dict.fromkeys(items))
    if EVERYTHING in kept:
        return EVERYTHING
    return kept[0] if len(kept) == 1 else AnyOf(tuple(kept))


def index_terms(texts: Iterable[str]) -> set[str]:
    """All that the index keeps of an article's texts."""
    terms: set[str] = set()
    for text in texts:
        folded = fold(text)
        words = folded.text.split()
        terms.update(words)
        if not folded.encoded.isascii():
            terms.update(_pairs(words))
    return terms


def sought_words(words: Sequence[str]) -> Sought:
    """The articles that hold all these folded words, neighbouring letters side by side."""
    alone = [is_spaceless(word[0]) for word in words]
    paired = {at for at in range(len(words)) if alone[at] and any(alone[max(0, at - 1) : at])}
    paired |= {at - 1 for at in paired}
    single = [word for at, word in enumerate(words) if at not in paired]
    return all_of(Word(text) for text in [*single, *_pairs(words)])


def _pairs(words: Sequence[str]) -> Iterator[str]:
    for before, after in pairwise(words):
        if is_spaceless(before[0]) and is_spaceless(after[0]):
            yield before + after


def to_fts5(sought: Sought) -> str:
    """The MATCH expression. Raises ValueError for what finds everything: there is none."""
    match sought:
        case Word(text):
            return f'"{text}"'
        case Beginning(text):
            return f'"{text}" *'
        case AllOf(items):
            return f"({' AND '.join(map(to_fts5, items))})"
        case AnyOf(items):
            return f"({' OR '.join(map(to_fts5, items))})"
        case Everything():
            raise ValueError("everything is asked for without the index")
