"""`try WATCHLIST`: what a watchlist, or a query, would have brought."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.text import Text
from sqlmodel import Session, col, select

from alerts.backfill import backfill
from alerts.config import WatchlistConfig
from alerts.query_tree import to_words
from alerts.records import article_record, excerpts_of
from alerts.rules import Rule, compile_rule
from alerts.search import Found, find
from alerts.trial import Trial
from service.alerting import alert_context, state_path
from service.cli.asked import (
    Since,
    asked_query,
    check_source,
    configured_watchlist,
    progress,
)
from service.cli.context import Context
from service.cli.output import (
    best_place,
    json_option,
    note,
    print_json,
    print_table,
    say,
    show_time,
)
from service.cli.search import hit_object
from service.cli.stored import opened
from service.config import Config
from service.installation import installation_id
from service.json_objects import moment
from store.articles import Article
from store.deliveries import Match
from store.engine import Store
from store.search import Tell, Window, articles_with, count_articles, oldest_news
from store.writer import Writer

SHOWN = 10
"""Articles of each kind unless --limit says otherwise."""
_TRIED, _COMPARED = "tried", "compared"


@dataclass(slots=True)
class _Outcome:
    """What was found, and how it differs from what is in force."""

    trial: Trial
    begin: datetime | None
    """When the news began that alerts are counted of."""
    searched: int
    limit: int
    """Articles of each kind that are kept to be shown."""
    compared: str = ""
    """With what `added` and `removed` are compared; empty: with nothing."""
    newest: list[Found] = field(default_factory=list)
    added: list[Found] = field(default_factory=list)
    added_count: int = 0
    removed: list[int] = field(default_factory=list)

    def take(self, found: Found, *, is_new: bool) -> None:
        """One article that the rule matches."""
        article = found.article
        self.trial.add(article.source, article.story, article.first_seen, baseline=article.baseline)
        if len(self.newest) < self.limit:
            self.newest.append(found)
        if is_new:
            self.added_count += 1
            if len(self.added) < self.limit:
                self.added.append(found)


@click.command("try")
@click.argument("watchlist", required=False)
@click.option("--query", help="Try this query, for the watchlist or by itself.")
@click.option("--since", type=Since(), help="Only what is newer: 6h, 2d, 2026-03-01.")
@click.option("--source", help="Only this source.")
@click.option(
    "--limit", type=click.IntRange(0), default=SHOWN, help=f"Articles shown of each kind; {SHOWN}."
)
@click.option(
    "--backfill",
    "past",
    type=Since(),
    metavar="WHEN",
    help="Keep the matches since then, and send one summary of them.",
)
@json_option
@click.pass_obj
def try_(
    context: Context,
    /,
    watchlist: str | None,
    query: str | None,
    since: datetime | None,
    source: str | None,
    limit: int,
    past: datetime | None,
    as_json: bool,
) -> None:
    """Show what WATCHLIST, or a query, would have brought; nothing is sent but by --backfill."""
    config = context.load_quietly()
    rule, table = _rule(watchlist, query, config)
    if past is not None and (watchlist is None or query is not None or since or source):
        raise click.UsageError("--backfill stands beside the id of a watchlist and nothing else")
    with opened(config) as store:
        if store is None:
            return
        if past is not None and watchlist is not None:
            _backfill(config, store, watchlist, rule, past, as_json)
            return
        with store.reading() as session, progress("articles") as tell:
            check_source(source, config, session)
            window = Window(since, source)
            zone = ZoneInfo(config.service.timezone)
            outcome = _Outcome(
                Trial(zone), oldest_news(session, window), count_articles(session), limit
            )
            if watchlist is None:
                _try_alone(session, outcome, rule, window, tell)
            elif query is None:
                _try_against_stored(session, outcome, watchlist, rule, window, tell)
            else:
                loaded = compile_rule(config.watchlists[watchlist], config.variants)
                _try_against_loaded(session, outcome, rule, loaded, window, tell)
            articles = _articles(session, outcome)
        if as_json:
            print_json(_object(outcome, watchlist, rule, table, articles, since))
        else:
            _show(outcome, rule, table, articles, zone)


def _rule(
    watchlist: str | None, query: str | None, config: Config
) -> tuple[Rule, WatchlistConfig | None]:
    """The rule that is tried; a query takes the other keys of the watchlist it stands in for."""
    if watchlist is None and query is None:
        raise click.UsageError("which one? Name a watchlist, or write --query QUERY")
    table = None
    if watchlist is not None:
        configured_watchlist(watchlist, config)
        table = config.watchlists[watchlist]
    rule = compile_rule(table, config.variants) if table else None
    if query is None:
        assert rule is not None
        return rule, table
    node = asked_query(query, config)
    return (replace(rule, query=node) if rule else Rule(node)), table


def _try_alone(session: Session, outcome: _Outcome, rule: Rule, window: Window, tell: Tell) -> None:
    for found in find(session, {_TRIED: rule}, window, tell):
        outcome.take(found, is_new=False)


def _try_against_stored(
    session: Session, outcome: _Outcome, watchlist: str, rule: Rule, window: Window, tell: Tell
) -> None:
    """What the rule finds now and did not when the articles came, and the other way round."""
    outcome.compared = "the matches that are stored"
    known = _stored_matches(session, watchlist, window)
    for found in find(session, {_TRIED: rule}, window, tell):
        outcome.take(found, is_new=found.article.id not in known)
        known.discard(found.article.id)
    outcome.removed = sorted(known, reverse=True)


def _try_against_loaded(
    session: Session, outcome: _Outcome, rule: Rule, loaded: Rule, window: Window, tell: Tell
) -> None:
    """What the changed rule finds and the loaded one does not, and the other way round."""
    outcome.compared = "the loaded watchlist"
    for found in find(session, {_TRIED: rule, _COMPARED: loaded}, window, tell):
        names = {hit.watchlist for hit in found.hits}
        if _TRIED in names:
            outcome.take(_only(found, _TRIED), is_new=_COMPARED not in names)
        else:
            outcome.removed.append(found.article.id)


def _only(found: Found, name: str) -> Found:
    return replace(found, hits=tuple(hit for hit in found.hits if hit.watchlist == name))


def _stored_matches(session: Session, watchlist: str, window: Window) -> set[int]:
    query = (
        select(Match.article_id)
        .join(Article, col(Match.article_id) == col(Article.id))
        .where(Match.watchlist == watchlist)
    )
    if window.since is not None:
        query = query.where(col(Article.first_seen) >= window.since)
    if window.source is not None:
        query = query.where(Article.source_id == window.source)
    return set(session.exec(query))


def _articles(session: Session, outcome: _Outcome) -> dict[int, Article]:
    """The articles that are shown."""
    ids = [each.article.id for each in (*outcome.newest, *outcome.added)]
    return articles_with(session, dict.fromkeys([*ids, *outcome.removed[: outcome.limit]]))


def _object(
    outcome: _Outcome,
    watchlist: str | None,
    rule: Rule,
    table: WatchlistConfig | None,
    articles: Mapping[int, Article],
    since: datetime | None,
) -> dict[str, Any]:
    trial = outcome.trial
    weekly = trial.alerts_a_week(outcome.begin, datetime.now(UTC))
    return {
        "watchlist": watchlist,
        "words": to_words(rule.query),
        "since": moment(since),
        "searched": outcome.searched,
        "hits": trial.hits,
        "alerts": trial.alerts,
        "alerts_per_week": None if weekly is None else round(weekly, 1),
        "hits_per_day": [
            {"day": day.isoformat(), "hits": count} for day, count in sorted(trial.by_day.items())
        ],
        "hits_per_source": [
            {"source": source, "hits": count} for source, count in trial.by_source.most_common()
        ],
        "max_per_day": table.max_per_day if table else None,
        "days_above_max": [
            day.isoformat() for day in (trial.days_above(table.max_per_day) if table else [])
        ],
        "newest": [hit_object(articles[each.article.id], each.hits[0]) for each in outcome.newest],
        "compared_with": outcome.compared or None,
        "adds": outcome.added_count,
        "removes": len(outcome.removed),
        "added": [hit_object(articles[each.article.id], each.hits[0]) for each in outcome.added],
        "removed": [article_record(articles[id_]) for id_ in outcome.removed[: outcome.limit]],
    }


def _show(
    outcome: _Outcome,
    rule: Rule,
    table: WatchlistConfig | None,
    articles: Mapping[int, Article],
    zone: ZoneInfo,
) -> None:
    trial = outcome.trial
    say(f"looks for  {to_words(rule.query)}")
    say(f"found      {trial.hits} of {outcome.searched} articles, {trial.alerts} alerts")
    for line in _expected(outcome, table):
        say(f"           {line}")
    if not trial.hits and not outcome.removed:
        return
    say()
    print_table(["day", "hits"], [[f"{day}", f"{n}"] for day, n in sorted(trial.by_day.items())])
    say()
    print_table(["source", "hits"], [[name, f"{n}"] for name, n in trial.by_source.most_common()])
    _show_articles("newest", outcome.newest, articles, zone)
    if not outcome.compared:
        return
    say()
    say(f"compared with {outcome.compared}: {outcome.added_count} more, "
        f"{len(outcome.removed)} less")  # fmt: skip
    _show_articles("more", outcome.added, articles, zone)
    shown = outcome.removed[: outcome.limit]
    if shown:
        say()
        rows = [_cells(articles[id_], zone) for id_ in shown]
        print_table(["less", "source", "title", "address"], rows)


def _expected(outcome: _Outcome, table: WatchlistConfig | None) -> Iterator[str]:
    """What is to be expected, and whether it is too much."""
    weekly = outcome.trial.alerts_a_week(outcome.begin, datetime.now(UTC))
    if weekly is None:
        yield "nothing but first visits is stored yet, so nothing can be said of a week"
        return
    shown = f"{weekly:.1f}" if weekly < 10 else f"{weekly:.0f}"
    yield f"expect about {shown} alerts a week"
    if table and (days := outcome.trial.days_above(table.max_per_day)):
        noun = "day" if len(days) == 1 else "days"
        note(
            f"warning: more than max_per_day = {table.max_per_day} alerts on {len(days)} {noun} "
            f"(first on {days[0]}); what goes beyond it arrives as one summary a day"
        )


def _show_articles(
    label: str, shown: list[Found], articles: Mapping[int, Article], zone: ZoneInfo
) -> None:
    if not shown:
        return
    rows: list[list[str | Text]] = []
    for found in shown:
        where = best_place(excerpts_of(found.text, found.hits[0]))
        seen, source, title, address = _cells(articles[found.article.id], zone)
        rows.append([seen, source, title, where, address])
    say()
    print_table([label, "source", "title", "where", "address"], rows)


def _cells(article: Article, zone: ZoneInfo) -> list[str]:
    seen = show_time(article.first_seen, zone)
    return [seen, article.source_id, article.title, article.url]


def _backfill(
    config: Config, store: Store, watchlist: str, rule: Rule, since: datetime, as_json: bool
) -> None:
    """Keeps and sums up what the watchlist matches in the past."""
    installation = installation_id(state_path(config, store).with_suffix(".id"))
    writer = Writer(store)
    try:
        context = alert_context(
            config, store, writer, installation, lambda: datetime.now(UTC), random.random
        )
        with progress("articles") as tell:
            done = backfill(context, watchlist, rule, since, tell)
    finally:
        writer.close()
    if as_json:
        print_json({"watchlist": watchlist, "since": moment(since), "matches": done.matches,
                    "deliveries": done.deliveries})  # fmt: skip
        return
    say(f"{done.matches} new matches, {done.deliveries} summaries")
    if done.deliveries:
        say("The running service sends them; without one, `wirewatch run --once` does.")
