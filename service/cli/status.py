"""`status`: the sources, the three waiting lines and what went wrong last."""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

from service.cli.context import Context
from service.cli.output import counted, json_option, print_json, say, show_time
from service.cli.source_table import show_sources
from service.cli.stored import opened
from service.config import Config
from service.json_objects import moment, source_object
from service.status import Status, configured, is_healthy, read_lines, read_status


@click.command()
@json_option
@click.option("--health", is_flag=True, help="Print nothing; exit 1 unless all is well.")
@click.pass_obj
def status(context: Context, as_json: bool, health: bool) -> int:
    """Show each source's health, what waits, and the last error."""
    config = context.load_quietly()
    with opened(config) as store:
        if store is None:
            return int(health)
        now, known = datetime.now(UTC), configured(config)
        if health:
            return int(not is_healthy(read_lines(store, now, known)))
        state = read_status(store, now, known)
    if as_json:
        print_json(status_object(config, state))
    else:
        _show(config, state)
    return 0


def status_object(config: Config, state: Status) -> dict[str, Any]:
    """The whole state as one object."""
    states = {known.id: known for known in state.sources}
    return {
        "at": moment(state.at),
        "healthy": is_healthy(state),
        "entries_waiting": state.entries_waiting,
        "articles_waiting": state.articles_waiting,
        "deliveries_waiting": state.deliveries_waiting,
        "deliveries_held": state.deliveries_held,
        "alerts_waiting": state.alerts_waiting,
        "next_gathering": moment(state.next_gathering),
        "channels_stopped": [*state.stopped],
        "dead_letters": state.dead_letters,
        "articles": state.articles,
        "articles_exact": state.articles_exact,
        "articles_today": state.articles_today,
        "matches_today": state.matches_today,
        "last_visit": moment(state.last_visit),
        "last_error": last_error(state),
        "pages_failing": state.pages_failing,
        "damage": state.damage or None,
        "sources": [
            source_object(name, source, states.get(name)) for name, source in config.sources.items()
        ],
    }


def last_error(state: Status) -> str | None:
    """The error of the source that was visited last among those that have one."""
    failed = [source for source in state.sources if source.last_error and source.last_visit]
    latest = max(failed, key=lambda source: source.last_visit or state.at, default=None)
    return f"{latest.id}: {latest.last_error}" if latest else state.page_error


def _show(config: Config, state: Status) -> None:
    show_sources(config, {known.id: known for known in state.sources})
    zone = ZoneInfo(config.service.timezone)
    say()
    say(f"waiting     {_line(state, zone)}")
    if gathering := _gathering(state, zone):
        say(f"gathering   {gathering}")
    for channel, reason in state.stopped.items():
        say(f"stopped     channel {channel}: {reason}")
    about = "" if state.articles_exact else "about "
    stored = f"{about}{counted(state.articles, 'article')}"
    say(f"stored      {stored}, {state.articles_today} of them in a day")
    say(f"matches     {state.matches_today} in a day")
    say(f"last visit  {show_time(state.last_visit, zone)}")
    if state.pages_failing:
        say(f"pages       {state.pages_failing} could not be had yet; they are tried again")
    say(f"last error  {last_error(state) or 'none'}")
    if state.damage:
        say(f"database    damaged: {state.damage}; wirewatch check --database says more")
    say(f"health      {'good' if is_healthy(state) else 'not good'}")


def _line(state: Status, zone: tzinfo) -> str:
    lines = [
        ("entry", "entries to fetch", state.entries_waiting, state.oldest_due_entry),
        ("article", "articles to match", state.articles_waiting, state.oldest_unmatched),
        ("delivery", "deliveries to send", state.deliveries_waiting, state.oldest_due_delivery),
        ("dead letter", "dead letters", state.dead_letters, None),
    ]
    parts = []
    for one, many, count, oldest in lines:
        words = many.replace(many.split(" to ")[0], one, 1) if count == 1 else many
        since = f" (since {show_time(oldest, zone)})" if oldest else ""
        held = f" ({state.deliveries_held} held)" if one == "delivery" and count else ""
        parts.append(f"{count} {words}{held}{since}")
    return ", ".join(parts)


def _gathering(state: Status, zone: tzinfo) -> str:
    """What waits for company, a digest's time or the morning; empty when nothing does."""
    if not state.alerts_waiting:
        return ""
    return f"{counted(state.alerts_waiting, 'alert')}, next {show_time(state.next_gathering, zone)}"
