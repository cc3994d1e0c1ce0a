"""The query language: text to tree, errors with a caret. The manual is docs/queries.md.

query   = all ("OR" all)*
all     = near ("AND" ["NOT"] near)*
near    = single [("NEAR/n" | "ONEAR/n") single]
single  = "(" query ")" | field ":" single | "@" name | term | "/pattern/flags"
term    = ["="] (word | '"' phrase '"')
"""

import difflib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from alerts.patterns import PatternError, check_pattern
from alerts.query_error import QueryError
from alerts.query_tree import (
    FILTER_FIELDS,
    TEXT_FIELDS,
    And,
    Filter,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    Scoped,
    Term,
    Variants,
    looks_for_something,
    to_query,
    to_words,
)
from store.folding_rules import is_spaceless

__all__ = [
    "And",
    "Filter",
    "Near",
    "Node",
    "Not",
    "Or",
    "Pattern",
    "QueryError",
    "Scoped",
    "Term",
    "Variants",
    "check_variants",
    "looks_for_something",
    "parse",
    "to_query",
    "to_words",
]

_LONGEST_DISTANCE = 50
_DEEPEST = 50
"""Parentheses within parentheses; nobody writes ten, and a stack must not overflow."""
_FEWEST_LETTERS = 3
REMEMBERED = 2**17
"""Queries whose trees are kept: a configuration of 50,000 watchlists is checked, compiled and, with
every change of one of them, read again, and its trees are in memory anyway."""
LONGEST_REMEMBERED = 200
"""Characters: a term or a few. A query of ten thousand terms that is edited again and again must
not leave all that it was in memory."""

