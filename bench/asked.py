"""What the running service asks of its database, when the tables have millions of rows.

    python -m bench.asked [--rows 1000000] [--database sqlite|postgresql]

`rows`: of each of `entry`, `article`, `story`, `article_url`, `revision` and `attempt`, a fifth as
many of `match`, `alert` and `delivery`; 20,000 sources; some hundreds or thousands of rows wait.
The database makes the rows itself, without indexes; then the indexes are made. PostgreSQL is a
server of its own with a cache of 256 MB, SQLite a file in the temporary folder; both are removed.
Each question is asked several times; told are the first time, with little of it in the cache, and
the median of the others. What changes something is rolled back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection, text
from sqlmodel import Session, SQLModel

from crawler.config import SourceConfig
from crawler.handing import due_jobs
from service.metrics import Metrics
from service.status import read_lines, read_status
from store import articles, listing, outbox, retention, stories
from store.engine import Store
from store.schema import migrate
from tests.support.postgresql import Server

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = 31_536_000
SOURCES = 20_000
TIMES = 7
WAIT = {"entry": 10_000, "article": 200, "delivery": 1_000, "alert": 500}
"""Rows that wait, the last ones."""
DEAD = 500
SENTENCE = "A sentence of an article that says something about somebody somewhere. " * 5

# Of row `n` of `rows`; `last(x)` is replaced by whether it is among the last x, `at` by its time.
COLUMNS: dict[str, tuple[float, dict[str, str]]] = {
    "source": (0, {
        "id": "'s' || n", "url": "'https://s' || n || '.example/feed'",
        "host": "'s' || n || '.example'", "kind": "'feed'", "state": "'ok'", "failures": "0",
        "last_visit": "at", "last_success": "at", "next_visit": "later", "articles_per_day": "10",
        "told_state": "'ok'", "rhythm": "'{\"hours\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}'",
        "pace": "1", "pages_failed": "0", "remarks": "'[]'",
    }),
    "entry": (1, {
        "id": "n", "source_id": "'s' || (n % 20000)", "url": "'https://news.example/' || n",
        "url_key": "'news.example/' || n", "host": "'s' || (n % 15000) || '.example'",
        "guid": "'guid' || n", "title": "'A headline of the usual length'", "item": "'{}'",
        "baseline": "false", "found_at": "at", "attempts": "1",
        "outcome": "CASE WHEN last(10000) THEN NULL ELSE 'article' END",
        "next_attempt_at": "CASE WHEN last(10000) THEN at END",
        "last_error": "CASE WHEN last(100) THEN 'HTTP 500' END",
        "article_id": "CASE WHEN last(10000) THEN NULL ELSE n END",
    }),
    "story": (1, {"id": "n", "created_at": "at"}),
    "article": (1, {
        "id": "n", "url": "'https://news.example/' || n",
        "canonical_url": "'https://news.example/' || n", "url_key": "'news.example/' || n",
        "source_id": "'s' || (n % 20000)", "story_id": "n",
        "title": "'A headline of the usual length'", "standfirst": "''", "body": f"'{SENTENCE}'",
        "captions": "''", "authors": "'[]'", "tags": "'[]'", "published_precision": "'minute'",
        "published_from": "'feed'", "first_seen": "at", "paywalled": "false", "revision": "1",
        "fingerprint": "'print' || n", "page_sha256": "''", "extractor": "'rules'",
        "confidence": "1", "candidates": "'[]'", "form": "'article'", "baseline": "false",
        "matched_at": "CASE WHEN last(200) THEN NULL ELSE at END", "matched_revision": "1",
    }),
    "article_url": (1, {"url_key": "'news.example/' || n", "article_id": "n"}),
    "revision": (1, {
        "article_id": "n", "number": "1", "at": "at", "kind": "'first'", "note": "''",
        "chain": "'chain'",
    }),
    "match": (0.2, {
        "id": "n", "watchlist": "'w' || (n % 500)", "article_id": "n * 5", "story_id": "n * 5",
        "matched_at": "at", "terms": "'[]'", "excerpts": "'[]'", "silent": "''",
    }),
    "delivery": (0.2, {
        "id": "n", "key": "'key' || n", "channel": "'c' || (n % 10)", "recipient": "''",
        "kind": "'alert'", "watchlists": "'[]'", "subject": "'A headline of the usual length'",
        "text": f"'{SENTENCE * 2}'", "html": f"'{SENTENCE * 3}'", "payload": "'{}'",
        "state": "CASE WHEN last(500) THEN 'held' WHEN last(1000) THEN 'pending' "
        "WHEN n % 1000 = 0 AND n <= 500000 THEN 'dead' ELSE 'delivered' END",
        "created_at": "at", "next_attempt_at": "CASE WHEN last(1000) THEN at END",
        "attempts": "5", "delivered_at": "CASE WHEN last(1000) THEN NULL ELSE at END",
    }),
    "alert": (0.2, {
        "id": "n", "match_id": "n", "watchlist": "'w' || (n % 500)", "channel": "'c' || (n % 10)",
        "recipient": "''", "revision": "0", "due_at": "at", "made_at": "at", "held": "''",
        "delivery_id": "CASE WHEN last(500) THEN NULL ELSE n END",
    }),
    "attempt": (1, {
        "id": "n", "delivery_id": "1 + (n - 1) / 5", "number": "1 + n % 5", "at": "at",
        "outcome": "'delivered'", "code": "250", "reply": "''",
    }),
}  # fmt: skip


def fill(store: Store, rows: int) -> Iterator[str]:
    """Makes the rows, a table at a time; tells of each how long it took."""
    for name, (share, columns) in COLUMNS.items():
        count = int(rows * share) or SOURCES
        table = SQLModel.metadata.tables[name]
        began = time.monotonic()
        with store.write_engine.begin() as connection:
            if store.path is None:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
            for index in table.indexes:
                index.drop(connection)
            _insert(connection, name, columns, count)
            made = time.monotonic() - began
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                index.create(connection)
        indexed = time.monotonic() - began - made
        yield f"{name}: {count:,} rows in {made:.0f} s, indexes {indexed:.0f} s"


def _insert(connection: Connection, name: str, columns: dict[str, str], count: int) -> None:
    sqlite = connection.dialect.name == "sqlite"
    moment = f"{NOON.timestamp():.0f} - ({count} - n) * {YEAR / count:.6f}"
    times = {
        "at": f"strftime('%Y-%m-%d %H:%M:%f000', {moment}, 'unixepoch')" if sqlite
        else f"to_timestamp({moment})",
        "later": "'2026-03-01 13:00:00.000000'" if sqlite
        else "timestamptz '2026-03-01 13:00:00+00'",
    }  # fmt: skip
    values = [_value(value, times, count) for value in columns.values()]
    numbers = (
        f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
        f"WHERE n < {count})"
        if sqlite
        else f"WITH numbers AS (SELECT n FROM generate_series(1, {count}) AS n)"
    )
    head = f'INSERT INTO "{name}" ({", ".join(columns)})'
    statement = f"{head} {numbers} SELECT {', '.join(values)} FROM numbers"
    # To PostgreSQL's driver a single percent sign announces a parameter.
    connection.exec_driver_sql(statement if sqlite else statement.replace("%", "%%"))


def _value(value: str, times: dict[str, str], count: int) -> str:
    if value in times:
        return times[value]
    for number in (*WAIT.values(), DEAD, 100):
        value = value.replace(f"last({number})", f"n > {count - number}")
    return value.replace(" at END", f" {times['at']} END").replace("ELSE at", f"ELSE {times['at']}")


def questions(store: Store, rows: int) -> dict[str, Callable[[], Any]]:
    """What is asked, by name."""
    configured = {
        f"s{n}": SourceConfig.model_validate({"url": f"https://s{n}.example/feed", "kind": "feed"})
        for n in range(1, SOURCES + 1)
    }
    keys = [f"news.example/{n}" for n in range(rows // 2, rows // 2 + 30)]
    rolled_back = lambda query: lambda: _rolled_back(store, query)  # noqa: E731
    channels = [f"c{n}" for n in range(10)]
    later = NOON + timedelta(minutes=2)
    return {
        "/health": lambda: read_lines(store, NOON),
        "/metrics": lambda: Metrics().text(store, lambda: NOON),
        "status": lambda: read_status(store, NOON),
        "due crawls": rolled_back(lambda s: due_jobs(s, configured, NOON, set(), 500)),
        "entries of a host": rolled_back(lambda s: articles.waiting_entries(s, "s9.example", NOON)),
        "30 keys of a source": rolled_back(lambda s: articles.known_keys(s, "s1", keys)),
        "addresses of a source": rolled_back(lambda s: articles.article_urls_of(s, "s1")),
        "articles at 30 addresses": rolled_back(lambda s: articles.articles_at(s, keys)),
        "articles to match": rolled_back(lambda s: articles.lock_unmatched(s, 200)),
        "taking one": rolled_back(lambda s: outbox.take_article(s, rows - 9, 1, NOON)),
        "its source's latest": rolled_back(lambda s: stories.latest_of_source(s, "s1", [1], 20)),
        "due alerts": rolled_back(lambda s: outbox.due_alerts(s, NOON, channels)),
        "channels that are due": rolled_back(lambda s: outbox.channels_due(s, NOON, channels)),
        "claiming 50 messages": rolled_back(
            lambda s: outbox.claim(s, "c3", "token", NOON, later, 50)
        ),
        "messages put off": rolled_back(
            lambda s: outbox.set_clock_right(s, NOON, timedelta(minutes=5), timedelta(days=9))
        ),
        "messages stranded": rolled_back(lambda s: outbox.hold_stranded(s, channels)),
        "dead letters": rolled_back(lambda s: listing.dead_letters(s, None)),
        "explain: an address": rolled_back(lambda s: listing.entries_at(s, keys[:1])),
        "a batch of retention": rolled_back(
            lambda s: retention.forget_stories(s, NOON - timedelta(days=300), None)
        ),
    }


def _rolled_back(store: Store, query: Callable[[Session], Any]) -> None:
    with Session(store.write_engine) as session:
        query(session)
        session.flush()
        session.rollback()


def ask(store: Store, rows: int) -> Iterator[str]:
    """Asks everything; a line of a table for each."""
    for name, question in questions(store, rows).items():
        took = []
        for _ in range(TIMES):
            began = time.perf_counter()
            question()
            took.append(1000 * (time.perf_counter() - began))
        yield f"| {name} | {took[0]:.1f} | {median(took[1:]):.1f} |"


@contextmanager
def database(kind: str) -> Iterator[Store]:
    """An empty database of our schema, removed in the end."""
    if kind == "postgresql":
        server = Server(shared_buffers="256MB", max_wal_size="8GB", autovacuum="on")
        store = Store(server.url(server.create(empty=True)))
        migrate(store)
        try:
            yield store
        finally:
            store.close()
            server.remove()
        return
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder, 'wirewatch.db')}")
        migrate(store)
        try:
            yield store
        finally:
            store.close()


def settle(store: Store) -> None:
    """What autovacuum does in its own time; SQLite has nothing like it."""
    if store.path is None:
        with store.write_engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM ANALYZE")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="what is asked, at millions of rows")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    chosen = parser.parse_args()
    with database(chosen.database) as store:
        for line in fill(store, chosen.rows):
            print(line, flush=True)
        settle(store)
        print("| asked | first, ms | then, ms |\n|---|---|---|")
        for line in ask(store, chosen.rows):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
