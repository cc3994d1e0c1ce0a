"""An article in which a term stands at every word costs in proportion to its length."""

import pytest

from tests.support.many_places import CASES, seconds

PLACES = 4000
ROUNDS = 8


@pytest.mark.parametrize("case", CASES)
def test_twice_the_places_take_at_most_two_and_a_half_times_as_long(case: str) -> None:
    once = twice = float("inf")
    for _ in range(ROUNDS):
        once = min(once, seconds(*CASES[case], PLACES)[0])
        twice = min(twice, seconds(*CASES[case], 2 * PLACES)[0])
        if twice <= 2.5 * once:
            return
    pytest.fail(f"{case}: {once:.3f} s, twice as much {twice:.3f} s")
