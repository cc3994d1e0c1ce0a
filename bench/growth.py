"""What one more row costs, and finding one, as the largest table grows on PostgreSQL.

    python -m bench.growth [--rows 300000] [--steps 6]

The table is `entry`: a row for everything that any source ever listed, with five indexes, three of
them on texts that come in no order. The server is one of its own, with a cache of 128 MB and
syncing as by default. Rows are made by the server itself, so that what is timed is its work.
"""

import argparse
import random
import time

import psycopg

from store.engine import Store
from store.schema import migrate
from tests.support.postgresql import Server

INSERT = """
    INSERT INTO entry (source_id, url, url_key, host, guid, title, item, baseline, found_at,
                       attempts, outcome, article_id)
    SELECT 'source' || n %% 20000, 'https://news.example/' || md5(n::text),
           'news.example/' || md5(n::text), 'host' || n %% 15000, md5('guid' || n),
           'A headline of the usual length, about something', '{"published": "2026-03-01"}', false,
           now(), 1, 'article', n
    FROM generate_series(%s::int, %s::int) AS n
"""
LOOKUPS = {
    "key of a source": (
        "SELECT url_key FROM entry WHERE source_id = %s AND url_key = ANY(%s)",
        lambda n: (f"source{n % 20000}", [f"news.example/{number:032x}" for number in range(30)]),
    ),
    "entries of an article": (
        "SELECT id FROM entry WHERE article_id = %s ORDER BY id",
        lambda n: (n,),
    ),
}
ASKED = 2000


def main() -> None:
    """Fill in steps; after each, time what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--steps", type=int, default=6)
    chosen = parser.parse_args()
    server = Server(fsync="on", full_page_writes="on", shared_buffers="128MB")
    try:
        name = server.create(empty=True)
        store = Store(server.url(name))
        migrate(store)
        store.close()
        with server.connect(name) as connection:
            step = chosen.rows // chosen.steps
            for number in range(chosen.steps):
                measure(connection, number * step + 1, (number + 1) * step)
    finally:
        server.remove()


def measure(connection: psycopg.Connection[tuple[object, ...]], first: int, last: int) -> None:
    """Adds the rows from one number to another, then says what things cost."""
    chance = random.Random(last)
    begin = time.perf_counter()
    connection.execute(INSERT, (first, last))
    insert = (time.perf_counter() - begin) / (last - first + 1)
    connection.execute("ANALYZE entry")  # as autovacuum does, which tests' servers leave out
    found = []
    for what, (query, values) in LOOKUPS.items():
        asked = [values(chance.randint(1, last)) for _ in range(ASKED)]
        begin = time.perf_counter()
        for each in asked:
            connection.execute(query, each).fetchall()
        found.append(f"{what} {(time.perf_counter() - begin) / ASKED * 1e6:4.0f} µs")
    query = "SELECT pg_total_relation_size('entry'), pg_indexes_size('entry')"
    row = connection.execute(query).fetchone()
    assert row is not None
    size, indexes = (int(str(part)) // last for part in row)
    print(f"{last:9} rows: a row {insert * 1e6:4.0f} µs, {', '.join(found)}, "
          f"{size} bytes a row, {indexes} of them indexes", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
