"""Spellings that look like a watchlist's terms and are other words to it. Pure.

How they are found: words of the store that differ from a word of the term by one letter (two from
eight letters on, where the first is the same), or only in vowels, doubled letters and h after a
consonant, as transliterations do; the words of a phrase written together; and the other spellings
of a set of variants that the term stands in.

How false ones are kept few: words of fewer than four letters are left out, all other words of a
phrase stay as they are, and nothing is suggested that stands in no article. What is left is for a
person to judge: no rule knows that Kabul is not Kabal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import regex
from rapidfuzz import process
from rapidfuzz.distance import OSA

from alerts.query import And, Near, Node, Or, Scoped, Term, Variants, parse
from store.folding_rules import is_spaceless
from store.search_terms import Resembling

_FEWEST_LETTERS = 4
_LONG = 8
"""Letters from which two may differ; in shorter words two make another word."""
_SOUND_DISTANCE = 3
_AT_ONCE = 50_000
"""Words compared in one call."""
_WEAK = regex.compile(r"(?<=\p{L})[aeiouyw]|(?<=[bcdgkpst])h|(\p{L})(?=\1)")
_LATIN = regex.compile(r"\p{Latin}+")


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A term that might be meant too."""

    like: Term
    """The watchlist's term."""
    term: Term
    why: str


def positive_terms(node: Node) -> Iterator[Term]:
    """The terms that a query looks for."""
    match node:
        case Term():
            yield node
        case Or(items) | And(items) | Variants(_, items):
            for item in items:
                yield from positive_terms(item)
        case Near(left, right):
            yield from positive_terms(left)
            yield from positive_terms(right)
        case Scoped(_, item):
            yield from positive_terms(item)


def resembling(node: Node) -> Resembling:
    """What of the store's words has to be read to find all that looks like a query's terms.

    A look-alike begins with the same letter, or it differs in the first one alone.
    """
    stems = {word.rstrip("*") for word in _compared(_inexact_terms(node))}
    swapped = {stem[1] + stem[0] + stem[2:] for stem in stems}
    return Resembling(
        frozenset(stem[0] for stem in stems),
        frozenset({*stems, *(stem[1:] for stem in stems)}),
        frozenset({*swapped, *(stem[1:] for stem in stems), *_joined(_inexact_terms(node))}),
    )


def look_alikes(node: Node, vocabulary: Iterable[str]) -> list[LookAlike]:
    """What looks like the terms of a query among the words of the store."""
    terms = _inexact_terms(node)
    joined = _joined(terms)
    near: dict[str, dict[str, str]] = {word: {} for word in _compared(terms)}
    together: list[LookAlike] = []
    words = iter(vocabulary)
    while part := list(islice(words, _AT_ONCE)):
        for word, alike in near.items():
            alike.update(_near_words(word, part))
        together += [
            LookAlike(joined[word], Term(word), "written together")
            for word in part
            if word in joined
        ]
    known = {term.words for term in terms}
    replaced = [each for term in terms for each in _replaced(term, near)]
    return [each for each in [*replaced, *together] if each.term.words not in known]


def _inexact_terms(node: Node) -> list[Term]:
    return list(dict.fromkeys(term for term in positive_terms(node) if not term.exact))


def _compared(terms: Iterable[Term]) -> set[str]:
    return {word for term in terms for word in term.words if _is_compared(word)}


def _joined(terms: Iterable[Term]) -> dict[str, Term]:
    return {"".join(term.words): term for term in terms if len(term.words) > 1}


def other_variants(node: Node, variants: Mapping[str, Sequence[str]]) -> list[LookAlike]:
    """The spellings of every set that one of the query's terms stands in, that it does not use."""
    terms = {term.words: term for term in positive_terms(node)}
    found = []
    for name in variants:
        spelled = list(positive_terms(parse(f"@{name}", variants=variants)))
        own = next((terms[term.words] for term in spelled if term.words in terms), None)
        if own is not None:
            found += [
                LookAlike(own, term, f"in @{name}") for term in spelled if term.words not in terms
            ]
    return found


def instead(node: Node, look: LookAlike) -> Node | None:
    """The query with the look-alike in its term's place; None where it does not look for it.

    Of alternatives only those with the term are kept, so that it finds what the look-alike adds.
    """
    match node:
        case Term():
            return look.term if node == look.like else None
        case Or(items) | Variants(_, items):
            kept = [part for item in items if (part := instead(item, look)) is not None]
            return Or(tuple(kept)) if len(kept) > 1 else next(iter(kept), None)
        case And(items):
            parts = [instead(item, look) for item in items]
            if not any(parts):
                return None
            return And(tuple(part or item for part, item in zip(parts, items, strict=True)))
        case Near(left, right, distance, ordered):
            one, other = instead(left, look), instead(right, look)
            return Near(one or left, other or right, distance, ordered) if one or other else None
        case Scoped(name, item):
            part = instead(item, look)
            return Scoped(name, part) if part is not None else None
    return None


def _is_compared(word: str) -> bool:
    return len(word.rstrip("*")) >= _FEWEST_LETTERS and not is_spaceless(word[0])


def _near_words(word: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Those of the words that look like the word, and why."""
    starred, stem = word.endswith("*"), word.rstrip("*")
    sound = _sound(stem)
    for other, distance, _ in process.extract(
        stem, words, scorer=OSA.distance, processor=None, score_cutoff=_SOUND_DISTANCE, limit=None
    ):
        if distance == 0 or (starred and other.startswith(stem)) or not other.isalpha():
            continue
        if distance == 1:
            yield other, "one letter differs"
        elif distance == 2 and len(stem) >= _LONG and other[0] == stem[0]:
            yield other, "two letters differ"
        elif sound and other[0] == stem[0] and _sound(other) == sound:
            yield other, "sounds alike"


def _sound(word: str) -> str:
    """What transliterations of one name share; empty where that is too little to go by."""
    if not _LATIN.fullmatch(word):
        return ""
    rest = _WEAK.sub("", word)
    return rest if len(rest) >= 3 else ""


def _replaced(term: Term, near: Mapping[str, Mapping[str, str]]) -> Iterator[LookAlike]:
    """The term with one of its words in another spelling."""
    for at, word in enumerate(term.words):
        for other, why in near.get(word, {}).items():
            words = [*term.words[:at], other, *term.words[at + 1 :]]
            yield LookAlike(term, Term(" ".join(words)), why)
