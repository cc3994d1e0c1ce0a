"""The proof of no loss sees what is lost, renamed or repeated without a reason."""

import pytest

from tests.support.killing import Acceptance, Kill, Report, Wanted, whole

ONE: Wanted = ("desk", "ttp", "http://a/1")
TWO: Wanted = ("ops", "ttp", "http://a/1")


def report(*taken: tuple[float, str, Wanted], kills: tuple[Kill, ...] = ()) -> Report:
    acceptances = [Acceptance(at, name, frozenset({wanted})) for at, name, wanted in taken]
    return Report(1, list(kills), {ONE, TWO}, acceptances)


def test_everything_once_is_in_order() -> None:
    good = report((1, "a", ONE), (2, "b", TWO))
    assert (good.missing, good.repeats) == (set(), [])


def test_what_no_receiver_took_is_missing() -> None:
    assert report((1, "a", ONE)).missing == {TWO}


def test_what_nobody_expected_does_not_count() -> None:
    other = report((1, "a", ONE), (2, "b", TWO), (3, "c", ("desk", "ttp", "http://a/9")))
    assert (other.missing, other.repeats) == (set(), [])


def test_a_repeat_of_what_a_kill_left_unsettled_is_explained() -> None:
    settled = frozenset({"b"})
    repeated = report((1, "a", ONE), (5, "a", ONE), (6, "b", TWO), kills=(Kill(1.01, settled),))
    assert len(repeated.repeats) == 1
    assert (repeated.renamed, repeated.unexplained, repeated.slow) == ([], [], [])


@pytest.mark.parametrize(
    "kill", [Kill(0.5), Kill(5.5), Kill(2.5, frozenset({"a"}))], ids=["before", "after", "settled"]
)
def test_a_repeat_without_such_a_kill_is_not(kill: Kill) -> None:
    repeated = report((1, "a", ONE), (5, "a", ONE), kills=(kill,))
    assert len(repeated.unexplained) == 1


def test_a_message_that_waits_long_to_be_settled_is_told() -> None:
    repeated = report((1, "a", ONE), (5, "a", ONE), kills=(Kill(2.5),))
    assert (repeated.unexplained, len(repeated.slow)) == ([], 1)


def test_a_repeat_under_another_id_is_renamed() -> None:
    repeated = report((1, "a", ONE), (5, "z", ONE), kills=(Kill(1.01),))
    assert len(repeated.renamed) == 1


def test_a_mail_that_names_the_newest_tells_all_that_its_counts_are_of() -> None:
    named, listed = frozenset({ONE}), frozenset({ONE, ("desk", "ttp", "http://a/2")})
    assert whole(named, listed, {"ttp": 2}) == listed
    assert whole(named, listed, {"ttp": 3}) == named
    assert whole(named, listed - named, {"ttp": 1}) == named
