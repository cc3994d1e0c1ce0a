"""The line of every value, held to tomllib and to a writer that knows where it wrote."""

import tomllib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.toml_places import Place, TomlPath, find_places, find_repeat, show_path

KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6),
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
SCALARS = st.one_of(
    st.integers(-(10**9), 10**9),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.dates(),
    st.datetimes(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


@dataclass
class Writer:
    """Writes TOML in many styles and remembers the line where each value was begun."""

    draw: st.DrawFn
    text: str = ""
    lines: dict[TomlPath, int] = field(default_factory=dict)

    def flip(self) -> bool:
        return self.draw(st.booleans())

    def line(self) -> int:
        return self.text.count("\n") + 1

    def note(self, path: TomlPath) -> None:
        self.lines.setdefault(path, self.line())

    def filler(self) -> None:
        self.text += self.draw(st.sampled_from(["", "\n", "# it's [not] = 'a key'\n", "  \n\n"]))

    def table(self, path: TomlPath, table: dict[str, object]) -> None:
        later = {}
        for key, value in table.items():
            if (isinstance(value, dict) or _is_table_list(value)) and self.flip():
                later[key] = value
            else:
                self.assignment((*path, key), value)
        for key, value in later.items():
            self.section((*path, key), value)

    def section(self, path: TomlPath, value: object) -> None:
        if not isinstance(value, list):
            self.header(path, value, "[", "]")
            return
        for index, item in enumerate(value):
            self.header((*path, index), item, "[[", "]]")

    def header(self, path: TomlPath, value: object, opened: str, closed: str) -> None:
        self.filler_line()
        for end in range(1, len(path) + 1):
            self.note(path[:end])
        keys = [part for part in path if isinstance(part, str)]
        self.text += opened + " . ".join(self.key(key) for key in keys) + closed + "\n"
        assert isinstance(value, dict)
        self.table(path, value)

    def filler_line(self) -> None:
        if self.text and not self.text.endswith("\n"):
            self.text += "\n"
        self.filler()

    def assignment(self, path: TomlPath, value: object) -> None:
        self.filler_line()
        self.note(path)
        self.text += f"{self.key(path[-1])} = "
        self.value(path, value)
        self.text += self.draw(st.sampled_from(["\n", "  # a comment\n"]))

    def key(self, key: str | int) -> str:
        return str(key) if _is_bare(str(key)) and self.flip() else _basic(str(key))

    def value(self, path: TomlPath, value: object) -> None:
        if isinstance(value, list):
            self.array(path, value)
        elif isinstance(value, dict):
            self.inline(path, value)
        elif isinstance(value, str):
            self.text += self.string(value)
        else:
            self.text += _scalar(value)

    def array(self, path: TomlPath, items: list[object]) -> None:
        self.text += "["
        for index, item in enumerate(items):
            self.filler()
            self.note((*path, index))
            self.value((*path, index), item)
            self.text += ","
        self.filler()
        self.text += "]"

    def inline(self, path: TomlPath, table: dict[str, object]) -> None:
        self.text += "{ "
        for number, (key, value) in enumerate(table.items()):
            self.text += ", " if number else ""
            self.note((*path, key))
            self.text += f"{self.key(key)} = "
            self.value((*path, key), value)
        self.text += " }"

    def string(self, value: str) -> str:
        plain = all(c.isprintable() or c in "\n\t" for c in value)
        if plain and "'" not in value and self.flip():
            return f"'''\n{value}'''" if "\n" in value or self.flip() else f"'{value}'"
        if plain and '"' not in value and "\\" not in value and self.flip():
            return f'"""\n{value}"""'
        return _basic(value)


def _is_table_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _is_bare(key: str) -> bool:
    return bool(key) and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)


def _basic(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    shown = "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped)
    return f'"{shown}"'


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


@st.composite
def written_documents(draw: st.DrawFn) -> tuple[str, dict[TomlPath, int]]:
    writer = Writer(draw)
    writer.table((), draw(DOCUMENTS))
    return writer.text, writer.lines


def paths_of(value: object, path: TomlPath = ()) -> set[TomlPath]:
    found = {path} if path else set()
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, item in items:
        found |= paths_of(item, (*path, key))
    return found


@given(written_documents())
def test_every_value_is_found_on_the_line_where_it_was_written(
    document: tuple[str, dict[TomlPath, int]],
) -> None:
    text, lines = document
    places = find_places(text)
    assert places.keys() == paths_of(tomllib.loads(text))
    assert {path: place.line for path, place in places.items()} == lines


@given(written_documents())
def test_a_valid_text_repeats_nothing(document: tuple[str, dict[TomlPath, int]]) -> None:
    assert find_repeat(document[0]) is None


@given(st.text(max_size=60) | st.text("[]{}=\"'\\.#\n a1,", max_size=40))
def test_no_text_makes_the_scanner_fail(text: str) -> None:
    find_places(text)
    find_repeat(text)


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a = 1", ("a",), Place(1, 1)),
        ("\n  a.b.c = 1", ("a", "b", "c"), Place(2, 7)),
        ("[a.b]\nc = 1", ("a",), Place(1, 2)),
        ("[a.b]\nc = 1", ("a", "b"), Place(1, 1)),
        ('a = ["]", # ]\n  "x",\n\n "y"]', ("a", 2), Place(4, 2)),
        ('a = """\n[b]\n"""\nc = 1', ("c",), Place(4, 1)),
        ('a = """x\\""""\nc = 1', ("c",), Place(2, 1)),
        ('a = """x"""""\nc = 1', ("c",), Place(2, 1)),
        ("a = ''''x'''''\nc = 1", ("c",), Place(2, 1)),
        ("a = { b = [1, { c = 2 }] }", ("a", "b", 1, "c"), Place(1, 17)),
        ("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1, "b"), Place(4, 1)),
        ("[[a]]\n[[a]]\n[a.c]\nd = 2", ("a", 1, "c", "d"), Place(4, 1)),
        ("a = 1979-05-27 07:32:00\nb = 1", ("b",), Place(2, 1)),
    ],
)
def test_places_count_lines_and_columns_from_one(text: str, path: TomlPath, place: Place) -> None:
    tomllib.loads(text)
    assert find_places(text)[path] == place


@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        ("[source.dawn]\nurl = 'a'\n\n[source.dawn]\nurl = 'b'", ("source", "dawn"), (1, 4)),
        ("[a]\nb = 1\nc = 2\nb = 3", ("a", "b"), (2, 4)),
        ("a = { b = 1, b = 2 }", ("a", "b"), (1, 1)),
    ],
)
def test_what_is_written_twice_is_named_with_both_lines(
    text: str, path: TomlPath, lines: tuple[int, int]
) -> None:
    repeat = find_repeat(text)
    assert repeat is not None
    assert (repeat.path, repeat.first.line, repeat.second.line) == (path, *lines)


def test_a_path_is_shown_as_it_would_be_written() -> None:
    assert show_path(("watchlist", "durand-line", "any", 2)) == "watchlist.durand-line.any[2]"
    assert show_path(("source", "www.dawn.com", "url")) == 'source."www.dawn.com".url'
    assert show_path(("a\x1b",)) == '"a\\u001b"'
