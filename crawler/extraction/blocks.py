"""The page as a sequence of text blocks, each with what surrounds it.

A block is a run of text between two block-level tags or two line breaks in a row: a paragraph, a
heading, a list item, a label. Furniture is told by the names and tags of what encloses a block,
with one guard: an enclosing element that holds much of the page's prose is never furniture,
whatever its name says (real pages put articles into <header>, <aside>, <form> and unclosed
<button>s).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from crawler.extraction.lexicon import is_credit, kind_of, names_body
from crawler.extraction.tree import BLOCKS, Element, Tree

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_KIND_BY_TAG = {
    "nav": "page",
    "menu": "page",
    "footer": "page",
    "aside": "page",
    "header": "page",
    "form": "page",
    "button": "share",
    "label": "share",
    "fieldset": "page",
    "dialog": "service",
    "figcaption": "caption",
    "figure": "caption",
    "video": "caption",
    "address": "byline",
    "time": "byline",
    "dir": "page",
}
_KIND_BY_ROLE = {
    "navigation": "page",
    "banner": "page",
    "contentinfo": "page",
    "complementary": "page",
    "search": "page",
    "dialog": "service",
    "alertdialog": "service",
    "tooltip": "service",
    "menu": "page",
    "menubar": "page",
    "tablist": "page",
    "button": "share",
}
_GUARD = {
    "talk": 0.75,
    "consent": 0.95,
    "gallery": 0.6,
    "service": 0.4,
    "furniture": 0.35,
    "hidden": 0.3,
    "caption": 0.3,
}
_DEFAULT_GUARD = 0.25
"""The share of the page's prose above which an element is not furniture of that kind …"""
_OFTEN_ARTICLES = frozenset({"header", "aside", "form", "button", "section", "article"})
_GUARDED_PROSE = 700
"""… if it has so many characters of it: beside a short article a footer's share is large."""
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।|:;\"'”’»)\]]\W*$")
_INNER_STOP = re.compile(r"[.!?。！？؟۔।,،、，;:]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_FRAME = frozenset({"page", "consent", "talk", "hidden"})
_NEVER_FURNITURE = frozenset({"html", "body", "main", "article"})
_MAX_BLOCKS = 20_000
_NUMBER = re.compile(r"\d+")
_NEVER_CARDS = HEADINGS | {"p", "span", "a", "b", "strong", "em", "i", "td", "th", "tr", "br"}


@dataclass(slots=True)
class Block:
    """A run of text, white space joined."""

    text: str
    element: Element
    """The block-level element it stands in."""
    link_chars: int
    """How many of its characters stand in links."""
    kind: str = ""
    """Sort of furniture that encloses it; empty for none."""
    size: int = 0
    """Characters, one of a script without spaces counted thrice."""
    is_prose: bool = False
    """Whether it reads like running text: long enough, sentences, few links."""
    is_led: bool = False
    """Whether it follows a linked line in the same paragraph, as a teaser's blurb does."""

    @property
    def link_share(self) -> float:
        """0 to 1: how much of the text is link."""
        return self.link_chars / max(1, len(self.text))

    @property
    def is_heading(self) -> bool:
        """Whether it stands in a heading tag."""
        return self.element.tag in HEADINGS


def read_blocks(tree: Tree, title: str, *, by_name: bool = True) -> list[Block]:
    """All text blocks of the page in order, with the kind of furniture they stand in.

    What holds both the headline (`title`) and prose is no furniture. Without `by_name` only the
    frame of the site, consent, comments and what is hidden are furniture.
    """
    blocks = _split(tree.body)
    weights = prose_weights(blocks, len(tree.elements))
    kinds = _kinds(tree, weights, _around_headline(blocks, title))
    cards = set(_cards(tree, blocks, weights))
    for block in blocks:
        block.kind = kinds[block.element.index]
        if not by_name:
            block.kind = block.kind if block.kind in _FRAME else ""
        elif not block.kind and cards and _stands_in(block.element, cards):
            block.kind = "card"
        elif not block.kind and block.size < 300 and is_credit(block.text):
            block.kind = "caption"
    return blocks


def _around_headline(blocks: list[Block], title: str) -> set[int]:
    """Indices of the elements that hold the <h1> with the headline."""
    for block in blocks:
        if block.element.tag == "h1" and block.text == title:
            return {above.index for above in block.element.ancestors()}
    return set()


def style(element: Element) -> str:
    """Tag and class with numbers blurred: what elements of one make have in common."""
    return f"{element.tag}.{_blurred(element.get('class'))}"


@lru_cache(maxsize=4096)
def _blurred(names: str) -> str:
    return _NUMBER.sub("#", names)


def _cards(tree: Tree, blocks: list[Block], weights: list[int]) -> Iterator[int]:
    """Indices of teaser cards: three or more neighbours of one make, each led by a linked line."""
    leads = {b.element.index for b in blocks if b.link_share > 0.8 and b.size >= 20}
    total = max(1, weights[tree.body.index])
    for element in tree.elements:
        if len(element.kids) < 3 or element.link_chars < 60:
            continue
        makes: dict[str, list[Element]] = {}
        for kid in element.kids:
            if isinstance(kid, Element) and kid.tag not in _NEVER_CARDS and kid.link_chars >= 20:
                makes.setdefault(style(kid), []).append(kid)
        for kids in makes.values():
            if len(kids) < 3:
                continue
            found = [kid for kid in kids if _is_card(kid, leads)]
            weight = sum(weights[kid.index] for kid in found)
            if len(found) >= max(3, len(kids) * 2 / 3) and weight < 0.5 * total:
                yield from (kid.index for kid in found)


def _is_card(element: Element, leads: set[int]) -> bool:
    return element.chars < 500 and any(n in leads for n in range(element.index, element.last + 1))


def _stands_in(element: Element, marked: set[int]) -> bool:
    return element.index in marked or any(above.index in marked for above in element.ancestors())


def prose_weights(blocks: list[Block], count: int) -> list[int]:
    """Characters of prose in and below every element, by the element's index.

    Prose in list items counts a third: articles have some, lists of teasers nothing else; that
    of items with a heading of their own a tenth.
    """
    weights = [0] * count
    for block in blocks:
        if block.is_prose and not block.kind:
            above = [block.element, *block.element.ancestors()]
            item = next((element for element in above[:3] if element.tag == "li"), None)
            parts = 1 if item is None else 10 if _has_heading(item) else 3
            for element in above:
                weights[element.index] += block.size // parts
    return weights


def _has_heading(element: Element) -> bool:
    return any(kid.tag in HEADINGS for kid in element.kids if isinstance(kid, Element))


def text_size(text: str) -> int:
    """Characters, those of scripts that write words without spaces counted thrice."""
    return len(text) if text.isascii() else len(text) + 2 * len(_CJK.findall(text))


class _Run:
    """Text gathered since the last boundary."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.chars = 0
        self.link_chars = 0
        self.breaks = 0
        self.is_led = False

    def add(self, text: str, in_link: bool) -> None:
        self.parts.append(text)
        chars = len(text.strip())
        if chars:
            self.breaks = 0
            self.chars += chars
            if in_link:
                self.link_chars += chars

    def flush(self, element: Element) -> None:
        if not self.parts:
            return
        if self.chars and len(self.blocks) < _MAX_BLOCKS:
            text = " ".join("".join(self.parts).split())
            block = make_block(text, element, self.link_chars)
            block.is_led = self.is_led
            self.blocks.append(block)
        self.parts.clear()
        self.chars = self.link_chars = self.breaks = 0
        self.is_led = False

    def break_line(self, element: Element) -> None:
        """A line break: two in a row, or one after a linked line, end the block."""
        self.parts.append(" ")
        self.breaks += 1
        is_link = self.link_chars > 15 and self.link_chars > 0.8 * self.chars
        if self.breaks > 1 or is_link:
            self.flush(element)
            self.is_led = is_link


def make_block(text: str, element: Element, link_chars: int) -> Block:
    """A block with its measures."""
    size = text_size(text)
    is_prose = (
        size >= 80
        and link_chars < 0.5 * len(text)
        and element.tag not in HEADINGS
        and bool(_INNER_STOP.search(text))
    )
    return Block(text, element, min(link_chars, len(text)), "", size, is_prose)


def _split(body: Element) -> list[Block]:
    run = _Run()
    # What is left of an element's children, the nearest block element, whether in a link.
    stack = [(iter(body.kids), body, False)]
    while stack:
        kids, block, in_link = stack[-1]
        for node in kids:
            if isinstance(node, str):
                run.add(node, in_link)
            elif node.tag == "br":
                run.break_line(block)
            elif node.tag in BLOCKS and not (node.tag == "button" and _is_aside(node, block)):
                if run.parts:
                    run.flush(block)
                stack.append((iter(node.kids), node, in_link))
                break
            elif not _is_aside(node, block):
                stack.append((iter(node.kids), block, in_link or node.tag == "a"))
                break
        else:
            stack.pop()
            if run.parts and (not stack or stack[-1][1] is not block):
                run.flush(block)
    return run.blocks


def _is_aside(node: Element, block: Element) -> bool:
    """Inline elements that are no part of the sentence: pop-ups, screen-reader notes, buttons."""
    if node.tag == "sup" and node.link_chars:
        return node.chars == 0 and node.link_chars < 6
    return (
        bool(node.label)
        and kind_of(node.label) in {"service", "hidden"}
        and node.chars + node.link_chars < 0.5 * (block.chars + block.link_chars)
    )


def _kinds(tree: Tree, weights: list[int], headline: set[int]) -> list[str]:
    """For every element the kind of furniture it is or stands in, by index."""
    kinds = [""] * len(tree.elements)
    total = max(1, weights[tree.body.index])
    for element in tree.elements:
        index = element.index
        above = kinds[element.parent.index] if element.parent is not None else ""
        if above:
            # The picture of an article may stand in its <header>.
            is_caption = above == "page" and (
                element.tag == "figcaption" or "caption" in element.label
            )
            kinds[index] = "caption" if is_caption else above
            continue
        kind = _own_kind(element)
        if kind and not (
            (index in headline and weights[index])
            or _is_guarded(element, kind, weights[index], total)
        ):
            kinds[index] = kind
    return kinds


def _is_guarded(element: Element, kind: str, weight: int, total: int) -> bool:
    """Whether an element holds too much prose to be furniture of this kind."""
    share = weight / total
    limit = _GUARD.get(kind, _DEFAULT_GUARD)
    if kind == "page" and element.tag not in _OFTEN_ARTICLES:
        limit = 0.5
    if kind in {"page", "furniture", "talk", "service"} and weight < _GUARDED_PROSE:
        limit = 0.85
    return share > limit


def _own_kind(element: Element) -> str:
    tag, attrs = element.tag, element.attrs
    if tag in _NEVER_FURNITURE or element.parent is None:
        return ""
    if not attrs:
        return _KIND_BY_TAG.get(tag, "")
    role = attrs.get("role") or ""
    if "hidden" in attrs or ("style" in attrs and _HIDDEN_STYLE.search(attrs["style"] or "")):
        return "hidden"
    if role in {"main", "article"} or attrs.get("itemprop") == "articleBody":
        return ""
    label = element.label
    if label and names_body(label):
        return ""
    return (
        (kind_of(label) if label else "")
        or _KIND_BY_ROLE.get(role, "")
        or _KIND_BY_TAG.get(tag, "")
    )


def ends_sentence(text: str) -> bool:
    """Whether the text ends as sentences do."""
    return bool(_SENTENCE_END.search(text))
