"""A rule's query as conditions on a reading: whether each holds, and at which places."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from typing_extensions import override

from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term, Variants
from alerts.reading import Place, Reading
from alerts.rules import Rule

_STAR = "*"
Found = tuple[Place, str]
"""A place and the term that stands there."""


class Condition(ABC):
    """One node of a query, bound to the fields it looks in."""

    __slots__ = ()

    @abstractmethod
    def holds(self, reading: Reading) -> bool:
        """Whether it is true of the text."""

    def places(self, reading: Reading) -> Sequence[Found]:
        """The places that make it true; empty where it does not hold."""
        return ()

    def leaves(self) -> "Iterator[Condition]":
        """Its positive terms and patterns."""
        return iter(())

    def entry(self, weight: Callable[[int], float]) -> tuple[int, ...] | None:
        """Keys of which one stands wherever it holds, the lightest such set; None: no such keys."""
        return None


class TermCondition(Condition):
    """A word or phrase stands in one of the fields."""

    __slots__ = ("key", "mask", "plain", "term")

    def __init__(self, term: Term, key: int, mask: int) -> None:
        """`key` is the number of the term's folded words in the automaton."""
        self.term = term
        self.key = key
        self.mask = mask
        self.plain = not term.exact and not any(word.endswith(_STAR) for word in term.words[:-1])

    @override
    def holds(self, reading: Reading) -> bool:
        if not reading.masks.get(self.key, 0) & self.mask:
            return False
        return self.plain or bool(reading.term_places(self.term, self.key, self.mask))

    @override
    def places(self, reading: Reading) -> Sequence[Found]:
        text = self.term.text
        return [(place, text) for place in reading.term_places(self.term, self.key, self.mask)]

    @override
    def leaves(self) -> Iterator[Condition]:
        yield self

    @override
    def entry(self, weight: Callable[[int], float]) -> tuple[int, ...] | None:
        return (self.key,)


class PatternCondition(Condition):
    """A regular expression finds something in one of the fields."""

    __slots__ = ("mask", "pattern")

    def __init__(self, pattern: Pattern, mask: int) -> None:
        self.pattern = pattern
        self.mask = mask

    @override
    def holds(self, reading: Reading) -> bool:
        return bool(reading.pattern_places(self.pattern, self.mask))

    @override
    def places(self, reading: Reading) -> Sequence[Found]:
        text = f"/{self.pattern.source}/{self.pattern.flags}"
        return [(place, text) for place in reading.pattern_places(self.pattern, self.mask)]

    @override
    def leaves(self) -> Iterator[Condition]:
        yield self


class AnyCondition(Condition):
    """One of them holds."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Condition, ...]) -> None:
        self.items = items

    @override
    def holds(self, reading: Reading) -> bool:
        return any(item.holds(reading) for item in self.items)

    @override
    def places(self, reading: Reading) -> Sequence[Found]:
        return [found for item in self.items for found in item.places(reading)]

    @override
    def leaves(self) -> Iterator[Condition]:
        for item in self.items:
            yield from item.leaves()

    @override
    def entry(self, weight: Callable[[int], float]) -> tuple[int, ...] | None:
        keys: list[int] = []
        for item in self.items:
            entry = item.entry(weight)
            if entry is None:
                return None
            keys.extend(entry)
        return tuple(dict.fromkeys(keys))


class AllCondition(Condition):
    """Each of `items` holds and none of `absent`."""

    __slots__ = ("absent", "items")

    def __init__(self, items: tuple[Condition, ...], absent: tuple[Condition, ...]) -> None:
        self.items = items
        self.absent = absent

    @override
    def holds(self, reading: Reading) -> bool:
        return all(item.holds(reading) for item in self.items) and not any(
            item.holds(reading) for item in self.absent
        )

    @override
    def places(self, reading: Reading) -> Sequence[Found]:
        if not self.holds(reading):
            return ()
        return [found for item in self.items for found in item.places(reading)]

    @override
    def leaves(self) -> Iterator[Condition]:
        for item in self.items:
            yield from item.leaves()

    @override
    def entry(self, weight: Callable[[int], float]) -> tuple[int, ...] | None:
        return _lightest((item.entry(weight) for item in self.items), weight)


class NearCondition(Condition):
    """Two places of one field with few tokens between, that do not overlap."""

    __slots__ = ("distance", "left", "ordered", "right")

    def __init__(self, left: Condition, right: Condition, distance: int, ordered: bool) -> None:
        self.left = left
        self.right = right
        self.distance = distance
        self.ordered = ordered

    @override
    def holds(self, reading: Reading) -> bool:
        return (
            self.left.holds(reading)
            and self.right.holds(reading)
            and any(self._pairs(self.left.places(reading), self.right.places(reading)))
        )

    @override
    def places(self, reading: Reading) -> Sequence[Found]:
        found: dict[Found, None] = {}
        for pair in self._pairs(self.left.places(reading), self.right.places(reading)):
            found.update(dict.fromkeys(pair))
        return list(found)

    def _pairs(
        self, left: Sequence[Found], right: Sequence[Found]
    ) -> Iterator[tuple[Found, Found]]:
        for one in left:
            for other in right:
                if self._is_near(one[0], other[0]):
                    yield one, other

    def _is_near(self, left: Place, right: Place) -> bool:
        if left.field != right.field:
            return False
        if left.last <= right.first:
            return right.first - left.last <= self.distance
        return not self.ordered and 0 <= left.first - right.last <= self.distance

    @override
    def leaves(self) -> Iterator[Condition]:
        yield from self.left.leaves()
        yield from self.right.leaves()

    @override
    def entry(self, weight: Callable[[int], float]) -> tuple[int, ...] | None:
        return _lightest((self.left.entry(weight), self.right.entry(weight)), weight)


class FilterCondition(Condition):
    """The article's source or language."""

    __slots__ = ("field", "value")

    def __init__(self, field: str, value: str) -> None:
        self.field = field
        self.value = value.lower() if field == "lang" else value

    @override
    def holds(self, reading: Reading) -> bool:
        if self.field == "lang":
            return primary_tag(reading.text.lang) == self.value.split("-")[0]
        return fnmatchcase(reading.text.source, self.value)


