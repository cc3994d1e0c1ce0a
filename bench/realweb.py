"""Runs the whole service once over captured pages of real news sites and compares with the gold.

    .venv/bin/python bench/realweb.py DATA_FOLDER [--errors FILE] [--keep DIR] [--hosts N]

DATA_FOLDER holds `serve.py`, which serves the pages under their own addresses as a proxy on
loopback, `topics-dev.json` and `pages/*/gold.jsonl`. Every host becomes a source (its front page,
kind auto), every topic a watchlist; then `wirewatch run --once` runs as a user would run it, and
`articles --json` and `matches --json` are read. Printed:

coverage    share of the served pages that became articles
recall      share of the expected (topic, page) pairs that were matched
precision   share of the matches on judged pages that are right
ambiguous   matches that the gold text holds although they are not expected: neither right nor wrong

Every error becomes a line in the errors file: kind, topic, page, address, detail.
"""

import argparse
import contextlib
import importlib.util
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psutil

ROOT = Path(__file__).resolve().parent.parent
WORD = re.compile(r"\w[\w'’]*")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
EVERYTHING = "1000000"

Pair = tuple[str, str]
"""A topic and the id of a page."""


@dataclass
class Gold:
    """What is known of the pages."""

    topics: list[str]
    expected: set[Pair]
    judged: set[str]
    """Pages on which every topic was looked for."""
    rows: dict[str, dict[str, Any]]
    page_at: dict[str, str]
    """Address key to page id, of every served page."""
    hosts: list[str]


