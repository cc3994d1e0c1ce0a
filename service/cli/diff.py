"""`diff URL`: an article's revisions side by side, changed words marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from jinja2 import Environment, PackageLoader
from rich.table import Table
from rich.text import Text
from sqlmodel import Session

from alerts.word_diff import Mark, Piece, changed_parts, word_diff
from crawler.urls import url_key
from service.cli.context import Context
from service.cli.output import complain, console, json_option, print_json, say, show_time
from service.cli.stored import stored
from service.json_objects import moment
from service.printable import show_controls
from store.articles import Article
from store.listing import article_at
from store.revisions import Revision, Words, revisions_of, words_at

STYLES: dict[Mark, str] = {"same": "", "gone": "red strike", "new": "bold green"}
KINDS = {
    "first": "first seen",
    "edit": "edited",
    "retracted": "retracted",
    "removed": "removed",
    "restored": "back again",
}


@dataclass(frozen=True, slots=True)
class Step:
    """From one revision to the next."""

    before: Revision
    after: Revision
    pieces: Sequence[Piece]

    @property
    def is_new_text(self) -> bool:
        """Whether any word differs."""
        return any(piece.mark != "same" for piece in self.pieces)


@click.command()
@click.argument("url")
@click.option("--whole", is_flag=True, help="The whole text, not only what is near a change.")
@click.option(
    "--html", metavar="FILE", type=click.Path(path_type=Path), help='A web page; "-" prints it.'
)
@json_option
@click.pass_obj
def diff(context: Context, /, url: str, whole: bool, html: Path | None, as_json: bool) -> int:
    """Show an article's revisions side by side, with the words marked that changed."""
    config = context.load_quietly()
    with stored(config) as session:
        if session is None:
            return 1
        article = article_at(session, [url_key(url)])
        if article is None:
            complain(f"{url}: no article is stored under this address; `explain` tells why")
            return 1
        steps = list(_steps(session, article, whole))
    if as_json:
        for step in steps:
            print_json(_step_object(article, step))
    elif html is not None:
        _write_page(html, article, steps, ZoneInfo(config.service.timezone))
    else:
        _show(article, steps, ZoneInfo(config.service.timezone))
    return 0


def _steps(session: Session, article: Article, whole: bool) -> Iterator[Step]:
    revisions = revisions_of(session, article.id or 0)
    texts = [_text(words_at(session, article, revision.number)) for revision in revisions]
    for number in range(1, len(revisions)):
        pieces = word_diff(texts[number - 1], texts[number])
        shown = pieces if whole else changed_parts(pieces)
        yield Step(revisions[number - 1], revisions[number], shown)


def _text(words: Words | None) -> str:
    parts = (words.title, words.standfirst, words.body) if words else ()
    return "\n\n".join(part for part in parts if part)


def _show(article: Article, steps: Sequence[Step], zone: ZoneInfo) -> None:
    say(article.title)
    say(article.url)
    if not steps:
        say("one revision: nothing changed since it was first seen")
    for step in steps:
        say()
        say(_headline(step, zone))
        if step.is_new_text:
            table = Table(show_edge=False, pad_edge=False, expand=True)
            for revision in (step.before, step.after):
                table.add_column(_name(revision, zone), ratio=1, overflow="fold")
            table.add_row(_side(step.pieces, "gone"), _side(step.pieces, "new"))
            console().print(table)


def _headline(step: Step, zone: ZoneInfo) -> str:
    note = f": {step.after.note}" if step.after.note else ""
    return f"{_name(step.after, zone)}{note}"


def _name(revision: Revision, zone: ZoneInfo) -> str:
    kind = KINDS.get(revision.kind, revision.kind)
    return f"revision {revision.number}, {kind} {show_time(revision.at, zone)}"


def _side(pieces: Sequence[Piece], own: Mark) -> Text:
    """What one revision says; words that only it has are marked in letters as in colour."""
    left, right = ("[-", "-]") if own == "gone" else ("{+", "+}")
    side = Text()
    for piece in pieces:
        if piece.mark not in {"same", own}:
            continue
        words = "\n".join(show_controls(line) for line in piece.text.split("\n"))
        bare = words.rstrip()
        if piece.mark == own:
            side.append(f"{left}{bare}{right}", style=STYLES[own])
            side.append(words[len(bare) :])
        else:
            side.append(words)
    return side


def _step_object(article: Article, step: Step) -> dict[str, Any]:
    return {
        "url": article.url,
        "article": article.id,
        "from": step.before.number,
        "to": step.after.number,
        "at": moment(step.after.at),
        "kind": step.after.kind,
        "note": step.after.note,
        "chain": step.after.chain,
        "diff": [{"mark": piece.mark, "text": piece.text} for piece in step.pieces],
    }


def _write_page(path: Path, article: Article, steps: Sequence[Step], zone: ZoneInfo) -> None:
    environment = Environment(
        loader=PackageLoader("service"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = lambda text: "\n".join(map(show_controls, text.split("\n")))
    told = [
        {
            "headline": _headline(step, zone),
            "sides": [
                (_name(step.before, zone), [p for p in step.pieces if p.mark != "new"]),
                (_name(step.after, zone), [p for p in step.pieces if p.mark != "gone"]),
            ],
            "is_new_text": step.is_new_text,
        }
        for step in steps
    ]
    page = environment.get_template("diff.html").render(article=article, steps=told)
    if str(path) == "-":
        click.echo(page)
    else:
        path.write_text(page, encoding="utf-8")
        say(f"{path} is written")
