"""Kills the service again and again while news comes in, and counts what was lost or repeated.

    python -m bench.kill [--kills 200] [--seed N] [--keep DIR] [--postgresql | --database URL]

The same proof as tests/end_to_end/test_kill.py, longer and with a fresh seed, which is printed.
`--postgresql` makes a server for it, which syncs to the disk as one does by default; a database
that is named must be empty. Exit status 1 when anything was lost, renamed or repeated without a
kill that explains it.
"""

import argparse
import asyncio
import contextlib
import secrets
import sys
import tempfile
from pathlib import Path

from tests.support.killing import Report, run_ordeal
from tests.support.postgresql import Server


def holds(report: Report) -> bool:
    """Whether nothing was lost and every repeat is a recognisable one."""
    return not (report.missing or report.renamed or report.unexplained or report.status)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="the proof of no loss")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--keep", type=Path, help="an empty folder for store and log")
    parser.add_argument("--database", help="the URL of an empty database; default: SQLite")
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        database = options.database
        if options.postgresql:
            server = Server(fsync="on", full_page_writes="on")
            stack.callback(server.remove)
            database = server.url(server.create(empty=True))
        report = asyncio.run(run_ordeal(folder.resolve(), options.seed, options.kills, database))
    print("\n".join(report.lines()))
    for wanted in sorted(report.missing):
        print("missing", *wanted)
    for first, second in report.renamed + report.unexplained:
        print("repeat", first.id, second.id, *sorted(first.wanted & second.wanted))
    return 0 if holds(report) else 1


if __name__ == "__main__":
    sys.exit(main())
