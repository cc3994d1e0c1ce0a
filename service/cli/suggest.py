"""`suggest WATCHLIST`: spellings that stand in the store and that a watchlist does not match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click
from rich.text import Text
from sqlmodel import Session

from alerts.lookalikes import LookAlike, instead, look_alikes, other_variants, resembling
from alerts.matcher import Matcher
from alerts.query_tree import to_query
from alerts.records import excerpts_of
from alerts.rules import compile_rule
from alerts.search import Found, find
from service.cli.asked import configured_watchlist, progress
from service.cli.context import Context
from service.cli.output import json_option, marked, print_json, print_table, say
from service.cli.stored import opened
from service.config import Config
from store.search import Tell, Window, vocabulary

MOST = 2000
"""Look-alikes that are looked for in the articles."""
SHOWN = 20


@dataclass(slots=True)
class _Suggestion:
    """A look-alike and the articles in which the watchlist misses it."""

    look: LookAlike
    articles: int = 0
    excerpt: dict[str, Any] | None = None


@click.command()
@click.argument("watchlist")
@click.option("--limit", type=click.IntRange(1), help=f"At most so many; {SHOWN} in a table.")
@json_option
@click.pass_obj
def suggest(context: Context, /, watchlist: str, limit: int | None, as_json: bool) -> None:
    """Find spellings in the store that WATCHLIST does not match, most frequent first."""
    config = context.load_quietly()
    configured_watchlist(watchlist, config)
    with opened(config) as store:
        if store is None:
            return
        with store.reading() as session, progress("articles") as tell:
            found = _suggestions(session, watchlist, config, tell)
    if as_json:
        for each in found[:limit]:
            print_json(_object(watchlist, each))
        return
    if not found:
        say("nothing stored looks like its terms and is missed")
        return
    print_table(["suggestion", "articles", "like", "why", "where"],
                [_cells(each) for each in found[: limit or SHOWN]])  # fmt: skip
    say()
    say("Take what is meant into the watchlist, or into its set in [variants].")


def _suggestions(session: Session, watchlist: str, config: Config, tell: Tell) -> list[_Suggestion]:
    """Look-alikes that stand in articles which the watchlist does not match."""
    rule = compile_rule(config.watchlists[watchlist], config.variants)
    looks = [
        *other_variants(rule.query, config.variants),
        *look_alikes(rule.query, vocabulary(session, resembling(rule.query))),
    ]
    named = {f"s{number}": _Suggestion(look) for number, look in enumerate(looks[:MOST])}
    rules = {
        name: replace(rule, query=query, min_mentions=1)
        for name, each in named.items()
        if (query := instead(rule.query, each.look)) is not None
    }
    own = Matcher({watchlist: rule})
    for found in find(session, rules, Window(), tell):
        if not own.match(found.text):
            _count(found, named)
    counted = [each for each in named.values() if each.articles]
    return sorted(counted, key=lambda each: -each.articles)


def _count(found: Found, named: dict[str, _Suggestion]) -> None:
    for hit in found.hits:
        suggestion = named[hit.watchlist]
        suggestion.articles += 1
        if suggestion.excerpt is None:
            suggestion.excerpt = excerpts_of(found.text, hit)[0]


def _object(watchlist: str, suggestion: _Suggestion) -> dict[str, Any]:
    return {
        "watchlist": watchlist,
        "suggestion": to_query(suggestion.look.term),
        "like": to_query(suggestion.look.like),
        "why": suggestion.look.why,
        "articles": suggestion.articles,
        "excerpt": suggestion.excerpt,
    }


def _cells(suggestion: _Suggestion) -> list[str | Text]:
    where: str | Text = ""
    if suggestion.excerpt:
        where = marked(suggestion.excerpt["text"], suggestion.excerpt["highlights"])
    look = suggestion.look
    return [to_query(look.term), f"{suggestion.articles}", to_query(look.like), look.why, where]
