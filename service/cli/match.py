"""`match [FILE]`: rows of JSON Lines in, matches out, against the configured watchlists."""

import json
import sys
from collections.abc import Iterable
from typing import BinaryIO

import click

from alerts.matcher import Matcher
from alerts.rows import RowError, matches_of_row
from service.alerting import compile_rules
from service.cli.asked import configured_watchlist
from service.cli.context import Context
from service.cli.output import complain, json_option
from service.printable import to_json

_AT_ONCE = 1 << 16
"""Characters that are gathered before they are written."""


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--watchlist", multiple=True, help="Only this watchlist; may be repeated.")
@json_option
@click.pass_obj
def match(context: Context, /, file: BinaryIO, watchlist: tuple[str, ...], as_json: bool) -> int:
    """Match rows of JSON Lines (an id and any fields of an article); prints a line a match.

    A row that cannot be read is told on standard error and left out; exit status 1 at the end.
    """
    config = context.load_quietly()
    for name in watchlist:
        configured_watchlist(name, config)
    rules = compile_rules(config)
    chosen = {name: rules[name] for name in watchlist or rules}
    return int(_match_all(Matcher(chosen), file) > 0)


def _match_all(matcher: Matcher, lines: Iterable[bytes]) -> int:
    """Prints the matches of every row; the number of rows that could not be read."""
    failed = 0
    waiting: list[str] = []
    size = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = [to_json(each) for each in matches_of_row(matcher, json.loads(line))]
        except (RowError, ValueError, RecursionError) as error:
            complain(f"row {number}: {_said(error)}")
            failed += 1
            continue
        waiting += found
        size += sum(map(len, found))
        if size > _AT_ONCE:
            _write(waiting)
            waiting, size = [], 0
    _write(waiting)
    return failed


def _write(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _said(error: Exception) -> str:
    if isinstance(error, RowError):
        return str(error)
    return f"this is no JSON object of its own line ({error})"
