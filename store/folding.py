"""Text and terms folded alike, with the way back to the original.

Folded text is the text's tokens, each between two single spaces: `" durand line "`. A token is a
word, or one letter with its marks in scripts that write no spaces. So "whole token" means "with
a space on either side", whatever stood there.

What each code point becomes is decided in `store.folding_rules`. Text of Latin-1 letters and the
usual punctuation is folded by one translation of bytes, other text by one look-up of numbers
(`store.folding_table`), and only words with loose marks, which hang on their neighbours, letter by
letter (`store.folding_marks`).
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt
import regex

from store import folding_table as table
from store.folding_marks import fold_pieces, fold_tokens
from store.folding_rules import APOSTROPHE, BOUNDARY

_Offsets = npt.NDArray[np.intp]
_Flags = npt.NDArray[np.bool_]
_Letters = npt.NDArray[np.uint32] | npt.NDArray[np.uint8]
_SPACE = ord(BOUNDARY)
_APOSTROPHE = ord(APOSTROPHE)
_FEW = 8
"""Places from which a table of bytes is cheaper than counting letters; it takes 8 µs."""
_UNLIKE = 0xFF
"""Stands for a code point that does not fold to exactly one of ASCII."""


def _byte_of(code: int) -> int:
    folded = "".join(piece for piece, _ in fold_pieces(chr(code)))
    folded = BOUNDARY if set(folded) == {BOUNDARY} else folded
    return ord(folded) if len(folded) == 1 and folded.isascii() else _UNLIKE


_LATIN = bytes(map(_byte_of, range(256)))
_SHARP = "ß"
"""Unfolds to two letters, and stands in most German texts."""
_PUNCTUATION = tuple((char, chr(_byte_of(ord(char)))) for char in "’“”—–‘\u00a0…•„‹›")
"""What stands beyond Latin-1 in most of the world's Latin text; each folds to one of ASCII."""
_SHORT = 12
"""Below so many code points the letter-by-letter way is the faster one."""

_GRAPHEME = regex.compile(r"\X")
_NEVER_FIRST = regex.compile(
    r"[\p{M}\p{GCB=Regional_Indicator}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=V}\p{GCB=T}\p{GCB=ZWJ}]"
)
_PREPENDED = regex.compile(r"\p{GCB=Prepend}")
_LOOK_BACK = 64


class Folded:
    """Folded text, and where each of its tokens stands in the original."""

    __slots__ = (
        "_asked",
        "_ends",
        "_letters",
        "_places",
        "_sources",
        "_spaces",
        "_starts",
        "encoded",
        "original",
        "plain",
    )

    def __init__(
        self,
        original: str,
        encoded: bytes,
        sources: "Callable[[], _Offsets]",
        *,
        plain: bool = False,
    ) -> None:
        """Made by `fold`; `sources` is asked for the places when the first is."""
        self.original = original
        self.plain = plain
        """Whether every code point of the original that is in a token is a grapheme by itself."""
        self.encoded = encoded
        """The folded text in UTF-8: begins and ends with a space, one space between two tokens."""
        self._sources = sources
        self._places: _Offsets | None = None
        self._letters: _Offsets | None = None
        self._asked = 0
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._spaces: list[int] | None = None

    @property
    def text(self) -> str:
        """The folded text."""
        return self.encoded.decode()

    @property
    def places(self) -> _Offsets:
        """For each code point of the folded text, its place in the original, in code points.

        For a space it is where the token before it ends; marks dropped behind it come after.
        """
        if self._places is None:
            self._places = self._sources()
        return self._places

    def letter(self, byte: int) -> int:
        """The number of the code point of the folded text that begins at this byte.

        The first few are counted: most texts hold few places, and a table takes longer.
        """
        if self._letters is not None:
            return self._letters.item(byte)
        self._asked += 1
        if self._asked <= _FEW:
            return len(self.encoded[:byte].decode())
        self._letters = np.cumsum(self._begins(), dtype=np.intp) - 1
        return self._letters.item(byte)

    @property
    def starts(self) -> list[int]:
        """Where each token starts in the original, in code points."""
        if self._starts is None:
            self._starts = self.places[self._space_letters()[:-1] + 1].tolist()
        return self._starts

    @property
    def ends(self) -> list[int]:
        """Where each token ends in the original."""
        if self._ends is None:
            self._ends = self.places[self._space_letters()[1:]].tolist()
        return self._ends

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The original's span of the tokens from `first` up to, not with, `last`."""
        return grapheme_span(self.original, self.starts[first], self.ends[last - 1])

    @property
    def spaces(self) -> list[int]:
        """Where the spaces stand in `encoded`, in bytes."""
        if self._spaces is None:
            letters = np.frombuffer(self.encoded, np.uint8)
            self._spaces = np.flatnonzero(letters == _SPACE).tolist()
        return self._spaces

    def _space_letters(self) -> _Offsets:
        """Where they stand in code points of the folded text."""
        letters = np.frombuffer(self.encoded, np.uint8)
        if len(letters) != len(self.places):
            letters = letters[self._begins()]
        return np.flatnonzero(letters == _SPACE)

    def _begins(self) -> _Flags:
        """Whether a code point begins at each byte."""
        begins: _Flags = np.frombuffer(self.encoded, np.uint8) & 0xC0 != 0x80
        return begins


