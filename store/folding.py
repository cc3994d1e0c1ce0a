"""Text and terms folded alike, with the way back to the original.

Folded text is the text's tokens, each between two single spaces: `" durand line "`. A token is a
word, or one letter with its marks in scripts that write no spaces. So "whole token" means "with
a space on either side", whatever stood there. The single rules are in `store.folding_rules`.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from store.folding_rules import (
    APOSTROPHE,
    BOUNDARY,
    SHARED_MARKS,
    fold_char,
    is_spaceless,
    keeps_marks,
)

_GRAPHEME = regex.compile(r"\X")
_NEVER_FIRST = regex.compile(
    r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=V}\p{GCB=T}\p{GCB=ZWJ}]"
)
_PREPENDED = regex.compile(r"\p{GCB=Prepend}")
_LOOK_BACK = 64


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text and where each of its code points came from."""

    original: str
    text: str
    """Begins and ends with a space; one space between two tokens."""
    offsets: Sequence[int]
    """For each code point of `text`, its offset in `original`; for a space, where the token
    before it ends."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span of the tokens that `text[start:end]` touches, in whole graphemes."""
        start += self.text[start : start + 1] == BOUNDARY
        return grapheme_span(self.original, self.offsets[start], self.token_end(end))

    def token_end(self, end: int) -> int:
        """Where the token that holds `text[end - 1]` ends in the original.

        It takes the whole of a code point that unfolds to several tokens, as ½ does.
        """
        space = self.text.find(BOUNDARY, end - 1)
        return max(self.offsets[space], self.offsets[space - 1] + 1)


@dataclass(frozen=True, slots=True)
class Token:
    """A folded token and its place in the original, in code points."""

    text: str
    start: int
    end: int


def fold(text: str, *, keep_case: bool = False) -> Folded:
    """The folded text of any text. With `keep_case`, everything but case is folded."""
    pairs = _composed(_sorted_marks(_decomposed(text, keep_case)))
    chars, offsets = [BOUNDARY], [0]
    for char, offset in _spaced(_without_s(pairs), len(text)):
        if char != BOUNDARY or chars[-1] != BOUNDARY:
            chars.append(char)
            offsets.append(offset)
    return Folded(text, "".join(chars), offsets)


def tokens(text: str) -> list[Token]:
    """The folded tokens of a text, in order."""
    folded, found, start = fold(text), [], 1
    while (end := folded.text.find(BOUNDARY, start)) >= 0:
        found.append(Token(folded.text[start:end], *folded.span(start, end)))
        start = end + 1
    return found


def fold_words(text: str, *, keep_case: bool = False) -> tuple[str, ...]:
    """The folded tokens alone: what a term is looked for by."""
    return tuple(fold(text, keep_case=keep_case).text.split())


_Pair = tuple[str, int]


def _decomposed(text: str, keep_case: bool) -> Iterator[_Pair]:
    for offset, char in enumerate(text):
        for folded in fold_char(char, keep_case):
            yield folded, offset


def _sorted_marks(pairs: Iterator[_Pair]) -> Iterator[_Pair]:
    """Marks in canonical order, as any two spellings of one text must agree."""
    run: list[_Pair] = []
    for pair in pairs:
        if not unicodedata.combining(pair[0]):
            yield from _sorted_run(run)
            run = []
        run.append(pair)
    yield from _sorted_run(run)


def _sorted_run(run: list[_Pair]) -> Iterable[_Pair]:
    """A letter and its marks sorted; the offsets stay in the order of the text."""
    if len(run) < 2:
        return run
    first = 0 if unicodedata.combining(run[0][0]) else 1
    marks = sorted((char for char, _ in run[first:]), key=unicodedata.combining)
    return [*run[:first], *zip(marks, (offset for _, offset in run[first:]), strict=True)]


def _composed(pairs: Iterator[_Pair]) -> list[_Pair]:
    """Shared marks dropped or composed with their letter, Hangul put together."""
    out: list[_Pair] = []
    base, base_at = "", -1
    for char, offset in pairs:
        if SHARED_MARKS.match(char):
            if not base or not keeps_marks(base) or (char == "\u0308" and base == "е"):
                continue
        elif not unicodedata.combining(char):
            if _composes(out, base_at, char) and _is_hangul(char):
                out[base_at] = (
                    unicodedata.normalize("NFC", out[base_at][0] + char),
                    out[base_at][1],
                )
                continue
            base, base_at = ("" if char in (BOUNDARY, APOSTROPHE) else char), len(out)
            out.append((char, offset))
            continue
        if SHARED_MARKS.match(char) and _composes(out, base_at, char):
            out[base_at] = (unicodedata.normalize("NFC", out[base_at][0] + char), out[base_at][1])
        else:
            out.append((char, offset))
    return out


def _is_hangul(char: str) -> bool:
    return "\u1100" <= char <= "\u11ff"


def _composes(out: list[_Pair], base_at: int, mark: str) -> bool:
    """Whether the mark meets its base unblocked, and the two are one code point."""
    if base_at < 0 or base_at >= len(out):
        return False
    last = out[-1][0] if len(out) - 1 > base_at else ""
    if last and not 0 < unicodedata.combining(last) < unicodedata.combining(mark):
        return False
    return len(unicodedata.normalize("NFC", out[base_at][0] + mark)) == 1


def _without_s(pairs: list[_Pair]) -> Iterator[_Pair]:
    """Apostrophes as boundaries; an s that stands alone after one is dropped."""
    before = ""
    for index, (char, offset) in enumerate(pairs):
        lone_s = char in "sS" and before == APOSTROPHE and _ends(pairs, index)
        yield (BOUNDARY if lone_s or char == APOSTROPHE else char), offset
        before = char


def _ends(pairs: list[_Pair], index: int) -> bool:
    following = pairs[index + 1][0] if index + 1 < len(pairs) else BOUNDARY
    return following in (BOUNDARY, APOSTROPHE) or is_spaceless(following)


def _spaced(pairs: Iterator[_Pair], length: int) -> Iterator[_Pair]:
    """A boundary on either side of each letter of a script without spaces, and at the end."""
    after_letter = False
    for char, offset in pairs:
        mark = unicodedata.category(char)[0] == "M"
        spaceless = is_spaceless(char)
        if spaceless or (after_letter and not mark):
            yield BOUNDARY, offset
        yield char, offset
        after_letter = spaceless or (after_letter and mark)
    yield BOUNDARY, length


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
    if not 0 < at < len(text) or (text[at].isascii() and text[at - 1].isascii()):
        return False
    return (
        _NEVER_FIRST.match(text[at]) is not None
        or _PREPENDED.match(text[at - 1]) is not None
        or unicodedata.category(text[at - 1])[0] in "CM"
    )
