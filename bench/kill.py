"""Kills the service again and again while news comes in, and counts what was lost or repeated.

    .venv/bin/python bench/kill.py [--kills 200] [--seed N] [--keep DIR]

The same proof as tests/end_to_end/test_kill.py, longer and with a fresh seed, which is printed.
Exit status 1 when anything was lost, renamed or repeated without a kill that explains it.
"""

import argparse
import asyncio
import contextlib
import secrets
import sys
import tempfile
from pathlib import Path

from tests.support.killing import Report, run_ordeal


def holds(report: Report) -> bool:
    """Whether nothing was lost and every repeat is a recognisable one."""
    return not (report.missing or report.renamed or report.unexplained or report.status)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="the proof of no loss")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--keep", type=Path, help="an empty folder for store and log")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(run_ordeal(folder.resolve(), options.seed, options.kills))
    print("\n".join(report.lines()))
    for wanted in sorted(report.missing):
        print("missing", *wanted)
    for first, second in report.renamed + report.unexplained:
        print("repeat", first.id, second.id, *sorted(first.wanted & second.wanted))
    return 0 if holds(report) else 1


if __name__ == "__main__":
    sys.exit(main())
