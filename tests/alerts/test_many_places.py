"""An article in which a term stands at every word costs in proportion to its length."""

import pytest

from tests.support.many_places import CASES, seconds

PLACES = 1500
ROUNDS = 8


@pytest.mark.parametrize("case", CASES)
def test_each_doubling_of_the_places_takes_at_most_two_and_a_half_times_as_long(case: str) -> None:
    """Two doublings at once, which chance moves less than one."""
    few = many = float("inf")
    for _ in range(ROUNDS):
        few = min(few, seconds(*CASES[case], PLACES)[0])
        many = min(many, seconds(*CASES[case], 4 * PLACES)[0])
        if many <= 2.5**2 * few:
            return
    pytest.fail(f"{case}: {few:.3f} s, four times as much {many:.3f} s")
