"""A rule's query as conditions on a reading: whether each holds, and at which places."""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from typing_extensions import override

from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term, Variants
from alerts.reading import STAR, Place, Reading
from alerts.rules import Rule, Span

Entry = tuple[int, ...]
"""Keys of which one stands in every text for which a condition holds."""


Needed = tuple[tuple[int, int], ...]
"""Keys that stand in every text for which a condition holds, and the bits of their fields."""


class Condition(ABC):
    """One node of a query, bound to the fields it looks in."""

    __slots__ = ()

    @abstractmethod
    def places(self, reading: Reading) -> Sequence[Place] | None:
        """The places that make it true, in no order; None where it does not hold."""

    def spans(self, reading: Reading) -> tuple[Span, ...] | None:
        """The same places in reading order, each once."""
        places = self.places(reading)
        if places is None:
            return None
        if len(places) == 1:
            return (places[0].span,)
        return tuple([place.span for place in sorted(set(places))])

    def spans_with(self, reading: Reading, keys: Sequence[int]) -> tuple[Span, ...] | None:
        """The same, where it is known which keys of its entry stand in the text."""
        return self.spans(reading)

    def holds(self, reading: Reading) -> bool:
        """Whether it is true of the text."""
        return self.places(reading) is not None

    def needed(self) -> "Needed":
        """What is looked up first: it does not hold where one of these keys does not stand."""
        return ()

    def leaves(self) -> "Iterator[Condition]":
        """Its positive terms and patterns."""
        return iter(())

    def entry(self, weight: Callable[[int], float]) -> Entry | None:
        """Its lightest entry; None where it can hold without any key."""
        return None


class TermCondition(Condition):
    """A word or phrase stands in one of the fields."""

    __slots__ = ("key", "length", "mask", "term")

    def __init__(self, term: Term, key: int, length: int, mask: int) -> None:
        """`key` is the number of the term's key in the automaton, `length` its bytes."""
        self.term = term
        self.key = key
        self.length = length
        self.mask = mask

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        kept = reading.kept
        if (known := kept.get(self, ())) != ():
            return known
        places = None
        if reading.masks.get(self.key, 0) & self.mask:
            places = reading.term_places(self.term, self.key, self.length, self.mask) or None
        kept[self] = places
        return places

    @override
    def spans(self, reading: Reading) -> tuple[Span, ...] | None:
        kept = reading.kept_spans
        if (known := kept.get(self, ())) != ():
            return known
        places = self.places(reading)
        spans = None if places is None else tuple([place.span for place in places])
        kept[self] = spans
        return spans

    @override
    def needed(self) -> Needed:
        return ((self.key, self.mask),)

    @override
    def holds(self, reading: Reading) -> bool:
        if not reading.masks.get(self.key, 0) & self.mask:
            return False
        return self.term.is_plain or self.places(reading) is not None

    @override
    def leaves(self) -> Iterator[Condition]:
        yield self

    @override
    def entry(self, weight: Callable[[int], float]) -> Entry | None:
        return (self.key,)


class PatternCondition(Condition):
    """A regular expression finds something in one of the fields."""

    __slots__ = ("mask", "pattern")

    def __init__(self, pattern: Pattern, mask: int) -> None:
        self.pattern = pattern
        self.mask = mask

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        kept = reading.kept
        if self not in kept:
            kept[self] = reading.pattern_places(self.pattern, self.mask) or None
        return kept[self]

    @override
    def leaves(self) -> Iterator[Condition]:
        yield self


