"""`run`: the background service, or one round of it."""

import asyncio
import contextlib
import gc
import importlib
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crawler.guard import GuardedResolver
from service.app import running
from service.cli.context import Context
from service.cli.output import json_option, note, print_json, say
from service.logs import set_up_log
from service.loop import run as run_loop
from service.metrics import Metrics
from service.once import Progress as Tell
from service.once import Round, one_round
from service.serve import serve
from service.signals import stop_on_signals


@click.command()
@click.option("--once", is_flag=True, help="One round: visit every source, match, deliver, stop.")
@click.option(
    "--roles",
    metavar="ROLES",
    help="Only that, beside other processes on one PostgreSQL database: "
    "schedule,web,crawl,match,deliver. Default: everything, alone.",
)
@json_option
@click.pass_obj
def run(context: Context, /, once: bool, roles: str | None, as_json: bool) -> int:
    """Visit sources when they are due, match, deliver; until SIGTERM or Ctrl-C.

    Either finishes the work in hand. With --once the exit status is 1 if a source failed.
    """
    if roles is not None:
        return _share(context, roles, once)
    config = context.load()
    metrics = Metrics()
    set_up_log(config.service.log, config.secrets, steps=[metrics])
    if once:
        return _report(run_loop(lambda resolver: _once(context, resolver)), as_json)
    run_loop(lambda resolver: _serve(context, resolver, metrics))
    # At its end the interpreter would search all memory once more for what can be freed: seconds
    # on a busy machine, of the ten in which a service must have ended.
    gc.freeze()
    return 0


def _share(context: Context, roles: str, once: bool) -> int:
    if once:
        raise click.UsageError("--once does everything in one process; leave out --roles")
    # Only here, for it needs the extra `postgres`.
    together = importlib.import_module("service.cli.worker")
    together.share_work(context, together.RolesType().convert(roles, None, None))
    return 0


async def _serve(context: Context, resolver: GuardedResolver, metrics: Metrics) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await serve(context.path, context.env, resolver, stop, metrics)


async def _once(context: Context, resolver: GuardedResolver) -> Round:
    async with running(context.load_quietly(), resolver) as app:
        with _progress() as tell:
            return await one_round(app, tell)


@contextlib.contextmanager
def _progress() -> Iterator[Tell]:
    """A bar on standard error, where that is a terminal."""
    columns = (
        TextColumn("hosts"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("hosts", total=None)
        yield lambda done, known: progress.update(task, completed=done, total=known)


def _report(done: Round, as_json: bool) -> int:
    articles = sum(report.articles for report in done.reports)
    if as_json:
        print_json(
            {
                "hosts": len(done.reports),
                "articles": articles,
                "deliveries": done.deliveries,
                "failed": list(done.failed_sources),
            }
        )
    else:
        say(f"{articles} new articles, {done.deliveries} messages sent")
        for report in done.reports:
            for error in report.errors:
                note(error)
        for source, why in done.held.items():
            note(f"{source}: not visited, {why}")
    return int(bool(done.failed_sources))
