"""A text as the set of its runs of words, and a small sketch of it that an index can find.

A text is folded as the matcher folds it (`store.folding`), so that case, punctuation, spacing and
letter forms do not count. Its shingles are all runs of three words, hashed to 64 bits by XXH3; in
scripts that do not space words a token is a letter, and a shingle is five of them, which is about
as selective. Three words: with two, unlike texts of one topic come to share a tenth of their
shingles; with five, one changed word destroys twice as many.

The sketch is the 16 smallest hashes of the set. Whether a shingle is among the smallest depends on
itself alone, so near-identical texts have most of their sketches in common: two texts that share
the part `j` of their shingles (Jaccard) are expected to share about 16 · 2j / (1 + j) of their
sketches (Broder 1997, "bottom-k sketches").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import regex
from xxhash import xxh3_64_intdigest

from store.folding import fold

Hashes = npt.NDArray[np.int64]
"""Sorted, each once. Signed, as databases keep them."""

SKETCH_SIZE = 16
RUN_OF_WORDS = 3
RUN_OF_LETTERS = 5
FEW_NUMBERS = 4
"""Fewer may all have been changed in a copy."""
LETTERS_A_WORD = 4
"""Letters of a script without spaces that say about as much as a word (as `fingerprint` has it)."""

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Myanmar}\p{Khmer}]")


@dataclass(frozen=True, slots=True)
class Shingles:
    """What two texts are compared by."""

    headline: frozenset[str]
    """Folded words of the headline."""
    words: int
    """Length of the text; letters of scripts without spaces count a quarter."""
    hashes: Hashes
    vocabulary: frozenset[str] = frozenset()
    """Its words, whatever their order; pairs of letters in scripts without spaces."""
    numbers: frozenset[str] = frozenset()


def shingles(headline: str, body: str) -> Shingles:
    """The shingles of an article's text; a first line that repeats the headline is left out."""
    heading = fold(headline).text.split()
    folded = fold(body).text.split()
    if heading and folded[: len(heading)] == heading:
        folded = folded[len(heading) :]
    letters = _letters(body)
    run = RUN_OF_LETTERS if 2 * letters > len(folded) else RUN_OF_WORDS
    words = len(folded) - letters + letters // LETTERS_A_WORD
    used = folded if run == RUN_OF_WORDS else map("".join, pairwise(folded))
    return Shingles(
        headline=frozenset(heading),
        words=max(words, 0),
        hashes=_hashes(folded, run),
        vocabulary=frozenset(used),
        numbers=frozenset(word for word in folded if word[0].isdecimal()),
    )


def _letters(body: str) -> int:
    return 0 if body.isascii() else sum(1 for _ in _UNSPACED.finditer(body))


def _hashes(words: Sequence[str], run: int) -> Hashes:
    encoded = " ".join(words).encode()
    ends = [*np.flatnonzero(np.frombuffer(encoded, np.uint8) == ord(" ")).tolist(), len(encoded)]
    starts = [0, *(end + 1 for end in ends[:-1])]
    found = [
        xxh3_64_intdigest(encoded[start:end])
        for start, end in zip(starts, ends[run - 1 :], strict=False)
        if end > start
    ]
    return np.unique(np.array(found, np.uint64).view(np.int64))


def sketch(text: Shingles) -> list[int]:
    """The hashes that the index keeps of a text, at most SKETCH_SIZE."""
    return [int(number) for number in text.hashes[:SKETCH_SIZE]]


def likeness(one: Shingles, other: Shingles, without: Hashes | None = None) -> float:
    """Jaccard: the part of all their shingles that both have, `without` left aside; 0 to 1."""
    first, second = (without_some(each, without).hashes for each in (one, other))
    shared = len(np.intersect1d(first, second, assume_unique=True))
    together = len(first) + len(second) - shared
    return shared / together if together else 0.0


def without_some(text: Shingles, hashes: Hashes | None) -> Shingles:
    """The text without those shingles."""
    if hashes is None or not len(hashes):
        return text
    kept = np.setdiff1d(text.hashes, hashes, assume_unique=True)
    return replace(text, hashes=kept)


def headline_likeness(one: Shingles, other: Shingles) -> float:
    """The part of the words of two headlines that both have; 0 to 1."""
    return _in_both(one.headline, other.headline)


def vocabulary_likeness(one: Shingles, other: Shingles) -> float:
    """The part of the words of two texts that both have, in whatever order; 0 to 1."""
    return _in_both(one.vocabulary, other.vocabulary)


def _in_both(one: frozenset[str], other: frozenset[str]) -> float:
    together = one | other
    return len(one & other) / len(together) if together else 0.0


def numbers_agree(one: Shingles, other: Shingles) -> bool:
    """Whether the text with fewer numbers has half of them from the other; few tell nothing."""
    fewer = min(len(one.numbers), len(other.numbers))
    return fewer < FEW_NUMBERS or 2 * len(one.numbers & other.numbers) >= fewer


def repeated(texts: Iterable[Shingles], times: int) -> Hashes:
    """The shingles that stand in at least so many of the texts."""
    counted: Counter[int] = Counter()
    for text in texts:
        counted.update(text.hashes.tolist())
    return np.array(sorted(n for n, count in counted.items() if count >= times), np.int64)
