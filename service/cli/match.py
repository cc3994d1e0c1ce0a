"""`match [FILE]`: rows of JSON Lines in, matches out, against the configured watchlists."""

import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from alerts.matcher import Matcher
from alerts.rows import RowError, hits_of_row
from service.alerting import compile_rules
from service.cli.asked import configured_watchlist
from service.cli.context import Context
from service.cli.output import complain, json_option
from service.printable import to_json

_PART = 1 << 16
"""Bytes that are read at once: what a pipe holds."""
LONGEST = 64 << 20
"""Bytes of a row that is still read; the text of a long book has 2 MB."""


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


def _match_all(matcher: Matcher, file: BinaryIO) -> int:
    """Prints the matches of every row as they come; the number of rows that cannot be read."""
    failed = number = 0
    for lines in _arriving(file):
        printed: list[str] = []
        for line in lines:
            number += 1
            try:
                printed += _printed(matcher, line)
            except (RowError, ValueError, RecursionError) as error:
                complain(f"row {number}: {_said(error)}")
                failed += 1
        sys.stdout.write("".join(printed))
        sys.stdout.flush()
    return failed


def _arriving(file: BinaryIO) -> Iterator[list[bytes | None]]:
    """The lines that are there, without waiting for more; None for one that is too long to hold.

    So a row that comes through a pipe is answered at once, and a million rows take no memory.
    """
    begun = bytearray()
    is_lost = False
    while part := file.read1(_PART):  # type: ignore[attr-defined]
        *lines, rest = part.split(b"\n")
        if lines:
            first = bytes(begun) + lines[0]
            yield [None if is_lost or len(first) > LONGEST else first, *lines[1:]]
            begun.clear()
            is_lost = False
        begun += b"" if is_lost else rest
        if len(begun) > LONGEST:
            begun.clear()
            is_lost = True
    yield [None if is_lost else bytes(begun)]


def _printed(matcher: Matcher, line: bytes | None) -> list[str]:
    """A line for each match. Watchlists of one rule share their places, which are put in once."""
    if line is None:
        raise RowError(f"longer than {LONGEST >> 20} MB")
    if not line.strip():
        return []
    row = json.loads(line)
    hits = hits_of_row(matcher, row)
    said: dict[int, str] = {}
    for hit in hits:
        if id(hit.spans) not in said:
            said[id(hit.spans)] = to_json([span._asdict() for span in hit.spans])
    begin = f'{{"id": {to_json(row["id"])}, "watchlist": ' if hits else ""
    return [f'{begin}{to_json(hit.watchlist)}, "spans": {said[id(hit.spans)]}}}\n' for hit in hits]


def _said(error: Exception) -> str:
    if isinstance(error, RowError):
        return str(error)
    return f"this is no JSON object of its own line ({error})"
