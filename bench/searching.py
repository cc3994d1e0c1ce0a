"""How long `search` and `try` take over many stored articles, and what the index costs.

    python -m bench.searching DATA_FOLDER [--articles 200000] [--database FILE]

DATA_FOLDER is that of bench.matching. FILE is kept, and filled up to the number asked for, so that
a large one can be made in several runs; without it a database is made and thrown away.
"""

import argparse
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, SQLModel

from alerts.query import parse
from alerts.rules import Rule
from alerts.search import find
from bench.matching import articles
from store.articles import Article, Story
from store.engine import Store
from store.schema import migrate
from store.search import Window, count_articles
from store.search_index import TABLE, add_to_index

PART = 1000
QUERIES = (
    '"Durand Line"',
    "Afghanistan AND (border OR refugees)",
    "President NEAR/5 Clinton",
    "clash*",
    "title:police",
    "北京",
    "border",
)


def row(number: int, fields: dict[str, str], start: datetime) -> dict[str, object]:
    """An article as the crawler files it."""
    url = f"https://news{number % 40}.example/2026/03/{number}/a-story-about-something"
    values = {
        "url": url,
        "canonical_url": url,
        "url_key": url,
        "source_id": f"news{number % 40}",
        "story_id": 1,
        "title": fields["title"],
        "standfirst": "",
        "body": fields["body"],
        "captions": "",
        "authors": ["A Name"],
        "tags": [],
        "lang": "en",
        "published_precision": "unknown",
        "published_from": "unknown",
        "first_seen": start + timedelta(seconds=number * 26),
        "paywalled": False,
        "revision": 1,
        "fingerprint": f"{number:032x}",
        "page_sha256": f"{number:064x}",
        "extractor": "bench",
        "confidence": 1.0,
        "baseline": False,
        "matched_at": start,
    }
    return Article(**values).model_dump(exclude={"id"})


def fill(store: Store, folder: Path, wanted: int) -> tuple[float, float, int]:
    """Files articles until there are as many as wanted; seconds for rows, for index, and count."""
    with store.reading() as session:
        there = count_articles(session)
    missing = max(0, wanted - there)
    texts = articles(folder, min(missing, 20000), random.Random(there)) if missing else []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = index = 0.0
    table = SQLModel.metadata.tables["article"]
    for done in range(there, wanted, PART):
        part = range(done, min(done + PART, wanted))
        batch = [row(n, dict(texts[n % len(texts)].fields), start) for n in part]
        with Session(store.write_engine) as session:
            if done == 0:
                session.add(Story(id=1, created_at=start))
                session.flush()
            begin = time.process_time()
            session.connection().execute(table.insert(), batch)
            rows += time.process_time() - begin
            begin = time.process_time()
            for number, one in zip(part, batch, strict=True):
                fields = (one["title"], one["body"], one["url"], "A Name")
                add_to_index(session.connection(), number + 1, map(str, fields))
            session.commit()
            index += time.process_time() - begin
    return rows, index, missing


def sizes(store: Store) -> tuple[int, int]:
    """Bytes of the articles' rows and of the index."""
    with store.reading() as session:
        query = text("SELECT sum(pgsize) FROM dbstat WHERE name = 'article'")
        rows = session.connection().execute(query).scalar_one()
        query = text(f"SELECT sum(pgsize) FROM dbstat WHERE name LIKE '{TABLE}%'")
        return rows, session.connection().execute(query).scalar_one()


def main() -> None:
    """Fill, weigh, search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--articles", type=int, default=200_000)
    parser.add_argument("--database", type=Path)
    parser.add_argument("--fill-only", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{chosen.database or Path(folder, 'bench.db')}")
        migrate(store)
        rows, index, added = fill(store, chosen.folder, chosen.articles)
        if added:
            print(f"{added} articles filed: {rows / added * 1e6:.0f} µs a row, "
                  f"{index / added * 1e6:.0f} µs for the index")  # fmt: skip
        if chosen.fill_only:
            return
        weigh, of_index = sizes(store)
        with store.reading() as session:
            count = count_articles(session)
        print(f"{count} articles: {weigh / count:.0f} bytes a row, "
              f"{of_index / count:.0f} bytes of index")  # fmt: skip
        for query in QUERIES:
            rule = Rule(parse(query))
            begin = time.perf_counter()
            with store.reading() as session:
                found = sum(1 for _ in find(session, {"q": rule}, Window()))
            everything = time.perf_counter() - begin
            begin = time.perf_counter()
            with store.reading() as session:
                for _, _ in zip(range(50), find(session, {"q": rule}, Window()), strict=False):
                    pass
            first = time.perf_counter() - begin
            print(f"{query:>40} {found:8} found, all of them in {everything:6.2f} s, "
                  f"the newest 50 in {first:5.2f} s")  # fmt: skip
        store.close()


if __name__ == "__main__":
    main()