@dataclass(frozen=True, slots=True)
class Token:
    """A folded token and its place in the original, in code points."""

    text: str
    start: int
    end: int


def fold(text: str) -> Folded:
    """The folded text of any text."""
    if (letters := _latin(text)) is not None:
        return _fold_latin(text, letters)
    if _SHARP in text and (letters := _latin(text.replace(_SHARP, "ss"))) is not None:
        return _fold_latin(text, letters, is_longer=True)
    if len(text) < _SHORT:
        return _fold_letters(text)
    return _fold_numbers(text)


def tokens(text: str) -> list[Token]:
    """The folded tokens of a text, in order, in whole graphemes."""
    folded = fold(text)
    words = folded.text.split()
    return [Token(word, *folded.span(index, index + 1)) for index, word in enumerate(words)]


def fold_words(text: str, *, keep_case: bool = False) -> tuple[str, ...]:
    """The folded tokens alone. With `keep_case`, everything but case is folded."""
    if keep_case:
        return tuple(token for token, _, _ in fold_tokens(text, keep_case=True))
    return tuple(fold(text).text.split())


def _latin(text: str) -> bytes | None:
    """Each code point folded to one byte; None where one folds to none, several or another."""
    if not text.isascii():
        for char, becomes in _PUNCTUATION:
            text = text.replace(char, becomes)
    try:
        letters = text.encode("latin-1").translate(_LATIN)
    except UnicodeEncodeError:
        return None
    return None if _UNLIKE in letters else letters