_LEXER = regex.compile(
    r"""(?P<space>\s+)
    | (?P<open>\() | (?P<close>\))
    | (?P<pattern>/(?:[^/\\\n]|\\.)+/[a-z]*)
    | (?P<phrase>=?"(?:[^"\\]|\\.)*" | =?“[^”]*” | =?„[^“”]*[“”] | =?«[^»]*»)
    | (?P<variants>@[\w-]+)
    | (?P<field>[A-Za-z_]+:)(?=\s*[^\s/]|\s*/[^/])
    | (?P<operator>(?:AND|OR|NOT)(?![^\s()])|O?NEAR(?:/[^\s()]*)?(?![^\s()]))
    | (?P<word>(?:[^\s()"“”„«»]|(?<=[\u0590-\u05ff])["“”](?=[\u0590-\u05ff]))+)
    | (?P<quote>["“”„«»])""",
    regex.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str
    text: str
    at: int


def parse(query: str, *, variants: Mapping[str, Sequence[str]] | None = None) -> Node:
    """The tree of a query, every @name resolved.

    Raises QueryError where the query cannot be read, names an unknown field or set of variants,
    uses a set that leads back to itself, or has a part that no text can contain.
    """
    if "@" in query or len(query) > LONGEST_REMEMBERED:
        return _Parser(query, variants or {}, ()).whole()
    return _without_variants(query)


@lru_cache(REMEMBERED)
def _without_variants(query: str) -> Node:
    return _Parser(query, {}, ()).whole()


def check_variants(variants: Mapping[str, Sequence[str]]) -> None:
    """Raises QueryError if one of the sets cannot be read, used or not."""
    for name in variants:
        _Parser(f"@{name}", variants, ()).whole()


def _lexemes(query: str) -> Iterator[_Lexeme]:
    at = 0
    while at < len(query):
        found = _LEXER.match(query, at)
        assert found is not None, "word and quote together take any character"
        if found.lastgroup == "quote":
            raise QueryError("this quotation mark has no partner", query, at, 'write "two words"')
        if found.lastgroup != "space":
            yield _Lexeme(found.lastgroup, found.group(), at)
        at = found.end()


class _Parser:
    """One query, read from left to right; each method reads the rule of the grammar it names."""

    def __init__(
        self, query: str, variants: Mapping[str, Sequence[str]], trail: tuple[str, ...]
    ) -> None:
        self.query = query
        self.variants = variants
        self.trail = trail
        self.lexemes = list(_lexemes(query))
        self.next = 0
        self.depth = 0
        self.in_filter = False

    def whole(self) -> Node:
        if not self.lexemes:
            raise QueryError("the query is empty", self.query)
        node = self.any_of()
        if (rest := self.peek()) is not None:
            raise self.side_by_side(rest)
        return node

    def any_of(self) -> Node:
        items = [self.all_of()]
        while self.takes("OR"):
            items.append(self.all_of())
        return _joined(Or, items)

    def all_of(self) -> Node:
        if (first := self.peek()) is not None and first.text == "NOT":
            raise self.error(
                "NOT stands only after AND, so that there is something to look for",
                first,
                "write A AND NOT B",
            )
        items = [self.near()]
        while self.takes("AND"):
            negated = self.takes("NOT")
            item = self.near()
            items.append(Not(item) if negated else item)
        return _joined(And, items)

    def near(self) -> Node:
        start = self.peek()
        left = self.single()
        operator = self.peek()
        if operator is None or not _is_near(operator):
            return left
        self.next += 1
        distance = self.distance(operator)
        second = self.peek()
        right = self.single()
        for node, lexeme in ((left, start), (right, second)):
            if not _has_places(node):
                assert lexeme is not None
                raise self.error(
                    "beside NEAR stand terms, phrases, variants and groups of them with OR", lexeme
                )
        if (more := self.peek()) is not None and _is_near(more):
            raise self.error(
                "NEAR joins two sides only", more, "write (A NEAR/5 B) AND (B NEAR/5 C)"
            )
        return Near(left, right, distance, ordered=operator.text.startswith("O"))

    def distance(self, operator: _Lexeme) -> int:
        name, _, number = operator.text.partition("/")
        if not (number.isascii() and number.isdigit()):
            raise self.error(f"{name} needs a number of words", operator, f"write {name}/10")
        if len(number) > 4 or not 1 <= int(number) <= _LONGEST_DISTANCE:
            raise self.error(f"{name} takes 1 to {_LONGEST_DISTANCE} words", operator)
        return int(number)

    def single(self) -> Node:
        lexeme = self.peek()
        if lexeme is None:
            raise QueryError("something is missing here", self.query, len(self.query.rstrip()))
        self.next += 1
        match lexeme.kind:
            case "open":
                return self.group(lexeme)
            case "field":
                return self.scoped(lexeme)
            case "variants":
                return self.resolved(lexeme)
            case "pattern":
                return self.pattern(lexeme)
            case "phrase" | "word":
                return self.term(lexeme)
        what = "a closing parenthesis" if lexeme.kind == "close" else lexeme.text
        raise self.error(f"{what} where a term is expected", lexeme)

    def group(self, opening: _Lexeme) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"more than {_DEEPEST} parentheses within each other", opening)
        node = self.any_of()
        closing = self.peek()
        if closing is None:
            raise self.error("this parenthesis is never closed", opening)
        if closing.kind != "close":
            raise self.side_by_side(closing)
        self.next += 1
        self.depth -= 1
        return node

    def scoped(self, lexeme: _Lexeme) -> Node:
        name = lexeme.text[:-1]
        if name not in (*TEXT_FIELDS, *FILTER_FIELDS):
            raise self.error(
                f"there is no field {name!r}",
                lexeme,
                _nearest(name, (*TEXT_FIELDS, *FILTER_FIELDS), ":"),
            )
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"more than {_DEEPEST} fields within each other", lexeme)
        self.in_filter = name in FILTER_FIELDS
        item = self.single()
        self.in_filter = False
        self.depth -= 1
        if name in FILTER_FIELDS:
            return self.filtered(name, item, lexeme)
        if _holds(item, (Scoped, Filter)):
            raise self.error(f"another field inside {name}: can never be", lexeme)
        return Scoped(name, item)

    def filtered(self, name: str, item: Node, lexeme: _Lexeme) -> Node:
        match item:
            case Term(text, False):
                return Filter(name, text)
            case Or(items):
                return _joined(Or, [self.filtered(name, each, lexeme) for each in items])
        raise self.error(f"{name}: takes one value, or several in parentheses with OR", lexeme)

    def resolved(self, lexeme: _Lexeme) -> Node:
        name = lexeme.text[1:]
        if name not in self.variants:
            raise self.error(
                f"there is no set of variants {name!r}", lexeme, _nearest(name, self.variants, "@")
            )
        if name in self.trail:
            path = " → ".join(f"@{each}" for each in (*self.trail, name))
            raise self.error(f"the variants lead back to themselves: {path}", lexeme)
        if not self.variants[name]:
            raise self.error(f"the set of variants {name!r} is empty", lexeme)
        options = [
            self.option(f"variants.{name}[{index}]", spelling, name)
            for index, spelling in enumerate(self.variants[name])
        ]
        return Variants(name, tuple(options))

    def option(self, where: str, spelling: str, name: str) -> Node:
        try:
            node = _Parser(spelling, self.variants, (*self.trail, name)).whole()
        except QueryError as error:
            raise error.within(where) from None
        if not isinstance(node, Term | Pattern | Variants):
            raise QueryError("a variant is a word, a phrase, a pattern or another set", spelling, 0)
        return node

    def pattern(self, lexeme: _Lexeme) -> Node:
        source, _, flags = lexeme.text[1:].rpartition("/")
        if wrong := flags.strip("ims"):
            raise self.error(
                f"unknown flag {wrong[0]!r} after the pattern", lexeme, "use i, m or s"
            )
        node = Pattern(source, "".join(sorted(set(flags))))
        try:
            check_pattern(node.source, node.flags)
        except PatternError as error:
            raise self.error(f"the pattern cannot be used: {error}", lexeme) from None
        return node

    def term(self, lexeme: _Lexeme) -> Node:
        exact = lexeme.text.startswith("=")
        at = lexeme.at + exact
        written = lexeme.text[exact:]
        if lexeme.kind == "phrase":
            text = _unescaped(written)
        else:
            text = written
            self.refuse_foreign(lexeme, written)
        text = " ".join(text.split())
        self.refuse_stars(text, at, written)
        node = Term(text, exact)
        if not node.words:
            raise QueryError("no letter or digit is left of this after folding", self.query, at)
        return node

    def refuse_foreign(self, lexeme: _Lexeme, word: str) -> None:
        """Signs that other search languages use and that would silently mean something else."""
        if word in ("|", "||", "&&", "&"):
            operator = "OR" if "|" in word else "AND"
            raise self.error(f"{word} is no operator here", lexeme, f"write {operator}")
        if len(word) > 1 and word[0] in "-+!":
            meant = "A AND B" if word[0] == "+" else "A AND NOT B"
            raise self.error(
                f"{word[0]} before a word is no operator here", lexeme, f"write {meant}"
            )
        field, equals, value = word.partition("=")
        if equals and field.lower() in (*TEXT_FIELDS, *FILTER_FIELDS):
            raise self.error(
                "= after a field is no operator here", lexeme, f"write {field.lower()}:{value}"
            )
        if found := regex.search(r"[?~^]\S|[~^]", word):
            raise QueryError(
                f"{found.group()[0]} is no wildcard here",
                self.query,
                lexeme.at + lexeme.text.index(found.group()[0]),
                "write the spellings with OR, or a pattern: /organi[sz]ation/i",
            )

    def refuse_stars(self, text: str, at: int, written: str) -> None:
        if "*" not in text or self.in_filter:
            return
        place = at + written.index("*")
        for chunk in text.split():
            stem = chunk.removesuffix("*")
            if "*" in stem or (not stem and chunk):
                raise QueryError(
                    "a star stands only at the end of a word", self.query, place, "write clash*"
                )
            if stem != chunk:
                self.refuse_stem(stem, place)

    def refuse_stem(self, stem: str, place: int) -> None:
        words = Term(stem).words
        letters = regex.findall(r"[\p{L}\p{N}]", unicodedata.normalize("NFD", "".join(words)))
        if words and is_spaceless(words[-1][0]):
            raise QueryError(
                "this script writes no spaces and is matched by characters",
                self.query,
                place,
                "leave the star out",
            )
        if len(letters) < _FEWEST_LETTERS:
            raise QueryError(
                f"a star needs {_FEWEST_LETTERS} letters or more before it", self.query, place
            )

    def peek(self) -> _Lexeme | None:
        return self.lexemes[self.next] if self.next < len(self.lexemes) else None

    def takes(self, operator: str) -> bool:
        lexeme = self.peek()
        if lexeme is None or lexeme.kind != "operator" or lexeme.text != operator:
            return False
        self.next += 1
        return True

    def error(self, problem: str, lexeme: _Lexeme, suggestion: str = "") -> QueryError:
        return QueryError(problem, self.query, lexeme.at, suggestion)

    def side_by_side(self, lexeme: _Lexeme) -> QueryError:
        """Two terms without an operator; says which one was probably meant."""
        before = self.lexemes[self.next - 1]
        if lexeme.kind == "word":
            self.refuse_foreign(lexeme, lexeme.text)
        if lexeme.kind == "close":
            return self.error("this parenthesis was never opened", lexeme)
        if lexeme.text == "NOT":
            return self.error("NOT stands only after AND", lexeme, "write A AND NOT B")
        for word in (lexeme.text, before.text):
            if regex.fullmatch(r"(?i)and|or|not|o?near(/\d*)?", word):
                return self.error(
                    f"{word} is written in capitals", lexeme, f"write {word.upper()}, or quote it"
                )
        if before.kind == lexeme.kind == "word":
            both = f"{before.text} {lexeme.text}"
            return self.error(
                "two words side by side",
                lexeme,
                f'write "{both}" for the phrase, or {before.text} AND {lexeme.text}, '
                f"or {before.text} OR {lexeme.text}",
            )
        return self.error("an operator is missing before this", lexeme, "write AND, OR or AND NOT")


