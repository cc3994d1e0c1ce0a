"""`worker`: one of any number of processes that share the work on a PostgreSQL database."""

import asyncio
import os
import threading

import click

from crawler.guard import GuardedResolver
from service.cli.context import Context
from service.config.models import is_loopback, split_address
from service.logs import set_up_log
from service.loop import run as run_loop
from service.metrics import Metrics
from service.roles import OF_WORKER, Roles, parse_roles
from service.signals import stop_on_signals
from service.together import check_database, serve_together

END_WITHIN = 9.5
"""Seconds after SIGTERM in which a process that waits for a database it cannot reach ends anyway;
what it had in hand is taken from it."""


class OwnAddress(click.ParamType[tuple[str, int]]):
    """`127.0.0.1:8781` on the command line: no address that others can reach."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Host and port."""
        if isinstance(value, tuple):
            return value
        try:
            address = split_address(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if address is None or not is_loopback(address[0]):
            self.fail("it listens on this machine only, as in 127.0.0.1:8781", param, ctx)
        return address


class RolesType(click.ParamType[Roles]):
    """`crawl,match` on the command line."""

    name = "roles"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Roles:
        """The roles; a usage error names those there are."""
        if isinstance(value, frozenset):
            return value
        try:
            return parse_roles(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(1),
    help="Crawls at a time; default: [crawler] concurrency.",
)
@click.option(
    "--roles",
    metavar="ROLES",
    type=RolesType(),
    default=",".join(OF_WORKER),
    show_default=True,
    help="What it does.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    type=OwnAddress(),
    help="Serves its own /health and /metrics there, as 127.0.0.1:8781; default: nowhere.",
)
@click.pass_obj
def worker(
    context: Context, /, concurrency: int | None, roles: Roles, listen: tuple[str, int] | None
) -> int:
    """Take work from the shared queue (PostgreSQL); any number, on any machine.

    Ends within ten seconds of SIGTERM or Ctrl-C and gives back what it has not finished.
    """
    share_work(context, roles, concurrency, listen)
    return 0


def share_work(
    context: Context,
    roles: Roles,
    concurrency: int | None = None,
    listen: tuple[str, int] | None = None,
) -> None:
    """Runs one process with these roles until it is told to stop."""
    config = context.load()
    check_database(config)
    metrics = Metrics()
    set_up_log(config.service.log, config.secrets, steps=[metrics])

    async def main(resolver: GuardedResolver) -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        ending = asyncio.create_task(_end_anyway(stop))
        try:
            await serve_together(
                context.path,
                context.env,
                resolver,
                stop,
                roles,
                concurrency=concurrency,
                metrics=metrics,
                listen=listen,
            )
        finally:
            ending.cancel()

    run_loop(main)


async def _end_anyway(stop: asyncio.Event) -> None:
    await stop.wait()
    timer = threading.Timer(END_WITHIN, os._exit, (1,))
    timer.daemon = True
    timer.start()
