"""What PostgreSQL's index keeps of an article, and how it is asked. Pure.

A `tsvector` is made of the folded words as they are: PostgreSQL's own parser and dictionaries are
never used, so that it finds what SQLite's index finds. Its bounds are met by keeping less and
finding more, for the matcher decides afterwards: of a word longer than a lexeme may be its
beginning is kept; an article with more words than a `tsvector` holds is found by every query.
"""

from __future__ import annotations

from store.search_terms import AllOf, AnyOf, Beginning, Everything, Sought, Word

LONGEST = 2046
"""Bytes of a lexeme in PostgreSQL (MAXSTRLEN in tsearch/ts_type.h)."""
MOST = 1_000_000
"""Bytes of all lexemes of an article that are kept; PostgreSQL's bound is 1,048,575 (MAXSTRPOS)."""
ALWAYS = " "
"""The lexeme by which every query finds an article; no folded word is one."""


def lexemes(words: set[str]) -> list[str]:
    """What is kept of an article's words."""
    kept = sorted({cut for word in words if (cut := _cut(word))})
    return kept if sum(len(word.encode()) for word in kept) <= MOST else [ALWAYS]


def to_tsquery(sought: Sought) -> str:
    """The tsquery, as text. Raises ValueError for what finds everything: there is none."""
    return f"{_quoted(ALWAYS)} | {_query(sought)}"


def _query(sought: Sought) -> str:
    match sought:
        case Word(text):
            return _quoted(_cut(text) or ALWAYS)
        case Beginning(text):
            return f"{_quoted(_cut(text) or ALWAYS)}:*"
        case AllOf(items):
            return f"({' & '.join(map(_query, items))})"
        case AnyOf(items):
            return f"({' | '.join(map(_query, items))})"
        case Everything():
            raise ValueError("everything is asked for without the index")


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _cut(word: str) -> str:
    """PostgreSQL takes no NUL in any text."""
    return word.replace("\0", "").encode()[:LONGEST].decode(errors="ignore")
