"""The tables of a tree against their models: every fault noted, none with a secret in it."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from alerts.channels import CHANNEL_KINDS
from alerts.config import Variants, WatchlistConfig
from crawler.config import CrawlerConfig, SourceConfig
from service.config.files import Tree
from service.config.filling import Filled, gives_access, hide_userinfo, secret_texts
from service.config.models import Config, HealthConfig, ServiceConfig, WebConfig
from service.config.words import in_words, type_in_words
from service.problems import did_you_mean
from service.toml_places import TomlPath

Model = TypeVar("Model", bound=BaseModel)

NAMED = ("source", "variants", "watchlist", "channel")
"""The tables whose keys are ids."""
SINGLE: dict[str, type[BaseModel]] = {
    "service": ServiceConfig,
    "web": WebConfig,
    "crawler": CrawlerConfig,
    "health": HealthConfig,
}

_SET_NAME = re.compile(r"[\w-]+")
ID = re.compile(r"\w[\w.:+-]{0,99}")
"""What an id may be."""

_LEAST_SECRET = 4
"""Shorter texts are too common to be cut out of a message or a log line."""


def read_tables(reader: "TableReader") -> Config:
    """Every table of a tree; one with faults is left out or stands with its defaults."""
    tree, table = reader.tree, reader.filled.table
    for section in table.keys() - SINGLE.keys() - set(NAMED):
        known = [*SINGLE, *NAMED, "include"]
        tree.fail((section,), f"unknown table{did_you_mean(section, known)}")
    return Config.model_construct(
        path=tree.main.path.absolute(),
        files=(files := tuple(document.path.absolute() for document in tree.documents)),
        folders=frozenset(folder.absolute() for folder in tree.folders).union(
            file.parent for file in files
        ),
        service=reader.single("service", ServiceConfig),
        web=reader.single("web", WebConfig),
        health=reader.single("health", HealthConfig),
        crawler=reader.single("crawler", CrawlerConfig),
        sources=reader.named("source", SourceConfig),
        watchlists=reader.named("watchlist", WatchlistConfig),
        variants=reader.variants(),
        channels=reader.channels(),
    )


class TableReader:
    """Reads the tables of a tree; faults are noted in the tree, secrets are gathered."""

    def __init__(self, tree: Tree, filled: Filled) -> None:
        self.tree = tree
        self.filled = filled
        self.secrets: set[str] = set()
        self.literal_secrets: set[TomlPath] = set()

    def single(self, section: str, model: type[Model]) -> Model:
        """A table that stands once, or its defaults when it is not there or has faults."""
        return self._read_right(model, self._section(section), (section,)) or model()

    def named(self, section: str, model: type[Model]) -> dict[str, Model]:
        """The tables of one kind by their ids; of those with faults, what is right in them."""
        found = {
            key: self._read_right(model, table, (section, key)) for key, table in self._ids(section)
        }
        return {key: read for key, read in found.items() if read is not None}

    def is_sound(self, path: TomlPath) -> bool:
        """Whether no fault was found in a table so far."""
        return all(problem.path[: len(path)] != path for problem in self.tree.problems)

    def _read_right(
        self, model: type[Model], table: Mapping[str, Any], path: TomlPath
    ) -> Model | None:
        """The table; after a fault what is right in it, which is still held to the other tables."""
        if (read := self.read(model, table, path)) is not None:
            return read
        wrong = {
            problem.path[len(path)]
            for problem in self.tree.problems
            if problem.path[: len(path)] == path != problem.path
        }
        return _validate(model, {key: v for key, v in table.items() if key not in wrong})[0]

    def channels(self) -> dict[str, Any]:
        """The channels by their ids; those with faults are left out."""
        found = {
            key: self.read_channel(table, ("channel", key)) for key, table in self._ids("channel")
        }
        return {key: read for key, read in found.items() if read is not None}

    def variants(self) -> Variants:
        """The named sets of spellings; those with faults are left out."""
        found: Variants = {}
        for name, value in self._section("variants").items():
            path = ("variants", name)
            spellings = [value] if isinstance(value, str) else value
            if not _SET_NAME.fullmatch(name):
                self.fail(path, "the name of a set is letters, digits, - and _")
            elif not isinstance(spellings, list):
                self.fail(path, f"must be a list of terms, not {type_in_words(value)}")
            elif not spellings:
                self.fail(path, "holds no spelling")
            elif self._are_texts(spellings, path):
                found[name] = tuple(spellings)
        return found

    def _are_texts(self, spellings: list[object], path: TomlPath) -> bool:
        wrong = [n for n, spelling in enumerate(spellings) if not isinstance(spelling, str)]
        for index in wrong:
            words = type_in_words(spellings[index])
            self.fail((*path, index), f"must be a text in quotes, not {words}")
        return not wrong

    def _section(self, section: str) -> dict[str, Any]:
        table = self.filled.table.get(section, {})
        if isinstance(table, dict):
            return table
        self.fail((section,), f"must be a table, not {type_in_words(table)}")
        return {}

    def _ids(self, section: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, table in self._section(section).items():
            path = (section, key)
            if not isinstance(table, dict):
                hint = f"write [{section}.ID] and below it the keys"
                self.fail(path, f"must be a table, not {type_in_words(table)}; {hint}")
            elif not ID.fullmatch(key):
                self.fail(path, "an id is letters, digits and - _ . : +, a letter or digit first")
            else:
                yield key, table

    def read(self, model: type[Model], table: Mapping[str, Any], path: TomlPath) -> Model | None:
        """The validated table, or None after noting each fault."""
        self._gather_secrets(model, table, path)
        dates = set(_dates(table, path))
        for found in dates:
            self.fail(found, "a date or time stands in quotes here")
        read, findings = _validate(model, table)
        for details in findings:
            where = (*path, *details["loc"])
            if where not in dates:
                self.fail(where, in_words(model, table, details))
        return None if dates else read

    def read_channel(self, table: Mapping[str, Any], path: TomlPath) -> BaseModel | None:
        """The validated table of a channel, by the model of its kind."""
        kind = table.get("kind")
        if isinstance(kind, str) and kind in CHANNEL_KINDS:
            return self.read(CHANNEL_KINDS[kind], table, path)
        for model in CHANNEL_KINDS.values():
            self._gather_secrets(model, table, path)
        choices = list(CHANNEL_KINDS)
        if "kind" not in table:
            self.fail(path, f'the key "kind" is missing; it is one of {", ".join(choices)}')
        else:
            shown = json.dumps(kind, default=str, ensure_ascii=False)
            meant = did_you_mean(str(kind), choices)
            self.fail((*path, "kind"), f"{shown} is no kind of channel{meant}")
        return None

    def item(self, path: TomlPath) -> TomlPath:
        """The path of a list's item, or of its key where one text stands for a list of one."""
        document, _ = self.tree.place(path)
        return path if path in document.places else path[:-1]

    def fail(self, path: TomlPath, message: str) -> None:
        """Notes a fault unless one is noted at that place; hides what must not be shown."""
        if any(problem.path[: len(path)] == path for problem in self.tree.problems):
            return
        self.tree.fail(path, self._conceal(path, message))

    def warn(self, path: TomlPath, message: str) -> None:
        """Notes a doubt; hides what must not be shown."""
        self.tree.warn(path, self._conceal(path, message))

    def _conceal(self, path: TomlPath, message: str) -> str:
        # A value from elsewhere shows as the reference that is written in its place.
        for found, written in self.filled.written.items():
            if found[:2] == path[:2] and (value := _value_at(self.filled.table, found)):
                message = message.replace(value, written).replace(repr(value)[1:-1], written)
        return hide(message, self.secrets)

    def _gather_secrets(
        self, model: type[BaseModel], table: Mapping[str, Any], path: TomlPath
    ) -> None:
        for key, text in secret_texts(model, table):
            if len(text) >= _LEAST_SECRET:
                self.secrets.add(text)
            where = (*path, *key)
            if gives_access(text) and where not in self.filled.written:
                self.literal_secrets.add(where)


