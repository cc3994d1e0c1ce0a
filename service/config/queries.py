"""Queries, sets of variants and examples of a configuration, each fault with a picture of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerts.config import ExampleConfig, Variants, WatchlistConfig
from alerts.matcher import Matcher
from alerts.query import parse
from alerts.query_error import QueryError
from alerts.rules import Hit, Rule, Text, compile_rule
from alerts.why_not import why_not
from service.config.models import Config
from service.config.tables import TableReader
from service.toml_places import TomlPath

_STAND_IN = ("placeholder",)
"""For a set that is already known to be at fault: using it is no second fault."""


def check_queries(config: Config, reader: TableReader) -> None:
    """Notes every query that cannot be read and every example that does not hold."""
    variants = _check_variants(config.variants, reader)
    for name, watchlist in config.watchlists.items():
        path = ("watchlist", name)
        if _check_terms(watchlist, path, variants, reader):
            continue
        if not reader.is_sound(path):
            continue
        try:
            rule = compile_rule(watchlist, variants)
        except QueryError as error:
            reader.fail(path, str(error))
            continue
        _check_examples(rule, watchlist.examples, path, reader)


def _check_variants(variants: Variants, reader: TableReader) -> Variants:
    """Notes the faults of every set; gives sets that can be used to look for further ones."""
    raw = reader.filled.table.get("variants")
    named = raw if isinstance(raw, dict) else {}
    known = {**dict.fromkeys(named, _STAND_IN), **variants}
    sound: Variants = {}
    for name, spellings in variants.items():
        right = [
            spelling
            for index, spelling in enumerate(spellings)
            if _is_sound(spelling, ("variants", name, index), known, reader)
        ]
        sound[name] = tuple(right)
    return {name: sound.get(name) or _STAND_IN for name in known}


def _is_sound(
    query: str, path: TomlPath, variants: Mapping[str, Sequence[str]], reader: TableReader
) -> bool:
    try:
        parse(query, variants=variants)
    except QueryError as error:
        reader.fail(reader.item(path), str(error))
        return False
    return True


def _check_terms(
    watchlist: WatchlistConfig, path: TomlPath, variants: Variants, reader: TableReader
) -> bool:
    """Whether a term of the lists, or the query, is at fault."""
    lists = {"any": watchlist.any, "all": watchlist.all, "none": watchlist.none}
    queries = [
        ((*path, key, n), text) for key, texts in lists.items() for n, text in enumerate(texts)
    ]
    if watchlist.query:
        queries.append(((*path, "query"), watchlist.query))
    sound = [_is_sound(query, where, variants, reader) for where, query in queries]
    return not all(sound)


def _check_examples(
    rule: Rule, examples: Sequence[ExampleConfig], path: TomlPath, reader: TableReader
) -> None:
    for index, example in enumerate(examples):
        if fault := example_fault(rule, example):
            reader.fail((*path, "examples", index), fault)


def example_fault(rule: Rule, example: ExampleConfig) -> str:
    """Why an example does not hold; empty when it does. It has neither source nor language."""
    everywhere = replace(rule, langs=(), sources=("*",))
    text = Text({"title": example.title, "body": example.text})
    hits = Matcher({"example": everywhere}).match(text)
    if bool(hits) == example.expect:
        return ""
    if hits:
        return f"must not match, but {_found(hits[0], text)} does"
    return f"must match, but does not: {why_not(everywhere, text)}"


def _found(hit: Hit, text: Text) -> str:
    spans = [f'"{text.fields[span.field][span.start : span.end]}"' for span in hit.spans]
    return ", ".join(dict.fromkeys(spans)) or "it"
