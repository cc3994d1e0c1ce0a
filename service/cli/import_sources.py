"""Sources out of an OPML document into config.toml: all that are new, or none."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from crawler.opml import Outline, outlines
from crawler.sources.markup import LONGEST_DOCUMENT
from crawler.urls import url_key
from service.cli.channels import numbered, site_word
from service.cli.context import Context
from service.config import Config
from service.config.adding import Values, add_tables
from service.config.tables import ID
from service.import_files import FormatError, Opened, whole

MOST = 20_000
"""Sources that are written at once."""


@dataclass(slots=True)
class Plan:
    """What an OPML document adds to a configuration."""

    tables: dict[str, Values] = field(default_factory=dict)
    """By the new sources' ids."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Which outline each of them is."""
    known: list[tuple[Outline, str]] = field(default_factory=list)
    """Those that are read already, with the id of the source that does."""
    broken: list[Outline] = field(default_factory=list)


def plan_of(opened: Opened, config: Config) -> Plan:
    """What is to be written. Raises FormatError, DocumentError where the file is no OPML."""
    plan = planned(
        outlines(whole(opened.stream, LONGEST_DOCUMENT)),
        {name: source.url for name, source in config.sources.items()},
    )
    if len(plan.tables) > MOST:
        raise FormatError(
            f"it names {len(plan.tables):,} new sources, and at most {MOST:,} are written at once; "
            "nothing was written"
        )
    return plan


def planned(found: Iterable[Outline], configured: Mapping[str, str]) -> Plan:
    """Which outlines become which tables; `configured`: the addresses of the sources by id.

    An address that a source reads, one of the list itself included, is not written again.
    """
    plan, last = Plan(), dict[str, int]()
    reading = {url_key(url): name for name, url in configured.items()}
    taken = set(configured)
    for outline in found:
        if outline.fault:
            plan.broken.append(outline)
            continue
        key = url_key(outline.url)
        if key in reading:
            plan.known.append((outline, reading[key]))
            continue
        name = _id(outline, taken, last)
        taken.add(name)
        reading[key] = name
        plan.tables[name] = _values(outline)
        plan.numbers[name] = outline.number
    return plan


def _id(outline: Outline, taken: Container[str], last: dict[str, int]) -> str:
    """As it was configured, where that is free; else made as `source add` makes it."""
    if ID.fullmatch(outline.id) and outline.id not in taken:
        return outline.id
    word = site_word(outline.url)
    name, last[word] = numbered(word, taken, last.get(word, 0))
    return name


def _values(outline: Outline) -> Values:
    values: dict[str, str | bool] = {"url": outline.url}
    if outline.kind != "auto":
        values["kind"] = outline.kind
    if outline.name and outline.name != outline.id:
        values["name"] = outline.name
    if not outline.enabled:
        values["enabled"] = False
    return values


def write_sources(context: Context, plan: Plan, *, only_try: bool) -> None:
    """Writes the plan's tables into config.toml, all or none.

    Raises ConfigError, ValueError or OSError; then the file is as it was.
    """
    if plan.tables:
        add_tables(context.path, context.env, "source", plan.tables, only_try=only_try)