def hide(text: str, secrets: set[str] | frozenset[str]) -> str:
    """The text with every secret, and the user and password of every URL, as ***."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***").replace(repr(secret)[1:-1], "***")
    return hide_userinfo(text)


def _value_at(table: Any, path: TomlPath) -> str:
    for key in path:
        table = table[key]
    return str(table)


_SCALARS = {"bool_type", "int_type", "float_type", "string_type"}


def _validate(
    model: type[Model], table: Mapping[str, Any]
) -> tuple[Model | None, list[ErrorDetails]]:
    """The model of a table and what is wrong with it; "16" is not taken for 16, nor 1 for true.

    pydantic's strict mode alone would also refuse a list where a tuple is wanted; so the strict
    pass is only asked for the scalars that the other one would convert.
    """
    findings = []
    try:
        model.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        strict = error.errors(include_url=False)
        findings = [d for d in strict if _is_converted(d, table)]
    try:
        read = model.model_validate(table)
    except ValidationError as error:
        told = {details["loc"] for details in findings}
        more = error.errors(include_url=False)
        return None, findings + [details for details in more if details["loc"] not in told]
    return (None if findings else read), findings


def _dates(value: Any, path: TomlPath) -> Iterator[TomlPath]:
    if isinstance(value, date | time):
        yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _dates(item, (*path, key))


def _is_converted(details: ErrorDetails, table: Mapping[str, Any]) -> bool:
    """Whether a finding is about a scalar as written, not about a default or a value made of it."""
    written = isinstance(details["input"], bool | int | float | str)
    return details["type"] in _SCALARS and written and details["loc"][0] in table
