"""What is probably not meant in a watchlist that can be read: warnings for `check` and `try`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import regex

from alerts.matcher import Matcher
from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term, Variants, to_query
from alerts.rules import Rule, Text

_FLOODS = 0.05
"""Share of all articles from which a term alone is too common to be worth an alert."""
_ACRONYM = regex.compile(r"\p{Lu}{2,5}")
_UNSEEN_SIGN = regex.compile(r"[\p{S}#@%&]")
_SPECIAL = regex.compile(r"[^\p{Latin}\p{N} ]")
"""Terms without such a sign are their own example."""
_LANGUAGE = regex.compile(r"[A-Za-z]{2,3}(?:[-_].*)?")

_QUOTED_OPERATOR = regex.compile(r"(?<=\S )(?:AND NOT|AND|OR|NOT|O?NEAR/\d+)(?= \S)")


@dataclass(frozen=True, slots=True)
class LintWarning:
    """One thing that is probably not meant."""

    part: str
    """The part of the query, as it is written."""
    problem: str
    suggestion: str = ""

    def __str__(self) -> str:
        """One line."""
        advice = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.part}: {self.problem}{advice}"


def lint(rule: Rule, share: Callable[[Term], float] | None = None) -> list[LintWarning]:
    """The warnings for one rule, each once.

    `share` tells which share of the stored articles, 0 to 1, holds a term; without it no term is
    called too common.
    """
    found = [
        *_never(rule.query, rule.fields),
        *_useless_absences(rule),
        *(warning for term in _terms(rule.query) for warning in _term_warnings(term)),
        *_floods(rule.query, share),
        *_languages(rule),
    ]
    return list(dict.fromkeys(found))


def _term_warnings(term: Term) -> Iterator[LintWarning]:
    name = to_query(term)
    if not term.exact and _ACRONYM.fullmatch(term.text):
        yield LintWarning(
            name, f"matches {term.text.lower()!r} too", f"write ={term.text} for capitals only"
        )
    if _UNSEEN_SIGN.search(term.text.replace("*", "")):
        words = " ".join(term.words)
        yield LintWarning(name, f"signs are not looked for: it finds every {words!r}")
    if operator := _QUOTED_OPERATOR.search(term.text):
        yield LintWarning(
            name, f"{operator[0]} is a word here", "an operator stands outside quotation marks"
        )
    if _SPECIAL.search(term.text) and not _can_stand(term):
        yield LintWarning(name, "no text can hold this once it is folded: no match ever")


def _can_stand(term: Term) -> bool:
    """Whether a text of just these words would be found."""
    return bool(Matcher({"": Rule(term)}).match(Text({"body": term.text.replace("*", "")})))


def _floods(node: Node, share: Callable[[Term], float] | None) -> Iterator[LintWarning]:
    """Terms that bring an alert by themselves, and stand in too many articles for that."""
    if share is None:
        return
    for term in _sufficient(node):
        if (common := share(term)) >= _FLOODS:
            yield LintWarning(
                to_query(term),
                f"stands in {common:.0%} of all articles",
                "narrow it with AND or NEAR",
            )


def _sufficient(node: Node) -> Iterator[Term]:
    """The terms of which each alone, whatever is absent, makes the query true."""
    match node:
        case Term():
            yield node
        case Or(items) | Variants(_, items):
            for item in items:
                yield from _sufficient(item)
        case And(items):
            wanted = [item for item in items if not isinstance(item, Not | Filter)]
            if len(wanted) == 1:
                yield from _sufficient(wanted[0])


def _languages(rule: Rule) -> Iterator[LintWarning]:
    asked = [*rule.langs, *(each.value for each in _filters(rule.query) if each.field == "lang")]
    for value in asked:
        if not _LANGUAGE.fullmatch(value):
            yield LintWarning(
                f"lang:{value}", "is no language tag, so it fits no article", 'write "ur" or "fa"'
            )


def _never(node: Node, fields: tuple[str, ...]) -> Iterator[LintWarning]:
    """An AND NOT whose words stand in everything it is taken from."""
    match node:
        case And(items):
            wanted = [item for item in items if not isinstance(item, Not)]
            for item in items:
                if isinstance(item, Not):
                    if any(_implies(part, fields, item.item, fields) for part in wanted):
                        yield LintWarning(
                            to_query(item), "stands in everything that is looked for: no match ever"
                        )
                else:
                    yield from _never(item, fields)
        case Or(items):
            for item in items:
                yield from _never(item, fields)
        case Near(left, right) if not set(_fields(left, fields)) & set(_fields(right, fields)):
            yield LintWarning(
                to_query(node), "its two sides are looked for in different fields: no match ever"
            )
        case Scoped(name, item):
            yield from _never(item, (name,))


def _fields(node: Node, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Where the places of one side of NEAR may stand."""
    match node:
        case Scoped(name, _):
            return (name,)
        case Or(items):
            return tuple(name for item in items for name in _fields(item, fields))
    return fields


