"""`export`: what is stored, for other programs."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
from lxml import etree
from sqlmodel import Session

from alerts.records import match_record
from crawler.opml import OWN
from service.cli.asked import Since, check_source, check_watchlist
from service.cli.context import Context
from service.cli.output import counted, note
from service.cli.stored import stored
from service.config import Config
from service.json_objects import article_object
from service.printable import show_controls, to_json
from store.listing import Wanted, list_articles, list_matches
from store.sources import documents_of

Row = dict[str, Any]


@click.command()
@click.argument("what", type=click.Choice(["articles", "matches", "sources"]))
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of JSON Lines.")
@click.option(
    "--to", "file", type=click.Path(path_type=Path, dir_okay=False), help="Into a new file."
)
@click.option("--since", type=Since(), help="Only what is newer: 6h, 2d, 2026-03-01.")
@click.option("--source", help="Only this source.")
@click.option("--watchlist", help="Only this watchlist.")
@click.pass_obj
def export(
    context: Context, /, what: str, as_csv: bool, file: Path | None, **narrowed: Any
) -> int | None:
    """Write articles or matches as JSON Lines or CSV, sources as OPML.

    The newest first, one after the other: however many there are, few are held in memory.
    """
    if what == "sources" and (as_csv or any(narrowed.values())):
        raise click.UsageError("sources are written as OPML, all of them; leave the options out")
    config = context.load_quietly()
    with stored(config) as session:
        if session is None and what != "sources":
            return 1
        with _output(file) as output:
            if session is None or what == "sources":
                count = _write_opml(output, config, session)
            else:
                check_watchlist(narrowed["watchlist"], config, session)
                check_source(narrowed["source"], config, session)
                rows = _ROWS[what](session, Wanted(**narrowed))
                count = _write_csv(output, rows) if as_csv else _write_json(output, rows)
    if file is not None:
        note(f"{file}: {counted(count, what.removesuffix('s'))}".replace("matchs", "matches"))
    return None


def _articles(session: Session, wanted: Wanted) -> Iterator[Row]:
    for article in list_articles(session, wanted):
        yield article_object(article)


def _matches(session: Session, wanted: Wanted) -> Iterator[Row]:
    for match, article in list_matches(session, wanted):
        yield match_record(match, article)


_ROWS: dict[str, Callable[[Session, Wanted], Iterator[Row]]] = {
    "articles": _articles,
    "matches": _matches,
}


@contextmanager
def _output(file: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a new file that has its name only when it is whole."""
    if file is None:
        yield sys.stdout
        return
    if file.exists():
        raise click.ClickException(f"{file} is there already and is left as it is; name another")
    partial = file.with_name(f"{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as opened:
            yield opened
        os.link(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _write_json(output: IO[str], rows: Iterable[Row]) -> int:
    ascii_only = not (getattr(output, "encoding", None) or "").lower().startswith("utf")
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the number of the last one
        output.write(to_json(row, ascii_only=ascii_only) + "\n")
    return count


def _write_csv(output: IO[str], rows: Iterable[Row]) -> int:
    writer: csv.DictWriter[str] | None = None
    count = 0
    for count, row in enumerate(map(flat, rows), 1):  # noqa: B007 - likewise
        if writer is None:
            writer = csv.DictWriter(output, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: cell(value) for name, value in row.items()})
    return count


def flat(row: Row) -> Row:
    """A row whose objects have become columns of their own: `article.title`."""
    found: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": part for inner, part in flat(value).items()}
        else:
            found[name] = value
    return found


_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def cell(value: object) -> object:
    """A value as spreadsheets take it.

    Lists of words are joined by "; ", others are JSON. A text that a spreadsheet would run as a
    formula (it begins with =, +, -, @, a tab or a line break, maybe after spaces or in full width)
    gets an apostrophe before it, as OWASP's page on CSV injection advises: titles are written by
    strangers. Control characters are shown, but for line breaks and tabs.
    """
    if isinstance(value, list):
        words = all(isinstance(part, str) for part in value)
        value = "; ".join(value) if words else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    # Many look at such a file in a terminal first.
    shown = show_controls(value, keep="\n\t")
    return f"'{shown}" if _FORMULA.match(value) else shown


def _write_opml(output: IO[str], config: Config, session: Session | None) -> int:
    """OPML 2.0: the site of each source, and the feed that it is read from, if it is one."""
    opml = etree.Element("opml", nsmap={"wirewatch": OWN}, version="2.0")
    etree.SubElement(etree.SubElement(opml, "head"), "title").text = "Wirewatch sources"
    body = etree.SubElement(opml, "body")
    for name, source in config.sources.items():
        told = {"text": source.name or name, "htmlUrl": source.url}
        documents = documents_of(session, name) if session is not None else ()
        feeds = [d.url for d in documents if d.role == "main" and d.kind == "feed"]
        if feeds or source.kind == "feed":
            told |= {"type": "rss", "xmlUrl": feeds[0] if feeds else source.url}
        # What `import` needs to write the same source again; other readers pass it over.
        told |= {f"{{{OWN}}}id": name, f"{{{OWN}}}kind": source.kind}
        if not source.enabled:
            told[f"{{{OWN}}}enabled"] = "false"
        etree.SubElement(body, "outline", told)
    text = etree.tostring(opml, pretty_print=True, encoding="unicode")
    output.write(f'<?xml version="1.0" encoding="utf-8"?>\n{text}')
    return len(config.sources)
