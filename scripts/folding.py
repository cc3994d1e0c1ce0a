"""Writes docs/folding.md from the table that the program folds by: `python -m scripts.folding`."""

import unicodedata
from pathlib import Path

from store.folding_rules import APOSTROPHE, BOUNDARY, RULES, FoldingRule

PAGE = Path(__file__).parents[1] / "docs" / "folding.md"

_HEAD = """\
# Folding

Texts, the terms of queries and the search index are folded alike before they are compared, so
that a name is found however it was typed. This page is printed from the table in
`store/folding_rules.py` by `python -m scripts.folding`; a test holds every row.

Folded text is a row of tokens with one space on either side of each. A token is a word, or one
letter with its marks in scripts that write no spaces. Every token knows its place in the text as
it is stored; marked places never cut what a reader sees as one character. There is no stemming
and no transliteration: spellings that differ otherwise belong into `[variants]`.

| what | becomes | because | so these are the same |
|---|---|---|---|
"""
_TAIL = """
In a regular expression (`/…/`) nothing is folded but the composition of letters (NFC); write `(?i)`
or `/…/i` for both cases. `=TTP` folds everything but case.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(map(_row, RULES)) + _TAIL


def _row(rule: FoldingRule) -> str:
    what = rule.name + "".join(f" {_shown(char)}" for char in rule.chars)
    becomes = {BOUNDARY: "a boundary", APOSTROPHE: "a boundary"}.get(rule.becomes, rule.becomes)
    alike = ", ".join(f"{_shown_text(one)} {_shown_text(other)}" for one, other in rule.alike)
    return f"| {what} | {becomes} | {rule.reason} | {alike} |\n"


def _shown(char: str) -> str:
    """A code point with its number, and itself where that can be seen alone."""
    number = f"U+{ord(char):04X}"
    seen = unicodedata.category(char)[0] in "LPS" and char != "`"
    return f"{char} ({number})" if seen else number


def _shown_text(text: str) -> str:
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) == "Cf" or char == "\u00a0" else char
        for char in text
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
