"""The first reason, in words, that a rule did not match a text."""

from collections.abc import Iterable

from alerts.automaton import Automaton
from alerts.conditions import Compiler, mentions, primary_tag, source_is_one_of
from alerts.query import And, Filter, Near, Node, Not, Or, Scoped, Term, Variants, to_query
from alerts.query_tree import TEXT_FIELDS
from alerts.reading import Reading
from alerts.rules import Rule, Text


def why_not(rule: Rule, text: Text) -> str:
    """The first reason that the rule does not match; empty when it does."""
    if rule.langs and primary_tag(text.lang) not in rule.langs:
        return f"language is {text.lang or 'unknown'}, only {_listed(rule.langs)}"
    if not source_is_one_of(text.source, rule.sources):
        return f"source is {text.source or 'unknown'}, only {_listed(rule.sources)}"
    return _Explanation(rule, text).reason()


class _Explanation:
    """One rule and one text, the whole text read."""

    def __init__(self, rule: Rule, text: Text) -> None:
        self.rule = rule
        automaton = Automaton()
        self.compiler = Compiler(automaton.number, TEXT_FIELDS)
        self.root = self.compiler.rule(rule)
        names = [(name, self.compiler.mask((name,))) for name in TEXT_FIELDS]
        lang = primary_tag(text.lang)
        self.reading = Reading(text.fields, names, automaton.scan, lang, text.source)

    def reason(self) -> str:
        """Why the query does not hold, or why holding was not enough."""
        if reason := self.node(self.rule.query, self.rule.fields):
            return reason
        if self.rule.min_mentions == 1:
            return ""
        count = mentions(self.root, self.reading, self.compiler.mask(self.rule.fields))
        if count < self.rule.min_mentions:
            return f"mentioned {_times(count)}, `min_mentions` is {self.rule.min_mentions}"
        return ""

    def node(self, node: Node, fields: tuple[str, ...]) -> str:
        """Why the node does not hold; empty when it does."""
        if self.holds(node, fields):
            return ""
        match node:
            case And(items):
                return next(filter(None, (self.node(item, fields) for item in items)))
            case Not(item):
                return f"NOT part matched: {self.standing(item, fields)}"
            case Or(items) | Variants(_, items):
                return self.none_of(node, items, fields)
            case Scoped(name, item):
                return self.node(item, (name,))
            case Near(left, right):
                sides = (self.node(side, fields) for side in (left, right))
                return next(filter(None, sides), f"never near enough: {to_query(node)}")
            case Filter("lang"):
                return f"language is {self.reading.lang or 'unknown'}: {to_query(node)}"
            case Filter():
                return f"source is {self.reading.source or 'unknown'}: {to_query(node)}"
        return self.absent(node, fields)

    def holds(self, node: Node, fields: tuple[str, ...]) -> bool:
        """Whether the node is true of the text."""
        if isinstance(node, Not):
            return not self.holds(node.item, fields)
        return self.compiler.condition(node, self.compiler.mask(fields)).holds(self.reading)

    def none_of(self, node: Node, items: tuple[Node, ...], fields: tuple[str, ...]) -> str:
        """Why none of several holds: the nearest miss, else that none of them stands anywhere."""
        reasons = [self.node(item, fields) for item in items]
        nearest = [reason for reason in reasons if "stands nowhere" not in reason]
        if nearest:
            return nearest[0]
        return f"none of it stands in the text: {to_query(node)}"

    def absent(self, node: Node, fields: tuple[str, ...]) -> str:
        """Why a term or pattern does not stand in these fields."""
        name = to_query(node)
        if elsewhere := [field for field in TEXT_FIELDS if self.holds(node, (field,))]:
            return f"{name} stands only in {_listed(elsewhere)}; looked for in {_listed(fields)}"
        if isinstance(node, Term) and node.exact and self.holds(Term(node.text), fields):
            return f"{name} stands only in another case, or in a headline all in capitals"
        return f"{name} stands nowhere in the text"

    def standing(self, node: Node, fields: tuple[str, ...]) -> str:
        """The words that make a node hold, for a person."""
        condition = self.compiler.condition(node, self.compiler.mask(fields))
        found = [
            self.reading.fields[place.field].folded.original[place.start : place.end]
            for place in condition.places(self.reading) or ()
        ]
        return repr(found[0]) if found else to_query(node)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
