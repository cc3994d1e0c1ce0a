"""`retry`: dead letters become deliveries again."""

from datetime import UTC, datetime

import click

from service.cli.asked import Since
from service.cli.context import Context
from service.cli.output import say
from service.cli.stored import opened
from store.listing import dead_letters
from store.outbox import replay


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--dead", "every", is_flag=True, help="All dead letters.")
@click.option("--since", type=Since(), help="With --dead: only those made since 6h, 2026-03-01.")
@click.pass_obj
def retry(context: Context, ids: tuple[str, ...], every: bool, since: datetime | None) -> int:
    """Send dead letters again: those named, or all; `deliveries --state dead` lists them."""
    if every == bool(ids):
        raise click.UsageError("name the dead letters, or give --dead for all")
    if since is not None and not every:
        raise click.UsageError("--since narrows --dead; a dead letter that is named needs none")
    config = context.load_quietly()
    with opened(config) as store:
        if store is None:
            return int(bool(ids))
        with store.writing() as session:
            letters = dead_letters(session, None if every else ids, since)
            replay(session, letters, datetime.now(UTC))
            known = {name for letter in letters for name in (letter.key, str(letter.id))}
    for name in sorted(set(ids) - known):
        say(f"{name}: no dead letter has this id")
    say(f"{len(letters)} of {len(ids) or len(letters)} will be sent again while the service runs")
    return int(not every and bool(set(ids) - known))
