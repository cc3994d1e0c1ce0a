"""Every feed and sitemap of a folder: does it give its entries, or one clear error?

    .venv/bin/python bench/feeds.py DATA_FOLDER [--verbose]

DATA_FOLDER holds documents, gzipped or not, in any depth. Each is read as a visit of kind `auto`
would read it. feedparser's test documents name the headers they want in a comment ("Header:
Content-type: …"), and those are given. Printed: what came of them, by folder; each error once, with
its count; entries without a title, address or date where the document has one in sight.
"""

import argparse
import gzip
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crawler.items import DocumentError
from crawler.reading import read_document
from crawler.sources import Document

URL = "http://feeds.example/news/feed.xml"
HEADER = re.compile(rb"Header:\s*Content-type:\s*([^\r\n]+)", re.IGNORECASE)
ENTRY = re.compile(r"<(?:[\w-]+:)?(?:item|entry|url|sitemap)[\s>]", re.IGNORECASE)
DATED = re.compile(r"<(?:[\w-]+:)?(?:pubDate|published|issued|date|publication_date)[\s>]", re.I)


def body_of(path: Path) -> bytes:
    """The document as it was served; a sitemap may be gzipped itself."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def judged(path: Path) -> tuple[str, str]:
    """What came of a document, in a word, and the detail."""
    body = body_of(path)
    header = HEADER.search(body[:4000])
    content_type = header[1].decode("latin-1").strip() if header else None
    started = time.perf_counter()
    try:
        reading = read_document("auto", Document(body, URL, content_type))
        if reading.kind == "page":
            read_document("feed", Document(body, URL, content_type))
            return "page", "read as a page, though a feed reader takes it"
    except DocumentError as error:
        return "error", str(error)
    except Exception as error:  # noqa: BLE001 - what the bench looks for
        return "EXCEPTION", f"{type(error).__name__}: {error}"
    if time.perf_counter() - started > 2:
        return "SLOW", f"{time.perf_counter() - started:.1f} s"
    document = reading.document
    if document.entries or document.documents:
        return "entries", _missing(body, document.entries)
    return ("empty", document.warnings[0]) if document.warnings else ("SILENCE", "no word of it")


def _missing(body: bytes, entries: tuple[object, ...]) -> str:
    text = body.decode("utf-8", "replace")
    undated = all(getattr(entry, "published", None) is None for entry in entries)
    return "no entry is dated, though dates are in sight" if undated and DATED.search(text) else ""


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="feeds and sitemaps of a folder")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--verbose", action="store_true", help="each document that gives no entry")
    options = parser.parse_args()
    files = sorted(path for path in options.folder.rglob("*") if path.is_file())
    by_folder: dict[str, Counter[str]] = {}
    errors: Counter[str] = Counter()
    for path in files:
        word, detail = judged(path)
        by_folder.setdefault(path.parent.name, Counter())[word] += 1
        if word != "entries":
            errors[f"{word}: {detail}"] += 1
        if options.verbose and (word != "entries" or detail):
            print(f"{path.parent.name}/{path.name}: {word} ({detail})")
    for name, counts in by_folder.items():
        print(f"{name:<24} {dict(counts.most_common())}")
    for line, count in errors.most_common():
        print(f"{count:>5}  {line}")
    total = sum(by_folder.values(), Counter())
    print(json.dumps({"documents": len(files), **total}))
    return int(any(total[word] for word in ("EXCEPTION", "SILENCE", "SLOW")))


if __name__ == "__main__":
    sys.exit(main())