def mentions(condition: Condition, reading: Reading, mask: int) -> int:
    """How many places of its positive terms stand in the fields of the mask.

    Overlapping places are one mention: "Durand" in "Durand Line" is not a second one.
    """
    found = {place for leaf in condition.leaves() for place, _ in leaf.places(reading)}
    places = sorted(found, key=lambda place: (place.field, place.start, place.end))
    count, field, end = 0, -1, 0
    for place in places:
        if not reading.bits[place.field] & mask:
            continue
        if place.field != field or place.start >= end:
            count, field, end = count + 1, place.field, place.end
        end = max(end, place.end)
    return count


def source_is_one_of(source: str, globs: Sequence[str]) -> bool:
    """Whether a source id fits one of the globs."""
    return any(fnmatchcase(source, glob) for glob in globs)


def primary_tag(lang: str | None) -> str:
    """`ur` of `ur-PK`; empty for no language."""
    return (lang or "").replace("_", "-").split("-")[0].lower()


def _lightest(
    entries: "Iterator[tuple[int, ...] | None] | tuple[tuple[int, ...] | None, ...]",
    weight: Callable[[int], float],
) -> tuple[int, ...] | None:
    known = [entry for entry in entries if entry is not None]
    return min(known, key=lambda entry: sum(map(weight, entry)), default=None)


def automaton_key(term: Term) -> str:
    """What the automaton looks for: the folded words between spaces, as far as they are whole."""
    words: list[str] = []
    for word in term.words:
        if word.endswith(_STAR):
            return " " + " ".join([*words, word[:-1]])
        words.append(word)
    return " " + " ".join(words) + " "


class Compiler:
    """Queries to conditions."""

    def __init__(self, key_of: Callable[[str], int], names: tuple[str, ...]) -> None:
        """`key_of` numbers the automaton's keys; the index of a field's name is its bit."""
        self.key_of = key_of
        self.names = names

    def mask(self, fields: Sequence[str]) -> int:
        """The bits of the fields."""
        return sum(1 << self.names.index(name) for name in set(fields))

    def rule(self, rule: Rule) -> Condition:
        """The rule's query, looked for in the rule's fields."""
        return self.condition(rule.query, self.mask(rule.fields))

    def condition(self, node: Node, mask: int) -> Condition:
        """One node of the tree."""
        match node:
            case Term():
                return TermCondition(node, self.key_of(automaton_key(node)), mask)
            case Pattern():
                return PatternCondition(node, mask)
            case Variants(_, items) | Or(items):
                return AnyCondition(tuple(self.condition(item, mask) for item in items))
            case And(items):
                wanted = tuple(item for item in items if not isinstance(item, Not))
                absent = tuple(item.item for item in items if isinstance(item, Not))
                return AllCondition(
                    tuple(self.condition(item, mask) for item in wanted),
                    tuple(self.condition(item, mask) for item in absent),
                )
            case Near(left, right, distance, ordered):
                one, other = self.condition(left, mask), self.condition(right, mask)
                return NearCondition(one, other, distance, ordered)
            case Scoped(name, item):
                return self.condition(item, self.mask((name,)))
            case Filter(name, value):
                return FilterCondition(name, value)
            case Not():
                raise ValueError("NOT stands only as an item of AND")
