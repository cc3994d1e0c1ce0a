"""Random rules and texts from a seed: what `tests.support.queries` draws, a hundred times faster.

Hypothesis draws what shrinks well and needs 30 ms an example for it; campaigns need numbers.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term, Variants
from alerts.rules import Rule, Text
from tests.support.queries import FIELDS, JOINTS, PATTERNS, TERMS, WORDS

_DEEPEST = 3
T = TypeVar("T")


class Drawn:
    """Rules and texts of one seed."""

    def __init__(self, seed: int) -> None:
        """The same seed draws the same."""
        self.chance = Random(seed)

    def example(self) -> tuple[list[Rule], Text]:
        """One to five rules and a text; half of the texts hold words of the rules."""
        rules = [self.rule() for _ in range(self.chance.randint(1, 5))]
        return rules, self.text(rules)

    def rule(self) -> Rule:
        """A watchlist's rule."""
        choice = self.chance.choice
        return Rule(
            self.node(_DEEPEST),
            choice((("title", "body"), ("body",), ("title", "standfirst", "body", "caption"))),
            choice(((), (), ("ur",), ("en", "ur"))),
            choice((("*",), ("*",), ("da*", "bbc"))),
            choice((1, 1, 1, 2, 3)),
        )

    def node(self, depth: int) -> Node:
        """A query of at most so many levels of operators."""
        kind = self.chance.random()
        if depth == 0 or kind < 0.3:
            return self.leaf()
        if kind < 0.5:
            return Or(self.several(lambda: self.node(depth - 1), 2, 4))
        if kind < 0.6:
            return Or(self.several(self.single, 5, 8))
        if kind < 0.65:
            return Variants("set", self.several(self.single, 1, 4))
        return self.all_of(depth - 1)

    def leaf(self) -> Node:
        """A term or NEAR, perhaps in one field."""
        node = self.near() if self.chance.random() < 0.4 else self.single()
        return Scoped(self.chance.choice(FIELDS), node) if self.chance.random() < 0.3 else node

    def all_of(self, depth: int) -> Node:
        """Both of them, and not a third; sometimes only in articles of a source or language."""
        wanted = self.several(lambda: self.node(depth), 1, 2)
        filters = self.several(self.filter, 0, 1)
        absent = self.several(lambda: Not(self.unwanted(depth)), 0, 2)
        return And((*wanted, *filters, *absent))

    def unwanted(self, depth: int) -> Node:
        """What may stand after NOT."""
        return self.filter() if self.chance.random() < 0.2 else self.node(depth)

    def near(self) -> Node:
        """NEAR or ONEAR over terms and groups of them."""
        chance = self.chance
        return Near(self.side(), self.side(), chance.randint(1, 4), chance.random() < 0.5)

    def side(self) -> Node:
        """One side of NEAR."""
        node = Or(self.several(self.single, 2, 6)) if self.chance.random() < 0.4 else self.single()
        return Scoped(self.chance.choice(FIELDS), node) if self.chance.random() < 0.15 else node

    def single(self) -> Node:
        """A term or a pattern."""
        choice = self.chance.choice
        if self.chance.random() < 0.2:
            return Pattern(choice(PATTERNS), choice(("", "i")))
        return Term(choice(TERMS), choice((False, False, True)))

    def filter(self) -> Node:
        """A source or a language."""
        name = self.chance.choice(("source", "lang"))
        return Filter(
            name, self.chance.choice(("da*", "bbc") if name == "source" else ("ur", "en"))
        )

    def several(self, one: Callable[[], T], least: int, most: int) -> tuple[T, ...]:
        """So many of them."""
        return tuple(one() for _ in range(self.chance.randint(least, most)))

    def text(self, rules: Sequence[Rule]) -> Text:
        """An article of one to three fields."""
        choice = self.chance.choice
        words = list(WORDS)
        if self.chance.random() < 0.5:
            words = [*words[:: self.chance.randint(2, 9)], *terms_of(rules)]
        names = self.chance.sample(FIELDS, self.chance.randint(1, len(FIELDS)))
        return Text(
            {name: self.content(words) for name in names},
            choice((None, "ur", "en-GB")),
            choice(("dawn", "bbc", "")),
        )

    def content(self, words: Sequence[str]) -> str:
        """Up to fourteen words and what stands between them."""
        chance = self.chance
        count = chance.randint(0, 14)
        return "".join(chance.choice(words) + chance.choice(JOINTS) for _ in range(count))


def terms_of(rules: Sequence[Rule]) -> list[str]:
    """The terms of the rules as a writer might spell them."""
    found: list[str] = []
    waiting: list[Node] = [rule.query for rule in rules]
    while waiting:
        match waiting.pop():
            case Term(text):
                found.append(text.replace("*", ""))
            case Or(items) | And(items) | Variants(_, items):
                waiting += items
            case Near(left, right):
                waiting += (left, right)
            case Scoped(_, item) | Not(item):
                waiting.append(item)
    return found
