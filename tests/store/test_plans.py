"""Every query of the running service finds its rows by an index, on both databases.

The tables that grow without end may have tens of millions of rows. What is asked of them every
second, for every entry, page, match or message is listed here, and the database is asked how it
would go about it. Failures are a scan of a whole table; an index that is walked from one end to the
other; and one that is asked for no more than a source, host, watchlist or channel, for each of them
has a share of all rows. A scan of a partial index is none, for such an index holds only what waits,
nor is one of `kept_page`, which does the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, event, text
from sqlmodel import Session, SQLModel

from crawler.outages import record_pause
from service import status
from store import articles, listing, outbox, retention, revisions, sources, stories
from store.articles import Article
from store.deliveries import attempts_of, matches_of
from store.engine import Store
from store.listing import Wanted
from store.types import UtcDateTime

ROWS = 500
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GROWING = {
    *("alert", "article", "article_url", "attempt", "change", "crawl_run", "delivery", "entry"),
    *("evidence", "match", "revision", "revisit", "sketch", "story"),
}
"""Tables with a row for each entry, article, match, message, attempt or crawl."""
WEAK = {"source_id", "host", "watchlist", "channel"}
"""Columns of which each value stands in a share of the rows."""
SETTLED = {
    "entry": {"outcome": "article", "next_attempt_at": None},
    "delivery": {"state": "delivered", "claim": None, "claimed_until": None},
    "alert": {"delivery_id": ...},
    "revisit": {"next_at": None},
}
"""Nearly everything stored has been dealt with."""
FEW = {"kept_page": 3}
"""Rows where there are never many."""
HIGH = 1_000_000
"""A number of one article more: so many are not counted one by one."""


def rows_of(table: Table) -> Iterator[dict[str, Any]]:
    for number in range(1, FEW.get(table.name, ROWS) + 1):
        row: dict[str, Any] = {}
        for column in table.columns:
            dated = isinstance(column.type, UtcDateTime)
            kind = datetime if dated else column.type.python_type
            row[column.name] = value(table, column.name, kind, number)
        yield row | {k: v for k, v in SETTLED.get(table.name, {}).items() if v is not ...}


def value(table: Table, name: str, kind: type, number: int) -> Any:
    if name in WEAK and not table.c[name].primary_key:
        return f"{name}{number % 20}"
    if name == "body" and kind is str:
        return "Word after word. " * 20
    made: dict[type, Callable[[], Any]] = {
        int: lambda: number,
        float: lambda: 0.5,
        bool: lambda: False,
        bytes: lambda: b"x",
        datetime: lambda: NOW - timedelta(minutes=number),
        dict: dict,
    }
    return made.get(kind, lambda: f"{name}{number}")()


@pytest.fixture
def grown(store: Store) -> Store:
    """A store in which every table has rows."""
    with store.writing() as session:
        for table in SQLModel.metadata.sorted_tables:
            session.connection().execute(table.insert(), list(rows_of(table)))
        article = SQLModel.metadata.tables["article"]
        last = next(rows_of(article)) | {"id": HIGH, "url_key": "high"}
        session.connection().execute(article.insert(), last)
    if store.path is None:
        with store.write_engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM ANALYZE")  # what autovacuum does, by and by
    return store


KEYS = [f"url_key{number}" for number in range(1, 40)]
IDS = list(range(1, 40))
BEFORE = NOW - timedelta(minutes=ROWS - 50)
BATCH = [
    outbox.Outcome(
        5,
        {"state": "delivered", "last_error": None, "next_attempt_at": None, "delivered_at": NOW},
        {"number": 1, "at": NOW, "outcome": "delivered", "code": 250, "reply": b"", "error": None},
    )
]

QUERIES: dict[str, Callable[[Session], Any]] = {
    # every second
    "hosts with waiting entries": lambda s: articles.hosts_waiting(s, NOW),
    "hosts to revisit": lambda s: revisions.hosts_to_revisit(s, NOW),
    "articles to match": articles.unmatched_articles,
    "alerts that are due": lambda s: outbox.due_alerts(s, NOW, ["channel1"]),
    "channels with something to send": lambda s: outbox.channels_due(s, NOW, ["channel1"], [7]),
    "articles to match, of several matchers": lambda s: articles.lock_unmatched(s, 200, [3]),
    "pages to archive": revisions.waiting_pages,
    # now and then
    "what stranded": lambda s: outbox.hold_stranded(s, ["channel1"]),
    "times of a wrong clock": lambda s: outbox.set_clock_right(
        s, NOW, timedelta(minutes=5), timedelta(days=9)
    ),
    "claims of the last run": outbox.free_all,
    # /health, /metrics, status
    "the three lines": lambda s: status.read_lines(of_session(s), NOW),
    "the whole state": lambda s: status.read_status(of_session(s), NOW),
    # each crawl
    "entries of a host": lambda s: articles.waiting_entries(s, "host1", NOW),
    "revisits of a host": lambda s: revisions.due_revisits(s, "host1", NOW),
    "the plan of articles changed": lambda s: revisions.revisits_of(s, IDS),
    # each document, each page
    "keys a source listed before": lambda s: articles.known_keys(s, "source_id1", KEYS),
    "articles at addresses": lambda s: articles.articles_at(s, KEYS),
    "articles with a fingerprint": lambda s: articles.articles_with_fingerprint(s, "fingerprint9"),
    "articles with a sketch": lambda s: stories.sketched_alike(
        s, IDS[:16], NOW, timedelta(days=7), 4
    ),
    "revisions of an article": lambda s: revisions.revisions_of(s, 9),
    "evidence of an article": lambda s: revisions.evidence_of(s, 9),
    # each article that is matched
    "taking an article": lambda s: outbox.take_article(s, 9, 9, NOW),
    "was the story told": lambda s: outbox.story_is_told(s, "watchlist1", 9),
    "alerts of the day": lambda s: outbox.count_alerts(
        s, "watchlist1", "channel1", "", NOW - timedelta(hours=1)
    ),
    "matches of an article": lambda s: matches_of(s, 9),
    # each message
    "when others are gathered": lambda s: outbox.next_gathering(
        s, "channel1", "", NOW, NOW + timedelta(hours=1)
    ),
    "articles of stories": lambda s: outbox.articles_of_stories(s, IDS),
    "putting alerts into a message": lambda s: outbox.attach(s, IDS, 9),
    "a message by its id": lambda s: outbox.delivery_with_key(s, "key9"),
    "claiming": lambda s: outbox.claim(s, "channel1", "token", NOW, NOW, 10, [7]),
    "renewing": lambda s: outbox.renew(s, "token", NOW, IDS),
    "releasing": lambda s: outbox.release(s, "token", IDS),
    "settling": lambda s: outbox.settle(s, "claim5", BATCH),
    "attempts at a message": lambda s: attempts_of(s, 9),
    "the present series of attempts": lambda s: outbox.series_of(s, 9),
    "holding": lambda s: outbox.hold(s, "channel1", NOW, NOW),
    "dead letters of a channel": outbox.dead_letters,
    # explain, retry and the lists
    "an address": lambda s: listing.article_at(s, KEYS[:1]),
    "entries at an address": lambda s: listing.entries_at(s, KEYS[:1]),
    "every dead letter": lambda s: listing.dead_letters(s, None),
    "dead letters by their keys": lambda s: listing.dead_letters(s, ["key9", "9"]),
    "dead letters, listed": lambda s: list(listing.list_deliveries(s, Wanted(state="dead"))),
    "held messages, listed": lambda s: list(listing.list_deliveries(s, Wanted(state="held"))),
    "entries of an article": lambda s: listing.entries_of(s, 9),
    "addresses of an article": lambda s: listing.addresses_of(s, 9),
    "copies": lambda s: listing.copies_of(s, s.get_one(Article, 9)),
    "what was told of a match": lambda s: listing.tellings(s, 9),
    "what messages told of": lambda s: listing.told_matches(s, IDS),
    # a batch of retention
    "forgetting stories": lambda s: retention.forget_stories(s, BEFORE, None),
    "forgetting messages": lambda s: retention.forget_messages(s, BEFORE, 0),
    "forgetting crawls": lambda s: retention.forget_crawls(s, BEFORE),
    "forgetting sketches": lambda s: retention.forget_sketches(s, BEFORE, 128),
    # sources, of which there are few
    "plans of sources": sources.planned_visits,
}


LIMITED: dict[str, Callable[[Session], Any]] = {
    "latest articles of a source": lambda s: stories.latest_of_source(s, "source_id1", IDS[:3], 9),
    "addresses that were articles": lambda s: articles.article_urls_of(s, "source_id1", 20),
    "when the last run ended": lambda s: record_pause(s, NOW),
}
"""These walk an index in the order that is wanted and stop where they have enough."""


def test_every_query_finds_its_rows_by_an_index(grown: Store) -> None:
    found = {name: scans(grown, query) for name, query in QUERIES.items()}
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_what_stops_at_a_limit_comes_in_the_order_of_an_index(grown: Store) -> None:
    assert {name: sorts(grown, query) for name, query in LIMITED.items()} == dict.fromkeys(
        LIMITED, False
    )


PLANTED = {
    "SELECT 1 FROM article WHERE title = 'x'": "article",
    "SELECT id FROM article WHERE title = 'x' ORDER BY id": "article",
    "SELECT count(*) FROM article": "article",
    "SELECT count(*) FROM delivery WHERE channel = 'x' AND text = 'x'": "delivery",
    "SELECT id FROM entry WHERE source_id = 'x' ORDER BY id DESC LIMIT 20": "entry",
}
"""Queries without an index that serves them."""


def test_a_query_without_an_index_is_found_out(grown: Store) -> None:
    found = {query: scans(grown, lambda s, q=query: s.execute(text(q))) for query in PLANTED}  # type: ignore[misc]
    assert found == {query: {table} for query, table in PLANTED.items()}


class of_session(Store):  # noqa: N801 - read as a preposition
    """A store whose reading is done in a session that there is."""

    def __init__(self, session: Session) -> None:
        self._reading = session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        yield self._reading


@dataclass(frozen=True)
class Step:
    """One thing that a database does for a statement."""

    table: str = ""
    """That it reads from; empty for what it does with rows it has."""
    reads_a_share: bool = False
    """Whether that is all of the table, or a share of it."""
    sorts: bool = False


def scans(store: Store, query: Callable[[Session], Any]) -> set[str]:
    """The growing tables of which the query's statements would read all, or a share."""
    return {step.table for step in steps(store, query) if step.reads_a_share} & GROWING


