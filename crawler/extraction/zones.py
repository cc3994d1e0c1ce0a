"""Which blocks are the article: container, standfirst, body, captions.

The container is found by walking down from <body> while one child holds nearly all prose that is
not furniture; so a body that ads split into several boxes is taken whole, from their common parent.
What of it is text `body` decides.
"""

from dataclasses import dataclass

from crawler.extraction.blocks import HEADINGS, Block, prose_weights, style
from crawler.extraction.body import folded, home, repeats, select_body
from crawler.extraction.lexicon import names_body, names_standfirst
from crawler.extraction.tree import Element, Tree

_DESCEND = 0.8
"""A child that holds this share of its parent's prose is the better container."""
_LEAVES = frozenset({"p", "tr", "td", "li", "blockquote"})


@dataclass(frozen=True, slots=True)
class Zones:
    """The parts of an article as found in the page; the texts are block texts, in order."""

    standfirst: str = ""
    body: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    container: Element | None = None
    headline: int = -1
    """Position of the headline among the blocks; -1 when it is not printed."""
    first: int = -1
    """Position of the first body block; -1 when there is none."""
    standfirst_at: int = -1
    """Position of the standfirst's block; -1 when there is none."""
    places: tuple[int, ...] = ()
    """Positions of the body's blocks."""


def find_zones(tree: Tree, blocks: list[Block], title: str, summary: str) -> Zones:
    """The article's zones; `title` is the headline, `summary` what the page's head says of it."""
    headline = find_headline(blocks, title)
    container = find_container(tree, blocks, headline)
    inside = [n for n, block in enumerate(blocks) if container.contains(block.element)]
    if headline in inside:
        inside = inside[inside.index(headline) + 1 :]
    kept = select_body(blocks, inside, title, container, headline)
    if not kept:
        return Zones(container=container, headline=headline)
    # A page whose only text is a summary has that for its body.
    standfirst = _standfirst(blocks, kept[0], headline, summary) if len(kept) > 1 else -1
    start = headline + 1 if 0 <= headline < kept[0] else kept[0]
    captions = [block.text for block in blocks[start : kept[-1] + 1] if _is_caption(block)]
    return Zones(
        blocks[standfirst].text if standfirst >= 0 else "",
        tuple(blocks[n].text for n in kept if n != standfirst),
        tuple(dict.fromkeys(captions)),
        container,
        headline,
        kept[0],
        standfirst,
        tuple(n for n in kept if n != standfirst),
    )


def find_headline(blocks: list[Block], title: str) -> int:
    """Position of the block that prints the headline: a heading before any other text, else -1."""
    wanted = folded(title)
    found = [n for n, block in enumerate(blocks) if repeats(block.text, wanted)]
    for tags in ({"h1"}, HEADINGS):
        for n in found:
            if blocks[n].element.tag in tags and blocks[n].kind not in {"furniture", "talk"}:
                return n
    if found and blocks[found[-1]].link_share < 0.5:
        return found[-1]
    return next((n for n, block in enumerate(blocks) if block.element.tag == "h1"), -1)


def _is_caption(block: Block) -> bool:
    return block.kind == "caption" and block.size >= 30


def find_container(tree: Tree, blocks: list[Block], after: int) -> Element:
    """The smallest element that holds nearly all of the article's prose.

    Prose up to position `after` (the headline) does not count unless it is most of all. The way
    down ends where a neighbour of the best child has paragraphs of the same make as it has.
    """
    below = [block for block in blocks[after + 1 :] if _weighs(block)]
    if sum(block.size for block in below) * 2 < sum(b.size for b in blocks if _weighs(b)):
        below = [block for block in blocks if _weighs(block)]
    weights = prose_weights(below, len(tree.elements))
    current = tree.body
    while True:
        inner = [kid for kid in current.kids if not isinstance(kid, str)]
        if not inner or not weights[current.index]:
            return current
        best = max(inner, key=lambda kid: weights[kid.index])
        share = weights[best.index] / weights[current.index]
        if best.tag in _LEAVES or share < (0.5 if _is_named_body(best) else _DESCEND):
            return current
        if share < 1 and _has_kin(best, current, below):
            return current
        current = best


def _weighs(block: Block) -> bool:
    return block.is_prose and not block.kind


def _has_kin(best: Element, parent: Element, prose: list[Block]) -> bool:
    """Whether the parent has paragraphs outside its best child that look like those inside."""
    inside = {_look(block) for block in prose if best.contains(block.element)} - {""}
    return any(
        _look(block) in inside
        for block in prose
        if parent.contains(block.element) and not best.contains(block.element)
    )


def _look(block: Block) -> str:
    """The make of a paragraph, or of its box, that has a class; empty when neither has."""
    for element in (block.element, home(block)):
        if element.get("class"):
            return style(element)
    return ""


def _is_named_body(element: Element) -> bool:
    return element.get("itemprop") == "articleBody" or names_body(element.label)


def _standfirst(blocks: list[Block], first: int, headline: int, summary: str) -> int:
    """Position of the summary between headline and text; -1 when there is none.

    It is named as one, or says what the page's head says, or is a long <h2> before the text.
    """
    if not 0 <= headline < first:
        return -1
    told = folded(summary)[:60]
    for n in range(headline + 1, first + 1):
        block = blocks[n]
        if not 30 <= block.size <= 800 or block.link_share > 0.4 or block.kind == "known":
            continue
        chain = [block.element, *block.element.ancestors()][:3]
        if any(names_standfirst(element.label) for element in chain):
            return n
        if len(told) >= 30 and folded(block.text).startswith(told):
            return n
        if block.element.tag == "h2" and block.size >= 60 and n != first:
            return n
    return -1
