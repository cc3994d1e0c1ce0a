"""The stories are fit to be judged by: those about a topic say so, the others do not."""

import random
import re

import pytest

from service.demo.stories import FORMS, Story, load_stories, plan, tell

NAMED = {
    "durand-line": re.compile(r"Durand[\s-]+(Line|border)|ڈیورنڈ لائن|ډیورنډ کرښ[هې]|خط\W+دیورند"),
    "ttp": re.compile(
        r"\bTTP\b|Pakistani Taliban|Te?hr[ei]*k-[ei]-Taliban Pakistan|ٹی ٹی پی|ټي ټي پي"
    ),
}
STORIES = load_stories()


def text_of(story: Story) -> str:
    return "\n".join((story.headline, story.standfirst, *story.paragraphs))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.slug)
def test_a_story_names_exactly_the_topics_it_is_about(story: Story) -> None:
    named = {topic for topic, pattern in NAMED.items() if pattern.search(text_of(story))}
    assert named == story.about


def test_stories_are_many_and_in_four_languages() -> None:
    assert 30 <= len(STORIES) <= 60
    assert len({story.slug for story in STORIES}) == len(STORIES)
    assert {story.lang for story in STORIES} == {"en", "ur", "ps", "fa"}
    for lang in ("en", "ur", "ps", "fa"):
        assert {bool(story.about) for story in STORIES if story.lang == lang} == {True, False}


def test_every_number_is_drawn() -> None:
    for story in STORIES:
        assert not re.search(r"[{}]", text_of(tell(story, random.Random(1))))


@pytest.mark.parametrize("seed", range(20))
def test_a_programme_tells_every_story_once_and_opens_with_one_that_must_be_found(
    seed: int,
) -> None:
    programme = plan(STORIES, random.Random(seed))
    slugs = [story.slug for story in programme.backlog + programme.live]
    assert sorted(slugs) == sorted(story.slug for story in STORIES)
    assert programme.live[0].about


def test_every_form_comes_among_the_first_stories() -> None:
    early = plan(STORIES, random.Random(7)).live[:12]
    assert {story.form for story in early} == set(FORMS)
    assert all(story.about for story in early if story.form != "plain")


def test_the_same_seed_gives_the_same_programme() -> None:
    assert plan(STORIES, random.Random(3)) == plan(STORIES, random.Random(3))
    assert plan(STORIES, random.Random(3)) != plan(STORIES, random.Random(4))
