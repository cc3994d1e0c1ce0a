"""One text, folded once and scanned once; what is asked about its places is kept."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from alerts.automaton import Found
from alerts.patterns import pattern_spans
from alerts.query import Pattern, Term
from alerts.rules import Span
from store.folding import Folded, fold, fold_words, grapheme_span

STAR = "*"
_SPACE = b" "
_new = tuple.__new__
"""Makes a named tuple in half the time; for the two that are made for every place."""


class Place(NamedTuple):
    """Where a term stands; places sort in reading order."""

    field: int
    start: int
    """In code points of the field's text."""
    end: int
    term: str
    before: int
    """The space before it, in bytes of the folded field."""
    after: int
    """The space after it: tokens between two places are the spaces between, less one."""
    span: Span


class ReadField:
    """One folded field and the keys found in it."""

    __slots__ = ("bit", "folded", "found", "index", "name")

    def __init__(self, index: int, name: str, bit: int, folded: Folded) -> None:
        """`index` counts the fields that the text has; `bit` is the field's own in masks."""
        self.index = index
        self.name = name
        self.bit = bit
        self.folded = folded
        self.found: dict[int, list[int]] = {}

    def add_places(self, places: list[Place], term: Term, key: int, length: int) -> None:
        """Adds where a term stands whose key was found and is so many bytes long."""
        folded, index, name, text = self.folded, self.index, self.name, term.text
        places_of, whole, letter = folded.places, folded.plain, folded.letter
        bytewise = len(places_of) == len(folded.encoded)
        starred = text.endswith(STAR)
        for before in self.found[key]:
            after = before + length - 1
            if starred:
                after = folded.encoded.find(_SPACE, after)
            if not term.is_plain and (after := self._confirmed(term, before, after)) < 0:
                continue
            if bytewise:
                start, end = places_of.item(before + 1), places_of.item(after)
            else:
                start, end = places_of.item(letter(before + 1)), places_of.item(letter(after))
            if not whole:
                start, end = grapheme_span(folded.original, start, end)
            if term.exact and not self._same_case(term, (start, end)):
                continue
            span = _new(Span, (name, start, end, text))
            places.append(_new(Place, (index, start, end, text, before, after, span)))

    def pattern_places(self, pattern: Pattern) -> list[Place]:
        """Where a pattern stands."""
        name = f"/{pattern.source}/{pattern.flags}"
        found = pattern_spans(pattern.source, pattern.flags, self.folded.original)
        return [self._pattern_place(start, end, name) for start, end in found]

    def tokens_between(self, after: int, before: int) -> int:
        """How many tokens stand between the end of one place and the start of a later one."""
        return self.folded.encoded.count(_SPACE, after, before)

    def _confirmed(self, term: Term, before: int, after: int) -> int:
        """The space after the term; -1 if it has a star inside it and other words follow."""
        if not any(word.endswith(STAR) for word in term.words[:-1]):
            return after
        encoded = self.folded.encoded
        spaces = [before]
        for _ in term.words:
            if (space := encoded.find(_SPACE, spaces[-1] + 1)) < 0:
                return -1
            spaces.append(space)
        words = [encoded[start + 1 : end].decode() for start, end in pairwise(spaces)]
        return spaces[-1] if begins(words, term.words) else -1

    def _same_case(self, term: Term, span: tuple[int, int]) -> bool:
        """Looks at whole graphemes, which may hold the end of another token: ½ holds 1 and 2."""
        cased = _cased(self.folded.original[slice(*span)])
        length = len(term.cased)
        return any(
            begins(cased[at : at + length], term.cased) for at in range(len(cased) - length + 1)
        )

    def _pattern_place(self, start: int, end: int, name: str) -> Place:
        """A pattern's place takes up the tokens it touches; between tokens it takes up none."""
        folded = self.folded
        first = bisect_right(folded.ends, start)
        last = max(first, bisect_left(folded.starts, end))
        return self._place(start, end, name, folded.spaces[first], folded.spaces[last])

    def _place(self, start: int, end: int, term: str, before: int, after: int) -> Place:
        span = Span(self.name, start, end, term)
        return Place(self.index, start, end, term, before, after, span)


class Reading:
    """A text as the matcher reads it."""

    __slots__ = ("fields", "kept", "kept_spans", "lang", "masks", "source")

    def __init__(
        self,
        contents: Mapping[str, str],
        names: Iterable[tuple[str, int]],
        scan: Callable[[bytes], Found],
        lang: str = "",
        source: str = "",
    ) -> None:
        """Fold the named fields that the text has, and find every key in them."""
        self.lang = lang
        self.source = source
        self.fields: list[ReadField] = []
        self.masks: dict[int, int] = {}
        """For each key found, the bits of the fields it stands in."""
        self.kept: dict[object, Sequence[Place] | None] = {}
        """What conditions have worked out about this text."""
        self.kept_spans: dict[object, tuple[Span, ...] | None] = {}
        """The same as matches show it."""
        for name, bit in names:
            if content := contents.get(name):
                self._read(ReadField(len(self.fields), name, bit, fold(content)), scan)

    def _read(self, field: ReadField, scan: Callable[[bytes], Found]) -> None:
        self.fields.append(field)
        found = field.found
        for start, _, key in scan(field.folded.encoded):
            if key in found:
                found[key].append(start)
            else:
                found[key] = [start]
        masks = dict.fromkeys(found, field.bit)
        for key in masks.keys() & self.masks.keys():
            masks[key] |= self.masks[key]
        self.masks |= masks

    def term_places(self, term: Term, key: int, length: int, mask: int) -> list[Place]:
        """Where a term stands in the fields of the mask, in reading order."""
        places: list[Place] = []
        for field in self.fields:
            if field.bit & mask and key in field.found:
                field.add_places(places, term, key, length)
        if term.exact and all(self._shows_no_case(place) for place in places):
            return []
        return places

    def pattern_places(self, pattern: Pattern, mask: int) -> list[Place]:
        """Where a pattern stands in the fields of the mask, in reading order."""
        return [
            place
            for field in self.fields
            if field.bit & mask
            for place in field.pattern_places(pattern)
        ]

    def _shows_no_case(self, place: Place) -> bool:
        field = self.fields[place.field]
        return field.name == "title" and in_capitals(field.folded.original)


@lru_cache(maxsize=4096)
def _cased(text: str) -> tuple[str, ...]:
    return fold_words(text, keep_case=True)


def in_capitals(headline: str) -> bool:
    """Whether all its letters are capitals, in two words or more (one may be an acronym)."""
    words = [word for word in headline.split() if any(char.isalpha() for char in word)]
    return len(words) > 1 and all(char.isupper() for char in headline if char.isalpha())


def begins(tokens: Sequence[str], words: Sequence[str]) -> bool:
    """Whether each token is its word, or begins with it where the word ends in a star."""
    return all(
        token.startswith(word[:-1]) if word.endswith(STAR) else token == word
        for token, word in zip(tokens, words, strict=True)
    )