class AnyCondition(Condition):
    """One of them holds."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Condition]) -> None:
        self.items = tuple(items)

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        found: list[Place] = []
        held = False
        for item in self.items:
            places = item.places(reading)
            if places is not None:
                held = True
                found += places
        return found if held else None

    @override
    def holds(self, reading: Reading) -> bool:
        return any(item.holds(reading) for item in self.items)

    @override
    def leaves(self) -> Iterator[Condition]:
        for item in self.items:
            yield from item.leaves()

    @override
    def entry(self, weight: Callable[[int], float]) -> Entry | None:
        keys: dict[int, None] = {}
        for item in self.items:
            entry = item.entry(weight)
            if entry is None:
                return None
            keys.update(dict.fromkeys(entry))
        return tuple(keys)


class AnyTermCondition(AnyCondition):
    """One of many terms stands: those that the text holds are looked up, not asked in turn."""

    __slots__ = ("by_key",)

    def __init__(self, items: Sequence[TermCondition]) -> None:
        super().__init__(items)
        self.by_key: dict[int, list[TermCondition]] = {}
        for item in items:
            self.by_key.setdefault(item.key, []).append(item)

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        found: list[Place] = []
        for key in self.by_key.keys() & reading.masks.keys():
            for item in self.by_key[key]:
                found += item.places(reading) or ()
        return found or None

    @override
    def spans_with(self, reading: Reading, keys: Sequence[int]) -> tuple[Span, ...] | None:
        if len(keys) == 1 and len(items := self.by_key[keys[0]]) == 1:
            return items[0].spans(reading)
        found = [place for key in keys for item in self.by_key[key]
                 for place in item.places(reading) or ()]  # fmt: skip
        return tuple([place.span for place in sorted(set(found))]) if found else None

    @override
    def holds(self, reading: Reading) -> bool:
        return any(
            item.holds(reading)
            for key in self.by_key.keys() & reading.masks.keys()
            for item in self.by_key[key]
        )


class AllCondition(Condition):
    """Each of `items` holds and none of `absent`."""

    __slots__ = ("absent", "items", "looked_up", "only")

    def __init__(self, items: Sequence[Condition], absent: Sequence[Condition]) -> None:
        self.items = tuple(sorted(items, key=_costs))
        self.absent = tuple(sorted(absent, key=_costs))
        self.only = self.items[0] if len(self.items) == 1 else None
        self.looked_up = self.needed()

    @override
    def needed(self) -> Needed:
        return tuple(dict.fromkeys(each for item in self.items for each in item.needed()))

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        masks = reading.masks
        for key, mask in self.looked_up:
            if not masks.get(key, 0) & mask:
                return None
        found: list[Place] = []
        for item in self.items:
            places = item.places(reading)
            if places is None:
                return None
            found += places
        return None if self.absent and self._is_excluded(reading) else found

    @override
    def spans(self, reading: Reading) -> tuple[Span, ...] | None:
        if self.only is None:
            return super().spans(reading)
        spans = self.only.spans(reading)
        return None if spans is None or self._is_excluded(reading) else spans

    def _is_excluded(self, reading: Reading) -> bool:
        return any(item.holds(reading) for item in self.absent)

    @override
    def leaves(self) -> Iterator[Condition]:
        for item in self.items:
            yield from item.leaves()

    @override
    def entry(self, weight: Callable[[int], float]) -> Entry | None:
        return _lightest((item.entry(weight) for item in self.items), weight)


class NearCondition(Condition):
    """Two places of one field with few tokens between, that do not overlap."""

    __slots__ = ("distance", "left", "looked_up", "ordered", "right")

    def __init__(self, left: Condition, right: Condition, distance: int, ordered: bool) -> None:
        self.left = left
        self.right = right
        self.distance = distance
        self.ordered = ordered
        self.looked_up = self.needed()

    @override
    def needed(self) -> Needed:
        return (*self.left.needed(), *self.right.needed())

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        masks = reading.masks
        for key, mask in self.looked_up:
            if not masks.get(key, 0) & mask:
                return None
        if not self.right.holds(reading):
            return None
        left, right = self.left.places(reading), self.right.places(reading)
        if left is None or right is None:
            return None
        near = _Neighbours(reading, self.distance)
        forward = near.pairs(left, right)
        return (forward if self.ordered else forward + near.pairs(right, left)) or None

    @override
    def leaves(self) -> Iterator[Condition]:
        yield from self.left.leaves()
        yield from self.right.leaves()

    @override
    def entry(self, weight: Callable[[int], float]) -> Entry | None:
        return _lightest((self.left.entry(weight), self.right.entry(weight)), weight)


class _Neighbours:
    """Places near each other; only the nearest is looked at, so their number costs no squares."""

    def __init__(self, reading: Reading, distance: int) -> None:
        self.reading = reading
        self.distance = distance

    def pairs(self, before: Sequence[Place], after: Sequence[Place]) -> list[Place]:
        """Every place of the first kind with one of the second behind it, and those behind."""
        starts = sorted((place.field, place.before) for place in after)
        ends = sorted((place.field, place.after) for place in before)
        return [
            *(place for place in before if self._followed(place, starts)),
            *(place for place in after if self._preceded(place, ends)),
        ]

    def _followed(self, place: Place, starts: list[tuple[int, int]]) -> bool:
        at = bisect_left(starts, (place.field, place.after))
        if at == len(starts) or starts[at][0] != place.field:
            return False
        return self._near(place.field, place.after, starts[at][1])

    def _preceded(self, place: Place, ends: list[tuple[int, int]]) -> bool:
        at = bisect_right(ends, (place.field, place.before)) - 1
        if at < 0 or ends[at][0] != place.field:
            return False
        return self._near(place.field, ends[at][1], place.before)

    def _near(self, field: int, after: int, before: int) -> bool:
        return self.reading.fields[field].tokens_between(after, before) <= self.distance


class FilterCondition(Condition):
    """The article's source or language."""

    __slots__ = ("field", "value")

    def __init__(self, field: str, value: str) -> None:
        self.field = field
        self.value = primary_tag(value) if field == "lang" else value

    @override
    def places(self, reading: Reading) -> Sequence[Place] | None:
        if self.field == "lang":
            return () if reading.lang == self.value else None
        return () if fnmatchcase(reading.source, self.value) else None


