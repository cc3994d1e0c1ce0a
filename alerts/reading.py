"""One text, folded once and scanned once; what is asked about its places is kept."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from alerts.patterns import pattern_spans
from alerts.query import Pattern, Term
from alerts.rules import Span, Text
from store.folding import Folded, fold, fold_words, grapheme_span

_STAR = "*"
_SPACE = 0x20


class Place(NamedTuple):
    """Where something stands: `last` is the token after it; `start` and `end` are code points."""

    field: int
    first: int
    last: int
    start: int
    end: int


class _Field:
    """One folded field: its tokens and where they came from."""

    def __init__(self, name: str, folded: Folded) -> None:
        self.name = name
        self.folded = folded
        self.encoded = folded.text.encode()
        self.byte_spaces = [at for at, byte in enumerate(self.encoded) if byte == _SPACE]
        spaces = [at for at, char in enumerate(folded.text) if char == " "]
        self.starts = [folded.offsets[at + 1] for at in spaces[:-1]]
        self.ends = [folded.token_end(at) for at in spaces[1:]]

    def words(self) -> list[str]:
        return self.folded.text.split()

    def span(self, first: int, last: int) -> tuple[int, int]:
        return grapheme_span(self.folded.original, self.starts[first], self.ends[last - 1])


Scan = Callable[[bytes], Iterable[tuple[int, int, int]]]
"""Folded text to (start, end, key) of every key in it, overlapping ones too, in bytes."""


class Reading:
    """A text as the matcher reads it."""

    def __init__(self, text: Text, names: tuple[str, ...], scan: Scan) -> None:
        """Fold the fields named, as far as the text has them, and find every key in them."""
        self.text = text
        self.fields = [
            _Field(name, fold(content)) for name in names if (content := text.fields.get(name))
        ]
        self.bits = [1 << names.index(field.name) for field in self.fields]
        self.found: dict[int, list[tuple[int, int]]] = {}
        self.masks: dict[int, int] = {}
        self._places: dict[object, tuple[Place, ...]] = {}
        for index, field in enumerate(self.fields):
            for start, _, key in scan(field.encoded):
                self.found.setdefault(key, []).append((index, start))
                self.masks[key] = self.masks.get(key, 0) | self.bits[index]

    def term_places(self, term: Term, key: int, mask: int) -> tuple[Place, ...]:
        """Where the term stands in the fields of the mask."""
        asked = (term, mask)
        if asked not in self._places:
            places = [self._place(term, *found) for found in self.found.get(key, ())]
            self._places[asked] = tuple(
                place for place in places if place is not None and self.bits[place.field] & mask
            )
            if term.exact and self._only_in_capitals(self._places[asked]):
                self._places[asked] = ()
        return self._places[asked]

    def pattern_places(self, pattern: Pattern, mask: int) -> tuple[Place, ...]:
        """Where the pattern stands in the fields of the mask."""
        asked = (pattern, mask)
        if asked not in self._places:
            self._places[asked] = tuple(
                self._pattern_place(index, start, end)
                for index, field in enumerate(self.fields)
                if self.bits[index] & mask
                for start, end in pattern_spans(
                    pattern.source, pattern.flags, field.folded.original
                )
            )
        return self._places[asked]

    def span(self, place: Place, term: str) -> Span:
        """The place as it is reported."""
        return Span(self.fields[place.field].name, place.start, place.end, term)

    def _place(self, term: Term, index: int, start: int) -> Place | None:
        field = self.fields[index]
        first = bisect_left(field.byte_spaces, start)
        last = first + len(term.words)
        if last > len(field.starts):
            return None
        if any(word.endswith(_STAR) for word in term.words[:-1]) and not _begin(
            field.words()[first:last], term.words
        ):
            return None
        span = field.span(first, last)
        if term.exact:
            written = field.folded.original[span[0] : span[1]]
            if not _begin(fold_words(written, keep_case=True), term.cased):
                return None
        return Place(index, first, last, *span)

    def _pattern_place(self, index: int, start: int, end: int) -> Place:
        field = self.fields[index]
        first = bisect_right(field.ends, start)
        return Place(index, first, max(first, bisect_left(field.starts, end)), start, end)

    def _only_in_capitals(self, places: Iterable[Place]) -> bool:
        """Whether all of them stand in a headline set all in capitals, which shows no case."""
        return all(
            self.fields[place.field].name == "title"
            and in_capitals(self.fields[place.field].folded.original)
            for place in places
        )


def in_capitals(headline: str) -> bool:
    """Whether all its letters are capitals, in two words or more (one may be an acronym)."""
    words = [word for word in headline.split() if any(char.isalpha() for char in word)]
    return len(words) > 1 and all(char.isupper() for char in headline if char.isalpha())


def _begin(tokens: Iterable[str], words: tuple[str, ...]) -> bool:
    """Whether each token is its word, or begins with it where the word ends in a star."""
    return all(
        token.startswith(word[:-1]) if word.endswith(_STAR) else token == word
        for token, word in zip(tokens, words, strict=True)
    )