def _doubled(text: str) -> _Offsets:
    """The offset of each letter of a text whose ß are written ss, and of its end."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    return np.repeat(np.arange(len(codes) + 1), np.append(1 + (codes == ord(_SHARP)), 1))


def _fold_latin(text: str, letters: bytes, *, is_longer: bool = False) -> Folded:
    """One byte for each letter, each at its own place but where ß are written ss."""
    numbers = np.frombuffer(_without_apostrophes(b" %b " % letters), np.uint8)
    single = _single(numbers != _SPACE)
    encoded = numbers[single].tobytes()

    def sources() -> _Offsets:
        places = _shifted(single.nonzero()[0])
        return _doubled(text)[places] if is_longer else places

    return Folded(text, encoded, sources, plain=True)


def _without_apostrophes(letters: bytes) -> bytes:
    """Apostrophes made boundaries, and the s that stands alone after one."""
    first, *after = letters.split(b"'")
    if not after:
        return letters
    parts = [b" " + part[1:] if part == b"s" or part[:2] == b"s " else part for part in after]
    return b" ".join([first, *parts])


def _fold_bytes(text: str, letters: bytes, offsets: _Offsets | None) -> Folded:
    """One byte for each folded code point and a boundary on either side."""
    numbers = np.frombuffer(_without_apostrophes(letters), np.uint8)
    single = _single(numbers != _SPACE)
    encoded = numbers[single].tobytes()
    return Folded(text, encoded, lambda: _letter_places(numbers, single.nonzero()[0], offsets))


def _shifted(places: _Offsets) -> _Offsets:
    """Places in the text with a boundary before and after it, as places of the text itself."""
    places -= 1
    places[0] = 0
    return places


def _single(in_token: _Flags) -> _Flags:
    """Everything but the boundaries that follow another."""
    single = np.empty(len(in_token), np.bool_)
    single[0] = True
    np.logical_or(in_token[1:], in_token[:-1], out=single[1:])
    return single


def _fold_letters(text: str) -> Folded:
    found = fold_tokens(text)
    encoded = b" " + b"".join(b"%b " % token.encode() for token, _, _ in found)
    return Folded(text, encoded, lambda: _token_places(found))


def _token_places(found: Sequence[tuple[str, int, int]]) -> _Offsets:
    parts = [[start] * len(token) + [end] for token, start, end in found]
    return np.array([0, *chain.from_iterable(parts)], np.intp)


def _fold_numbers(text: str) -> Folded:
    """One look-up for all code points, then only what the text turns out to hold."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le", "surrogatepass"), np.uint32)
    numbers, most = table.numbers(codes)
    offsets: _Offsets | None = None
    if most >= table.SPECIAL:
        numbers, offsets = _with_neighbours(f" {text} ", numbers)
        numbers, offsets = _unfolded(codes, numbers, offsets)
        most = int(numbers.max())
    if not numbers.all():
        kept = numbers.nonzero()[0]
        numbers, offsets = numbers[kept], (kept if offsets is None else offsets[kept])
    if most < 128:
        return _fold_bytes(text, numbers.astype(np.uint8).tobytes(), offsets)
    if most >= table.MARK:
        if most >> table.CLASS_SHIFT:
            numbers = _sorted_marks(numbers)
        numbers, offsets = _spaced(numbers, offsets)
    _drop_s(numbers)
    numbers &= table.CODE_POINT
    single = _single(numbers != _SPACE)
    encoded = _encoded(numbers[single], most)

    def sources() -> _Offsets:
        return _letter_places(numbers, single.nonzero()[0], offsets)

    return Folded(text, encoded, sources)


def _letter_places(numbers: _Letters, places: _Offsets, offsets: _Offsets | None) -> _Offsets:
    """The place of each folded code point that was kept, `offsets` saying where each was."""
    if offsets is not None:
        ends = np.flatnonzero(numbers.take(places[1:]) == _SPACE) + 1
        places = offsets.take(places)
        places[ends] = places[ends - 1] + 1
    return _shifted(places)


def _with_neighbours(text: str, numbers: table.Numbers) -> tuple[table.Numbers, _Offsets]:
    """With every run of letters that holds a loose mark folded letter by letter."""
    loose = (numbers == table.NEIGHBOURS).nonzero()[0]
    offsets = np.arange(len(numbers))
    if not len(loose):
        return numbers, offsets
    inside = (numbers != _SPACE) & (numbers != _APOSTROPHE)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    runs = np.unique(np.searchsorted(edges, loose, "right")) - 1
    parts, sources, done = [], [], 0
    for start, end in zip(edges[runs].tolist(), edges[runs + 1].tolist(), strict=True):
        part, within = table.run_numbers(text[start:end])
        parts += [numbers[done:start], part]
        sources += [offsets[done:start], within + start]
        done = end
    parts.append(numbers[done:])
    sources.append(offsets[done:])
    return np.concatenate(parts), np.concatenate(sources)


