"""Text from strangers, made safe at the border."""

import re
import unicodedata

# C0 and C1 controls but tab and newline, Unicode non-characters at the end of the first plane.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
# What a line can hide and no reader sees: soft hyphens, zero-width spaces and joiners of words,
# tags of language. The two joiners of letters (U+200C, U+200D) stay: Persian and emoji need them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u3164\ufeff\uffa0"
    "\U000e0000-\U000e007f]"
)
_SPACE = re.compile(r"\s+")
_LOOKED_AT = 100
"""Times the limit of a line: what is longer is no line, and cleaning takes ten times its size."""


def clean_text(text: str) -> str:
    """NFC text without control characters; CR LF and NEL become newline, lone surrogates U+FFFD."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text)))


def clean_line(text: str, limit: int = 500) -> str:
    """One line for a title or name: cleaned, white space joined, controls of direction and what
    nobody can see dropped.

    `limit` counts code points; a longer line is cut and ends in an ellipsis. What comes after a
    hundred times as many is not looked at.
    """
    text = clean_text(text[: limit * _LOOKED_AT])
    line = _SPACE.sub(" ", _INVISIBLE.sub("", _BIDI.sub("", text))).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
