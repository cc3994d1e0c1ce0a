"""config.toml and the files it includes, read into one tree whose every value knows its place."""

import glob
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from service.problems import ConfigError, Problem
from service.toml_places import Place, TomlPath, find_places, find_repeat, show_path


@dataclass(frozen=True)
class Document:
    """One TOML file."""

    path: Path
    name: str
    """How the file is named to people."""
    text: str
    table: dict[str, Any]

    @cached_property
    def places(self) -> dict[TomlPath, Place]:
        """Where each value stands; only what is said of the file asks for it."""
        return find_places(self.text)


@dataclass(slots=True)
class Tree:
    """All files merged, two levels deep: `[source.dawn]` comes whole from one file."""

    main: Document
    documents: list[Document] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    """In which `include` looks for files, there or not."""
    table: dict[str, Any] = field(default_factory=dict)
    origins: dict[TomlPath, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def problem(self, path: TomlPath, message: str) -> Problem:
        """A problem at a path, or at the nearest table around it when the path is not written."""
        document, place = self.place(path)
        return Problem(document.name, place.line if place else None, path, message)

    def place(self, path: TomlPath) -> tuple[Document, Place | None]:
        """The file of a path, and the place in it of the path or of the nearest table around."""
        document = self.origins.get(path[:2]) or self.origins.get(path[:1]) or self.main
        for end in range(len(path), 0, -1):
            if place := document.places.get(path[:end]):
                return document, place
        return document, None

    def fail(self, path: TomlPath, message: str) -> None:
        """Notes a fault; loading goes on to find the others."""
        self.problems.append(self.problem(path, message))

    def warn(self, path: TomlPath, message: str) -> None:
        """Notes what is worth a second look but stops nothing."""
        self.warnings.append(self.problem(path, message))


_DEEPEST = 32
_TOO_DEEP = "nested too deeply; a configuration needs a handful of levels"


def read_tree(path: Path) -> Tree:
    """Reads a file and what it includes. Raises ConfigError when the file itself is not TOML.

    Faults of included files are gathered in the tree, each under the name of its file.
    """
    tree = Tree(read_document(path, str(path)))
    _merge(tree, tree.main)
    for included, name in _included_files(tree):
        try:
            document = read_document(included, name)
        except ConfigError as error:
            tree.problems.extend(error.problems)
            continue
        _merge(tree, document)
    return tree


def read_document(path: Path, name: str) -> Document:
    """Reads one TOML file. Raises ConfigError naming the file, and the line where there is one."""
    text = _decode(_read_bytes(path, name), name)
    try:
        table = tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError([Problem(name, None, (), _TOO_DEEP)]) from error
    except ValueError as error:  # TOMLDecodeError, and int() on thousands of digits
        raise ConfigError([_syntax_problem(name, text, str(error))]) from error
    if _is_deep(table):
        raise ConfigError([Problem(name, None, (), _TOO_DEEP)])
    return Document(path, name, text, table)


def _is_deep(table: dict[str, Any]) -> bool:
    level: list[Any] = [table]
    for _ in range(_DEEPEST + 1):
        holders = [value for value in level if isinstance(value, dict | list)]
        if not holders:
            return False
        level = [
            inner
            for holder in holders
            for inner in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return True


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        message = "no such file; `wirewatch init` writes one, --config FILE names another"
        raise ConfigError([Problem(name, None, (), message)]) from error
    except IsADirectoryError as error:
        message = "is a directory, not a file"
        raise ConfigError([Problem(name, None, (), message)]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot be read: {reason}"
        raise ConfigError([Problem(name, None, (), message)]) from error


def _decode(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "is written in UTF-16; save it as UTF-8"
        raise ConfigError([Problem(name, 1, (), message)])
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError([Problem(name, line, (), message)]) from error


# What tomllib says, and what it means to somebody who does not know TOML by heart.
_IN_WORDS = (
    ("Invalid value", 'this is no TOML value; text stands in quotes, as in name = "Dawn"'),
    ("Unclosed array", "a [ is not closed, or a comma is missing between two items"),
    ("Unclosed inline table", "a { is not closed, or a comma is missing between two keys"),
    ("Expected \"'", "a text is not closed: its second quote is missing"),
    ("Unterminated string", "a text is not closed: its second quote is missing"),
    ("Illegal character '\\n'", "a text is not closed before the end of the line"),
    ("Found invalid character '\\n'", "a text is not closed before the end of the line"),
    ("Illegal character", "a control character stands here; remove it"),
    ("Found invalid character", "a control character stands here; remove it"),
    ("Expected '='", "a = is missing after the key; keys with spaces or dots stand in quotes"),
    ("Expected ']'", "a ] is missing at the end of the table's name"),
    ("Expected ']]'", "]] is missing at the end of the table's name"),
    ("Expected newline", "the line should end here; a text that holds quotes stands in '…'"),
    ("Invalid initial character", "a key is missing here; keys are letters, digits, - and _"),
    ("Invalid statement", "this is neither [table], key = value nor # comment"),
    ("Invalid date or datetime", "there is no such date or time"),
    ("Unescaped", r"a \ in \"…\" begins an escape; write \\ or put the text in '…'"),
    ("Invalid hex value", r"\u takes four, \U eight hexadecimal digits"),
    ("Escaped character", "the escape names no Unicode character"),
    ("Exceeds the limit", "a number has too many digits"),
    ("Cannot", "this name already has another meaning further up; every name is written once"),
    ("Duplicate inline table key", "this key stands twice in one { … }"),
)
_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)")


def _syntax_problem(name: str, text: str, error: str) -> Problem:
    """tomllib's message in words, with line and column; a repeated name with both its lines."""
    found = _POSITION.search(error)
    line, column = (int(found[1]), int(found[2])) if found else _end(text)
    repeat = find_repeat(text)
    if repeat and repeat.second.line <= line and error.startswith(("Cannot", "Duplicate")):
        message = f"stands twice in this file, first in line {repeat.first.line}; write it once"
        if len(repeat.path) == 2 and repeat.path[0] in {"source", "watchlist", "channel"}:
            message = (
                f"this {repeat.path[0]} is already in line {repeat.first.line}; "
                "give one of the two another id"
            )
        return Problem(name, repeat.second.line, repeat.path, message, repeat.second.column)
    words = next((words for start, words in _IN_WORDS if error.startswith(start)), error)
    return Problem(name, line, (), f"not valid TOML: {words}", column)


def _end(text: str) -> tuple[int, int]:
    lines = text.split("\n")
    return len(lines), len(lines[-1]) + 1


def _included_files(tree: Tree) -> Iterator[tuple[Path, str]]:
    """The files that `include` names, each once, in the order of the patterns."""
    patterns = tree.table.pop("include", [])
    if not isinstance(patterns, list):
        tree.fail(("include",), 'must be a list, as in ["watchlists/*.toml"]')
        return
    folder = tree.main.path.parent
    seen = {os.path.realpath(tree.main.path)}
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, str):
            tree.fail(("include", index), f"must be a text, as in {_EXAMPLE}")
            continue
        tree.folders.append(_folder_of(folder / pattern))
        for found in _expand_pattern(tree, ("include", index), folder, pattern):
            # Path.resolve() would raise where a link leads to itself.
            if (real := os.path.realpath(folder / found)) not in seen:
                seen.add(real)
                yield folder / found, str(Path(tree.main.name).parent / found)


def _folder_of(pattern: Path) -> Path:
    """The last folder of a pattern that it names outright."""
    folder = pattern.parent
    for above in (folder, *folder.parents):
        if glob.has_magic(above.name):
            folder = above.parent
    return folder


_EXAMPLE = '"watchlists/*.toml"'


def _expand_pattern(tree: Tree, path: TomlPath, folder: Path, pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        return _named_file(tree, path, folder, pattern)
    try:
        found = sorted(glob.glob(pattern, root_dir=folder, recursive=True))
        found = [name for name in found if not (folder / name).is_dir()]
    except (re.error, ValueError) as error:
        tree.fail(path, f"is no pattern for files: {error}")
        return []
    except OSError as error:
        tree.fail(path, f"{pattern} cannot be looked for: {error.strerror}")
        return []
    if not found:
        tree.warn(path, f"no file matches {pattern!r}")
    return found


def _named_file(tree: Tree, path: TomlPath, folder: Path, name: str) -> list[str]:
    try:
        if (folder / name).is_file():
            return [name]
    except OSError as error:  # a name that is too long, a folder that may not be entered
        tree.fail(path, f"{folder / name} cannot be looked for: {error.strerror}")
        return []
    tree.fail(path, f"there is no file {folder / name}")
    return []


def _merge(tree: Tree, document: Document) -> None:
    """Adds a file's tables to the tree; what an earlier file already holds is a fault."""
    tree.documents.append(document)
    for section, table in document.table.items():
        if section == "include" and document is not tree.main:
            place = document.places[("include",)]
            message = "stands only in config.toml; an included file includes no others"
            tree.problems.append(Problem(document.name, place.line, ("include",), message))
        elif isinstance(table, dict) and isinstance(tree.table.get(section, {}), dict):
            _merge_section(tree, document, section, table)
        else:
            tree.origins.setdefault((section,), document)
            tree.table.setdefault(section, table)


def _merge_section(tree: Tree, document: Document, section: str, table: dict[str, object]) -> None:
    merged = tree.table.setdefault(section, {})
    tree.origins.setdefault((section,), document)
    for key, value in table.items():
        path = (section, key)
        if key not in merged:
            merged[key] = value
            tree.origins[path] = document
            continue
        first = tree.origins[path]
        message = (
            f"stands in two files: also {first.name}:{first.places[path].line}; "
            f"remove one {show_path(path)} or rename it"
        )
        line = document.places[path].line
        tree.problems.append(Problem(document.name, line, path, message))
