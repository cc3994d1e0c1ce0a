"""`articles`, `matches`, `deliveries`: what is stored, newest first."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta, tzinfo
from itertools import chain, islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from rich.text import Text
from sqlmodel import Session

from alerts.moments import shifted
from alerts.records import match_record
from service.cli.asked import Since, check_source, check_watchlist
from service.cli.context import Context
from service.cli.holding import why_held
from service.cli.output import (
    best_place,
    counted,
    json_option,
    note,
    print_json,
    print_table,
    show_time,
)
from service.cli.stored import stored
from service.config import Config
from service.json_objects import article_object, delivery_object, is_waiting
from store.articles import Article
from store.deliveries import Delivery, Match
from store.listing import (
    Wanted,
    gatherings,
    ids_that_begin,
    list_articles,
    list_deliveries,
    list_matches,
    told_matches,
)
from store.outbox import stopped_channels

SHOWN = 50
"""Rows of a table unless --limit says otherwise; --json is never cut."""

STATES = ("pending", "held", "delivered", "dead")

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def _options(command: Command) -> Command:
    """The options that all lists have."""
    for option in (
        json_option,
        click.option(
            "--limit", type=click.IntRange(0, 1_000_000_000), help="At most so many, the newest."
        ),
        click.option("--story", type=int, help="Only this story."),
        click.option("--watchlist", help="Only this watchlist."),
        click.option("--source", help="Only this source."),
        click.option("--since", type=Since(), help="Only what is newer: 6h, 2d, 2026-03-01."),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.pass_obj
def articles(context: Context, /, as_json: bool, **narrowed: Any) -> None:
    """List the articles that were found and stored."""
    config = context.load_quietly()
    with stored(config) as session:
        if session is None:
            return
        rows = list_articles(session, _wanted(narrowed, as_json, config, session))
        if as_json:
            for article in rows:
                print_json(article_object(article))
            return
        zone = ZoneInfo(config.service.timezone)
        columns = ["first seen", "source", "published", "title", "address"]
        _show(columns, rows, narrowed, lambda article: _article_cells(article, zone))


def _article_cells(article: Article, zone: tzinfo) -> list[str | Text]:
    seen = show_time(article.first_seen, zone)
    return [seen, article.source_id, published(article, zone), article.title, article.url]


def published(article: Article, zone: tzinfo) -> str:
    """The publication time as exactly as it is known."""
    if article.published is None or article.published_precision == "unknown":
        return "unknown"
    if article.published_precision == "day":
        # The day as readers there saw it, not as it was here; midnight of an unknown zone is
        # nearest to its own day at noon.
        offset = article.published_offset
        there = timedelta(hours=12) if offset is None else timedelta(minutes=offset)
        return f"{shifted(article.published, there):%Y-%m-%d}"
    return show_time(article.published, zone)


@click.command()
@_options
@click.option("--delivery", metavar="ID", help="All that this message tells of.")
@click.pass_obj
def matches(context: Context, /, as_json: bool, **narrowed: Any) -> None:
    """List what matched a watchlist, with the sentences that did."""
    config = context.load_quietly()
    with stored(config) as session:
        if session is None:
            return
        rows = list_matches(session, _wanted(narrowed, as_json, config, session))
        if as_json:
            for match, article in rows:
                print_json(match_record(match, article))
            return
        zone = ZoneInfo(config.service.timezone)
        columns = ["matched", "watchlist", "source", "title", "where", "address"]
        _show(columns, rows, narrowed, lambda row: _match_cells(*row, zone))


def _match_cells(match: Match, article: Article, zone: tzinfo) -> list[str | Text]:
    at = show_time(match.matched_at, zone)
    return [
        at,
        match.watchlist,
        article.source_id,
        article.title,
        best_place(match.excerpts),
        article.url,
    ]


@click.command()
@_options
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.pass_obj
def deliveries(context: Context, /, as_json: bool, **narrowed: Any) -> None:
    """List what was sent or waits to be sent; `--state dead` lists the dead letters."""
    config = context.load_quietly()
    with stored(config) as session:
        if session is None:
            return
        wanted = _wanted(narrowed, as_json, config, session)
        coming = _coming(session, wanted)
        rows = list_deliveries(session, wanted)
        stopped = stopped_channels(session)

        def held(delivery: Delivery) -> str:
            waits = is_waiting(delivery)
            return why_held(delivery.channel, config, stopped) if waits else ""

        if as_json:
            for delivery, told in islice(
                chain(coming, _with_matches(session, rows)), narrowed["limit"]
            ):
                print_json(delivery_object(delivery, told, held(delivery)))
            return
        zone = ZoneInfo(config.service.timezone)
        columns = ["made", "channel", "state", "attempts", "next or done", "subject", "id", "error"]
        shown = islice(chain((row for row, _ in coming), rows), wanted.limit)
        _show(columns, shown, narrowed, lambda row: _delivery_cells(row, held(row), zone))


def _coming(session: Session, wanted: Wanted) -> list[tuple[Delivery, list[tuple[Match, Article]]]]:
    """What is still being gathered, as the deliveries that it will be; the furthest first."""
    if wanted.state not in {None, "held"}:
        return []
    rows = []
    for gathering in reversed(gatherings(session, wanted)):
        count = len({article.id for _, article in gathering.found})
        watchlists = sorted({match.watchlist for match, _ in gathering.found})
        coming = Delivery(
            key="",
            channel=gathering.channel,
            recipient=gathering.recipient,
            watchlists=watchlists,
            subject=f"{', '.join(watchlists)}: {counted(count, 'article')} so far",
            text="",
            state="held",
            created_at=min(match.matched_at for match, _ in gathering.found if match.matched_at),
            next_attempt_at=gathering.due_at,
        )
        rows.append((coming, gathering.found))
    return rows


def _with_matches(
    session: Session, deliveries: Iterator[Delivery]
) -> Iterator[tuple[Delivery, list[tuple[Match, Article]]]]:
    while part := list(islice(deliveries, 200)):
        told = told_matches(session, [d.id for d in part if d.id is not None])
        for delivery in part:
            yield delivery, told.get(delivery.id or 0, [])


def _delivery_cells(delivery: Delivery, why_held: str, zone: tzinfo) -> list[str | Text]:
    state, moment = delivery.state, delivery.delivered_at or delivery.next_attempt_at
    return [
        show_time(delivery.created_at, zone),
        delivery.channel,
        state,
        str(delivery.attempts),
        "-" if state == "dead" or why_held else show_time(moment, zone),
        delivery.subject,
        delivery.key,
        (why_held or delivery.last_error or "") if state != "delivered" else "",
    ]


def _wanted(narrowed: dict[str, Any], as_json: bool, config: Config, session: Session) -> Wanted:
    """What was asked for; a table is cut one row beyond what it shows, to know of the rest.

    Raises UsageError for an id that nobody knows: an empty list would look like an answer.
    """
    check_watchlist(narrowed["watchlist"], config, session)
    check_source(narrowed["source"], config, session)
    delivery = narrowed.get("delivery")
    if delivery is not None:
        delivery = narrowed["delivery"] = _delivery_id(session, delivery)
    limit = narrowed["limit"]
    if limit is None and not as_json and delivery is None:
        limit = SHOWN + 1
    return Wanted(**{**narrowed, "limit": limit})


def _delivery_id(session: Session, begin: str) -> str:
    """The id of the one delivery whose id begins so. Raises UsageError."""
    found = ids_that_begin(session, begin)
    if len(found) == 1:
        return found[0]
    which = f"{len(found)} deliveries have ids that begin" if found else "no delivery has an id"
    raise click.UsageError(f"{which} {'with' if found else 'that begins with'} {begin}")


def _show(
    columns: list[str],
    rows: Iterable[T],
    narrowed: dict[str, Any],
    cells: Callable[[T], list[str | Text]],
) -> None:
    found = list(rows)
    whole = narrowed["limit"] is not None or narrowed.get("delivery") is not None
    shown = found if whole else found[:SHOWN]
    print_table(columns, map(cells, shown))
    if len(shown) < len(found):
        note(f"the newest {SHOWN}; --limit shows more, --json all")
