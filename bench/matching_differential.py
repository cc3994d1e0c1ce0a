"""The matcher against the reference matcher of the tests, for as many examples as asked.

    python -m bench.matching_differential [EXAMPLES] [--seed 1]

An example is a set of one to five random watchlists and one random text; no two are alike. A
difference is made as small as it gets and printed, and the run goes on; exit status 1 then.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from alerts.matcher import Matcher, Rule, Text
from alerts.query import And, Node, Not, Or, Scoped, Variants
from tests.alerts.reference import Reference
from tests.support.random_queries import Drawn

_TOLD_EVERY = 10_000
_MOST_TOLD = 20
"""Differences printed; one mistake makes thousands."""


def main() -> int:
    """Run the examples; say how many agreed, in how many pairs, and how many matched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    seen: set[int] = set()
    pairs = matched = differences = 0
    begin, busy = time.monotonic(), time.process_time()
    for seed in count(chosen.seed * 1_000_000_000):
        if len(seen) == chosen.examples:
            break
        rules, text = Drawn(seed).example()
        if (example := hash((tuple(rules), repr(text)))) in seen:
            continue
        seen.add(example)
        pairs += len(rules)
        different, hits = compared(rules, text)
        matched += hits
        differences += len(different)
        for rule in different[: max(0, _MOST_TOLD - differences)]:
            tell(seed, *smallest(rule, text))
        if len(seen) % _TOLD_EVERY == 0:
            print(f"{len(seen)} examples, {differences} differences", flush=True)
    print(
        f"{len(seen)} different examples, {pairs} pairs of watchlist and text, {matched} matches, "
        f"{differences} differences; {time.monotonic() - begin:.0f} s, "
        f"{time.process_time() - busy:.0f} s of processor time"
    )
    return int(differences > 0)


def compared(rules: list[Rule], text: Text) -> tuple[list[Rule], int]:
    """The rules on which the two differ, and how many match; all rules are in one matcher."""
    matcher = Matcher({f"w{index}": rule for index, rule in enumerate(rules)})
    found = {hit.watchlist: [tuple(span) for span in hit.spans] for hit in matcher.match(text)}
    different = [
        rule
        for index, rule in enumerate(rules)
        if found.get(f"w{index}") != Reference(rule, text).spans()
    ]
    return different, len(found)


def smallest(rule: Rule, text: Text) -> tuple[Rule, Text]:
    """A rule and a text that still differ when anything more is left out."""
    while True:
        for smaller_rule, smaller_text in smaller(rule, text):
            if compared([smaller_rule], smaller_text)[0]:
                rule, text = smaller_rule, smaller_text
                break
        else:
            return rule, text


def smaller(rule: Rule, text: Text) -> Iterator[tuple[Rule, Text]]:
    """The same with one thing less."""
    yield from ((replace(rule, query=node), text) for node in smaller_nodes(rule.query))
    for name, content in text.fields.items():
        others = {key: value for key, value in text.fields.items() if key != name}
        yield rule, replace(text, fields=others)
        for at in range(len(content)):
            yield rule, replace(text, fields={**others, name: content[:at] + content[at + 1 :]})


def smaller_nodes(node: Node) -> Iterator[Node]:
    """Its parts, and itself with one part less or smaller."""
    match node:
        case Or(items) | And(items) | Variants(_, items):
            yield from (item for item in items if not isinstance(item, Not))
            for at in range(len(items)):
                rest = (*items[:at], *items[at + 1 :])
                if any(not isinstance(item, Not) for item in rest):
                    yield replace(node, **{_ITEMS[type(node)]: rest})
        case Scoped(_, item):
            yield item


_ITEMS: dict[type[Node], str] = {Or: "items", And: "items", Variants: "options"}


def tell(seed: int, rule: Rule, text: Text) -> None:
    """Print a difference so that it can be made a test."""
    print(f"DIFFERENCE (seed {seed}): {rule!r}\n  {text!r}")
    hits = Matcher({"w": rule}).match(text)
    print(f"  matcher:   {[tuple(span) for hit in hits for span in hit.spans]}")
    print(f"  reference: {Reference(rule, text).spans()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
