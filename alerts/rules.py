"""What is matched against what: a watchlist's rule, a text, and the places found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alerts.config import WatchlistConfig
from alerts.query import And, Node, Not, Or, QueryError, looks_for_something, parse


@dataclass(frozen=True, slots=True)
class Rule:
    """What a watchlist looks for."""

    query: Node
    fields: tuple[str, ...] = ("title", "standfirst", "body")
    """Where terms without a field of their own are looked for."""
    langs: tuple[str, ...] = ()
    """BCP 47 primary tags; empty: all."""
    sources: tuple[str, ...] = ("*",)
    """Globs of source ids."""
    min_mentions: int = 1
    """Places of all positive terms in `fields`; overlapping ones are one mention."""


@dataclass(frozen=True, slots=True)
class Text:
    """An article, or any text, as it is matched."""

    fields: Mapping[str, str]
    """title, standfirst, body, caption, author, section, tag, url: those that it has."""
    lang: str | None = None
    source: str = ""


class Span(NamedTuple):
    """A place of a term, in code points of the field's text."""

    field: str
    start: int
    end: int
    term: str


class Hit(NamedTuple):
    """A watchlist that matched, and every place that made it match, in reading order."""

    watchlist: str
    spans: tuple[Span, ...]


def compile_rule(
    watchlist: WatchlistConfig, variants: Mapping[str, Sequence[str]] | None = None
) -> Rule:
    """The rule of a watchlist: its three lists, or its query, as one tree.

    Raises QueryError, which names the list and place (`any[2]`), for a part that cannot be read,
    for lists beside a query, and for a watchlist with nothing to look for.
    """
    query = _one_query(watchlist, variants or {})
    if not looks_for_something(query):
        raise QueryError("nothing to look for: it could match without any term of it standing")
    return Rule(
        query,
        tuple(watchlist.in_),
        tuple(lang.split("-")[0].lower() for lang in watchlist.lang),
        tuple(watchlist.sources),
        watchlist.min_mentions,
    )


def _one_query(watchlist: WatchlistConfig, variants: Mapping[str, Sequence[str]]) -> Node:
    any_of = _parsed("any", watchlist.any, variants)
    all_of = _parsed("all", watchlist.all, variants)
    none_of = _parsed("none", watchlist.none, variants)
    if watchlist.query:
        if any_of or all_of or none_of:
            raise QueryError("stands beside any, all or none: write one of them", where="query")
        return _named("query", watchlist.query, variants)
    wanted = [*([_joined(any_of)] if any_of else []), *all_of]
    if not wanted:
        raise QueryError("nothing to look for: any and all are empty")
    items = _flat([*wanted, *(Not(node) for node in none_of)])
    return items[0] if len(items) == 1 else And(tuple(items))


def _joined(nodes: list[Node]) -> Node:
    flat = [part for node in nodes for part in (node.items if isinstance(node, Or) else (node,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def _flat(nodes: list[Node]) -> list[Node]:
    return [part for node in nodes for part in (node.items if isinstance(node, And) else (node,))]


def _parsed(name: str, queries: Sequence[str], variants: Mapping[str, Sequence[str]]) -> list[Node]:
    return [_named(f"{name}[{index}]", query, variants) for index, query in enumerate(queries)]


def _named(where: str, query: str, variants: Mapping[str, Sequence[str]]) -> Node:
    try:
        return parse(query, variants=variants)
    except QueryError as error:
        raise error.within(where) from None
