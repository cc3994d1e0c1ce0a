"""The stories the demonstration's site tells, and the order it tells them in. Pure."""

import random
import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Literal

Form = Literal["plain", "tracking", "amp", "reprint", "syndicated"]
"""How a story reaches its readers; all its addresses are one article:

tracking    the feed lists it with tracking parameters
amp         the feed lists its AMP version
reprint     a minute later the site prints it again under a second address, which claims to be new
syndicated  the second site prints it too
"""

FORMS: tuple[Form, ...] = ("plain", "tracking", "reprint", "amp", "syndicated")
BACKLOG = 8


@dataclass(frozen=True, slots=True)
class Story:
    """One story, ready to print."""

    slug: str
    headline: str
    standfirst: str
    paragraphs: tuple[str, ...]
    """HTML of our own writing: text, now and then with a link in it."""
    about: frozenset[str] = frozenset()
    """The watchlists that must find it."""
    lang: str = "en"
    section: str = "News"
    form: Form = "plain"

    @property
    def section_path(self) -> str:
        """The first part of its address: the section where that is plain ASCII."""
        return self.section.lower() if self.section.isascii() else self.lang


@dataclass(frozen=True, slots=True)
class Programme:
    """What is there when the curtain rises, and what follows, in order."""

    backlog: tuple[Story, ...]
    live: tuple[Story, ...]


def load_stories() -> tuple[Story, ...]:
    """Every story as it was written, its numbers still to be drawn."""
    text = files("service.demo").joinpath("stories.toml").read_text("utf-8")
    return tuple(
        Story(
            **{**row, "paragraphs": tuple(row["paragraphs"])}
            | {"about": frozenset(row.get("about", ()))}
        )
        for row in tomllib.loads(text)["story"]
    )


def tell(story: Story, chance: random.Random) -> Story:
    """The story with its numbers drawn."""
    numbers = {"count": chance.randint(12, 90), "hours": chance.randint(3, 20)}
    return replace(
        story,
        headline=story.headline.format_map(numbers),
        standfirst=story.standfirst.format_map(numbers),
        paragraphs=tuple(paragraph.format_map(numbers) for paragraph in story.paragraphs),
    )


def plan(stories: tuple[Story, ...], chance: random.Random) -> Programme:
    """A shuffled programme in which each form comes early among the stories that must be found.

    A story on a watchlist opens the live part, so that the first alert comes soon.
    """
    told = [tell(story, chance) for story in stories]
    chance.shuffle(told)
    backlog, live = told[:BACKLOG], told[BACKLOG:]
    wanted = [story for story in live if story.about]
    other = [story for story in live if not story.about]
    formed = [
        replace(story, form=FORMS[number % len(FORMS)]) for number, story in enumerate(wanted)
    ]
    return Programme(tuple(backlog), tuple(_interleave(formed, other)))


def _interleave(first: list[Story], second: list[Story]) -> list[Story]:
    """Both lists spread evenly over one, each in its own order, beginning with `first`."""
    places = [(number / len(first), 0, story) for number, story in enumerate(first)]
    places += [(number / len(second), 1, story) for number, story in enumerate(second)]
    return [story for _, _, story in sorted(places, key=lambda place: place[:2])]