def sorts(store: Store, query: Callable[[Session], Any]) -> bool:
    """Whether rows are sorted before the first of them is known."""
    return any(step.sorts for step in steps(store, query, without=("sort", "bitmapscan")))


def steps(store: Store, query: Callable[[Session], Any], without: Sequence[str] = ()) -> list[Step]:
    """What the database would do; `without` are ways that PostgreSQL is told not to go."""
    said = recorded(store.write_engine)
    with Session(store.write_engine) as session:
        query(session)
        session.flush()
        statements = list(said)
        event.remove(store.write_engine, "before_cursor_execute", said.listener)
        for way in ("seqscan", "hashjoin", "mergejoin", *without) if store.path is None else ():
            # With few rows a scan is cheapest. Told to do without, the server shows what it has
            # instead: a scan that is left is one for which there is no index.
            session.connection().exec_driver_sql(f"SET LOCAL enable_{way} = off")
        plan = steps_of_postgresql if store.path is None else steps_of_sqlite
        found = [
            step
            for statement, parameters in statements
            if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))
            for step in plan(session.connection(), statement, parameters)
        ]
        session.rollback()
    return found


class recorded(list[tuple[str, Any]]):  # noqa: N801 - read as a verb
    """The statements of an engine from now on."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        event.listen(engine, "before_cursor_execute", self.listener, retval=True)

    def listener(
        self, _c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any
    ) -> tuple[str, Any]:
        one = parameters[0] if isinstance(parameters, list) and parameters else parameters
        self.append((statement, one))
        return statement, parameters


def steps_of_sqlite(connection: Connection, statement: str, parameters: Any) -> Iterator[Step]:
    partial = {
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
        )
    }
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        words = row[3].split()
        asked = re.findall(r"(\w+)[=<>]", row[3].partition("(")[2])
        if words[0] == "SCAN" or (words[0] == "SEARCH" and asked):
            yield Step(words[1], not partial & {*words} and is_weak(asked))
        elif words[0] == "SEARCH":
            yield Step(words[1])  # the lowest or highest of an index
        else:
            yield Step(sorts=row[3] == "USE TEMP B-TREE FOR ORDER BY")


def steps_of_postgresql(connection: Connection, statement: str, parameters: Any) -> Iterator[Step]:
    indexes = {
        row[0]: (row[1], row[2])
        for row in connection.exec_driver_sql(
            "SELECT index.relname, made_of.relname, indpred IS NOT NULL FROM pg_index "
            "JOIN pg_class index ON index.oid = indexrelid "
            "JOIN pg_class made_of ON made_of.oid = indrelid"
        )
    }
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    plans = explained.scalar_one()
    todo = [(each["Plan"], {}) for each in (json.loads(plans) if isinstance(plans, str) else plans)]
    while todo:
        node, above = todo.pop()
        todo += [(below, node) for below in node.get("Plans", [])]
        if node["Node Type"] == "Seq Scan":
            yield Step(node["Relation Name"], reads_a_share=True)
        elif index := node.get("Index Name"):
            table, is_partial = indexes[index]
            asked = re.findall(r"\((\w+)\)?(?:::\w+)? (?:=|<|>)", node.get("Index Cond", ""))
            is_end = above.get("Node Type") == "Limit" and above["Plan Rows"] == 1
            is_end = is_end and "Filter" not in node
            yield Step(table, not is_partial and not is_end and is_weak(asked))
        else:
            yield Step(sorts=node["Node Type"] == "Sort")


def is_weak(asked: Sequence[str]) -> bool:
    """Whether such conditions, or none, leave a share of the table however large it is."""
    return {*asked} <= WEAK
