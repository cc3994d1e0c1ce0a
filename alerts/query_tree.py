"""What a query means: its tree, printed back as a query or as words."""

from dataclasses import dataclass, field
from functools import lru_cache

import regex

from store.folding import fold_words

TEXT_FIELDS = ("title", "standfirst", "body", "caption", "author", "section", "tag", "url")
FILTER_FIELDS = ("source", "lang")
OPERATOR = regex.compile(r"(?:AND|OR|NOT|O?NEAR(?:/.*)?)")
_BARE = regex.compile(r"\w[\w'’.\-]*\*?")
_STAR = "*"


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase as it was written."""

    text: str
    """White space joined; a star ends a word that is cut."""
    exact: bool = False
    """Upper and lower case count."""
    words: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """Its folded tokens; one that only begins a token ends in a star."""
    cased: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """The same in their own case; empty unless `exact`."""
    is_plain: bool = field(init=False, compare=False, repr=False)
    """Neither exact nor with a star before its last word: its key is all there is to it."""

    def __post_init__(self) -> None:
        """Fold the text."""
        object.__setattr__(self, "words", _words(self.text, keep_case=False))
        cased = _words(self.text, keep_case=True) if self.exact else ()
        object.__setattr__(self, "cased", cased)
        starred = any(word.endswith(_STAR) for word in self.words[:-1])
        object.__setattr__(self, "is_plain", not (self.exact or starred))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression over the text as it is stored."""

    source: str
    flags: str = ""


@dataclass(frozen=True, slots=True)
class Variants:
    """Any of a named set of spellings."""

    name: str
    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class And:
    """Each of them; those under `Not` must be absent."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Stands only as an item of And, beside at least one that is no Not."""

    item: "Node"


@dataclass(frozen=True, slots=True)
class Near:
    """Two places of one field with at most `distance` tokens between."""

    left: "Node"
    right: "Node"
    distance: int
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Scoped:
    """A part looked for in one field, whatever the watchlist's `in` says."""

    field: str
    item: "Node"


@dataclass(frozen=True, slots=True)
class Filter:
    """`source:` (a glob) or `lang:`; says something of the article, not of its text."""

    field: str
    value: str


Node = Term | Pattern | Variants | Or | And | Not | Near | Scoped | Filter


@lru_cache(maxsize=4096)
def _words(text: str, *, keep_case: bool) -> tuple[str, ...]:
    if _STAR not in text:
        return fold_words(text, keep_case=keep_case)
    words: list[str] = []
    for chunk in text.split():
        words.extend(fold_words(chunk.removesuffix(_STAR), keep_case=keep_case))
        if chunk.endswith(_STAR) and words:
            words[-1] += _STAR
    return tuple(words)


def looks_for_something(node: Node) -> bool:
    """Whether the query can be true only where one of its terms or patterns stands."""
    match node:
        case Term() | Pattern() | Variants() | Near():
            return True
        case Or(items):
            return all(looks_for_something(item) for item in items)
        case And(items):
            return any(looks_for_something(item) for item in items)
        case Scoped(_, item):
            return looks_for_something(item)
        case Not() | Filter():
            return False


def to_query(node: Node) -> str:
    """The canonical spelling; parsed again it gives the same tree."""
    return _query(node, 0)


# How tightly a node binds; a looser one inside a tighter one needs parentheses.
_OR, _AND, _NOT, _NEAR, _ATOM = 1, 2, 3, 4, 5


def _query(node: Node, around: int) -> str:
    text, binds = _spelled(node)
    return f"({text})" if binds < around else text


def _spelled(node: Node) -> tuple[str, int]:
    match node:
        case Term(text, exact):
            return ("=" if exact else "") + _spelled_term(text), _ATOM
        case Pattern(source, flags):
            return f"/{source}/{flags}", _ATOM
        case Variants(name, _):
            return f"@{name}", _ATOM
        case Filter(name, value):
            return f"{name}:{_spelled_term(value)}", _ATOM
        case Scoped(name, item):
            return f"{name}:{_query(item, _ATOM)}", _ATOM
        case Or(items):
            return " OR ".join(_query(item, _AND) for item in items), _OR
        case And(items):
            return " AND ".join(_query(item, _NOT) for item in items), _AND
        case Not(item):
            return f"NOT {_query(item, _NEAR)}", _NOT
        case Near(left, right, distance, ordered):
            operator = f"{'ONEAR' if ordered else 'NEAR'}/{distance}"
            return f"{_query(left, _ATOM)} {operator} {_query(right, _ATOM)}", _NEAR


def _spelled_term(text: str) -> str:
    if _BARE.fullmatch(text) and not OPERATOR.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def to_words(node: Node) -> str:
    """What a query means, for a person."""
    return _said(node, nested=False)


def _said(node: Node, *, nested: bool) -> str:
    match node:
        case Term():
            return _said_term(node)
        case Pattern(source, flags):
            return f"the pattern /{source}/{flags}"
        case Variants(name, options):
            return f"any of @{name} ({', '.join(_said(option, nested=True) for option in options)})"
        case Filter(name, value):
            return f"the {'source' if name == 'source' else 'language'} is {value}"
        case Scoped(name, item):
            return f"{_said(item, nested=True)} in the {name}"
        case Near():
            return _bracketed(_said_near(node), nested)
        case Or(items):
            return _bracketed(" or ".join(_said(item, nested=True) for item in items), nested)
        case And(items):
            return _bracketed(_said_and(items), nested)
        case Not(item):
            return f"not {_said(item, nested=True)}"


def _bracketed(text: str, nested: bool) -> str:
    return f"({text})" if nested else text


def _said_and(items: tuple[Node, ...]) -> str:
    positive = [item for item in items if not isinstance(item, Not)]
    wanted = [_said(item, nested=len(positive) > 1) for item in positive]
    unwanted = [_said(item.item, nested=True) for item in items if isinstance(item, Not)]
    return " and ".join(wanted) + "".join(f", but not {text}" for text in unwanted)


def _said_near(node: Near) -> str:
    words = "word" if node.distance == 1 else "words"
    how = "followed within" if node.ordered else "within"
    by = "by" if node.ordered else "of"
    left, right = _said(node.left, nested=True), _said(node.right, nested=True)
    return f"{left} {how} {node.distance} {words} {by} {right}"


def _said_term(term: Term) -> str:
    starred = term.text.endswith(_STAR)
    text = f"“{term.text.rstrip(_STAR)}{'…' if starred else ''}”"
    return f"{text} in exactly this case" if term.exact else text
