"""The judge of the demonstration finds every kind of fault."""

import pytest

from service.demo.tally import Tally, Verdict

BORDER = frozenset({"durand-line"})


@pytest.fixture
def tally() -> Tally:
    tally = Tally()
    tally.published_before("old", BORDER, ["http://a/old"])
    tally.published("fence", BORDER, ["http://a/fence", "http://a/amp/fence", "http://b/fence"])
    tally.published("clinic", BORDER | {"ttp"}, ["http://a/clinic"])
    tally.published("bakery", frozenset(), ["http://a/bakery"])
    return tally


def test_everything_once_holds(tally: Tally) -> None:
    assert tally.received(["durand-line"], ["http://a/fence", "http://elsewhere/"]) == "right"
    assert tally.received(["durand-line", "ttp"], ["http://a/clinic"]) == "right"
    score = tally.score()
    assert (score.stories, score.due, score.arrived) == (3, 3, 3)
    assert score.holds
    assert not tally.missing()


def test_an_alert_that_is_missing_does_not_hold(tally: Tally) -> None:
    tally.received(["durand-line"], ["http://a/fence", "http://a/clinic"])
    assert tally.missing() == {("ttp", "clinic")}
    assert not tally.score().holds


def test_the_same_story_under_another_address_is_twice(tally: Tally) -> None:
    tally.received(["durand-line"], ["http://a/fence"])
    assert tally.received(["durand-line"], ["http://b/fence"]) == "twice"
    assert tally.score().twice == 1
    assert not tally.score().holds


def test_two_addresses_of_a_story_in_one_message_are_once(tally: Tally) -> None:
    assert tally.received(["durand-line"], ["http://a/fence", "http://b/fence"]) == "right"
    assert tally.score().twice == 0


@pytest.mark.parametrize(
    ("watchlists", "links"),
    [
        (["durand-line"], ["http://a/bakery"]),
        (["ttp"], ["http://a/fence"]),
        (["durand-line"], ["http://a/fence", "http://a/bakery"]),
        (["durand-line", "ttp"], ["http://a/fence"]),
    ],
)
def test_a_story_that_the_watchlist_is_not_about_is_false(
    tally: Tally, watchlists: list[str], links: list[str]
) -> None:
    assert tally.received(watchlists, links) == "false"
    assert tally.score().false == 1
    assert not tally.score().holds


@pytest.mark.parametrize("links", [[], ["http://a/old"], ["http://elsewhere/"]])
def test_a_summary_of_the_past_is_neither_due_nor_wrong(tally: Tally, links: list[str]) -> None:
    verdict: Verdict = tally.received(["durand-line"], links)
    assert verdict == "past"
    assert tally.score().due == 3
    assert tally.score().arrived == 0
