"""Which blocks are the article: container, standfirst, body, captions.

The container is found by walking down from <body> while one child holds nearly all prose that is
not furniture; so a body that ads split into several boxes is taken whole, from their common parent.
Within it every block must earn its place: link lists, "Also read" lines, service lines, headings
without text below them and everything after the last paragraph are left out.
"""

import re
from dataclasses import dataclass

from crawler.extraction.blocks import HEADINGS, Block, ends_sentence, prose_weights, style
from crawler.extraction.lexicon import (
    is_byline,
    is_service,
    names_body,
    names_box,
    names_standfirst,
    opens_references,
    points_elsewhere,
)
from crawler.extraction.tree import Element, Tree

_DESCEND = 0.8
"""A child that holds this share of its parent's prose is the better container."""
_WORD = re.compile(r"\w+")
_LEAVES = frozenset({"p", "tr", "td", "li", "blockquote"})
_PARTS = HEADINGS | frozenset(
    {"p", "li", "ul", "ol", "dl", "dt", "dd", "blockquote", "pre", "td", "tr", "tbody", "table"}
)


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


def find_zones(tree: Tree, blocks: list[Block], title: str, summary: str) -> Zones:
    """The article's zones; `title` is the headline, `summary` what the page's head says of it."""
    headline = find_headline(blocks, title)
    container = find_container(tree, blocks, headline)
    inside = [n for n, block in enumerate(blocks) if container.contains(block.element)]
    if headline in inside:
        inside = inside[inside.index(headline) + 1 :]
    kept = _keep(blocks, inside, title, container)
    if not kept:
        return Zones(container=container, headline=headline)
    standfirst = _standfirst(blocks, kept[0], headline, summary)
    start = headline + 1 if 0 <= headline < kept[0] else kept[0]
    captions = [block.text for block in blocks[start : kept[-1] + 1] if _is_caption(block)]
    return Zones(
        blocks[standfirst].text if standfirst >= 0 else "",
        tuple(blocks[n].text for n in kept if n != standfirst),
        tuple(dict.fromkeys(captions)),
        container,
        headline,
        kept[0],
    )


def find_headline(blocks: list[Block], title: str) -> int:
    """Position of the block that prints the headline: a heading before any other text, else -1."""
    wanted = folded(title)
    found = [n for n, block in enumerate(blocks) if wanted and folded(block.text) == wanted]
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


def folded(text: str) -> str:
    """Words only, case folded: for comparing texts."""
    return " ".join(_WORD.findall(text.casefold()))


def _keep(blocks: list[Block], inside: list[int], title: str, container: Element) -> list[int]:
    """Positions of the blocks that are the body."""
    wanted = folded(title)
    references = _references(blocks, inside)
    free = [n for n in inside if not blocks[n].kind and folded(blocks[n].text) != wanted]
    core = _core(blocks, free, container)
    homes = [home(blocks[n]) for n in free if style_of_home(blocks[n]) in core]
    parents = {box.parent.index for box in homes if box.parent is not None}
    passed = [
        n
        for n in inside
        if n in references
        or (
            not blocks[n].kind
            and folded(blocks[n].text) != wanted
            and _earns_place(blocks[n])
            and (
                style_of_home(blocks[n]) in core
                or _fits_outside(blocks[n], container, parents)
                or _is_cell(blocks[n], container)
            )
        )
    ]
    sentences = [
        place for place, n in enumerate(passed) if n in references or _is_sentence(blocks[n])
    ]
    if not sentences:
        return []
    start, end = sentences[0], sentences[-1]
    if start and blocks[passed[start - 1]].is_heading:
        start -= 1
    while end + 1 < len(passed) and _follows(blocks[passed[end]], blocks[passed[end + 1]]):
        end += 1
    return _with_text_below(blocks, passed[start : end + 1])


def _references(blocks: list[Block], inside: list[int]) -> set[int]:
    """Positions of the list items below a heading that opens a list of sources."""
    found: set[int] = set()
    below = False
    for n in inside:
        block = blocks[n]
        if block.is_heading or block.size < 30:
            below = opens_references(block.text) or (below and not block.is_heading)
        elif below and block.kind in {"", "card"} and _in_list(block.element):
            found.add(n)
    return found


def _in_list(element: Element) -> bool:
    return any(one.tag in {"li", "dd"} for one in (element, *element.ancestors()))


