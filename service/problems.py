"""What is wrong with a configuration: every fault with its place, all of them at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

from service.toml_places import TomlPath, show_path

SHOWN = 100
"""Faults in one message: a key of an older version may stand in each of fifty thousand tables."""
_ALIKE = 60
"""Percent of letters two spellings share before one is offered for the other: `notfy` for
`notify` is 91, `chanel` for `channel` 92, two unrelated keys stay below 50."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault or warning of a configuration, in words."""

    file: str
    """As a person would name it, relative to where they stand if possible."""
    line: int | None
    """From 1; None when the fault is not in one line, a missing file for instance."""
    path: TomlPath
    message: str
    """What is wrong and what to do; may end in lines of a caret picture. Never a secret."""
    column: int | None = None

    def __str__(self) -> str:
        """`config.toml:14: watchlist.durand-line.any[2]: what is wrong`."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        head = f"{place}: {show_path(self.path)}" if self.path else place
        first, *more = self.message.split("\n")
        return "\n".join([f"{head}: {first}", *(f"    {line}" for line in more)])


class InstallationError(Exception):
    """The id cannot be kept or another service runs; the message says what to do."""


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` holds every fault found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """One fault a line (a picture may follow it), then their number; no more than are read."""
        count = len(self.problems)
        last = "1 error" if count == 1 else f"{count} errors"
        if count > SHOWN:
            last += f", of which the first {SHOWN} are shown"
        return "\n".join([*map(str, self.problems[:SHOWN]), last])


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice a person most likely meant by `word`, None when none is alike."""
    found = process.extractOne(
        word, list(choices), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_ALIKE
    )
    return found[0] if found else None


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """`; did you mean "notify"?`, or the whole choice when it is small, or nothing."""
    if choice := nearest(word, choices):
        return f'; did you mean "{choice}"?'
    if 0 < len(choices) <= 12:
        return "; there is " + ", ".join(choices)
    return ""
