"""The folding of each code point as one number, so that a whole text is one look-up.

A number holds the folded code point, and what the look-up has to know about it. Most texts need
no more; code points that unfold to several or hang on their neighbours are marked `SPECIAL`.
"""

import unicodedata
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from store.folding_marks import fold_pieces, is_joining_jamo
from store.folding_rules import APOSTROPHE, BOUNDARY, SHARED_MARKS, fold_char, is_spaceless

Numbers = npt.NDArray[np.uint32]

CODE_POINT: Final = (1 << 21) - 1
MARK: Final = 1 << 21
"""A combining mark that stays with the letter before it."""
SPACELESS: Final = 1 << 22
"""A token by itself, with its marks."""
CLASS_SHIFT: Final = 23
"""Above it, in 8 bits, the canonical combining class."""
SPECIAL: Final = 1 << 31
NEIGHBOURS: Final = SPECIAL
"""What becomes of it depends on the code points beside it."""
SEVERAL: Final = SPECIAL + 1
"""It unfolds to several code points: see `unfolded`."""
_UNKNOWN: Final = SPECIAL + 2
_SIZE: Final = 0x110000

_numbers: Numbers = np.full(_SIZE, _UNKNOWN, np.uint32)
_several: dict[int, Numbers] = {}


def numbers(codes: Numbers) -> tuple[Numbers, int]:
    """The number of each code point, in a new array, and the largest of them."""
    found = _numbers.take(codes, mode="clip")
    largest = int(found.max())
    if largest == _UNKNOWN:
        for code in set(codes[found == _UNKNOWN].tolist()):
            _learn(code)
        return numbers(codes)
    return found, largest


def unfolded(code: int) -> Numbers:
    """The numbers of a code point marked `SEVERAL`."""
    return _several[code]


@lru_cache(maxsize=65536)
def run_numbers(run: str) -> tuple[Numbers, npt.NDArray[np.intp]]:
    """The numbers of a run of letters with loose marks, and their offsets in it."""
    pieces = fold_pieces(run)
    return (
        np.array([_number(piece) for piece, _ in pieces], np.uint32),
        np.array([offset for _, offset in pieces], np.intp),
    )


def _learn(code: int) -> None:
    """Work out one code point on its first use: a table of all takes a second to fill."""
    char = chr(code)
    if (first := fold_char(char)[:1]) and (SHARED_MARKS.match(first) or is_joining_jamo(first)):
        _numbers[code] = NEIGHBOURS
        return
    pieces = [piece for piece, _ in fold_pieces(char)]
    if set(pieces) == {BOUNDARY}:
        pieces = [BOUNDARY]
    if len(pieces) > 1:
        _several[code] = np.array([_number(piece) for piece in pieces], np.uint32)
        _numbers[code] = SEVERAL
    else:
        _numbers[code] = _number(pieces[0]) if pieces else 0


@lru_cache(maxsize=65536)
def _number(char: str) -> int:
    if char in (BOUNDARY, APOSTROPHE):
        return ord(char)
    mark = MARK if unicodedata.category(char)[0] == "M" else 0
    spaceless = SPACELESS if is_spaceless(char) else 0
    return ord(char) | mark | spaceless | unicodedata.combining(char) << CLASS_SHIFT
