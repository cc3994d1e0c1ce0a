"""A sitemap of 50,000 addresses: memory and time to read it, and to remember what it lists.

    .venv/bin/python bench/sitemap.py [--addresses N]

The sitemaps are made here: addresses of 80 characters with lastmod, two pictures and two addresses
of other languages each. Every reading is a process of its own; its peak of resident memory is
compared with that of a tenth of the sitemap and with lxml's tree of the whole. Remembering goes
through `record_listing` into a fresh SQLite database, first as a baseline, then as what is known.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lxml import etree

from crawler.answer import Answer
from crawler.record import Listing, record_listing
from crawler.sources.sitemap import parse_sitemap
from store.engine import Store
from store.schema import migrate

URL = "https://www.news.example/sitemap.xml"


def sitemap(addresses: int) -> bytes:
    """The document."""
    rows = "".join(
        f"<url><loc>https://www.news.example/2026/03/01/a-story-of-some-length-{n:07}</loc>"
        f"<lastmod>2026-03-01T{n % 24:02}:00:00Z</lastmod>"
        "<image:image><image:loc>https://cdn.news.example/a.jpg</image:loc></image:image>"
        "<image:image><image:loc>https://cdn.news.example/b.jpg</image:loc></image:image>"
        '<xhtml:link rel="alternate" hreflang="ur" href="https://www.news.example/ur/a"/>'
        '<xhtml:link rel="alternate" hreflang="fa" href="https://www.news.example/fa/a"/></url>'
        for n in range(addresses)
    )
    return (
        '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" '
        f'xmlns:xhtml="http://www.w3.org/1999/xhtml">{rows}</urlset>'
    ).encode()


def peak(way: str, body: bytes) -> tuple[float, float, int]:
    """MB of peak memory beyond the document, seconds, addresses."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    if way == "tree":
        found = len(etree.fromstring(body).findall("{*}url"))
    else:
        found = len(parse_sitemap(body, URL).entries)
    seconds = time.perf_counter() - started
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, seconds, found


def in_a_process(way: str, addresses: int) -> dict[str, float]:
    """The same in a process of its own, which has read a small one before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        body = sitemap(addresses)
        pool.apply(peak, (way, sitemap(10)))
        megabytes, seconds, found = pool.apply(peak, (way, body))
    return {"document_mb": round(len(body) / 2**20, 1), "peak_mb": round(megabytes, 1),
            "seconds": round(seconds, 2), "addresses": found}  # fmt: skip


def remembered(addresses: int) -> dict[str, float]:
    """Seconds to keep the entries of a first visit, and to see that all are known."""
    entries = parse_sitemap(sitemap(addresses), URL).entries
    at = datetime(2026, 3, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder, 'bench.db')}")
        migrate(store)
        seconds = []
        for first in (True, False):
            listing = Listing(
                "news", URL, "sitemap", "main", Answer(URL, 200), "", entries, at, first, 0
            )
            started = time.perf_counter()
            with store.writing() as session:
                record_listing(session, listing)
            seconds.append(round(time.perf_counter() - started, 2))
        store.close()
    return {"first_visit_seconds": seconds[0], "known_seconds": seconds[1]}


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="a large sitemap")
    parser.add_argument("--addresses", type=int, default=50_000)
    many = parser.parse_args().addresses
    for way, addresses in (("read", many // 10), ("read", many), ("tree", many)):
        print(way, json.dumps(in_a_process(way, addresses)))
    print("remembered", json.dumps(remembered(many)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