def mentions(condition: Condition, reading: Reading, mask: int) -> int:
    """How many places of its positive terms stand in the fields of the mask.

    Overlapping places are one mention: "Durand" in "Durand Line" is not a second one.
    """
    found = {place for leaf in condition.leaves() for place in leaf.places(reading) or ()}
    count, field, end = 0, -1, 0
    for place in sorted(found):
        if not reading.fields[place.field].bit & mask:
            continue
        if place.field != field or place.start >= end:
            count, field, end = count + 1, place.field, place.end
        end = max(end, place.end)
    return count


@lru_cache(maxsize=65536)
def source_is_one_of(source: str, globs: Sequence[str]) -> bool:
    """Whether a source id fits one of the globs."""
    return any(fnmatchcase(source, glob) for glob in globs)


def primary_tag(lang: str | None) -> str:
    """`ur` of `ur-PK`; empty for no language."""
    return (lang or "").replace("_", "-").split("-")[0].lower()


def automaton_key(term: Term) -> str:
    """What the automaton looks for: the folded words between spaces, as far as they are whole."""
    words = term.words
    for index, word in enumerate(words):
        if word.endswith(STAR):
            return " " + " ".join([*words[:index], word[:-1]])
    return " " + " ".join(words) + " "


def _lightest(entries: Iterable[Entry | None], weight: Callable[[int], float]) -> Entry | None:
    known = [entry for entry in entries if entry is not None]
    if len(known) < 2:
        return known[0] if known else None
    return min(known, key=lambda entry: sum(map(weight, entry)))


_COSTS = (FilterCondition, TermCondition, AnyTermCondition, AnyCondition, AllCondition)


def _costs(condition: Condition) -> int:
    """The order in which conditions are tried: the cheap first, patterns last."""
    if isinstance(condition, PatternCondition):
        return len(_COSTS) + 1
    return next((at for at, kind in enumerate(_COSTS) if isinstance(condition, kind)), len(_COSTS))


class Compiler:
    """Queries to conditions; the same term in the same fields is one condition for all."""

    def __init__(self, number: Callable[[str], int], names: tuple[str, ...]) -> None:
        """`number` numbers the automaton's keys; the index of a field's name is its bit."""
        self._number = number
        self._bits = {name: 1 << index for index, name in enumerate(names)}
        self._masks: dict[tuple[str, ...], int] = {}
        self._terms: dict[tuple[str, bool, int], TermCondition] = {}
        self.used = 0
        """The bits of all fields that a condition looks in."""

    def mask(self, fields: tuple[str, ...]) -> int:
        """The bits of the fields."""
        if fields not in self._masks:
            self._masks[fields] = sum(self._bits[name] for name in set(fields))
        return self._masks[fields]

    def rule(self, rule: Rule) -> Condition:
        """The rule's query, looked for in the rule's fields."""
        return self.condition(rule.query, self.mask(rule.fields))

    def condition(self, node: Node, mask: int) -> Condition:
        """One node of the tree."""
        match node:
            case Term():
                return self._term(node, mask)
            case Pattern():
                self.used |= mask
                return PatternCondition(node, mask)
            case Variants(_, items) | Or(items):
                return self._any(items, mask)
            case And(items):
                return self._all(items, mask)
            case Near(left, right, distance, ordered):
                one, other = self.condition(left, mask), self.condition(right, mask)
                return NearCondition(one, other, distance, ordered)
            case Scoped(name, item):
                return self.condition(item, self.mask((name,)))
            case Filter(name, value):
                return FilterCondition(name, value)
            case Not():
                raise ValueError("NOT stands only as an item of AND")

    def _term(self, term: Term, mask: int) -> TermCondition:
        asked = (term.text, term.exact, mask)
        if asked not in self._terms:
            self.used |= mask
            key = automaton_key(term)
            self._terms[asked] = TermCondition(term, self._number(key), len(key.encode()), mask)
        return self._terms[asked]

    def _all(self, items: tuple[Node, ...], mask: int) -> Condition:
        """An AND within an AND is one: more is looked up before anything is worked out."""
        wanted: list[Condition] = []
        absent = [self.condition(item.item, mask) for item in items if isinstance(item, Not)]
        for item in items:
            if isinstance(item, Not):
                continue
            condition = self.condition(item, mask)
            if isinstance(condition, AllCondition):
                wanted += condition.items
                absent += condition.absent
            else:
                wanted.append(condition)
        return AllCondition(wanted, absent)

    def _any(self, items: tuple[Node, ...], mask: int) -> Condition:
        conditions = [self.condition(item, mask) for item in items]
        terms = [item for item in conditions if isinstance(item, TermCondition)]
        many = len(terms) == len(conditions) > _FEW
        return AnyTermCondition(terms) if many else AnyCondition(conditions)


_FEW = 4
"""Up to so many terms, asking each is cheaper than intersecting two sets of keys."""