def _is_cell(block: Block, container: Element) -> bool:
    """Whether it stands in a table of the text: of some rows, with few links, not set apart."""
    if block.element.tag not in {"td", "th"}:
        return False
    for element in block.element.ancestors():
        if element is container:
            return False
        if element.tag == "table":
            rows = sum(1 for one in element.elements() if one.tag == "tr")
            sparse = element.link_chars < 0.3 * max(1, element.chars)
            return rows > 1 and sparse and not _is_set_apart(element, container)
    return False


def _core(blocks: list[Block], places: list[int], container: Element) -> set[str]:
    """The makes of box that hold the text: those with a fifth or more of what the fullest has."""
    sizes: dict[str, int] = {}
    boxes: dict[str, Element] = {}
    for n in places:
        if blocks[n].is_prose:
            make = style_of_home(blocks[n])
            sizes[make] = sizes.get(make, 0) + blocks[n].size
            boxes.setdefault(make, home(blocks[n]))
    most = max(sizes.values(), default=0)
    return {
        make
        for make, size in sizes.items()
        if size == most or (size * 5 >= most and not _is_set_apart(boxes[make], container))
    }


def _is_set_apart(box: Element, container: Element) -> bool:
    """Whether the box or one around it, within the container, is named as apart from the text."""
    for element in (box, *box.ancestors()):
        if element is container:
            return False
        if element.attrs and names_box(element.label):
            return True
    return False


def home(block: Block) -> Element:
    """The box a block stands in: above its paragraph, list, quotation or heading."""
    element = block.element
    while element.tag in _PARTS and element.parent is not None:
        element = element.parent
    return element


def style_of_home(block: Block) -> str:
    """The make of the block's box, with that of the next box where it has no class."""
    box = home(block)
    return style(box) if box.get("class") or box.parent is None else style(box) + style(box.parent)


def _fits_outside(block: Block, container: Element, parents: set[int]) -> bool:
    """Whether a block of an unusual box is text nevertheless.

    It must be prose, or its box stand beside the usual ones, and in nothing set apart.
    """
    box = home(block)
    beside = box.parent is not None and box.parent.index in parents
    if not block.is_prose and not block.is_heading and not beside:
        return False
    return not _is_set_apart(box, container)


def _follows(last: Block, block: Block) -> bool:
    """Whether a list item or line without a full stop still belongs to the text above it."""
    return (
        block.link_share < 0.1
        and not block.is_heading
        and home(block) is home(last)
        and block.element.tag in {"li", "p", "dd", "dt", "pre", "td"}
    )


def _is_sentence(block: Block) -> bool:
    if block.link_share < 0.8 and block.size >= 160 and ends_sentence(block.text):
        return True
    return block.is_prose or (
        block.size >= 40
        and block.link_share < 0.3
        and block.element.tag not in {"li", "td"}
        and ends_sentence(block.text)
        and not block.is_heading
    )


def _earns_place(block: Block) -> bool:
    text, share = block.text, block.link_share
    if share > 0.5 and (share > 0.8 or block.size < 160):
        return False
    if points_elsewhere(text) and (share > 0.2 or block.size < 90):
        return False
    if is_service(text) and block.size < 200:
        return False
    if is_byline(text) and block.size < 70 and not ends_sentence(text):
        return False
    if block.is_heading or block.element.tag in _PARTS:
        return any(letter.isalnum() for letter in text)
    return block.size >= 25 and (ends_sentence(text) or block.size >= 80)


def _with_text_below(blocks: list[Block], places: list[int]) -> list[int]:
    """Headings are kept only where a paragraph follows."""
    kept: list[int] = []
    heading_below = True  # nothing follows the last block
    for n in reversed(places):
        if blocks[n].is_heading and heading_below:
            continue
        kept.append(n)
        heading_below = False
    kept.reverse()
    return kept


def _standfirst(blocks: list[Block], first: int, headline: int, summary: str) -> int:
    """Position of the summary between headline and text; -1 when there is none.

    It is named as one, or says what the page's head says, or is a long <h2> before the text.
    """
    if not 0 <= headline < first:
        return -1
    told = folded(summary)[:60]
    for n in range(headline + 1, first + 1):
        block = blocks[n]
        if not 30 <= block.size <= 800 or block.link_share > 0.4:
            continue
        chain = [block.element, *block.element.ancestors()][:3]
        if any(names_standfirst(element.label) for element in chain):
            return n
        if len(told) >= 30 and folded(block.text).startswith(told):
            return n
        if block.element.tag == "h2" and block.size >= 60 and n != first:
            return n
    return -1
