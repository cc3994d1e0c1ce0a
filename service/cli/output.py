"""What commands print: tables for people, JSON Lines for programs, nothing that acts."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from io import TextIOWrapper
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.moments import in_zone
from service.printable import show_controls, to_json

json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON Lines instead of a table: one object a line."
)


def prepare_streams() -> None:
    """Characters that the terminal's encoding lacks are shown as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def print_json(value: object) -> None:
    """One object as one line on standard output."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    click.echo(to_json(value, ascii_only=not encoding.lower().startswith("utf")))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """A table on standard output, as wide as the terminal; cells are text, never markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold" if number else "ellipsis", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """Standard output as it is now; wide when it is no terminal, so that nothing is cut."""
    output = Console(highlight=False, markup=False, emoji=False)
    return output if output.is_terminal else Console(highlight=False, markup=False, width=200)


def say(text: str | Text = "") -> None:
    """A line on standard output."""
    console().print(text if isinstance(text, Text) else plain(text), soft_wrap=True)


def counted(count: int, noun: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def note(text: str) -> None:
    """A line about the work itself, on standard error."""
    click.echo(_lines(text), err=True)


def complain(text: str) -> None:
    """What went wrong and what to do, on standard error."""
    click.echo(f"wirewatch: {_lines(text)}", err=True)


def plain(text: str) -> Text:
    """A text as it is, with control characters shown, not obeyed."""
    return Text(_lines(text))


def _lines(text: str) -> str:
    return "\n".join(show_controls(line) for line in text.split("\n"))


def marked(text: str, highlights: Iterable[dict[str, int]]) -> Text:
    """An excerpt with the words that matched in bold."""
    shown, last = Text(), 0
    for span in sorted(highlights, key=lambda span: span["start"]):
        start, end = max(span["start"], last), max(span["end"], last)
        shown.append(show_controls(text[last:start].replace("\n", " ")))
        shown.append(show_controls(text[start:end].replace("\n", " ")), style="bold red")
        last = end
    shown.append(show_controls(text[last:].replace("\n", " ")))
    return shown


def best_place(excerpts: Sequence[dict[str, Any]]) -> Text:
    """The best excerpt beside a headline: one that is not the headline again, if there is one."""
    if not excerpts:
        return Text()
    best = next((each for each in excerpts if each["field"] != "title"), excerpts[0])
    return marked(best["text"], best["highlights"])


def show_time(at: datetime | None, zone: tzinfo) -> str:
    """A time as people read it, in the configured zone; "-" for none."""
    return in_zone(at, zone).strftime("%Y-%m-%d %H:%M") if at else "-"
