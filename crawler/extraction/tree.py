"""The page as a light tree: one HTML5 parse (lexbor), copied once into plain objects.

Everything else in this package walks this tree. Plain objects are quicker to walk again and again
than a parser's nodes, cannot crash the process, and can be built by hand in a test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode


def _tags(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SKIPPED = _tags(
    "style noscript template svg iframe object embed canvas audio select option textarea input"
    " base map area datalist progress meter source track param"
)
BLOCKS = _tags(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html"
    " legend li main menu nav ol p picture pre section summary table tbody td tfoot th thead tr"
    " ul video"
)


def _label(attrs: dict[str, str | None]) -> str:
    name, own = attrs.get("class") or "", attrs.get("id")
    return (f"{name} {own}" if own else name).strip()


class Element:
    """An element with its children: elements and strings, in order."""

    __slots__ = ("attrs", "chars", "index", "kids", "label", "last", "link_chars", "parent", "tag")

    def __init__(
        self,
        tag: str,
        attrs: dict[str, str | None],
        parent: "Element | None" = None,
        index: int = 0,
    ) -> None:
        self.tag = tag
        self.attrs = attrs
        self.parent = parent
        self.label = _label(attrs) if attrs else ""
        """Class and id, as authors name things."""
        self.kids: list[Element | str] = []
        self.index = index
        """Position in document order."""
        self.last = index
        """Position of the last descendant."""
        self.chars = 0
        """Characters of text inside that are not in a link."""
        self.link_chars = 0
        """Characters of text inside links."""

    def get(self, name: str) -> str:
        """The attribute's value; empty when it is missing."""
        return self.attrs.get(name) or ""

    def elements(self) -> Iterator["Element"]:
        """This element and all below it, in document order."""
        stack = [self]
        while stack:
            element = stack.pop()
            yield element
            stack.extend(kid for kid in reversed(element.kids) if not isinstance(kid, str))

    def ancestors(self) -> Iterator["Element"]:
        """Its parent, its parent's parent, and so on to the root."""
        element = self.parent
        while element is not None:
            yield element
            element = element.parent

    def contains(self, other: "Element") -> bool:
        """Whether the other is this element or below it."""
        return self.index <= other.index <= self.last

    def text(self) -> str:
        """All text inside, white space joined; blocks and line breaks separate words."""
        parts: list[str] = []
        stack: list[Element | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                parts.append(node)
                continue
            if node.tag in BLOCKS or node.tag == "br":
                parts.append(" ")
                stack.append(" ")
            stack.extend(reversed(node.kids))
        return " ".join("".join(parts).split())


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed page."""

    root: Element
    elements: list[Element]
    """All elements in document order, the root first."""
    body: Element
    scripts: list[tuple[str, str]] = field(default_factory=list)
    """Type and text of the scripts that hold data, not code."""

    def dissolve(self) -> None:
        """Cuts the links between elements, so that memory is freed without the cycle collector."""
        for element in self.elements:
            element.parent = None
            element.kids.clear()

    def all(self, *tags: str) -> Iterator[Element]:
        """The elements of these names, in document order."""
        return (element for element in self.elements if element.tag in tags)


def parse(text: str) -> Tree:
    """The tree of any text; an empty page has a body too."""
    source = LexborHTMLParser(text).root
    root = Element("html", source.attributes if source is not None else {})
    elements, scripts = _copy(source, root) if source is not None else ([root], [])
    _add_up(elements)
    body = next((element for element in elements if element.tag == "body"), root)
    return Tree(root, elements, body, scripts)


def _copy(source: LexborNode, root: Element) -> tuple[list[Element], list[tuple[str, str]]]:
    """Copies a node's children below an element: all elements in document order, data scripts."""
    elements, scripts = [root], []
    stack = [(source.first_child, root)]
    while stack:
        node, parent = stack.pop()
        while node is not None:
            tag = node.tag or ""
            following = node.next
            if tag == "-text":
                text = node.text_content or ""
                chars = len(text.strip())
                if chars or not _is_edge(parent):
                    parent.kids.append(text)
                    parent.chars += chars
            elif tag == "script":
                kind = node.attributes.get("type") or ""
                if "json" in kind:
                    scripts.append((kind.lower(), node.text(deep=True)))
            elif tag and tag[0] not in "-!" and tag not in _SKIPPED:
                element = Element(tag, node.attributes, parent, len(elements))
                elements.append(element)
                parent.kids.append(element)
                stack.append((following, parent))
                parent, following = element, node.first_child
            node = following
    return elements, scripts


def _is_edge(parent: Element) -> bool:
    """Whether white space added to an element now would stand beside a block's border."""
    last = parent.kids[-1] if parent.kids else parent
    return isinstance(last, Element) and last.tag in BLOCKS


def _add_up(elements: list[Element]) -> None:
    """Adds the text below each element to its own, from the last element to the first."""
    for element in reversed(elements):
        if element.tag == "a":
            element.link_chars, element.chars = element.link_chars + element.chars, 0
        above = element.parent
        if above is not None:
            above.chars += element.chars
            above.link_chars += element.link_chars
            if element.last > above.last:
                above.last = element.last