@dataclass
class Outcome:
    """What the service made of them."""

    seconds: float
    peak_bytes: int
    status: int
    articles: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By page id."""
    other_articles: list[str] = field(default_factory=list)
    """Addresses of articles that are no gold page."""
    matches: dict[Pair, str] = field(default_factory=dict)
    """With the excerpt, as one line."""


def address_key(url: str) -> str:
    """Host, path and query, quoted alike: the proxy does not tell http from https."""
    parts = urlsplit(url)
    path = quote(unquote(parts.path), safe="/:@!$&'()*+,;=~-._") or "/"
    return parts.netloc.lower() + path + ("?" + parts.query if parts.query else "")


def load_serve(folder: Path) -> ModuleType:
    """serve.py as a module, for the pages that it serves and their keys."""
    spec = importlib.util.spec_from_file_location("realweb_serve", folder / "serve.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_gold(folder: Path, limit: int) -> Gold:
    """The gold of all pages that serve.py serves; of the first `limit` hosts only, if not 0."""
    served, hosts = load_serve(folder).load([folder / "pages"])
    names = sorted(hosts)[: limit or None]
    page_at = {
        address_key(f"http://{host}{path}"): file.name.removesuffix(".html.gz")
        for (host, path), file in served.items()
        if host in names
    }
    rows = {}
    for file in sorted((folder / "pages").glob("*/gold.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            rows[row["id"]] = row
    topics = json.loads((folder / "topics-dev.json").read_text("utf-8"))
    here = set(page_at.values())
    return Gold(
        topics["topics"],
        {(topic, page) for topic, page, _ in topics["expected"] if page in here},
        set(topics["pages"]) & here,
        rows,
        page_at,
        names,
    )


def write_config(path: Path, gold: Gold, proxy: str) -> None:
    """One source a host, one watchlist a topic."""
    lines = [
        '[web]\nlisten = ""\n',
        f'[crawler]\ndelay = "0s"\nproxy = "{proxy}"\n',
        '[channel.inbox]\nkind = "maildir"\npath = "inbox"\n',
    ]
    lines += [
        f'[source.h{number}]\nurl = "http://{host}/"\n' for number, host in enumerate(gold.hosts)
    ]
    for number, topic in enumerate(gold.topics):
        name = json.dumps(topic, ensure_ascii=False)
        lines.append(f"[watchlist.t{number}]\nname = {name}\nany = ['{name}']\n")
    path.write_text("\n".join(lines), "utf-8")


@contextlib.contextmanager
def proxy_running(folder: Path) -> Iterator[str]:
    """serve.py on a free port; gives the proxy's address."""
    command = [sys.executable, str(folder / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            print(line.strip())
            yield line.split()[2]
        finally:
            process.terminate()


class MemoryWatch(threading.Thread):
    """Samples the resident memory of a process and its descendants, four times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.peak = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.25):
            self.peak = max(self.peak, self.sample())

    def sample(self) -> int:
        """Bytes now; shared pages count in each process that has them."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [self.root, *self.root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
        return total


def wirewatch(config: Path, *words: str) -> list[str]:
    """The command line that a user would type."""
    return [str(ROOT / "wirewatch"), "--config", str(config), *words]


def run_once(config: Path) -> Outcome:
    """One round of the service; its log goes beside the configuration."""
    subprocess.run(wirewatch(config, "--help"), stdout=subprocess.DEVNULL, check=True)
    started = time.monotonic()
    with (config.parent / "log.txt").open("wb") as log:
        process = subprocess.Popen(wirewatch(config, "run", "--once"), stdout=log, stderr=log)
        watch = MemoryWatch(process.pid)
        watch.start()
        status = process.wait()
        watch.ended.set()
    return Outcome(time.monotonic() - started, watch.peak, status)


def rows_of(config: Path, command: str) -> Iterator[dict[str, Any]]:
    """The JSON Lines that a command prints."""
    words = wirewatch(config, command, "--json", "--limit", EVERYTHING)
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        yield json.loads(line)


def page_of(article: dict[str, Any], gold: Gold) -> str | None:
    """The gold page an article was made from; tracking parameters may be gone from its address."""
    keys = [address_key(article[name]) for name in ("url", "canonical_url")]
    for key in keys:
        if page := gold.page_at.get(key):
            return page
    tracked = {page for key, page in gold.page_at.items() if key.split("?")[0] in keys}
    return tracked.pop() if len(tracked) == 1 else None


def collect(config: Path, gold: Gold, outcome: Outcome) -> None:
    """Reads back what the service stored."""
    for article in rows_of(config, "articles"):
        if page := page_of(article, gold):
            outcome.articles[page] = article
        else:
            outcome.other_articles.append(article["url"])
    for match in rows_of(config, "matches"):
        if page := page_of(match["article"], gold):
            topic = gold.topics[int(match["watchlist"][1:])]
            texts = " … ".join(excerpt["text"] for excerpt in match["excerpts"])
            field_names = ",".join(sorted({excerpt["field"] for excerpt in match["excerpts"]}))
            outcome.matches[topic, page] = f"[{field_names}] {one_line(texts)[:300]}"


def one_line(text: str) -> str:
    """White space joined."""
    return re.sub(r"\s+", " ", text).strip()


def tokens(text: str) -> list[str]:
    """Words, folded."""
    plain = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold().replace("’", "'")
    return [re.sub(r"'s?$", "", word) for word in WORD.findall(plain)]


def holds(topic: str, text: str | None) -> bool:
    """Whether the words of the topic follow each other in the text."""
    wanted, given = tokens(topic), tokens(text or "")
    size = len(wanted)
    return any(given[at : at + size] == wanted for at in range(len(given) - size + 1))


def gold_holds(gold: Gold, pair: Pair) -> str:
    """Where the gold of a page holds a topic: "title", "text", "author" or ""."""
    row = gold.rows[pair[1]]
    zones = {
        "title": row.get("title"),
        "text": row.get("text"),
        "author": "\n".join(row.get("authors") or ()),
    }
    return ",".join(name for name, text in zones.items() if holds(pair[0], text))


def states(database: Path) -> dict[str, str]:
    """What the store says became of each entry, by address key."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT url, outcome, last_error FROM entry").fetchall()
    return {
        address_key(url): one_line(f"{outcome or 'waiting'} {error or ''}")
        for url, outcome, error in rows
    }


def error_lines(gold: Gold, outcome: Outcome, state: dict[str, str]) -> Iterator[str]:
    """Every error on a line, worst kinds first."""
    for key, page in sorted(gold.page_at.items()):
        if page not in outcome.articles:
            yield f"uncovered\t\t{page}\thttp://{key}\t{state.get(key, 'never listed')}"
    for topic, page in sorted(gold.expected - set(outcome.matches)):
        article = outcome.articles.get(page)
        have = len(article["body"]) if article and "body" in article else 0
        wanted = len(gold.rows[page].get("text") or "")
        where = gold_holds(gold, (topic, page))
        detail = f"gold has it in {where}; body {have} of {wanted}" if article else "no article"
        yield f"missed\t{topic}\t{page}\t{gold.rows[page]['url']}\t{detail}"
    for pair in sorted(set(outcome.matches) - gold.expected):
        if pair[1] in gold.judged:
            where = gold_holds(gold, pair)
            kind = "ambiguous" if where else "false"
            text = outcome.matches[pair]
            yield f"{kind}\t{pair[0]}\t{pair[1]}\t{gold.rows[pair[1]]['url']}\t{where} {text}"
    for url in outcome.other_articles:
        yield f"other\t\t\t{url}\tan article that is no gold page"


def report(gold: Gold, outcome: Outcome, lines: list[str]) -> dict[str, Any]:
    """The figures."""
    kinds = Counter(line.split("\t", 1)[0] for line in lines)
    right = len(gold.expected & set(outcome.matches))
    given = right + kinds["false"]
    reachable = sum(page in outcome.articles for _, page in gold.expected)
    return {
        "hosts": len(gold.hosts),
        "pages": len(gold.page_at),
        "articles": len(outcome.articles),
        "other_articles": kinds["other"],
        "coverage": round(len(outcome.articles) / len(gold.page_at), 4),
        "expected": len(gold.expected),
        "right": right,
        "missed": kinds["missed"],
        "false": kinds["false"],
        "ambiguous": kinds["ambiguous"],
        "recall": round(right / max(1, len(gold.expected)), 4),
        "recall_on_articles": round(right / max(1, reachable), 4),
        "precision": round(right / max(1, given), 4),
        "seconds": round(outcome.seconds, 1),
        "peak_mb": round(outcome.peak_bytes / 1e6),
        "exit_status": outcome.status,
    }


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="whole service against captured pages")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", type=Path, default=Path("realweb-errors.tsv"))
    parser.add_argument("--keep", type=Path, help="an empty folder for config, store and log")
    parser.add_argument("--hosts", type=int, default=0, help="only the first N hosts")
    options = parser.parse_args()
    gold = load_gold(options.folder.resolve(), options.hosts)
    with contextlib.ExitStack() as stack:
        work = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        config = (work / "config.toml").resolve()
        proxy = stack.enter_context(proxy_running(options.folder.resolve()))
        write_config(config, gold, proxy)
        outcome = run_once(config)
        collect(config, gold, outcome)
        lines = list(error_lines(gold, outcome, states(config.parent / "wirewatch.db")))
    options.errors.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    print(json.dumps(report(gold, outcome, lines), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
