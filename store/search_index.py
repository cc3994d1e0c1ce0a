"""The table of the search index: what an article adds to it and takes from it.

SQLite keeps the index in a contentless FTS5 table that holds nothing but words and the ids of
articles (`detail=none`): `store.search_terms` says which words, so its own tokenizer has nothing
left to do but to cut at spaces. PostgreSQL has no index yet. `has_index` is the seam: without one
every article is a candidate, which is slow and right.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, text

from store.search_terms import index_terms

TABLE = "article_search"
"""Made by the migration."""

_INSERT = text(f"INSERT INTO {TABLE}(rowid, terms) VALUES (:id, :terms)")  # noqa: S608
_DELETE = text(
    f"INSERT INTO {TABLE}({TABLE}, rowid, terms) VALUES ('delete', :id, :terms)"  # noqa: S608
)
_KNOWN = text(f"SELECT 1 FROM {TABLE}_docsize WHERE id = :id")  # noqa: S608


def has_index(bind: Connection | Engine) -> bool:
    """Whether this kind of database keeps the index."""
    return bind.dialect.name == "sqlite"


def is_index_table(name: str | None) -> bool:
    """Whether a table belongs to the index, which no model describes."""
    return name is not None and (name == TABLE or name.startswith(f"{TABLE}_"))


def add_to_index(connection: Connection, article: int, texts: Iterable[str]) -> None:
    """Enters an article, in the caller's transaction."""
    if has_index(connection):
        connection.execute(_INSERT, {"id": article, "terms": _terms(texts)})


def in_index(connection: Connection, article: int) -> bool:
    """Whether the index knows an article; True where there is no index."""
    if not has_index(connection):
        return True
    return connection.execute(_KNOWN, {"id": article}).first() is not None


def take_from_index(connection: Connection, article: int, texts: Iterable[str]) -> None:
    """Takes an article out; `texts` are those it was entered with."""
    if has_index(connection) and in_index(connection, article):
        connection.execute(_DELETE, {"id": article, "terms": _terms(texts)})


def _terms(texts: Iterable[str]) -> str:
    return " ".join(sorted(index_terms(texts)))
