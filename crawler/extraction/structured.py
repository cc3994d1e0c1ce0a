"""What the page says about itself to machines: JSON-LD, meta tags, microdata.

Nothing is judged here but one thing: which of several JSON-LD nodes speaks of *this* page. A page
also describes its related stories, its publisher and its breadcrumbs, in the same words.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from crawler.extraction.tree import Element, Tree
from crawler.urls import url_key

_ARTICLE = re.compile(
    r"(?:\w*Article|BlogPosting|LiveBlogPosting|SocialMediaPosting|Report|Review|Recipe|"
    r"DiscussionForumPosting|Posting)$"
)
_PAGE = re.compile(r"(?:WebPage|ItemPage|VideoObject|PodcastEpisode|AudioObject|CreativeWork)$")
_MAX_NODES = 2000
_COMMENTS = re.compile(
    r"^\s*(?:<!--|//<!\[CDATA\[|/\*<!\[CDATA\[\*/|<!\[CDATA\[)|"
    r"(?:-->|//\]\]>|\]\]>|/\*\]\]>\*/)\s*$"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_SCRIPT = 2_000_000


@dataclass(frozen=True, slots=True)
class Structured:
    """Claims by name, each the list of its values in order of trust within its kind."""

    node: dict[str, object] = field(default_factory=dict)
    """The JSON-LD node of this page's article; empty when there is none."""
    node_is_article: bool = False
    nodes: list[dict[str, object]] = field(default_factory=list)
    """All JSON-LD nodes, flat."""
    meta: dict[str, list[str]] = field(default_factory=dict)
    """Content of meta tags by lower-case name or property."""
    items: dict[str, list[Element]] = field(default_factory=dict)
    """Elements by itemprop, those of related items left out."""
    canonical: str = ""

    def first(self, *names: str) -> str:
        """The first non-empty meta content of these names, in this order of names."""
        for name in names:
            for value in self.meta.get(name, ()):
                if value:
                    return value
        return ""


def read_structured(tree: Tree, url: str) -> Structured:
    """Everything the page claims about itself."""
    nodes = list(_json_ld(tree))
    meta = _meta(tree)
    node, is_article = _node_of_page(nodes, url, (meta.get("og:title") or [""])[0])
    return Structured(node, is_article, nodes, meta, _microdata(tree), _canonical(tree))


def _json_ld(tree: Tree) -> Iterator[dict[str, object]]:
    budget = _MAX_NODES
    for kind, text in tree.scripts:
        if "ld+json" not in kind or len(text) > _MAX_SCRIPT:
            continue
        for node in _flatten(_load(text)):
            budget -= 1
            if budget < 0:
                return
            yield node


def _load(text: str) -> object:
    """The script's JSON; the damage that real pages do to it is repaired once."""
    text = _COMMENTS.sub("", _COMMENTS.sub("", text)).strip().rstrip(";")
    for attempt in (
        text,
        _TRAILING_COMMA.sub(r"\1", text),
        _TRAILING_COMMA.sub(r"\1", unescape(text)),
    ):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value


def _flatten(value: object) -> Iterator[dict[str, object]]:
    """Nodes of a document: list members, @graph, mainEntity and what stands within."""
    stack = [(value, 0)]
    while stack:
        current, depth = stack.pop()
        if isinstance(current, list):
            stack.extend((item, depth) for item in reversed(current[:_MAX_NODES]))
        elif isinstance(current, dict) and depth < 8:
            yield current
            inner = [current.get(name) for name in ("@graph", "mainEntity", "mainEntityOfPage")]
            stack.extend((item, depth + 1) for item in reversed(inner) if item)


def types_of(node: dict[str, object]) -> list[str]:
    """The node's types without their namespace."""
    value = node.get("@type")
    names = value if isinstance(value, list) else [value]
    return [name.rsplit("/", 1)[-1].rsplit(":", 1)[-1] for name in names if isinstance(name, str)]


def strings(value: object) -> list[str]:
    """The text of a JSON-LD value: a string, a node's name or text, or a list of such."""
    if isinstance(value, str):
        return [unescape(value).strip()] if value.strip() else []
    if isinstance(value, bool | int | float) or value is None:
        return []
    if isinstance(value, list):
        return [text for item in value[:100] for text in strings(item)]
    if isinstance(value, dict):
        for name in ("name", "@value", "url", "@id"):
            if value.get(name):
                return strings(value[name])
    return []


