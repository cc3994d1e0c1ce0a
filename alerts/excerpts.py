"""The sentences around the best places of a match, with the words marked."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from alerts.rules import Span, Text
from store.folding import grapheme_span

# A sentence ends with its mark (and closing quotes) before white space, or at a line break;
# the ideographic marks need no space after them. An abbreviation may cut it short: no harm here.
_SENTENCE_END = regex.compile(r"""[.!?…؟۔।॥]+["'”’»)\]]*(?=\s)|[。！？]+[」』”’）]*|\n""")
_WORD_REACH = 40
"""How far a cut may move to fall on white space; beyond it, scripts without spaces are assumed."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """A marked part of an excerpt, in code points of its text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of a field, exactly as it stands there."""

    field: str
    text: str
    start: int
    """Offset in the field, in code points."""
    end: int
    highlights: tuple[Highlight, ...]
    """In order; they neither overlap nor touch."""


@dataclass(slots=True)
class _Window:
    """A piece of a field on its way to an excerpt; it grows while the next places fit in."""

    field: str
    start: int
    end: int
    spans: list[Span]

    def takes(self, span: Span, sentence: tuple[int, int], length: int) -> bool:
        """Whether the place lies inside, or its sentence follows and fits; then it is taken."""
        if span.field != self.field:
            return False
        if span.end > self.end:
            if sentence[0] > self.end + 1 or sentence[1] - self.start > length:
                return False
            self.end = sentence[1]
        self.spans.append(span)
        return True


def excerpts(
    text: Text, spans: Iterable[Span], *, most: int = 3, length: int = 300
) -> tuple[Excerpt, ...]:
    """At most `most` excerpts of about `length` code points, in reading order.

    The best have the most different terms, then the most places; an early one beats a late one.
    """
    fields = {name: index for index, name in enumerate(text.fields)}
    ordered = sorted(set(spans), key=lambda span: (fields[span.field], span.start, -span.end))
    windows = _windows(text, ordered, length)
    best = sorted(
        range(len(windows)),
        key=lambda index: (
            -len({span.term for span in windows[index].spans}),
            -len(windows[index].spans),
            index,
        ),
    )
    return tuple(_excerpt(text, windows[index]) for index in sorted(best[:most]))


def sentences(text: Text, spans: Iterable[Span]) -> tuple[str, ...]:
    """The whole sentences in which the places stand, each once, in their order."""
    spans = list(spans)
    ends = _ends_of_fields(text, spans)
    places = {
        (span.field, *_sentence(text.fields[span.field], ends[span.field], span)): None
        for span in spans
    }
    return tuple(dict.fromkeys(text.fields[field][start:end] for field, start, end in places))


def _ends_of_fields(text: Text, spans: Iterable[Span]) -> dict[str, list[int]]:
    return {name: _sentence_ends(text.fields[name]) for name in {span.field for span in spans}}


def _windows(text: Text, spans: Sequence[Span], length: int) -> list[_Window]:
    """Sentences around the places; places whose sentences fit together share a window."""
    windows: list[_Window] = []
    ends = _ends_of_fields(text, spans)
    for span in spans:
        content = text.fields[span.field]
        sentence = _sentence(content, ends[span.field], span)
        last = windows[-1] if windows else None
        if last is not None and last.takes(span, sentence, length):
            continue
        after = last.end if last is not None and last.field == span.field else 0
        free = (max(sentence[0], min(after, span.start)), sentence[1])
        windows.append(_Window(span.field, *_cut(content, free, span, length), [span]))
    return windows


def _sentence_ends(content: str) -> list[int]:
    return [mark.end() for mark in _SENTENCE_END.finditer(content)] + [len(content)]


def _sentence(content: str, ends: list[int], span: Span) -> tuple[int, int]:
    """The sentence or sentences that hold the place, without the white space around them."""
    before = bisect_right(ends, span.start) - 1
    start = ends[before] if before >= 0 else 0
    end = ends[min(bisect_left(ends, span.end), len(ends) - 1)]
    while start < end and content[start].isspace():
        start += 1
    while end > start and content[end - 1].isspace():
        end -= 1
    return start, end


def _cut(content: str, sentence: tuple[int, int], span: Span, length: int) -> tuple[int, int]:
    """The sentence, or so much of it around the place as `length` allows."""
    start, end = sentence
    if end - start <= length:
        return start, end
    room = max(0, length - (span.end - span.start))
    left = max(start, min(span.start - room // 3, end - length))
    right = min(end, max(span.end, left + length))
    return _moved(content, left, span.start, start), _moved_back(content, right, span.end, end)


def _moved(content: str, cut: int, limit: int, start: int) -> int:
    """A left cut moved right to the beginning of a word, but not beyond the place."""
    if cut == start:
        return cut
    for at in range(cut, min(limit, cut + _WORD_REACH)):
        if content[at - 1].isspace() and not content[at].isspace():
            return at
    return grapheme_span(content, min(cut, limit), limit)[0]


def _moved_back(content: str, cut: int, limit: int, end: int) -> int:
    """A right cut moved left to the end of a word, but not into the place."""
    if cut == end:
        return cut
    for at in range(cut, max(limit, cut - _WORD_REACH), -1):
        if content[at].isspace() and not content[at - 1].isspace():
            return at
    return grapheme_span(content, limit, max(cut, limit))[1]


def _excerpt(text: Text, window: _Window) -> Excerpt:
    content = text.fields[window.field]
    start = min(window.start, *(span.start for span in window.spans), window.start)
    end = max(window.end, *(span.end for span in window.spans), window.end)
    return Excerpt(
        window.field,
        content[start:end],
        start,
        end,
        merged_highlights((span.start - start, span.end - start) for span in window.spans),
    )


def merged_highlights(places: Iterable[tuple[int, int]]) -> tuple[Highlight, ...]:
    """Overlapping and touching places as one mark each."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(Highlight(start, end) for start, end in merged)
