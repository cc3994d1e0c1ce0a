"""pydantic's findings as sentences for somebody who writes TOML."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from service.problems import did_you_mean, nearest

_WANTED = {
    "string_type": "a text in quotes",
    "string_sub_type": "a text in quotes",
    "path_type": "a path in quotes",
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "tuple_type": "a list, as in [ … ]",
    "list_type": "a list, as in [ … ]",
    "dict_type": "a table, as in { key = … }",
    "model_type": "a table, as in { key = … }",
    "model_attributes_type": "a table, as in { key = … }",
}


def in_words(model: type[BaseModel], table: Mapping[str, Any], details: ErrorDetails) -> str:
    """One of pydantic's findings as a sentence for somebody who writes TOML."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(model, details["loc"], table)
    if kind == "missing":
        return "is missing; it has no default"
    if kind == "literal_error":
        return _no_choice(details)
    if wanted := _WANTED.get(kind):
        return f"must be {wanted}, not {type_in_words(details['input'])}"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", details["msg"]))
    if kind == "json_invalid":
        return "is nested too deeply"
    for comparison, words in _BOUNDS.items():
        if kind == comparison:
            return f"must be {words} {next(iter(context.values()))}"
    return details["msg"]


_BOUNDS = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
    "less_than": "less than",
}


def _no_choice(details: ErrorDetails) -> str:
    shown = json.dumps(details["input"], ensure_ascii=False, default=str)
    expected = details.get("ctx", {}).get("expected", "")
    choices = [part for part in expected.replace(" or ", ", ").replace("'", "").split(", ") if part]
    meant = nearest(str(details["input"]), choices)
    wanted = f'; did you mean "{meant}"?' if meant else ""
    return f"{shown} is not one of {', '.join(choices)}{wanted}"


def type_in_words(value: object) -> str:
    """What a TOML value is, for "must be a list, not …"."""
    if value is None:
        return "nothing"
    words = {bool: "true or false", str: "a text", int: "a number", float: "a number"}
    return {**words, list: "a list", tuple: "a list", dict: "a table"}.get(
        type(value), type(value).__name__
    )


def _unknown_key(model: type[BaseModel], loc: tuple[int | str, ...], table: Any) -> str:
    """Names the nearest key of the table that the unknown one stands in."""
    inner: Any = model
    for part in loc[:-1]:
        table = table[part]
        if isinstance(part, str):
            inner = _model_of(_field(inner, part))
        if inner is None:
            return "unknown key"
    missing = [key for key in keys_of(inner) if key not in table]
    return f"unknown key{did_you_mean(str(loc[-1]), missing)}"


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model's table as they are written in TOML."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            return field
    return None


def _model_of(field: FieldInfo | None) -> type[BaseModel] | None:
    return _first_model(field.annotation) if field else None


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_first_model, get_args(annotation))), None)
