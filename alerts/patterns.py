"""Regular expressions of queries, on an engine whose time is linear in the text (RE2)."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

import re2
import regex

from store.folding import grapheme_span

_MAX_MEMORY = 8 * 2**20
"""Of one compiled pattern, in bytes; RE2 refuses what needs more, such as (a{1000}){1000}."""
_GRAPHEME = regex.compile(r"\X")


class PatternError(ValueError):
    """A pattern that the engine refuses, and why."""


@lru_cache(maxsize=4096)
def _compiled(source: str, flags: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    prefix = f"(?{flags})" if flags else ""
    return re2.compile(prefix + source.replace("\\/", "/"), options)


def check_pattern(source: str, flags: str) -> None:
    """Raises PatternError if the pattern cannot be read or finds nothing, everywhere."""
    try:
        compiled = _compiled(source, flags)
    except re2.error as error:
        raise PatternError(_said(error)) from None
    if compiled.search("") is not None:
        raise PatternError("it finds the empty text, so it would match everywhere")


def pattern_spans(source: str, flags: str, text: str) -> Iterator[tuple[int, int]]:
    """Where the pattern stands in the text, in whole graphemes; composed (NFC) letters count."""
    composed = text
    offsets: list[int] | None = None
    if not unicodedata.is_normalized("NFC", text):
        composed, offsets = _composed(text)
    for found in _compiled(source, flags).finditer(composed):
        start, end = found.span()
        if start == end:
            continue
        if offsets is not None:
            start, end = offsets[start], offsets[end]
        yield grapheme_span(text, start, end)


def _composed(text: str) -> tuple[str, list[int]]:
    """The NFC form, and for each of its code points where its grapheme begins in the text.

    Composition never joins two graphemes, so each is composed alone.
    """
    clusters = _GRAPHEME.findall(text)
    starts = list(accumulate((len(cluster) for cluster in clusters), initial=0))
    parts = [unicodedata.normalize("NFC", cluster) for cluster in clusters]
    offsets = [start for start, part in zip(starts, parts, strict=False) for _ in part]
    return "".join(parts), [*offsets, len(text)]


def _said(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    if words.startswith(("invalid escape", "invalid perl", "bad repetition")):
        return f"{words} (back-references and look-around are refused: they are not linear)"
    return words