def _useless_absences(rule: Rule) -> Iterator[LintWarning]:
    """A `none` that can never apply: its source or language is not let in anyway."""
    for absent in _absences(rule.query):
        match absent:
            case Filter("source", value) if not any(_overlap(value, glob) for glob in rule.sources):
                yield LintWarning(
                    f"NOT {to_query(absent)}", "never applies: `sources` does not let it in"
                )
            case Filter("lang", value) if rule.langs and value.split("-")[0] not in rule.langs:
                yield LintWarning(
                    f"NOT {to_query(absent)}", "never applies: `lang` does not let it in"
                )
            case Term() | Scoped() if any(
                other != absent and _implies(absent, rule.fields, other, rule.fields)
                for other in _absences(rule.query)
            ):
                yield LintWarning(
                    f"NOT {to_query(absent)}", "never applies: another NOT says the same and more"
                )


def _overlap(one: str, other: str) -> bool:
    """Whether a source may fit both globs (rather yes than no)."""
    if "*" in one and "*" in other:
        return True
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def _implies(
    node: Node, fields: tuple[str, ...], other: Node, other_fields: tuple[str, ...]
) -> bool:
    """Whether wherever the node holds, the other surely holds too (rather no than yes)."""
    match other:
        case Or(items) | Variants(_, items):
            return any(_implies(node, fields, item, other_fields) for item in items)
        case Scoped(name, item):
            return _implies(node, fields, item, (name,))
    match node:
        case Or(items) | Variants(_, items):
            return all(_implies(item, fields, other, other_fields) for item in items)
        case And(items):
            wanted = (item for item in items if not isinstance(item, Not))
            return any(_implies(item, fields, other, other_fields) for item in wanted)
        case Near(left, right):
            return any(_implies(side, fields, other, other_fields) for side in (left, right))
        case Scoped(name, item):
            return _implies(item, (name,), other, other_fields)
        case Term() if isinstance(other, Term):
            return set(fields) <= set(other_fields) and _contains(node, other)
    return node == other and set(fields) <= set(other_fields)


def _contains(term: Term, part: Term) -> bool:
    """Whether every place of the term holds one of the part."""
    if part.exact and part != term:
        return False
    length = len(part.words)
    return any(
        all(map(_covers, part.words, term.words[at : at + length]))
        for at in range(len(term.words) - length + 1)
    )


def _covers(wider: str, word: str) -> bool:
    """Whether every token that fits the word fits the wider one."""
    if wider.endswith("*"):
        return word.rstrip("*").startswith(wider[:-1])
    return wider == word


def _parts(node: Node) -> Iterator[Node]:
    """The node and everything in it."""
    yield node
    match node:
        case Or(items) | And(items) | Variants(_, items):
            for item in items:
                yield from _parts(item)
        case Not(item) | Scoped(_, item):
            yield from _parts(item)
        case Near(left, right):
            yield from _parts(left)
            yield from _parts(right)
        case Term() | Pattern() | Filter():
            return


def _terms(node: Node) -> list[Term]:
    return [part for part in _parts(node) if isinstance(part, Term)]


def _filters(node: Node) -> list[Filter]:
    return [part for part in _parts(node) if isinstance(part, Filter)]


def _absences(node: Node) -> list[Node]:
    """What stands under NOT, each alternative by itself."""
    absent = [part.item for part in _parts(node) if isinstance(part, Not)]
    return [item for node in absent for item in (node.items if isinstance(node, Or) else (node,))]
