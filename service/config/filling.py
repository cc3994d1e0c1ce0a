"""`${NAME}` from the environment, `{ file = "…" }`, and what must never be shown."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

from pydantic import BaseModel, SecretStr

from service.config.files import Tree
from service.toml_places import TomlPath

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")
# A password may hold a slash that should have been %2F; a port before a path is no password.
_PASSWORD = re.compile(r"://[^\s\"'/@:]*:(?!\d+/)([^\s\"']+)@")
_USERINFO = re.compile(r"(?<=://)(?:[^\s\"'/@:]*:(?!\d+/)[^\s\"']+|[^\s\"'/@]+)(?=@)")
_SECRET_HEADER = re.compile(r"cookie|auth|token|key|secret|session|password", re.IGNORECASE)
_MAX_SECRET = 64 * 1024

_TABLES_OF_IDS = {"source", "watchlist", "channel"}


@dataclass(slots=True)
class Filled:
    """A tree's table with the values from environment and files in it."""

    table: dict[str, Any]
    written: dict[TomlPath, str] = field(default_factory=dict)
    """What stands in the file where a value came from elsewhere; shown instead of the value."""


def fill_in(tree: Tree, env: Mapping[str, str]) -> Filled:
    """Resolves every reference of a tree; faults are noted in it at the place of the reference."""
    filled = Filled({})
    filler = _Filler(tree, env, tree.main.path.parent, filled.written)
    filled.table = {key: filler.value((key,), value) for key, value in tree.table.items()}
    return filled


@dataclass(slots=True)
class _Filler:
    tree: Tree
    env: Mapping[str, str]
    folder: Path
    written: dict[TomlPath, str]

    def value(self, path: TomlPath, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(path, value)
        if isinstance(value, list):
            return [self.value((*path, index), item) for index, item in enumerate(value)]
        if isinstance(value, dict):
            if _is_file_reference(path, value):
                return self.file(path, value["file"])
            return {key: self.value((*path, key), item) for key, item in value.items()}
        return value

    def text(self, path: TomlPath, text: str) -> str:
        """Fills in `${…}`; `$${` stands for the two characters."""

        def replaced(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            return self.variable(path, found[1], found[2], text)

        filled = _REFERENCE.sub(replaced, text)
        if filled != text:
            self.written[path] = text
        return filled

    def variable(self, path: TomlPath, name: str | None, default: str | None, text: str) -> str:
        if name is None:
            self.tree.fail(path, "${ begins no ${NAME}; write $${ for the two characters")
            return text
        value = self.env.get(name, "")
        if default is not None:
            value = value or default
        elif name not in self.env:
            message = f"the environment variable {name} is not set; set it or give a default: "
            self.tree.fail(path, f"{message}${{{name}:-…}}")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            self.tree.fail(path, f"the environment variable {name} is not UTF-8")
            return ""
        return value

    def file(self, path: TomlPath, name: str) -> str:
        """A secret's file without the line break at its end."""
        file = self.folder / Path(self.text((*path, "file"), name)).expanduser()
        self.written[path] = f'{{ file = "{name}" }}'
        try:
            with file.open("rb") as opened:
                content = opened.read(_MAX_SECRET + 1)
            if len(content) > _MAX_SECRET:
                self.tree.fail((*path, "file"), f"{file} is larger than a secret can be")
            return content.decode("utf-8-sig").rstrip("\r\n")
        except (OSError, ValueError, RuntimeError) as error:
            self.tree.fail((*path, "file"), f"{file} cannot be read: {_reason(error)}")
            return ""


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return getattr(error, "strerror", None) or str(error)


def _is_file_reference(path: TomlPath, table: dict[str, Any]) -> bool:
    """Whether `{ file = "…" }` stands for a value; `[source.x] file = …` is a table of that id."""
    if len(path) == 1 or (len(path) == 2 and path[0] in _TABLES_OF_IDS):
        return False
    return table.keys() == {"file"} and isinstance(table["file"], str)


def secret_texts(
    model: type[BaseModel], table: Mapping[str, Any]
) -> Iterator[tuple[TomlPath, str]]:
    """Each secret of a raw table with its path: fields typed Secret, telling headers, passwords.

    Taken from the raw table, not the model, so that a table with faults keeps its secrets too.
    """
    for key, secret in _fields_of(model).items():
        for path, text in _texts(table.get(key), (key,)):
            yield from ((path, password) for password in passwords(text))
            if secret or (key == "headers" and _SECRET_HEADER.search(str(path[-1]))):
                yield path, text


@cache
def _fields_of(model: type[BaseModel]) -> dict[str, bool]:
    """The keys of a table, and whether what stands there is typed as a secret."""
    return {
        found.alias or name: _mentions_secret(found.annotation)
        for name, found in model.model_fields.items()
    }


def gives_access(text: str) -> bool:
    """Whether a secret opens something by itself; an address without a password does not."""
    if text.startswith(("smtp://", "smtp+starttls://", "smtps://", "http://", "https://")):
        return any(passwords(text))
    return bool(text)


def _mentions_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_mentions_secret, get_args(annotation)))


def _texts(value: Any, path: TomlPath) -> Iterator[tuple[TomlPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, key))


def passwords(text: str) -> Iterator[str]:
    """The password of each URL in a text, as written and decoded."""
    for found in _PASSWORD.finditer(text):
        yield from {found[1], unquote(found[1])}


def hide_userinfo(text: str) -> str:
    """The text with user and password of every URL in it as ***."""
    return _USERINFO.sub("***", text)