def _is_near(lexeme: _Lexeme) -> bool:
    return lexeme.kind == "operator" and "NEAR" in lexeme.text


def _joined(kind: type[Or] | type[And], items: list[Node]) -> Node:
    """One node of this kind, however the parentheses stood; a single item as itself."""
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, kind) else (item,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _has_places(node: Node) -> bool:
    match node:
        case Term() | Pattern() | Variants():
            return True
        case Or(items):
            return all(_has_places(item) for item in items)
        case Scoped(_, item):
            return _has_places(item)
    return False


def _holds(node: Node, kinds: tuple[type[Node], ...]) -> bool:
    match node:
        case Or(items) | And(items) | Variants(_, items):
            return any(_holds(item, kinds) for item in items)
        case Not(item):
            return _holds(item, kinds)
        case Near(left, right):
            return _holds(left, kinds) or _holds(right, kinds)
    return isinstance(node, kinds)


def _nearest(name: str, known: Sequence[str] | Mapping[str, object], sign: str) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if not close:
        return ""
    return f"did you mean @{close[0]}?" if sign == "@" else f"did you mean {close[0]}:?"


def _unescaped(phrase: str) -> str:
    inside = phrase[1:-1]
    return regex.sub(r"\\(.)", r"\1", inside) if phrase[0] == '"' and "\\" in inside else inside
