"""`status`: the sources, the three waiting lines and what went wrong last."""

from datetime import UTC, datetime

import click

from service.cli.context import Context, stored
from service.cli.output import json_option, print_json, say
from service.cli.source import show_sources
from service.status import is_healthy, read_status
from store.sources import source_states


@click.command()
@json_option
@click.option("--health", is_flag=True, help="Print nothing; exit 1 unless all is well.")
@click.pass_obj
def status(context: Context, as_json: bool, health: bool) -> int:
    """Show each source's health, what waits, and the last error."""
    config = context.load_quietly()
    with stored(config) as session:
        if session is None:
            return int(health)
        state = read_status(session, datetime.now(UTC))
        if health:
            return int(not is_healthy(state))
        if as_json:
            print_json(status_object(state))
        else:
            show_sources(config, source_states(session))
            say()
            _show_lines(state, session, config)
    return 0
