"""The table of the search index: what an article adds to it and takes from it, and how it is asked.

Both databases keep nothing but the words of each article (`store.search_terms` says which), without
their places: SQLite in a contentless FTS5 table (`detail=none`), whose own tokenizer has nothing
left to do but to cut at spaces; PostgreSQL as a `tsvector` made of the words as they are, under a
GIN index. docs/decisions/0011-search.md has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, bindparam, text

from store.search_terms import Resembling, Sought, index_terms, to_fts5
from store.tsquery import lexemes, to_tsquery
from store.types import bound_lists

TABLE = "article_search"
"""Made by the migration."""


@dataclass(frozen=True, slots=True)
class _Index:
    """How one kind of database keeps the index."""

    insert: TextClause
    delete: TextClause
    known: TextClause
    find: TextClause
    count: TextClause
    missing: TextClause
    clear: TextClause
    kept: Callable[[set[str]], str | list[str]]
    """The words of an article as the statements take them."""
    asked: Callable[[Sought], str]


_FTS5 = _Index(
    insert=text("INSERT INTO article_search(rowid, terms) VALUES (:id, :terms)"),
    # A contentless table forgets only what it is told again.
    delete=text(
        "INSERT INTO article_search(article_search, rowid, terms) VALUES ('delete', :id, :terms)"
    ),
    known=text("SELECT 1 FROM article_search_docsize WHERE id = :id"),
    find=text(
        "SELECT rowid FROM article_search WHERE article_search MATCH :sought "
        "AND rowid >= :first ORDER BY rowid DESC"
    ),
    count=text("SELECT count(*) FROM article_search WHERE article_search MATCH :sought"),
    missing=text(
        "SELECT id FROM article WHERE id NOT IN (SELECT id FROM article_search_docsize) ORDER BY id"
    ),
    clear=text("INSERT INTO article_search(article_search) VALUES ('delete-all')"),
    kept=lambda words: " ".join(sorted(words)),
    asked=to_fts5,
)
_TSVECTOR = _Index(
    insert=text(
        "INSERT INTO article_search(article_id, terms) "
        "VALUES (:id, array_to_tsvector(CAST(:terms AS text[])))"
    ),
    delete=text("DELETE FROM article_search WHERE article_id = :id"),
    known=text("SELECT 1 FROM article_search WHERE article_id = :id"),
    find=text(
        "SELECT article_id FROM article_search WHERE terms @@ CAST(:sought AS tsquery) "
        "AND article_id >= :first ORDER BY article_id DESC"
    ),
    count=text("SELECT count(*) FROM article_search WHERE terms @@ CAST(:sought AS tsquery)"),
    missing=text(
        "SELECT id FROM article WHERE NOT EXISTS "
        "(SELECT 1 FROM article_search WHERE article_id = article.id) ORDER BY id"
    ),
    clear=text("DELETE FROM article_search"),
    kept=lexemes,
    asked=to_tsquery,
)

_WORDS = text(
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.article_words "
    "USING fts5vocab(main, article_search, row)"
)
_WORDS_BETWEEN = text("SELECT term FROM temp.article_words WHERE term >= :first AND term < :beyond")
_WORD_FROM = text("SELECT term FROM temp.article_words WHERE term >= :first ORDER BY term LIMIT 1")
_WORDS_AMONG = text("SELECT term FROM temp.article_words WHERE term IN :asked").bindparams(
    bindparam("asked", expanding=True)
)
_ALL_LEXEMES = text(
    "SELECT word FROM ts_stat('SELECT terms FROM article_search') WHERE word <> ' '"
)
_CJK = ("\u2e80", "\ua000")
"""Most letters of scripts without spaces; no word of others begins so."""


def _index_of(connection: Connection) -> _Index:
    return _TSVECTOR if connection.dialect.name == "postgresql" else _FTS5


def is_index_table(name: str | None) -> bool:
    """Whether a table belongs to the index, which no model describes."""
    return name is not None and (name == TABLE or name.startswith(f"{TABLE}_"))


def add_to_index(connection: Connection, article: int, texts: Iterable[str]) -> None:
    """Enters an article, in the caller's transaction."""
    index = _index_of(connection)
    terms = index.kept(index_terms(texts))
    connection.execute(index.insert, {"id": article, "terms": terms})


def in_index(connection: Connection, article: int) -> bool:
    """Whether the index knows an article."""
    return connection.execute(_index_of(connection).known, {"id": article}).first() is not None


def take_from_index(connection: Connection, article: int, texts: Iterable[str]) -> None:
    """Takes an article out; `texts` are those it was entered with."""
    if in_index(connection, article):
        index = _index_of(connection)
        terms = index.kept(index_terms(texts))
        connection.execute(index.delete, {"id": article, "terms": terms})


def clear_index(connection: Connection) -> None:
    """Takes every article out."""
    connection.execute(_index_of(connection).clear)


def not_in_index(connection: Connection) -> list[int]:
    """Articles that the index does not know, the first one first."""
    return [row[0] for row in connection.execute(_index_of(connection).missing)]


def articles_in_index(connection: Connection, sought: Sought, first: int) -> list[int]:
    """The articles from that id on that may hold what is sought, the last one first.

    Raises ValueError for what finds everything.
    """
    index = _index_of(connection)
    found = connection.execute(index.find, {"sought": index.asked(sought), "first": first})
    return [row[0] for row in found]


def count_in_index(connection: Connection, sought: Sought) -> int:
    """How many articles may hold it. Raises ValueError for what finds everything."""
    index = _index_of(connection)
    return int(connection.execute(index.count, {"sought": index.asked(sought)}).scalar_one())


def words_in_index(connection: Connection, like: Resembling) -> Iterator[str]:
    """The words that articles hold and that are asked for, each once.

    Reading all words of a million articles takes SQLite 16 s, for it counts their articles too;
    those of one first letter take some tenths of a second.
    """
    if connection.dialect.name == "postgresql":
        for row in connection.execute(_ALL_LEXEMES):
            if like.holds(row[0]):
                yield row[0]
        return
    connection.execute(_WORDS)
    for letter in sorted(like.letters):
        bounds = {"first": letter, "beyond": _next_letter(letter)}
        for row in connection.execute(_WORDS_BETWEEN, bounds):
            yield row[0]
    asked = set(like.words)
    if like.endings:
        firsts = set(_first_letters(connection))
        asked |= {first + ending for first in firsts for ending in like.endings}
    for part in bound_lists(sorted(word for word in asked if word[:1] not in like.letters)):
        for row in connection.execute(_WORDS_AMONG, {"asked": part}):
            yield row[0]


def _first_letters(connection: Connection) -> Iterator[str]:
    """The letters that words begin with, beyond those of Chinese and Japanese, by seeking each."""
    after = "a"
    while (row := connection.execute(_WORD_FROM, {"first": after}).first()) is not None:
        letter = row[0][0]
        if not _CJK[0] <= letter < _CJK[1]:
            yield letter
        after = max(_next_letter(letter), _CJK[1] if letter >= _CJK[0] else "")


def _next_letter(letter: str) -> str:
    """The code point behind it that a text may hold."""
    return "\ue000" if letter == "\ud7ff" else chr(min(ord(letter) + 1, 0x10FFFF))
