"""What the demonstration shows: lines for a terminal, or JSON Lines."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TextIO

from rich.console import Console
from rich.text import Text

from service.demo.letter import Letter
from service.demo.site import NewsSite, Print
from service.demo.tally import Score, Verdict

NAMES = {"durand-line": "Durand Line", "ttp": "TTP"}


class View(Protocol):
    """Told of everything in the order it happens."""

    def note(self, text: str) -> None:
        """Says something to the person who watches."""

    def published(self, site: NewsSite, printed: Print) -> None:
        """A site printed a story."""

    def read(self, site: NewsSite, printed: Print) -> None:
        """The service has fetched an article."""

    def arrived(self, letter: Letter, verdict: Verdict) -> None:
        """A mail of the service arrived."""

    def summed_up(self, score: Score) -> None:
        """The end."""


class TerminalView:
    """Lines that follow each other on a terminal."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self.console = console
        self.now = now

    def note(self, text: str) -> None:
        """See View."""
        self.console.print(Text(text, style="dim"))

    def published(self, site: NewsSite, printed: Print) -> None:
        """See View."""
        topics = ", ".join(sorted(NAMES[name] for name in printed.story.about))
        about = Text(f"  ({topics})", style="yellow") if topics else Text()
        self._line("published", "cyan", Text(f"{site.name}: {printed.story.headline}") + about)

    def read(self, site: NewsSite, printed: Print) -> None:
        """See View."""
        self._line("read", "dim", Text(f"{site.url}{printed.path}", style="dim"))

    def arrived(self, letter: Letter, verdict: Verdict) -> None:
        """See View."""
        style = {"right": "bold green", "past": "blue"}.get(verdict, "bold red")
        word = {"right": "ALERT", "past": "mail"}.get(verdict, verdict.upper())
        self._line(word, style, Text(letter.subject, style="bold"))
        for excerpt in letter.excerpts:
            sentence = Text("            ")
            for piece in excerpt:
                sentence.append(piece.text, "bold black on yellow" if piece.marked else "")
            self.console.print(sentence)

    def summed_up(self, score: Score) -> None:
        """See View."""
        self.console.print()
        self.console.print(
            Text(sum_sentence(score), style="bold green" if score.holds else "bold red")
        )

    def _line(self, word: str, style: str, text: Text) -> None:
        clock = Text(f"{self.now().astimezone():%H:%M:%S} ", style="dim")
        self.console.print(clock + Text(f"{word:>10} ", style=style) + text)


class JsonView:
    """One JSON object a line."""

    def __init__(self, output: TextIO, now: Callable[[], datetime]) -> None:
        self.output = output
        self.now = now

    def note(self, text: str) -> None:
        """See View."""
        self._event("note", text=text)

    def published(self, site: NewsSite, printed: Print) -> None:
        """See View."""
        story = printed.story
        self._event(
            "published",
            site=site.name,
            url=site.url + printed.path,
            title=story.headline,
            lang=story.lang,
            form=story.form,
            about=sorted(story.about),
        )

    def read(self, site: NewsSite, printed: Print) -> None:
        """See View."""
        self._event("read", site=site.name, url=site.url + printed.path)

    def arrived(self, letter: Letter, verdict: Verdict) -> None:
        """See View."""
        self._event(
            "alert",
            verdict=verdict,
            subject=letter.subject,
            watchlists=letter.watchlists,
            links=letter.links,
            excerpts=[
                [{"text": piece.text, "marked": piece.marked} for piece in excerpt]
                for excerpt in letter.excerpts
            ],
        )

    def summed_up(self, score: Score) -> None:
        """See View."""
        self._event(
            "sum",
            stories=score.stories,
            due=score.due,
            arrived=score.arrived,
            false=score.false,
            twice=score.twice,
            holds=score.holds,
        )

    def _event(self, name: str, **fields: object) -> None:
        at = self.now().isoformat(timespec="milliseconds")
        line = json.dumps({"event": name, "at": at, **fields}, ensure_ascii=False)
        print(line, file=self.output, flush=True)


def sum_sentence(score: Score) -> str:
    """The result in a sentence."""
    return (
        f"{score.stories} stories were published, {score.due} alerts were due: {score.arrived} "
        f"arrived, {score.due - score.arrived} missing, {score.false} false, {score.twice} twice."
    )
