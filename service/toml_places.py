"""Where in a TOML text each value stands; tomllib gives the values, this gives their lines.

The scanner trusts that tomllib has accepted the text, or that it is read only as far as the first
fault: it checks nothing, it follows keys, strings and brackets and writes down where they begin.
"""

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass

TomlPath = tuple[str | int, ...]
"""Keys and array indices from the root of a document to one of its values."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A table or key that is written a second time, which TOML refuses."""

    path: TomlPath
    first: Place
    second: Place


_BLANK = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class _LostError(Exception):
    """The text is not TOML from here on."""


class _Scanner:
    """Walks one text and fills `places`; stops at the first thing it cannot follow."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.breaks = [found.start() for found in re.finditer("\n", text)]
        self.places: dict[TomlPath, Place] = {}
        self.written: dict[TomlPath, Place] = {}
        self.array_lengths: dict[TomlPath, int] = {}
        self.repeat: Repeat | None = None

    def place(self, at: int) -> Place:
        row = bisect_right(self.breaks, at - 1)
        return Place(row + 1, at - (self.breaks[row - 1] if row else -1))

    def document(self) -> None:
        table: TomlPath = ()
        while self.skip(_FILLER) < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.assignment(table)

    def header(self) -> TomlPath:
        double = self.text.startswith("[[", self.at)
        begin = self.at
        self.at += 2 if double else 1
        path = self.resolve(self.key())
        self.expect("]]" if double else "]")
        if double:
            count = self.array_lengths.get(path, 0)
            self.array_lengths[path] = count + 1
            self.note(path, begin)
            path = (*path, count)
        self.note(path, begin, written=True)
        return path

    def resolve(self, keys: list[tuple[str, int]]) -> TomlPath:
        """The path of a header; a key that names an array of tables means its last one."""
        path: TomlPath = ()
        for number, (key, at) in enumerate(keys):
            path = (*path, key)
            if number < len(keys) - 1:
                self.note(path, at)
                if path in self.array_lengths:
                    path = (*path, self.array_lengths[path] - 1)
        return path

    def assignment(self, table: TomlPath) -> None:
        keys = self.key()
        self.expect("=")
        path = table
        for key, at in keys[:-1]:
            path = (*path, key)
            self.note(path, at)
        path = (*path, keys[-1][0])
        self.note(path, keys[-1][1], written=True)
        self.value(path)

    def key(self) -> list[tuple[str, int]]:
        """A dotted key as its parts, each with where it begins."""
        parts = []
        while True:
            begin = self.skip(_BLANK)
            if word := _BARE.match(self.text, begin):
                parts.append((word[0], begin))
            elif word := _STRING.match(self.text, begin):
                parts.append((_unquote(word[0]), begin))
            else:
                raise _LostError
            self.at = word.end()
            self.skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def value(self, path: TomlPath) -> None:
        self.skip(_BLANK)
        if self.text.startswith("[", self.at):
            self.array(path)
        elif self.text.startswith("{", self.at):
            self.inline_table(path)
        elif found := _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at):
            self.at = found.end()
        else:
            raise _LostError

    def array(self, path: TomlPath) -> None:
        self.at += 1
        index = 0
        while not self.closed_by("]"):
            self.note((*path, index), self.at)
            self.value((*path, index))
            index += 1
            self.comma()

    def inline_table(self, path: TomlPath) -> None:
        self.at += 1
        while not self.closed_by("}"):
            self.assignment(path)
            self.comma()

    def closed_by(self, bracket: str) -> bool:
        self.skip(_FILLER)
        closed = self.text.startswith(bracket, self.at)
        self.at += closed
        return closed

    def comma(self) -> None:
        self.skip(_FILLER)
        self.at += self.text.startswith(",", self.at)

    def skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def expect(self, mark: str) -> None:
        self.skip(_BLANK)
        if not self.text.startswith(mark, self.at):
            raise _LostError
        self.at += len(mark)

    def note(self, path: TomlPath, at: int, *, written: bool = False) -> None:
        place = self.place(at)
        if written and self.repeat is None and path in self.written:
            self.repeat = Repeat(path, self.written[path], place)
        if written:
            self.written.setdefault(path, place)
        self.places.setdefault(path, place)


def _unquote(literal: str) -> str:
    try:
        return str(tomllib.loads(f"key = {literal}")["key"])
    except tomllib.TOMLDecodeError as error:
        raise _LostError from error


def _scan(text: str) -> _Scanner:
    scanner = _Scanner(text)
    # Where tomllib stopped earlier, brackets may follow that are nested deeper than can be read.
    with suppress(_LostError, RecursionError):
        scanner.document()
    return scanner


def find_places(text: str) -> dict[TomlPath, Place]:
    """Where each table, key and array item of a valid TOML text begins; keys stand for values."""
    return _scan(text).places


def find_repeat(text: str) -> Repeat | None:
    """The first table or key that is written twice, or None; the text need not be valid."""
    return _scan(text).repeat


def show_path(path: TomlPath) -> str:
    """`watchlist.durand-line.any[2]`; keys that need quotes in TOML have them here too."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            key = part if _PLAIN_KEY.fullmatch(part) else _quote(part)
            shown += f".{key}" if shown else key
    return shown


def _quote(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
