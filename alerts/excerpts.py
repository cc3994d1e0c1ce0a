"""The sentences around the best places of a match, with the words marked."""

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


@dataclass(frozen=True, slots=True)
class _Window:
    field: str
    start: int
    end: int
    spans: tuple[Span, ...]


def excerpts(
    text: Text, spans: Iterable[Span], *, most: int = 3, length: int = 300
) -> tuple[Excerpt, ...]:
    """At most `most` excerpts of about `length` code points, in reading order.

    The best have the most different terms, then the most places; an early one beats a late one.
    """
    fields = list(text.fields)
    ordered = sorted(set(spans), key=lambda span: (fields.index(span.field), span.start, -span.end))
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


def _windows(text: Text, spans: Sequence[Span], length: int) -> list[_Window]:
    """Sentences around the places; places whose sentences fit together share a window."""
    windows: list[_Window] = []
    for span in spans:
        content = text.fields[span.field]
        start, end = _sentence(content, span.start, span.end)
        last = windows[-1] if windows else None
        if last is not None and last.field == span.field and span.end <= last.end:
            windows[-1] = _Window(last.field, last.start, last.end, (*last.spans, span))
        elif (
            last is not None
            and last.field == span.field
            and start <= last.end + 1
            and end - last.start <= length
        ):
            windows[-1] = _Window(last.field, last.start, end, (*last.spans, span))
        else:
            after = last.end if last is not None and last.field == span.field else 0
            start, end = _cut(content, (max(start, min(after, span.start)), end), span, length)
            windows.append(_Window(span.field, start, end, (span,)))
    return windows


def _sentence(content: str, start: int, end: int) -> tuple[int, int]:
    """The sentence or sentences that hold the place, without the white space around them."""
    first = 0
    for mark in _SENTENCE_END.finditer(content):
        if mark.end() <= start:
            first = mark.end()
        elif mark.end() >= end:
            return _stripped(content, first, mark.end())
    return _stripped(content, first, len(content))


def _stripped(content: str, start: int, end: int) -> tuple[int, int]:
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
