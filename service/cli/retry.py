"""`retry`: dead letters become deliveries again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click
from sqlmodel import Session

from service.cli.asked import Since
from service.cli.context import Context
from service.cli.holding import why_held
from service.cli.output import say
from service.cli.stored import opened
from service.config import Config
from store.deliveries import ChannelState, Delivery
from store.listing import dead_letters, deliveries_named
from store.outbox import replay, stopped_channels


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
            going = [letter for letter in letters if letter.channel in config.channels]
            replay(session, letters, datetime.now(UTC))
            known = {name for letter in letters for name in (letter.key, str(letter.id))}
            others = _others(session, sorted(set(ids) - known), config)
            lost = sorted({letter.channel for letter in letters} - config.channels.keys())
    for name, why in others.items():
        say(f"{name}: {why}")
    for channel in lost:
        say(f"what is for channel {channel} is held: it is not in the configuration")
    say(f"{len(going)} of {len(ids) or len(letters)} will be sent again while the service runs")
    return int(not every and bool(others))


def _others(session: Session, names: Sequence[str], config: Config) -> dict[str, str]:
    """Why each of these deliveries is no dead letter."""
    found = deliveries_named(session, names)
    named = {name: each for each in found for name in (each.key, str(each.id))}
    stopped = stopped_channels(session)
    return {
        name: _state_of(named[name], config, stopped)
        if name in named
        else "no dead letter has this id"
        for name in names
    }


def _state_of(delivery: Delivery, config: Config, stopped: Mapping[str, ChannelState]) -> str:
    if delivery.state == "delivered":
        return "no dead letter has this id: it was delivered"
    if why := why_held(delivery.channel, config, stopped):
        return f"held: {why}; it goes out by itself when that is mended"
    return f"no dead letter has this id: it is {delivery.state} and goes out by itself"
