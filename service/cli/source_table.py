"""The table of sources, apart from what looks at sites: `status` is asked for every minute."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from service.cli.output import print_table, show_time
from service.config import Config
from service.json_objects import source_state
from store.sources import SourceState


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
                _why(known) if known else "",
            ]
        )
    columns = ["source", "state", "last visit", "next visit", "last new", "a day", "why"]
    print_table(columns, rows)


def _why(known: SourceState) -> str:
    """Why it is in its state, or what its last visit or pages met."""
    return known.reason or known.last_error or known.page_error or ""
