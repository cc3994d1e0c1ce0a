"""Has an article been edited? The policy on what is an edit and what is furniture.

1. Texts are compared by their folded words (`store.folding`): case, punctuation, spaces, kinds of
   quotes and letter forms are no edit. What is compared is headline, standfirst and body.
2. Where the body differs, its paragraphs do. A paragraph that came or went is *furniture* when it
   is the headline of another article of the source, or stands in two others and has fewer than 30
   words (a call to subscribe, the author's line; longer ones may be background that an editor
   added), or tells only times and counts ("Updated 3 minutes ago", "12 comments"). Nothing but
   furniture changed: no edit.
3. A text that lost much of its body while all of what is left was there before is a page that shows
   less (a paywall that closed, an answer cut short), no edit, unless the rest says that
   something was removed.
4. A page whose new words say that "this" article was retracted, withdrawn or removed is a
   *retraction*; "the report was withdrawn" is news about a report.

How false edits are avoided: every one would be kept for ever and may be told. How missed ones are:
numbers count (a toll of five that becomes nine is an edit), and so does every word of a paragraph
that stands in this article only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import regex

from store.folding import fold

SHRUNK = 0.6
"""Part of the words below which a text that only lost some shows less of the same."""

FURNITURE_IN = 2
FURNITURE_SHORTER_THAN = 30
"""Words."""

Kind = Literal["edit", "retracted"]

_PARAGRAPH = regex.compile(r"\n+")
_TIMES_AND_COUNTS = """
last updated update published modified posted on at by am pm ago second seconds minute minutes min
mins hour hours hr hrs day days week weeks comment comments share shares view views like likes
read reads gmt utc est edt pst pdt bst ist cet cest pkt aest mon monday tue tues tuesday wed
wednesday thu thurs thursday fri friday sat saturday sun sunday jan january feb february mar march
apr april may jun june jul july aug august sep sept september oct october nov november dec december
"""
_OF_TIMES_AND_COUNTS = frozenset(_TIMES_AND_COUNTS.split())
_RETRACTION = regex.compile(
    r"""\b(?:this|our)\ (?:\w+\ ){0,2}(?:story|article|report|post|page|item)
        \ (?:has\ been|was|is)\ (?:\w+\ )?
        (?:retracted|withdrawn|removed|deleted|taken\ down|unpublished)\b
      | \bwe\ (?:have\ )?(?:retracted|withdrawn|removed|taken\ down)\ (?:this|our)\b
      | ^(?:retracted|retraction|withdrawn|story\ withdrawn|article\ removed|kill(?:ed)?\ notice)\b
      | \b(?:dieser|der)\ (?:artikel|beitrag)\ wurde\ (?:zuruckgezogen|geloscht|entfernt)\b
      | \bcet\ article\ a\ ete\ (?:retire|supprime)\b
      | \b(?:este|el)\ articulo\ ha\ sido\ (?:retirado|eliminado)\b""",
    regex.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What an article says, as far as edits are concerned."""

    title: str
    standfirst: str
    body: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change worth keeping."""

    kind: Kind
    note: str = ""
    """Of a retraction: the words that say so."""


def folded(text: str) -> str:
    """The words of a text, as they are compared."""
    return fold(text).text.strip()


def paragraphs(body: str) -> dict[str, str]:
    """The paragraphs of a body, by their folded words."""
    parts = ((folded(part), part.strip()) for part in _PARAGRAPH.split(body))
    return {words: part for words, part in parts if words}


def furniture(others: Iterable[Told]) -> set[str]:
    """The folded words of what may come and go with no meaning for an article."""
    headlines: set[str] = set()
    counted: Counter[str] = Counter()
    for other in others:
        headlines.add(folded(other.title))
        counted.update(paragraphs(other.body).keys())
    short = {words for words in counted if len(words.split()) < FURNITURE_SHORTER_THAN}
    return headlines | {words for words in short if counted[words] >= FURNITURE_IN}


def edit_of(before: Told, now: Told, elsewhere: Collection[str]) -> Edit | None:
    """What happened between two states of an article; None when nothing of note did.

    `elsewhere`: what `furniture` finds in other articles of the source.
    """
    old, new = paragraphs(before.body), paragraphs(now.body)
    came = {words: part for words, part in new.items() if words not in old}
    headlines_differ = folded(before.title) != folded(now.title)
    if note := _retraction(now.title if headlines_differ else "", came):
        return Edit("retracted", note)
    if headlines_differ:
        return Edit("edit")
    went = old.keys() - new.keys()
    if not came and _words(new) < SHRUNK * _words(old):
        return None
    if folded(before.standfirst) != folded(now.standfirst):
        return Edit("edit")
    if all(_is_furniture(words, elsewhere) for words in (*came, *went)):
        # The same paragraphs in another order are an edit no reader would call one.
        return None
    return Edit("edit")


def _words(texts: Collection[str]) -> int:
    return sum(len(words.split()) for words in texts)


def _is_furniture(words: str, elsewhere: Collection[str]) -> bool:
    return words in elsewhere or all(
        word in _OF_TIMES_AND_COUNTS or word[0].isdecimal() for word in words.split()
    )


def _retraction(title: str, came: dict[str, str]) -> str:
    for words, part in ((folded(title), title), *came.items()):
        if _RETRACTION.search(words):
            return part[:300]
    return ""
