"""All watchlists at once against a text: which match, on which words, where."""

from collections.abc import ItemsView, KeysView, Mapping, Sequence
from operator import itemgetter

from alerts.automaton import Automaton
from alerts.conditions import Compiler, Condition, Entry, mentions, primary_tag, source_is_one_of
from alerts.query_tree import TEXT_FIELDS
from alerts.reading import Reading
from alerts.rules import Hit, Rule, Span, Text, compile_rule
from alerts.why_not import why_not

__all__ = ["Hit", "Matcher", "Rule", "Span", "Text", "compile_rule", "why_not"]

_RAREST = 50
"""Words after which a longer phrase is no rarer: its weight must stay a number."""
_RARER = 30.0
"""How many times rarer a phrase is with each word more; on news it is 20 to 100 times."""

_FEW = 20
"""Changes that are never worth a new matcher."""
_BY_WATCHLIST = itemgetter(0)
_new = tuple.__new__
"""Makes a named tuple in half the time; one is made for every watchlist that matches."""


class _Ready:
    """A rule made ready, and the watchlists that have it: they are decided together."""

    __slots__ = (
        "condition",
        "entry",
        "langs",
        "limited",
        "mask",
        "min_mentions",
        "names",
        "rule",
        "sources",
        "spans",
    )

    def __init__(self, rule: Rule, compiler: Compiler) -> None:
        self.rule = rule
        self.names: list[str] = []
        self.condition: Condition = compiler.rule(rule)
        self.mask = compiler.mask(rule.fields)
        self.langs = rule.langs
        self.sources = rule.sources
        self.min_mentions = rule.min_mentions
        self.entry: Entry | None = None
        self.limited = bool(rule.langs) or rule.sources != ("*",) or rule.min_mentions > 1
        self.spans = self._limited_spans if self.limited else self.condition.spans
        """The places that make it match, in reading order; None where it does not match."""

    def spans_with(self, reading: Reading, keys: Sequence[int]) -> tuple[Span, ...] | None:
        """The same, where it is known which keys of its entry stand in the text."""
        if self.limited:
            return self._limited_spans(reading)
        return self.condition.spans_with(reading, keys)

    def _limited_spans(self, reading: Reading) -> tuple[Span, ...] | None:
        if self.langs and reading.lang not in self.langs:
            return None
        if not source_is_one_of(reading.source, self.sources):
            return None
        spans = self.condition.spans(reading)
        if spans is not None and self.min_mentions > 1:
            count = mentions(self.condition, reading, self.mask)
            return spans if count >= self.min_mentions else None
        return spans


