"""The policy on duplicates, case by case."""

from crawler.dedup import Duplicate, Evidence, Known, New, decide

HERE = Known(id=7, story_id=70, same_site=True)
ELSEWHERE = Known(id=3, story_id=30, same_site=False)


def test_nothing_known_makes_a_new_article_of_a_new_story() -> None:
    assert decide(Evidence()) == New(story_id=None)


def test_a_known_address_is_a_duplicate_whatever_the_text_says() -> None:
    assert decide(Evidence(at_address=[HERE], same_text=[ELSEWHERE])) == Duplicate(7, "address")


def test_a_guid_with_the_same_headline_is_a_duplicate() -> None:
    assert decide(Evidence(same_guid_and_title=[HERE])) == Duplicate(7, "guid")


def test_the_same_text_on_the_same_site_is_a_second_address() -> None:
    assert decide(Evidence(same_text=[ELSEWHERE, HERE])) == Duplicate(7, "text")


def test_the_same_text_on_another_site_is_a_copy_of_the_story() -> None:
    assert decide(Evidence(same_text=[ELSEWHERE])) == New(story_id=30)