def string(value: object) -> str:
    """The first string of a value; empty when it has none."""
    return next(iter(strings(value)), "")


def _node_of_page(
    nodes: list[dict[str, object]], url: str, title: str
) -> tuple[dict[str, object], bool]:
    """The article node of this page: by address, by headline, or because it is the only one."""
    articles = [node for node in nodes if any(map(_ARTICLE.match, types_of(node)))]
    for node in articles:
        if _is_at(node, url) and _has_substance(node):
            return node, True
    for node in articles:
        if (
            title
            and _has_substance(node)
            and _folded(string(node.get("headline"))) == _folded(title)
        ):
            return node, True
    dated = [node for node in articles if _has_substance(node)]
    if dated and (len(dated) == 1 or _same_story(dated)):
        return dated[0], True
    pages = [node for node in nodes if any(map(_PAGE.match, types_of(node)))]
    for node in pages:
        if _is_at(node, url) and _has_substance(node):
            return node, False
    return {}, False


def _same_story(nodes: list[dict[str, object]]) -> bool:
    return len({_folded(string(node.get("headline"))) for node in nodes}) == 1


def _has_substance(node: dict[str, object]) -> bool:
    names = ("datePublished", "uploadDate", "headline", "articleBody")
    return any(node.get(name) for name in names)


def _is_at(node: dict[str, object], url: str) -> bool:
    addresses = []
    for name in ("url", "mainEntityOfPage", "@id"):
        claim = node.get(name)
        address = claim.get("@id") or claim.get("url") if isinstance(claim, dict) else claim
        addresses += [text.split("#")[0] for text in strings(address)]
    return any(_same_address(address, url) for address in addresses)


def _same_address(one: str, other: str) -> bool:
    return one.startswith("http") and url_key(one) == url_key(other)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", unescape(text).casefold()))


def _meta(tree: Tree) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for element in tree.all("meta"):
        content = (element.get("content") or element.get("value")).strip()
        for name in {element.get("property").lower(), element.get("name").lower()} - {""}:
            found.setdefault(name.strip(), []).append(unescape(content))
    return found


def _canonical(tree: Tree) -> str:
    for element in tree.all("link"):
        if "canonical" in element.get("rel").lower().split() and element.get("href"):
            return element.get("href").strip()
    return ""


_OTHERS = re.compile(r"Comment|Answer|Rating")
_RELATED = frozenset({"relatedlink", "haspart", "mentions", "comment", "review"})


def _microdata(tree: Tree) -> dict[str, list[Element]]:
    """Elements by itemprop. Only the first article item of a page speaks of the page."""
    found: dict[str, list[Element]] = {}
    scope: Element | None = None
    for element in tree.elements:
        if "itemprop" not in element.attrs and "itemtype" not in element.attrs:
            continue
        kind = element.get("itemtype").rsplit("/", 1)[-1]
        if scope is None and kind and _ARTICLE.match(kind):
            scope = element
        names = element.get("itemprop").split()
        if names and _belongs(element, scope):
            for name in names:
                found.setdefault(name.lower(), []).append(element)
    return found


def _belongs(element: Element, scope: Element | None) -> bool:
    """Whether a property is the page's: of the article item, and of no comment or other story."""
    if scope is not None and not scope.contains(element):
        return element.tag in {"meta", "link"}
    for above in element.ancestors():
        if above is scope:
            return True
        kind = above.get("itemtype").rsplit("/", 1)[-1]
        if _OTHERS.search(kind) or above.get("itemprop").lower() in _RELATED:
            return False
        if scope is not None and kind and _ARTICLE.match(kind):
            return False
    return scope is None


def item_value(element: Element) -> str:
    """What a microdata property holds, by the kind of its element."""
    return (
        element.get("content")
        or element.get("datetime")
        or (element.get("title") if element.tag == "abbr" else "")
        or (element.get("href") if element.tag == "link" else "")
        or element.text()
    ).strip()
