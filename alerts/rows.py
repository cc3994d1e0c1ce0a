"""`wirewatch match` without its files: rows with an id and the fields of an article, to matches."""

from collections.abc import Mapping
from typing import Any

from alerts.matcher import Hit, Matcher, Text

_FIELDS = {
    "title": "title",
    "standfirst": "standfirst",
    "body": "body",
    "captions": "caption",
    "caption": "caption",
    "authors": "author",
    "author": "author",
    "section": "section",
    "tags": "tag",
    "tag": "tag",
    "url": "url",
}
"""Keys of a row, as the JSON article and the query language call them, to fields."""


class RowError(ValueError):
    """A row that is no article, and why."""


def text_of_row(row: Mapping[str, Any]) -> Text:
    """The row as it is matched; lists stand one item a line. Unknown keys are ignored.

    Raises RowError for a field that is neither text nor a list of texts.
    """
    fields: dict[str, str] = {}
    for key, field in _FIELDS.items():
        if (value := row.get(key)) is not None:
            fields[field] = _text(key, value)
    return Text(fields, _optional(row, "lang"), _optional(row, "source") or "")


def hits_of_row(matcher: Matcher, row: Any) -> list[Hit]:
    """The watchlists that match a row, which is any JSON value. Raises RowError."""
    if not isinstance(row, dict):
        raise RowError("a row is an object: {…}")
    if "id" not in row:
        raise RowError("a row needs an id")
    return matcher.match(text_of_row(row))


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    raise RowError(f"{key} is neither text nor a list of texts")


def _optional(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return None if value is None else _text(key, value)
