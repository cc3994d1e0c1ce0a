"""Which blocks of the container are the article's text.

Every block must earn its place by itself (no link list, no "Also read" line, no service line) and
by where it stands. Boxes of the make that holds most of the text are its home; in other boxes only
prose is taken, and not from boxes named as apart, led by a linked line, or of another story.
"""

import re
from dataclasses import dataclass

from crawler.extraction.blocks import HEADINGS, Block, ends_sentence, style
from crawler.extraction.lexicon import (
    is_byline,
    is_service,
    names_box,
    opens_references,
    points_elsewhere,
)
from crawler.extraction.tree import Element

_WORD = re.compile(r"\w+")
_PARTS = HEADINGS | frozenset(
    {"p", "li", "ul", "ol", "dl", "dt", "dd", "blockquote", "pre", "td", "tr", "tbody", "table"}
)
_TOLD = 300  # characters of prose after which a second headline opens a further story
_LED = 500  # characters of prose up to which a box led by a linked line is a teaser


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is known of the container before its blocks are judged."""

    container: Element
    core: set[str]
    """The makes of box that hold the text."""
    parents: set[int]
    """Indices of the elements that hold such boxes."""
    teasers: set[int]
    """Indices of boxes led by a linked line."""


def select_body(
    blocks: list[Block], inside: list[int], title: str, container: Element, headline: int
) -> list[int]:
    """Positions of the blocks that are the body, among those `inside` the container."""
    wanted = folded(title)
    inside = _of_first_story(blocks, inside, headline)
    references = _references(blocks, inside)
    free = [n for n in inside if not blocks[n].kind and not repeats(blocks[n].text, wanted)]
    ground = _survey(blocks, inside, free, container)
    candidates = set(free) - _below_pointers(blocks, inside)
    passed = [
        n
        for n in inside
        if n in references
        or (n in candidates and _earns_place(blocks[n]) and _fits(blocks[n], ground))
    ]
    return _with_text_below(blocks, _trimmed(blocks, passed, references))


def _survey(blocks: list[Block], inside: list[int], free: list[int], container: Element) -> _Ground:
    core = _core(blocks, free, container)
    homes = [home(blocks[n]) for n in free if style_of_home(blocks[n]) in core]
    parents = {box.parent.index for box in homes if box.parent is not None}
    return _Ground(container, core, parents, _teasers(blocks, inside, container))


def _teasers(blocks: list[Block], inside: list[int], container: Element) -> set[int]:
    """Boxes of little prose that a linked line leads, as in a card with headline and blurb."""
    led: dict[int, int] = {}
    for n in inside:
        box = home(blocks[n])
        if box is container or box.contains(container):
            continue
        if box.index not in led:
            is_lead = blocks[n].link_share > 0.8 and blocks[n].size >= 15
            led[box.index] = 0 if is_lead else _LED + 1
        led[box.index] += blocks[n].size if blocks[n].is_prose else 0
    return {index for index, size in led.items() if size <= _LED}


def _of_first_story(blocks: list[Block], inside: list[int], headline: int) -> list[int]:
    """Without further stories that follow the first.

    A second <h1> opens one where it is made like the first, up to the end, or stands in an
    <article> of its own, up to the end of that.
    """
    if headline < 0 or blocks[headline].element.tag != "h1":
        return inside
    heading = blocks[headline].element
    found: list[int] = []
    told = 0
    other: Element | None = None
    for n in inside:
        block = blocks[n]
        if told >= _TOLD and block.element.tag == "h1" and not block.kind:
            if heading.get("class") and style(block.element) == style(heading):
                break
            other = _other_article(block.element, heading) or other
        if other is not None and other.contains(block.element):
            continue
        told += block.size if n > headline and block.is_prose and not block.kind else 0
        found.append(n)
    return found


def _other_article(element: Element, heading: Element) -> Element | None:
    """The <article> around an element that does not hold the heading."""
    above = (one for one in element.ancestors() if one.tag == "article")
    return next((one for one in above if not one.contains(heading)), None)


def _below_pointers(blocks: list[Block], inside: list[int]) -> set[int]:
    """Positions of list items and short lines below a heading that points to other stories."""
    found: set[int] = set()
    below = False
    for n in inside:
        block = blocks[n]
        is_label = block.size < 60 and block.link_share < 0.2 and not ends_sentence(block.text)
        if block.is_heading or (is_label and not below):
            below = points_elsewhere(block.text)
        elif _is_sentence(block) and not _in_list(block.element):
            below = False
        if below:
            found.add(n)
    return found


def _fits(block: Block, ground: _Ground) -> bool:
    """Whether a block stands where text stands.

    At home it does. Elsewhere it must be prose or its box stand beside the usual ones, and in
    nothing set apart; or it is in a table of the text.
    """
    box = home(block)
    if box.index in ground.teasers:
        return False
    if style_of_home(block) in ground.core:
        return True
    beside = box.parent is not None and box.parent.index in ground.parents
    if block.is_prose or block.is_heading or beside:
        return not _is_set_apart(box, ground.container)
    return _is_cell(block, ground.container)


def _trimmed(blocks: list[Block], passed: list[int], references: set[int]) -> list[int]:
    """From the first sentence, with a heading above it, to the last and what follows from it."""
    sentences = [
        place
        for place, n in enumerate(passed)
        if n in references or (_is_sentence(blocks[n]) and not blocks[n].is_led)
    ]
    if not sentences:
        return []
    start, end = sentences[0], sentences[-1]
    if start and blocks[passed[start - 1]].is_heading:
        start -= 1
    while end + 1 < len(passed) and _follows(blocks[passed[end]], blocks[passed[end + 1]]):
        end += 1
    return passed[start : end + 1]


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


def _follows(last: Block, block: Block) -> bool:
    """Whether a list item or line without a full stop still belongs to the text above it."""
    return (
        block.link_share < 0.1
        and not block.is_heading
        and home(block) is home(last)
        and block.element.tag in {"li", "p", "dd", "dt", "pre", "td"}
    )


def _with_text_below(blocks: list[Block], places: list[int]) -> list[int]:
    """Headings are kept only where a paragraph follows, not a list of links that is left out."""
    kept: list[int] = []
    heading_below = True  # nothing follows the last block
    for n in reversed(places):
        if blocks[n].is_heading and (heading_below or _leads_links(blocks, n, kept)):
            continue
        kept.append(n)
        heading_below = False
    kept.reverse()
    return kept


def _leads_links(blocks: list[Block], heading: int, kept: list[int]) -> bool:
    """Whether a list of links stands between a heading and the next text: contents, key events."""
    between = blocks[heading + 1 : kept[-1]]
    links = [block.link_share > 0.8 and _in_list(block.element) for block in between]
    return any(links) and all(
        is_link or block.kind or not any(map(str.isalpha, block.text))
        for is_link, block in zip(links, between, strict=True)
    )


def repeats(text: str, wanted: str) -> bool:
    """Whether a text has just the words `wanted` (folded); long ones are not even folded."""
    return bool(wanted) and len(text) <= 2 * len(wanted) + 20 and folded(text) == wanted


def folded(text: str) -> str:
    """Words only, case folded: for comparing texts."""
    return " ".join(_WORD.findall(text.casefold()))
