"""Whose text is taken for the body: the page's own blocks, its JSON-LD, microdata, or the feed's.

The blocks win wherever they hold most of what the others hold, since only they know captions,
pointers and boxes. Where they hold less than half of a longer text (a page built by scripts, a
teaser before a paywall), that text is taken; of several, the one that agrees most with the others.
The share of words that the text taken has in common with the candidate most like it is the
confidence.
"""

import re
from dataclasses import dataclass
from itertools import chain

from crawler.extraction.blocks import Block, read_blocks
from crawler.extraction.lexicon import points_elsewhere
from crawler.extraction.structured import Structured, string, types_of
from crawler.extraction.tree import Element, parse
from crawler.items import Candidate, Hints

_WORD = re.compile(r"\w+")
_MARKUP = re.compile(r"<(?:p|br|div|h[1-6]|li)\b", re.IGNORECASE)
_FEWEST = 60  # words below which a text is a summary, whatever it is called
_ALONE = 0.5  # confidence where nothing can be compared
_MOST_UPDATES = 500


@dataclass(frozen=True, slots=True)
class Body:
    """The text taken, with the reason."""

    text: str
    extractor: str
    confidence: float
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    name: str
    text: str
    words: list[str]
    known: frozenset[str]


def choose_body(claims: Structured, blocks: list[Block], own: str, hints: Hints) -> Body:
    """The best candidate; "" as text when there is none. `own` is what the blocks yield."""
    mine = _text("blocks", own)
    raw = (
        ("json_ld", _told_by_json_ld(claims)),
        ("microdata", _told_by_microdata(claims, blocks)),
        ("feed", (hints.entry.content if hints.entry else "") or ""),
    )
    others = [_text(name, plain(text)) for name, text in raw if text]
    others = [other for other in others if len(other.words) >= _FEWEST]
    longer = [other for other in others if 2 * len(mine.words) < len(other.words)]
    taken = max(longer, key=lambda one: _most_alike(one, others), default=mine)
    ranked = [taken, *(one for one in (mine, *others) if one is not taken and one.words)]
    found = tuple(Candidate(one.name, len(one.words), _alike(taken, one)) for one in ranked)
    if taken is mine:
        return Body(own, "blocks", _most_alike(mine, others), found)
    why = f"{taken.name}: the page shows {len(mine.words)} of {len(taken.words)} words"
    return Body(taken.text, why, _most_alike(taken, [o for o in others if o is not taken]), found)


def _text(name: str, text: str) -> _Text:
    words = _WORD.findall(text)
    return _Text(name, text, words, frozenset(words))


def _alike(one: _Text, other: _Text) -> float:
    common = len(one.known & other.known)
    return round(common / max(1, len(one.known) + len(other.known) - common), 2)


def _most_alike(one: _Text, others: list[_Text]) -> float:
    """At least as much as where nothing can be compared: a summary's disagreement says little."""
    return max((_alike(one, other) for other in others if other is not one), default=_ALONE)


def _told_by_json_ld(claims: Structured) -> str:
    """`articleBody`; of a live blog its updates, of a film its transcript or description."""
    node = claims.node
    whole = string(node.get("articleBody"))
    updates = node.get("liveBlogUpdate")
    if isinstance(updates, list) and not whole:
        told = [_update(one) for one in updates[:_MOST_UPDATES] if isinstance(one, dict)]
        return "\n".join(chain.from_iterable(told))
    if not whole and "VideoObject" in types_of(node):
        return string(node.get("transcript")) or string(node.get("description"))
    return whole


def _update(node: dict[str, object]) -> list[str]:
    return [plain(text) for name in ("headline", "articleBody") if (text := string(node.get(name)))]


def _told_by_microdata(claims: Structured, blocks: list[Block]) -> str:
    """The text inside `itemprop=articleBody`, link lists and pointers left out."""
    element: Element | None = next(iter(claims.items.get("articlebody", ())), None)
    if element is None:
        return ""
    return "\n".join(
        block.text
        for block in blocks
        if element.contains(block.element)
        and not block.kind
        and block.link_share < 0.8
        and not points_elsewhere(block.text)
    )


def plain(text: str) -> str:
    """Paragraphs of a text, or of markup, joined by blank lines."""
    if _MARKUP.search(text):
        return from_markup(text)
    return "\n\n".join(line.strip() for line in text.splitlines() if line.strip())


def from_markup(markup: str) -> str:
    """The paragraphs of a piece of HTML, without furniture and link lists."""
    blocks = read_blocks(parse(markup), "")
    return "\n\n".join(b.text for b in blocks if not b.kind and b.link_share < 0.8)