def _unfolded(
    codes: table.Numbers, numbers: table.Numbers, offsets: _Offsets
) -> tuple[table.Numbers, _Offsets]:
    """With the code points that unfold to several put in their place."""
    places = np.flatnonzero(numbers == table.SEVERAL)
    if not len(places):
        return numbers, offsets
    parts = [table.unfolded(code) for code in codes[offsets[places]].tolist()]
    lengths = np.ones(len(numbers), np.intp)
    lengths[places] = [len(part) for part in parts]
    longer = np.repeat(numbers, lengths)
    longer[longer == table.SEVERAL] = np.concatenate(parts)
    return longer, np.repeat(offsets, lengths)


def _sorted_marks(numbers: table.Numbers) -> table.Numbers:
    """Marks in canonical order, as any two spellings of one text must agree."""
    classes = numbers >> table.CLASS_SHIFT
    if not ((classes[1:] < classes[:-1]) & (classes[1:] > 0)).any():
        return numbers
    return numbers[np.lexsort((classes, np.cumsum(classes == 0)))]


def _spaced(
    numbers: table.Numbers, offsets: _Offsets | None
) -> tuple[table.Numbers, _Offsets | None]:
    """A boundary on either side of each letter of a script without spaces, with its marks."""
    alone = numbers & table.SPACELESS != 0
    if not alone.any():
        return numbers, offsets
    marks = numbers & table.MARK != 0
    if marks.any():
        bases = np.flatnonzero(~marks)
        after = np.zeros(len(numbers), np.bool_)
        after[bases[1:]] = alone[bases[:-1]]
        alone |= after
        alone &= ~marks
    else:
        alone[1:] |= alone[:-1]
    sources = np.arange(len(numbers)).repeat(alone + np.uint8(1))
    longer = numbers.take(sources)
    spaces = np.flatnonzero(alone)
    spaces += np.arange(len(spaces))
    longer[spaces] = _SPACE
    return longer, (sources if offsets is None else offsets.take(sources))


def _drop_s(numbers: table.Numbers) -> None:
    """Apostrophes made boundaries, and the s that stands alone after one, in place."""
    apostrophes = np.flatnonzero(numbers == _APOSTROPHE)
    if not len(apostrophes):
        return
    before_s = apostrophes[numbers[apostrophes + 1] == ord("s")]
    after = numbers[before_s + 2]
    lone = before_s[(after == _SPACE) | (after == _APOSTROPHE)] + 1
    numbers[apostrophes] = _SPACE
    numbers[lone] = _SPACE


def _encoded(numbers: table.Numbers, most: int) -> bytes:
    if most < 128:
        return numbers.astype(np.uint8).tobytes()
    return numbers.tobytes().decode("utf-32-le", "surrogatepass").encode()


def grapheme_span(text: str, start: int, end: int) -> tuple[int, int]:
    """The span widened so that neither side cuts what a reader sees as one character."""
    if _is_cut(text, start) or _is_cut(text, end):
        at = start
        while at > max(0, start - _LOOK_BACK) and _is_cut(text, at):
            at -= 1
        for cluster in _GRAPHEME.finditer(text, at):
            if cluster.end() > start:
                start = min(start, cluster.start())
            if cluster.end() >= end:
                return start, cluster.end()
    return start, end


def _is_cut(text: str, at: int) -> bool:
    """Whether a boundary here may split a grapheme (cheap, and rather yes than no)."""
    if not 0 < at < len(text):
        return False
    pair = text[at - 1 : at + 1]
    return not pair.isascii() and _belong(pair)


@lru_cache(maxsize=65536)
def _belong(pair: str) -> bool:
    """Whether two code points may be of one grapheme."""
    return (
        _NEVER_FIRST.match(pair[1]) is not None
        or _PREPENDED.match(pair[0]) is not None
        or unicodedata.category(pair[0])[0] in "CM"
    )
