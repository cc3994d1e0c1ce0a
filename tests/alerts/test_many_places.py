"""An article in which a term stands at every word costs in proportion to its length."""

import pytest

from tests.support.many_places import CASES, seconds

PLACES = 1500
ROUNDS = 8


@pytest.mark.campaign
@pytest.mark.parametrize("case", CASES)
def test_four_times_the_places_take_at_most_eight_times_as_long(case: str) -> None:
    """In proportion would be four, quadratic sixteen; caches and chance need some room."""
    few = many = float("inf")
    for _ in range(ROUNDS):
        few = min(few, seconds(*CASES[case], PLACES)[0])
        many = min(many, seconds(*CASES[case], 4 * PLACES)[0])
        if many <= 8 * few:
            return
    pytest.fail(f"{case}: {few:.3f} s, four times as much {many:.3f} s")
