"""`search QUERY`: everything stored, in the language of watchlists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, get_args
from zoneinfo import ZoneInfo

import click
from rich.text import Text
from sqlmodel import Session

from alerts.config import FieldName
from alerts.matcher import Hit, Matcher
from alerts.records import article_record, excerpts_of, terms_of, text_of
from alerts.rules import Rule
from alerts.search import by_relevance, find
from service.cli.asked import Since, Tell, asked_query, check_source, progress
from service.cli.context import Context
from service.cli.output import best_place, json_option, note, print_json, print_table, show_time
from service.cli.stored import stored
from store.articles import Article
from store.search import Window, articles_with

SHOWN = 50
"""Rows of a table unless --limit says otherwise; --json is never cut."""
_NAME = "query"


@dataclass(frozen=True, slots=True)
class Shown:
    """One article found, with what stands where."""

    article: Article
    hit: Hit

    @property
    def excerpts(self) -> list[dict[str, Any]]:
        """The sentences around the best places."""
        return excerpts_of(text_of(self.article), self.hit)


def hit_object(article: Article, hit: Hit) -> dict[str, Any]:
    """An article found, the terms that stand in it and the sentences they stand in."""
    return {
        "article": article_record(article),
        "terms": terms_of(hit),
        "excerpts": excerpts_of(text_of(article), hit),
    }


@click.command()
@click.argument("query")
@click.option("--since", type=Since(), help="Only what is newer: 6h, 2d, 2026-03-01.")
@click.option("--source", help="Only this source.")
@click.option(
    "--in",
    "fields",
    multiple=True,
    type=click.Choice(get_args(FieldName)),
    help="Where to look; default: title, standfirst and body.",
)
@click.option("--by", type=click.Choice(["date", "relevance"]), default="date", help="Best first.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@json_option
@click.pass_obj
def search(
    context: Context,
    /,
    query: str,
    since: datetime | None,
    source: str | None,
    fields: Sequence[str],
    by: str,
    limit: int | None,
    as_json: bool,
) -> None:
    """Search everything stored; QUERY is written as in a watchlist."""
    config = context.load_quietly()
    rule = Rule(asked_query(query, config))
    if fields:
        rule = Rule(rule.query, tuple(fields))
    with stored(config) as session:
        if session is None:
            return
        check_source(source, config, session)
        window, most = Window(since, source), limit
        if limit is None and not as_json:
            most = SHOWN + 1
        with progress("articles") as tell:
            found = _found(session, rule, window, by, most, tell)
            if as_json:
                for each in found:
                    print_json(hit_object(each.article, each.hit))
                return
            rows = list(found)
        _show(rows, limit, by, ZoneInfo(config.service.timezone))


def _show(found: Sequence[Shown], limit: int | None, by: str, zone: ZoneInfo) -> None:
    shown = found if limit is not None else found[:SHOWN]
    rows: Iterator[list[str | Text]] = (
        [
            show_time(each.article.first_seen, zone),
            each.article.source_id,
            each.article.title,
            best_place(each.excerpts),
            each.article.url,
        ]
        for each in shown
    )
    print_table(["first seen", "source", "title", "where", "address"], rows)
    if len(shown) < len(found):
        note(f"the {'newest' if by == 'date' else 'best'} {SHOWN}; --limit shows more, --json all")


def _found(
    session: Session, rule: Rule, window: Window, by: str, most: int | None, tell: Tell
) -> Iterator[Shown]:
    found = find(session, {_NAME: rule}, window, tell)
    if by == "date":
        ids: Iterator[int] = (each.article.id for each in islice(found, most))
    else:
        ids = iter(by_relevance(found, most))
    matcher = Matcher({_NAME: rule})
    while part := list(islice(ids, 100)):
        articles = articles_with(session, part)
        for article in (articles[id_] for id_ in part):
            for hit in matcher.match(text_of(article)):
                yield Shown(article, hit)