class Matcher:
    """A set of watchlists; one can be added, replaced or removed while it is in use.

    One thread at a time may call it.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """The watchlists by id."""
        self._automaton = Automaton()
        self._compiler = Compiler(self._automaton.number, TEXT_FIELDS)
        self._watchlists: dict[str, _Ready] = {}
        self._ready: dict[Rule, _Ready] = {}
        """Every rule once, however many watchlists have it: many people watch for the same."""
        self._entered: dict[int, list[_Ready]] = {}
        """Every rule under the key of its entry: the rarest of what it needs."""
        self._entered_among: dict[int, list[_Ready]] = {}
        """Those of which one key of several is needed, under each."""
        self._always: list[_Ready] = []
        """Those that need no key: patterns alone."""
        self._uses: dict[int, int] = {}
        """How many rules look for a key; names in many of them are in many articles."""
        self._removed = 0
        """Watchlists that are gone and whose keys are still looked for."""
        self._fields: tuple[tuple[str, int], ...] = ()
        self._fields_used = 0
        for name, rule in rules.items():
            self._name(name, rule)
        for ready in self._ready.values():
            self._count(ready)
        for ready in self._ready.values():
            self._enter(ready)

    def add(self, name: str, rule: Rule) -> None:
        """Add a watchlist, or replace the one of this id; in force with the next text."""
        self.remove(name)
        ready = self._name(name, rule)
        if len(ready.names) == 1:
            self._count(ready)
            self._enter(ready)

    replace = add

    def remove(self, name: str) -> None:
        """Forget a watchlist; one that is not there is no error."""
        if (ready := self._watchlists.pop(name, None)) is None:
            return
        self._removed += 1
        ready.names.remove(name)
        if not ready.names:
            del self._ready[ready.rule]
            for line in self._lines(ready):
                line.remove(ready)

    def updated(self, rules: Mapping[str, Rule]) -> "Matcher":
        """A matcher of exactly these watchlists: this one with what changed, or a new one.

        The keys of watchlists that are gone stay in this one, so when they outnumber half of
        those in force a new one is made. Changing a few of 100,000 takes milliseconds beside the
        comparison of all, which takes some 0.3 s.
        """
        gone = self._watchlists.keys() - rules.keys()
        changed = [
            name
            for name, rule in rules.items()
            if (known := self._watchlists.get(name)) is None or known.rule != rule
        ]
        if self._removed + len(gone) + len(changed) > max(_FEW, len(rules) // 2):
            return Matcher(rules)
        for name in gone:
            self.remove(name)
        for name in changed:
            self.add(name, rules[name])
        return self

    def settle(self) -> None:
        """Wait until what was added is merged; only the speed of matching depends on it."""
        self._automaton.settle()

    def match(self, text: Text) -> list[Hit]:
        """The watchlists that match, in the order of their ids."""
        reading = self.read(text)
        found = reading.masks.keys()
        candidates = list(self._always)
        for key in found & self._entered.keys():
            candidates += self._entered[key]
        decided = [(ready.names, ready.spans(reading)) for ready in candidates]
        decided += [
            (ready.names, ready.spans_with(reading, keys)) for ready, keys in self._among(found)
        ]
        hits = [
            _new(Hit, (name, spans))
            for names, spans in decided
            if spans is not None
            for name in names
        ]
        hits.sort(key=_BY_WATCHLIST)
        return hits

    def _among(self, found: KeysView[int]) -> ItemsView[_Ready, list[int]]:
        """The rules of which one key of several was found, and all of theirs that were."""
        keys: dict[_Ready, list[int]] = {}
        for key in found & self._entered_among.keys():
            for ready in self._entered_among[key]:
                if ready in keys:
                    keys[ready].append(key)
                else:
                    keys[ready] = [key]
        return keys.items()

    def read(self, text: Text) -> Reading:
        """The text folded and scanned, in the fields that a watchlist looks in."""
        if self._fields_used != self._compiler.used:
            self._fields_used = self._compiler.used
            self._fields = tuple(
                (name, 1 << index)
                for index, name in enumerate(TEXT_FIELDS)
                if self._fields_used >> index & 1
            )
        lang = primary_tag(text.lang)
        return Reading(text.fields, self._fields, self._automaton.scan, lang, text.source)

    def _name(self, name: str, rule: Rule) -> _Ready:
        """The rule made ready, this watchlist among those that have it."""
        if (ready := self._ready.get(rule)) is None:
            ready = self._ready[rule] = _Ready(rule, self._compiler)
        ready.names.append(name)
        self._watchlists[name] = ready
        return ready

    def _count(self, ready: _Ready) -> None:
        for leaf in ready.condition.leaves():
            for key in leaf.entry(self._weight) or ():
                self._uses[key] = self._uses.get(key, 0) + 1

    def _enter(self, ready: _Ready) -> None:
        ready.entry = ready.condition.entry(self._weight)
        for line in self._lines(ready):
            line.append(ready)

    def _lines(self, ready: _Ready) -> list[list[_Ready]]:
        if ready.entry is None:
            return [self._always]
        lines = self._entered if len(ready.entry) == 1 else self._entered_among
        return [lines.setdefault(key, []) for key in ready.entry]

    def _weight(self, key: int) -> float:
        """How often texts probably hold the key, in no unit: long ones and phrases seldom do."""
        text = self._automaton.key(key)
        spaces = min(text.count(" ", 1), _RAREST)
        return self._uses.get(key, 1) / (len(text) * _RARER**spaces)
