"""All watchlists at once against a text: which match, on which words, where."""

from collections.abc import Mapping

from alerts.automaton import Automaton
from alerts.conditions import Compiler, mentions, primary_tag, source_is_one_of
from alerts.query_tree import TEXT_FIELDS
from alerts.reading import Reading
from alerts.rules import Hit, Rule, Span, Text, compile_rule
from alerts.why_not import why_not

__all__ = ["Hit", "Matcher", "Rule", "Span", "Text", "compile_rule", "why_not"]


class _Watchlist:
    """A rule made ready."""

    __slots__ = ("condition", "entry", "langs", "mask", "min_mentions", "name", "sources")

    def __init__(self, name: str, rule: Rule, compiler: Compiler) -> None:
        self.name = name
        self.condition = compiler.rule(rule)
        self.mask = compiler.mask(rule.fields)
        self.langs = frozenset(rule.langs)
        self.sources = rule.sources
        self.min_mentions = rule.min_mentions
        self.entry: tuple[int, ...] | None = None

    def applies(self, text: Text) -> bool:
        if self.langs and primary_tag(text.lang) not in self.langs:
            return False
        return self.sources == ("*",) or source_is_one_of(text.source, self.sources)


class Matcher:
    """A set of watchlists; one can be added, replaced or removed while it is in use."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """The watchlists by id."""
        self._automaton = Automaton()
        self._compiler = Compiler(self._automaton.number, TEXT_FIELDS)
        self._watchlists: dict[str, _Watchlist] = {}
        self._entered: dict[int, list[_Watchlist]] = {}
        self._always: list[_Watchlist] = []
        for name, rule in rules.items():
            self.add(name, rule)

    def add(self, name: str, rule: Rule) -> None:
        """Add a watchlist, or replace the one of this id."""
        self.remove(name)
        watchlist = _Watchlist(name, rule, self._compiler)
        watchlist.entry = watchlist.condition.entry(self._weight)
        self._watchlists[name] = watchlist
        for line in self._lines(watchlist):
            line.append(watchlist)

    replace = add

    def remove(self, name: str) -> None:
        """Forget a watchlist; one that is not there is no error."""
        if (watchlist := self._watchlists.pop(name, None)) is not None:
            for line in self._lines(watchlist):
                line.remove(watchlist)

    def match(self, text: Text) -> list[Hit]:
        """The watchlists that match, in the order of their ids."""
        reading = Reading(text, TEXT_FIELDS, self._automaton.scan)
        candidates = {id(watchlist): watchlist for watchlist in self._always}
        for key in reading.masks:
            for watchlist in self._entered.get(key, ()):
                candidates[id(watchlist)] = watchlist
        hits = {}
        for watchlist in candidates.values():
            if watchlist.applies(text) and watchlist.condition.holds(reading):
                hit = _hit(watchlist, reading)
                if hit is not None:
                    hits[watchlist.name] = hit
        return [hits[name] for name in sorted(hits)]

    def _lines(self, watchlist: _Watchlist) -> list[list[_Watchlist]]:
        if watchlist.entry is None:
            return [self._always]
        return [self._entered.setdefault(key, []) for key in watchlist.entry]

    def _weight(self, key: int) -> float:
        """How often a text probably holds the key: short ones and those of many watchlists do."""
        return (1 + len(self._entered.get(key, ()))) / len(self._automaton.key(key))


def _hit(watchlist: _Watchlist, reading: Reading) -> Hit | None:
    if watchlist.min_mentions > 1:
        count = mentions(watchlist.condition, reading, watchlist.mask)
        if count < watchlist.min_mentions:
            return None
    found = sorted(set(watchlist.condition.places(reading)))
    return Hit(watchlist.name, tuple(reading.span(place, term) for place, term in found))
