"""Two texts word by word: what went, what came, what stayed. Pure.

Words are compared as folded (`store.folding`), so that case, quotes and letter forms are no change;
what is shown is the text as it stands. The words of both are aligned by the least number of
insertions and deletions, then runs of one or two common words between two changes are counted as
changed too: "of" and "the" that happen to stand in both are no help to a reader.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import regex
from rapidfuzz.distance import Indel

from store.folding import fold

Mark = Literal["same", "gone", "new"]

_WORD = regex.compile(r"\S+\s*")
_LETTER = regex.compile(r"\X")
_SPACED = 25
"""Characters; a longer run without a space is taken letter by letter."""
CONTEXT = 12
"""Words shown before and after a change."""
FEWEST_SAME = 3


class Piece(NamedTuple):
    """A run of words with one fate."""

    mark: Mark
    text: str


def word_diff(before: str, now: str) -> list[Piece]:
    """The whole of both texts in runs; a gone one stands before what came in its place."""
    old, new = _words(before), _words(now)
    opcodes = Indel.opcodes([fold(w).text for w in old], [fold(w).text for w in new])
    marked: list[tuple[Mark, str]] = []
    for code in opcodes:
        if code.tag == "equal":
            same = new[code.dest_start : code.dest_end]
            if len(marked) > 0 and len(same) < FEWEST_SAME and code.dest_end < len(new):
                gone = old[code.src_start : code.src_end]
                marked += [*(("gone", w) for w in gone), *(("new", w) for w in same)]
            else:
                marked += [("same", word) for word in same]
        else:
            marked += [("gone", word) for word in old[code.src_start : code.src_end]]
            marked += [("new", word) for word in new[code.dest_start : code.dest_end]]
    return list(_runs(marked))


def _words(text: str) -> list[str]:
    return [part for word in _WORD.findall(text) for part in _parts(word)]


def _parts(word: str) -> Sequence[str]:
    return [word] if len(word) <= _SPACED else _LETTER.findall(word)


def _runs(marked: Sequence[tuple[Mark, str]]) -> Iterator[Piece]:
    """Between two stretches that stayed, what went stands together before what came."""
    for same, stretch in groupby(marked, key=lambda each: each[0] == "same"):
        words = list(stretch)
        marks: tuple[Mark, ...] = ("same",) if same else ("gone", "new")
        for mark in marks:
            if text := "".join(word for its, word in words if its == mark):
                yield Piece(mark, text)


def changed_parts(pieces: Sequence[Piece], context: int = CONTEXT) -> list[Piece]:
    """The changes with some words around them; what is left out is an ellipsis."""
    shown = []
    for place, piece in enumerate(pieces):
        if piece.mark != "same":
            shown.append(piece)
            continue
        words = _words(piece.text)
        head = context if place > 0 else 0
        tail = context if place < len(pieces) - 1 else 0
        if len(words) > head + tail + 1:
            middle = "… " if head + tail else ""
            kept = [*words[:head], middle, *words[len(words) - tail :]]
            shown.append(Piece("same", "".join(kept)))
        else:
            shown.append(piece)
    return [piece for piece in shown if piece.text]
