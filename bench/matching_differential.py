"""The matcher against the reference matcher of the tests, for as many examples as asked.

    python -m bench.matching_differential [EXAMPLES]

Each example is one random text and up to five random watchlists. Stops at the first difference.
"""

import sys
import time

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerts.matcher import Rule, Text
from tests.alerts.test_matcher_differential import agree
from tests.support.queries import rules, texts


def main() -> None:
    """Run the examples and say how many agreed, and how many of them had a match."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    counts = {"examples": 0, "watchlists": 0}

    @settings(
        max_examples=wanted,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(rules, min_size=1, max_size=5), texts)
    def compare(rule_list: list[Rule], text: Text) -> None:
        agree(rule_list, text)
        counts["examples"] += 1
        counts["watchlists"] += len(rule_list)
        if counts["examples"] % 1000 == 0:
            print(
                f"{counts['examples']} texts, {counts['watchlists']} watchlists agree", flush=True
            )

    start = time.monotonic()
    compare()
    took = time.monotonic() - start
    print(f"{counts['examples']} texts, {counts['watchlists']} watchlists agree, {took:.0f} s")


if __name__ == "__main__":
    main()
