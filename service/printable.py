"""Text from strangers on its way to a terminal, a log or a script: nothing in it acts."""

import json
import re

_UNSAFE = re.compile(
    "[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\u061c\ud800-\udfff\ufeff\ufffe\uffff]"
)
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\u061c\ud800-\udfff\ufeff]"
)

# Made once: json.dumps makes one at every call that asks for anything but the usual.
_ASCII = json.JSONEncoder(allow_nan=False)
_UNICODE = json.JSONEncoder(allow_nan=False, ensure_ascii=False)


def show_controls(text: str, *, keep: str = "") -> str:
    r"""The text with control characters as escapes (`\x1b`): nothing in it moves a cursor.

    `keep`: those that stay as they are, such as line breaks.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def to_json(value: object, *, ascii_only: bool = False) -> str:
    """One line of JSON that no terminal, log or mail obeys: controls are escaped."""
    text = (_ASCII if ascii_only else _UNICODE).encode(value)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
