"""Whose text is taken for the body: the page's own blocks, its JSON-LD, or the feed's.

The blocks win wherever they hold most of what the others hold, since only they know captions,
pointers and boxes. Where they hold less than half of a longer text (a page built by scripts, a
teaser before a paywall), that text is taken. The share of words that the two have in common is
the confidence.
"""

import re
from dataclasses import dataclass

from crawler.extraction.blocks import read_blocks
from crawler.extraction.structured import Structured, string
from crawler.extraction.tree import parse
from crawler.extraction.zones import Zones
from crawler.items import Hints

_WORD = re.compile(r"\w+")
_MARKUP = re.compile(r"<(?:p|br|div|h[1-6]|li)\b", re.IGNORECASE)
_FEWEST = 60  # words below which a text is a summary, whatever it is called
_ALONE = 0.5  # confidence where nothing can be compared


@dataclass(frozen=True, slots=True)
class Body:
    """The text taken, with the reason."""

    text: str
    extractor: str
    confidence: float


def choose_body(claims: Structured, zones: Zones, hints: Hints) -> Body:
    """The best candidate; "" as text when there is none."""
    own = "\n\n".join(zones.body)
    mine = _WORD.findall(own)
    content = (hints.entry.content if hints.entry else "") or ""
    others = {"json_ld": string(claims.node.get("articleBody")), "feed": content}
    agreement = _ALONE
    for name, raw in others.items():
        told = plain(raw) if raw else ""
        theirs = _WORD.findall(told)
        if len(theirs) < _FEWEST:
            continue
        if 2 * len(mine) < len(theirs):
            return Body(told, f"{name}: the page shows {len(mine)} of {len(theirs)} words", _ALONE)
        common = len(set(mine) & set(theirs)) / max(1, len(set(mine) | set(theirs)))
        agreement = max(agreement, common)
    return Body(own, "blocks", round(agreement, 2))


def plain(text: str) -> str:
    """Paragraphs of a text, or of markup, joined by blank lines."""
    if _MARKUP.search(text):
        return from_markup(text)
    return "\n\n".join(line.strip() for line in text.splitlines() if line.strip())


def from_markup(markup: str) -> str:
    """The paragraphs of a piece of HTML, without furniture and link lists."""
    blocks = read_blocks(parse(markup), "")
    return "\n\n".join(b.text for b in blocks if not b.kind and b.link_share < 0.8)
