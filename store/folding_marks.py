"""Folding from its definition, letter by letter: for words whose marks need their neighbours.

`store.folding` takes this way only where its table cannot decide, and must agree with it.
"""

import unicodedata
from collections.abc import Iterable, Iterator

from store.folding_rules import (
    APOSTROPHE,
    BOUNDARY,
    SHARED_MARKS,
    fold_char,
    is_spaceless,
    keeps_marks,
)

Piece = tuple[str, int]
"""A folded code point and the offset of the code point it came from."""
FoldedToken = tuple[str, int, int]
"""A token and its start and end in the original, dropped marks behind it not included."""


def fold_tokens(text: str, *, keep_case: bool = False) -> list[FoldedToken]:
    """The folded tokens of any text, in order."""
    found: list[FoldedToken] = []
    letters: list[Piece] = []
    for char, offset in _spaced(_without_s(fold_pieces(text, keep_case)), len(text)):
        if char != BOUNDARY:
            letters.append((char, offset))
        elif letters:
            token = "".join(char for char, _ in letters)
            found.append((token, letters[0][1], letters[-1][1] + 1))
            letters = []
    return found


def fold_pieces(text: str, keep_case: bool = False) -> list[Piece]:
    """Each code point folded, marks sorted, dropped or composed with their letter.

    The offsets stand in the order of the text, however the marks were sorted.
    """
    pieces = _composed(_sorted_marks(_decomposed(text, keep_case)))
    offsets = sorted(offset for _, offset in pieces)
    return [(char, offset) for (char, _), offset in zip(pieces, offsets, strict=True)]


def _decomposed(text: str, keep_case: bool) -> Iterator[Piece]:
    for offset, char in enumerate(text):
        for folded in fold_char(char, keep_case):
            yield folded, offset


def _sorted_marks(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Marks in canonical order, as any two spellings of one text must agree."""
    run: list[Piece] = []
    for piece in pieces:
        if not unicodedata.combining(piece[0]):
            yield from _sorted_run(run)
            run = []
        run.append(piece)
    yield from _sorted_run(run)


def _sorted_run(run: list[Piece]) -> Iterable[Piece]:
    """A letter and its marks sorted, each with its own offset."""
    if len(run) < 2:
        return run
    first = 0 if unicodedata.combining(run[0][0]) else 1
    return [*run[:first], *sorted(run[first:], key=lambda piece: unicodedata.combining(piece[0]))]


def _composed(pieces: Iterable[Piece]) -> list[Piece]:
    """Shared marks dropped or composed with their letter, Hangul put together."""
    out: list[Piece] = []
    base_at = -1
    for char, offset in pieces:
        shared = SHARED_MARKS.match(char) is not None
        if shared and not _stays(char, out[base_at][0] if base_at >= 0 else BOUNDARY):
            continue
        if (shared or is_joining_jamo(char)) and _composes(out, base_at, char):
            letter, at = out[base_at]
            out[base_at] = (unicodedata.normalize("NFC", letter + char), at)
            continue
        if not shared and not unicodedata.combining(char):
            base_at = len(out)
        out.append((char, offset))
    return out


def _stays(mark: str, base: str) -> bool:
    """Whether a shared mark stays on its letter; on a boundary none does."""
    return keeps_marks(base) and not (mark == "\u0308" and base == "е")


def is_joining_jamo(char: str) -> bool:
    """A vowel or final consonant of Hangul, which makes one syllable with what is before it."""
    return "\u1160" <= char <= "\u11ff"


def _composes(out: list[Piece], base_at: int, mark: str) -> bool:
    """Whether the mark meets its base unblocked, and the two are one code point."""
    if base_at < 0:
        return False
    between = out[-1][0] if base_at < len(out) - 1 else ""
    if between and not 0 < unicodedata.combining(between) < unicodedata.combining(mark):
        return False
    return len(unicodedata.normalize("NFC", out[base_at][0] + mark)) == 1


def _without_s(pieces: list[Piece]) -> Iterator[Piece]:
    """Apostrophes as boundaries; an s that stands alone after one is dropped."""
    before = ""
    for index, (char, offset) in enumerate(pieces):
        lone_s = char in "sS" and before == APOSTROPHE and _ends(pieces, index)
        yield (BOUNDARY if lone_s or char == APOSTROPHE else char), offset
        before = char


def _ends(pieces: list[Piece], index: int) -> bool:
    following = pieces[index + 1][0] if index + 1 < len(pieces) else BOUNDARY
    return following in (BOUNDARY, APOSTROPHE) or is_spaceless(following)


def _spaced(pieces: Iterator[Piece], length: int) -> Iterator[Piece]:
    """A boundary on either side of each letter of a script without spaces, and at the end."""
    after_letter = False
    for char, offset in pieces:
        mark = unicodedata.category(char)[0] == "M"
        spaceless = is_spaceless(char)
        if spaceless or (after_letter and not mark):
            yield BOUNDARY, offset
        yield char, offset
        after_letter = spaceless or (after_letter and mark)
    yield BOUNDARY, length
