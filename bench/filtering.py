"""`wirewatch match` as a filter, beside the bare matcher on the same rows, and its memory.

    python -m bench.filtering DATA_FOLDER [--rows 20000] [--watchlists 1000]

DATA_FOLDER is that of bench.matching. The command is a process of its own, whose start is taken
off; the matcher runs in this one, on texts that are there already. Both in processor time.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from alerts.matcher import Matcher, Rule, Text
from alerts.query import parse
from bench.matching import Terms, articles, mixed, names

_TEXTS = 2000


def main() -> None:
    """Twice the command, the second time with twice the rows; then the matcher alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--watchlists", type=int, default=1000)
    chosen = parser.parse_args()
    chance = random.Random(20)
    texts = articles(chosen.folder, _TEXTS, chance)
    queries = list(mixed(chosen.watchlists, Terms(names(texts), 0.25, chance)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.toml").write_text(configuration(queries))
        empty = command(folder, texts, 0)
        once, twice = (command(folder, texts, rows) for rows in (chosen.rows, 2 * chosen.rows))
    matcher = Matcher({f"w{number}": Rule(parse(text)) for number, text in enumerate(queries)})
    for text in texts:
        matcher.match(text)
    begin = time.process_time()
    for number in range(chosen.rows):
        matcher.match(texts[number % _TEXTS])
    bare = time.process_time() - begin
    filtered = once[0] - empty[0]
    print(f"{chosen.rows} rows, {chosen.watchlists} watchlists, {once[2]} matches")
    print(f"matcher alone {bare / chosen.rows * 1e6:.0f} µs a row, the filter "
          f"{filtered / chosen.rows * 1e6:.0f} ({filtered / bare:.2f} times); "
          f"start {empty[0]:.1f} s")  # fmt: skip
    print(f"memory at most {once[1] >> 20} MB, with twice the rows {twice[1] >> 20} MB")


def configuration(queries: list[str]) -> str:
    """A config.toml with a watchlist for each query."""
    lines = ['[channel.inbox]\nkind = "maildir"\npath = "inbox"\n']
    lines += [f"[watchlist.w{n}]\nquery = {json.dumps(text)}\n" for n, text in enumerate(queries)]
    return "".join(lines)


def command(folder: Path, texts: list[Text], rows: int) -> tuple[float, int, int]:
    """Processor seconds, the most memory in bytes, and the matches of one run."""
    path = folder / "rows.jsonl"
    with path.open("w") as file:
        for number in range(rows):
            text = texts[number % len(texts)]
            row = {"id": number, "lang": text.lang, "source": text.source, **text.fields}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    out = folder / "matches.jsonl"
    arguments = [sys.executable, "-m", "service", "--config", str(folder / "config.toml"), "match"]
    most, used = 0, 0.0
    with path.open() as given, out.open("w") as printed:
        process = psutil.Popen(arguments, stdin=given, stdout=printed, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            try:
                most = max(most, process.memory_info().rss)
                used = sum(process.cpu_times()[:2])
            except psutil.Error:
                break
            time.sleep(0.02)
        process.wait()
    with out.open() as printed:
        return used, most, sum(1 for _ in printed)


if __name__ == "__main__":
    main()
