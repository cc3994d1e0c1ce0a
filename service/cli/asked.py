"""What commands are asked for: times, ids, queries; and how they show that they are at work."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlmodel import Session, col, select

from alerts.query import Node, QueryError, looks_for_something, parse
from service.config import Config
from service.problems import did_you_mean
from store.articles import Article
from store.config import parse_duration
from store.deliveries import Match
from store.sources import SourceState

Tell = Callable[[int, int], None]


class Since(click.ParamType[datetime]):
    """`6h`, `2026-03-01` or a full time; a time without a zone is UTC."""

    name = "WHEN"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment that a person means."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.now(UTC) - parse_duration(value)
        except (ValueError, OverflowError):
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f'{value!r} is neither "6h" nor "2026-03-01" nor a time', param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def asked_query(text: str, config: Config) -> Node:
    """The tree of a query as somebody typed it. Raises UsageError with a picture of the fault."""
    try:
        query = parse(text, variants=config.variants)
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    if not looks_for_something(query):
        raise click.UsageError(
            f"{text!r} has nothing to look for: it could match without any term of it standing"
        )
    return query


def check_watchlist(name: str | None, config: Config, session: Session) -> None:
    """Raises UsageError for an id that is neither configured nor in what is stored."""
    if name is None or name in config.watchlists:
        return
    matched = select(Match.id).where(Match.watchlist == name).limit(1)
    if session.exec(matched).first() is None:
        raise _no_such("watchlist", name, config.watchlists)


def configured_watchlist(name: str, config: Config) -> None:
    """Raises UsageError for an id that is not configured."""
    if name not in config.watchlists:
        raise _no_such("watchlist", name, config.watchlists)


def check_source(name: str | None, config: Config, session: Session) -> None:
    """Raises UsageError for an id that is neither configured nor in what is stored."""
    if name is None or name in config.sources or session.get(SourceState, name) is not None:
        return
    filed = select(Article.id).where(col(Article.source_id) == name).limit(1)
    if session.exec(filed).first() is None:
        raise _no_such("source", name, config.sources)


def _no_such(what: str, name: str, known: Iterable[str]) -> click.UsageError:
    return click.UsageError(f'there is no {what} "{name}"{did_you_mean(name, list(known))}')


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """A bar on standard error, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, known: None
        return
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, known: bar.update(task, completed=done, total=known)
