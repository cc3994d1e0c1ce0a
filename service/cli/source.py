"""`source list`: what is visited and how it fares."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import click

from service.cli.context import Context
from service.cli.output import json_option, print_json, print_table, show_time
from service.cli.stored import stored
from service.config import Config
from service.json_objects import source_object, source_state
from store.sources import SourceState, source_states


@click.group()
def source() -> None:
    """Sources: what there is and how each fares."""


@source.command("list")
@json_option
@click.pass_obj
def list_sources(context: Context, as_json: bool) -> None:
    """List the sources, those that were configured once included."""
    config = context.load_quietly()
    with stored(config) as session:
        states = source_states(session) if session else {}
    if as_json:
        for name in [*config.sources, *(states.keys() - config.sources.keys())]:
            print_json(source_object(name, config.sources.get(name), states.get(name)))
        return
    show_sources(config, states)


def show_sources(config: Config, states: Mapping[str, SourceState]) -> None:
    """A table of the configured sources."""
    zone = ZoneInfo(config.service.timezone)
    rows = []
    for name, configured in config.sources.items():
        known = states.get(name)
        rows.append(
            [
                name,
                source_state(configured, known) if known or not configured.enabled else "new",
                show_time(known.last_visit, zone) if known else "-",
                show_time(known.next_visit, zone) if known else "-",
                show_time(known.last_new_article, zone) if known else "-",
                f"{known.articles_per_day:.1f}" if known else "-",
                (known.last_error if known else None) or "",
            ]
        )
    columns = ["source", "state", "last visit", "next visit", "last new", "a day", "last error"]
    print_table(columns, rows)
