"""What an edit of an article means for a watchlist that told of it. The policy. Pure.

`updates = "changes"` asks to be told again when

1. the article was *removed* (its page is gone) or *retracted* (it says so itself), or is back;
2. a term of the watchlist *disappears*: it stood in the text, and none of the spellings that were
   found stands in it any more;
3. a term *appears* that did not stand in it before;
4. the *headline* changes, in its words;
5. the *sentence* changes in which a term stood: it does not stand in the new text as it was;
6. none of these, but the watchlist does *not match* any more, or does again: what it excludes came,
   or too few mentions are left.

Everything else is silence: another sentence was edited, or a term stands once more than before.
Words are compared as folded, so that capitals and quotes are no change. `updates = "new"` is never
told of any of it. A watchlist that matches a later text for the first time has a new match,
whatever its `updates` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from alerts.excerpts import sentences
from alerts.rules import Hit, Span, Text
from alerts.word_diff import Piece, changed_parts, word_diff
from store.folding import fold

SHOWN = 4000
"""Characters of a diff that one message shows."""
_KINDS = {
    "removed": "The article was removed",
    "retracted": "The article was retracted",
    "restored": "The article is back",
}


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to the article as a whole: the kind and note of its last revision."""

    kind: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A change as it is kept, told and printed."""

    kinds: tuple[str, ...]
    """removed, retracted, restored, disappeared, appeared, headline, sentence, match"""
    appeared: tuple[str, ...] = ()
    disappeared: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    """What happened, in words, one thing a line."""
    diff: tuple[Piece, ...] = ()
    """The parts that changed, word by word."""

    def as_object(self) -> dict[str, Any]:
        """As JSON."""
        pieces = [{"mark": piece.mark, "text": piece.text} for piece in self.diff]
        return {**asdict(self), "diff": pieces}


def change_of(
    before: Text, was: Hit | None, now: Text, is_: Hit | None, event: Event
) -> Told | None:
    """What is to be told of an edit; None for nothing.

    `was` and `is_` are the watchlist's hits on the two texts.
    """
    gone = _lost(was, before, now)
    came = _lost(is_, now, before)
    kinds, lines = [], []
    if event.kind in _KINDS:
        kinds.append(event.kind)
        lines.append(_KINDS[event.kind] + (f": {event.note}" if event.note else ""))
    if gone:
        kinds.append("disappeared")
        lines.append(f"No longer in the text: {', '.join(gone)}")
    if came:
        kinds.append("appeared")
        lines.append(f"New in the text: {', '.join(came)}")
    if _words(before, "title") != _words(now, "title"):
        kinds.append("headline")
        lines.append(f"The headline was: {before.fields.get('title', '')}")
    if was and not gone and _sentence_changed(before, was.spans, now):
        kinds.append("sentence")
        lines.append("The sentence that matched was changed")
    if not kinds and (was is None) != (is_ is None):
        kinds.append("match")
        lines.append("It does not match any more" if was else "It matches again")
    if not kinds:
        return None
    return Told(tuple(kinds), came, gone, tuple(lines), tuple(_diff(before, now)))


def _words(text: Text, field: str) -> str:
    return fold(text.fields.get(field, "")).text


def _lost(hit: Hit | None, text: Text, other: Text) -> tuple[str, ...]:
    """The terms of a hit of which no spelling that stood in the one text stands in the other."""
    if hit is None:
        return ()
    elsewhere = [fold(content).text for content in other.fields.values()]
    stands: dict[str, bool] = {}
    for span in hit.spans:
        spelling = fold(text.fields[span.field][span.start : span.end]).text
        found = any(spelling in content for content in elsewhere)
        stands[span.term] = stands.get(span.term, False) or found
    return tuple(term for term, found in stands.items() if not found)


def _sentence_changed(before: Text, spans: Sequence[Span], now: Text) -> bool:
    """The headline has a rule of its own."""
    text = " ".join(fold(content).text for content in now.fields.values())
    told = [span for span in spans if span.field not in {"title", "url"}]
    return any(fold(sentence).text not in text for sentence in sentences(before, told))


def _diff(before: Text, now: Text) -> Sequence[Piece]:
    """Of headline, standfirst and text; as much as a message bears."""
    pieces = changed_parts(word_diff(_told_text(before.fields), _told_text(now.fields)))
    shown, room = [], SHOWN
    for piece in pieces:
        if room <= 0:
            shown.append(Piece("same", " …"))
            break
        shown.append(Piece(piece.mark, piece.text[:room]))
        room -= len(piece.text)
    return shown if any(piece.mark != "same" for piece in shown) else ()


def _told_text(fields: Mapping[str, str]) -> str:
    parts = (fields.get(name, "") for name in ("title", "standfirst", "body"))
    return "\n\n".join(part for part in parts if part)
