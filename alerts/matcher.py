"""All watchlists at once against a text: which match, on which words, where."""

from collections.abc import Mapping
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


class _Watchlist:
    """A rule made ready."""

    __slots__ = (
        "condition",
        "entry",
        "langs",
        "limited",
        "mask",
        "min_mentions",
        "name",
        "rule",
        "sources",
    )

    def __init__(self, name: str, rule: Rule, compiler: Compiler) -> None:
        self.name = name
        self.rule = rule
        self.condition: Condition = compiler.rule(rule)
        self.mask = compiler.mask(rule.fields)
        self.langs = rule.langs
        self.sources = rule.sources
        self.min_mentions = rule.min_mentions
        self.limited = bool(rule.langs) or rule.sources != ("*",)
        self.entry: Entry | None = None

    def is_for(self, reading: Reading) -> bool:
        """Whether it reads articles of this language and source at all."""
        if self.langs and reading.lang not in self.langs:
            return False
        return source_is_one_of(reading.source, self.sources)

    def hit(self, reading: Reading) -> Hit | None:
        """The match, if it matches."""
        if self.limited and not self.is_for(reading):
            return None
        places = self.condition.places(reading)
        if places is None:
            return None
        if self.min_mentions > 1:
            count = mentions(self.condition, reading, self.mask)
            if count < self.min_mentions:
                return None
        if len(places) == 1:
            return Hit(self.name, (places[0].span,))
        return Hit(self.name, tuple([place.span for place in sorted(set(places))]))


class Matcher:
    """A set of watchlists; one can be added, replaced or removed while it is in use.

    One thread at a time may call it.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """The watchlists by id."""
        self._automaton = Automaton()
        self._compiler = Compiler(self._automaton.number, TEXT_FIELDS)
        self._watchlists: dict[str, _Watchlist] = {}
        self._entered: dict[int, list[_Watchlist]] = {}
        """Every watchlist under the key of its entry: the rarest of what it needs."""
        self._entered_among: dict[int, list[_Watchlist]] = {}
        """Those of which one key of several is needed, under each."""
        self._always: list[_Watchlist] = []
        """Those that need no key: patterns alone."""
        self._uses: dict[int, int] = {}
        """How many watchlists look for a key; names in many of them are in many articles."""
        self._removed = 0
        """Watchlists that are gone and whose keys are still looked for."""
        self._fields: tuple[tuple[str, int], ...] = ()
        self._fields_used = 0
        made = [_Watchlist(name, rule, self._compiler) for name, rule in rules.items()]
        for watchlist in made:
            self._count(watchlist)
        for watchlist in made:
            self._enter(watchlist)

    def add(self, name: str, rule: Rule) -> None:
        """Add a watchlist, or replace the one of this id; in force with the next text."""
        self.remove(name)
        watchlist = _Watchlist(name, rule, self._compiler)
        self._count(watchlist)
        self._enter(watchlist)

    replace = add

    def remove(self, name: str) -> None:
        """Forget a watchlist; one that is not there is no error."""
        if (watchlist := self._watchlists.pop(name, None)) is not None:
            self._removed += 1
            for line in self._lines(watchlist):
                line.remove(watchlist)

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
        if several := found & self._entered_among.keys():
            candidates += {each for key in several for each in self._entered_among[key]}
        hits = [hit for watchlist in candidates if (hit := watchlist.hit(reading)) is not None]
        hits.sort(key=_BY_WATCHLIST)
        return hits

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

    def _count(self, watchlist: _Watchlist) -> None:
        for leaf in watchlist.condition.leaves():
            for key in leaf.entry(self._weight) or ():
                self._uses[key] = self._uses.get(key, 0) + 1

    def _enter(self, watchlist: _Watchlist) -> None:
        watchlist.entry = watchlist.condition.entry(self._weight)
        self._watchlists[watchlist.name] = watchlist
        for line in self._lines(watchlist):
            line.append(watchlist)

    def _lines(self, watchlist: _Watchlist) -> list[list[_Watchlist]]:
        if watchlist.entry is None:
            return [self._always]
        lines = self._entered if len(watchlist.entry) == 1 else self._entered_among
        return [lines.setdefault(key, []) for key in watchlist.entry]

    def _weight(self, key: int) -> float:
        """How often texts probably hold the key, in no unit: long ones and phrases seldom do."""
        text = self._automaton.key(key)
        spaces = min(text.count(" ", 1), _RAREST)
        return self._uses.get(key, 1) / (len(text) * _RARER**spaces)
