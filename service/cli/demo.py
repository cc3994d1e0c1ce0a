"""`demo`: the whole service against a news site of its own, on loopback."""

import asyncio
import contextlib
import random
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from crawler.guard import GuardedResolver
from service.app import utc_now
from service.cli.output import complain, console, json_option
from service.demo.play import DemoError, Settings, play
from service.demo.tally import Score
from service.demo.view import JsonView, TerminalView, View
from service.logs import set_up_log
from service.loop import run as run_loop
from service.serve import serve

PACE = 2.0
"""Seconds between two stories."""


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="How long stories are published.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="An empty folder for configuration, database, mails and log; default: a temporary one.",
)
@click.option("--seed", type=int, help="Tells the stories of an earlier run again.")
@json_option
def demo(seconds: float, keep: Path | None, seed: int | None, as_json: bool) -> int:
    """Watch the whole service at work on a news site of its own.

    Needs no network, account or rights: site, mail server and service talk over loopback. Ends
    after --seconds or with Ctrl-C; exit status 1 unless every alert that was due arrived, once,
    and no other.
    """
    seed = secrets.randbelow(10_000) if seed is None else seed
    view = JsonView(sys.stdout, utc_now) if as_json else TerminalView(console(), utc_now)
    with _folder(keep) as folder, (folder / "wirewatch.log").open("w", encoding="utf-8") as log:
        set_up_log("text", stream=log)
        view.note(
            f"A demonstration of {seconds:g} seconds (Ctrl-C ends it sooner), everything on this "
            f"machine's loopback. Seed {seed}; files in {folder}."
        )
        try:
            score = run_loop(lambda resolver: _give(resolver, folder, seconds, seed, view))
        except DemoError as error:
            complain(f"{error}; the last lines of its log:\n{_last_lines(folder)}")
            return 1
    return 0 if score.holds else 1


async def _give(
    resolver: GuardedResolver, folder: Path, seconds: float, seed: int, view: View
) -> Score:
    settings = Settings(folder, seconds, PACE, random.Random(seed), utc_now, asyncio.Event())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, settings.curtain.set)
    return await play(settings, lambda file, stop: serve(file, {}, resolver, stop), view)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder that was named, if it is empty, or a temporary one. Raises ClickException."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="wirewatch-demo-") as folder:
            yield Path(folder)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty; name a new folder")
    yield keep.resolve()


def _last_lines(folder: Path) -> str:
    text = (folder / "wirewatch.log").read_text("utf-8", "replace")
    return "\n".join(text.splitlines()[-10:])
