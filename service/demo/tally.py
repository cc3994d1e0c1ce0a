"""What was published against what arrived: the demonstration's judge. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["right", "twice", "false", "past"]
"""`past`: a summary of what the site held before the first visit; none is due, none is wrong."""


@dataclass(frozen=True, slots=True)
class Score:
    """The sum at the end."""

    stories: int
    """Stories published while the service watched, whatever they are about."""
    due: int
    """Alerts that had to arrive: one for each story and watchlist."""
    arrived: int
    """Of those, the ones that did."""
    false: int
    twice: int

    @property
    def holds(self) -> bool:
        """Whether everything due arrived, once, and nothing else."""
        return self.arrived == self.due and not self.false and not self.twice


@dataclass
class Tally:
    """Knows every story by its addresses and counts how often each was announced."""

    addresses: dict[str, str] = field(default_factory=dict)
    """Address to story; a story may have many."""
    about: dict[str, frozenset[str]] = field(default_factory=dict)
    """Story to the watchlists that must announce it."""
    past: set[str] = field(default_factory=set)
    """Stories that were there before the first visit."""
    announced: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(watchlist, story) to the messages that announced it."""
    false: int = 0

    def published(self, story: str, about: frozenset[str], addresses: Iterable[str]) -> None:
        """A story, or one more address of it."""
        self.about[story] = about
        self.addresses.update(dict.fromkeys(addresses, story))

    def published_before(self, story: str, about: frozenset[str], addresses: Iterable[str]) -> None:
        """A story that the first visit finds: it is stored, not announced."""
        self.published(story, about, addresses)
        self.past.add(story)

    def received(self, watchlists: Iterable[str], links: Iterable[str]) -> Verdict:
        """Judges one message by the watchlists and the story addresses it names.

        Links to other places than stories do not count. A message is false when it names a story
        that none of its watchlists is about, or a watchlist that none of its stories is about.
        """
        asked = set(watchlists)
        stories = {self.addresses[link] for link in links if link in self.addresses}
        if stories <= self.past:
            return "past"
        pairs = {(name, story) for story in stories for name in asked & self.about[story]}
        if {name for name, _ in pairs} != asked or {story for _, story in pairs} != stories:
            self.false += 1
            return "false"
        again = any(self.announced[pair] for pair in pairs)
        self.announced.update(pairs)
        return "twice" if again else "right"

    @property
    def due(self) -> set[tuple[str, str]]:
        """Every (watchlist, story) that must be announced."""
        told = ((story, about) for story, about in self.about.items() if story not in self.past)
        return {(name, story) for story, about in told for name in about}

    def missing(self) -> set[tuple[str, str]]:
        """What has not been announced yet."""
        return self.due - set(self.announced)

    def score(self) -> Score:
        """The sum of what was seen so far."""
        return Score(
            stories=len(self.about) - len(self.past),
            due=len(self.due),
            arrived=len(self.due & set(self.announced)),
            false=self.false,
            twice=sum(count - 1 for count in self.announced.values()),
        )
