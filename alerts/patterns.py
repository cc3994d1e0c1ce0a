"""Regular expressions of queries, on an engine whose time is linear in the text (RE2)."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

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
    except UnicodeEncodeError:  # half of a surrogate pair, as a shell may pass what is not UTF-8
        raise PatternError("it holds what is no character") from None
    if compiled.search("") is not None:
        raise PatternError("it finds the empty text, so it would match everywhere")


def pattern_spans(source: str, flags: str, text: str) -> Iterator[tuple[int, int]]:
    """Where the pattern stands in the text, in whole graphemes; composed (NFC) letters count."""
    compiled = _compiled(source, flags)
    composed = text
    places: list[tuple[int, int]] | None = None
    if not unicodedata.is_normalized("NFC", text):
        composed, places = _composed(text)
    for found in compiled.finditer(composed):
        start, end = found.span()
        if start == end:
            continue
        if places is None:
            yield grapheme_span(text, start, end)
        else:
            yield places[start][0], places[end - 1][1]


def _composed(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The NFC form, and for each of its code points the place of its grapheme in the text.

    Composition never joins two graphemes, so each is composed alone.
    """
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    for cluster in _GRAPHEME.finditer(text):
        part = unicodedata.normalize("NFC", cluster.group())
        parts.append(part)
        places += [cluster.span()] * len(part)
    return "".join(parts), places


def _said(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    if words.startswith(("invalid escape", "invalid perl", "bad repetition")):
        return f"{words} (back-references and look-around are refused: they are not linear)"
    return words
