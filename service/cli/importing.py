"""`import FILE…`: sources into config.toml, articles into the store."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import cast

import click

from alerts.backfill import Backfilled
from alerts.imported import sum_up_imported
from crawler.items import DocumentError
from crawler.pool import ProcessorPool
from crawler.urls import listed_url
from service.alerting import alert_context, state_path
from service.cli.asked import progress
from service.cli.context import Context
from service.cli.import_articles import Counts, Intake, Problem, Sources, new_pool, utc_now
from service.cli.import_sources import Plan, plan_of, write_sources
from service.cli.output import complain, counted, json_option, note, print_json, say
from service.config import Config
from service.config.adding import table_text
from service.config.tables import ID
from service.import_files import FORMATS, Format, FormatError, Opened, opened, shown_name
from service.installation import shared_installation_id
from store.engine import Store
from store.revision import require_current
from store.schema import migrate
from store.writer import Writer

SHOWN = 20
"""Problems of a file that are told one by one; --json tells all."""
_OUTCOMES = ("new", "revision", "duplicate", "waiting", "skipped", "broken")
_PLACES = {"jsonl": "line", "warc": "record", "opml": "outline", "html": ""}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of one call."""

    given: Format | None
    source: str | None
    url: str | None
    match: bool
    dry_run: bool
    as_json: bool


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option("--format", "given", type=click.Choice(FORMATS), help="What the files are.")
@click.option(
    "--source", metavar="ID", help="For articles of sites that no source is configured for."
)
@click.option("--url", help="The address of a saved page that does not name its own.")
@click.option("--match", is_flag=True, help="Match the articles; one summary, no alerts.")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
@json_option
@click.pass_obj
def import_(
    context: Context,
    /,
    files: tuple[str, ...],
    given: str | None,
    source: str | None,
    url: str | None,
    match: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take in what FILE holds; "-" is standard input.

    OPML: sources, written to config.toml. JSON Lines as `export` writes them, WARC, saved HTML
    pages: articles, stored without an alert.
    """
    if source is not None and not ID.fullmatch(source):
        raise click.UsageError(f"--source {source!r} is no id: letters, digits and - _ . : +")
    if url is not None and (listed_url(url) is None or len(files) > 1):
        raise click.UsageError("--url is the web address of one saved page")
    if files.count("-") > 1:
        raise click.UsageError("standard input can be read only once")
    asked = _Asked(cast("Format | None", given), source, url, match, dry_run, as_json)
    return asyncio.run(_import_all(context, files, asked))


async def _import_all(context: Context, files: Sequence[str], asked: _Asked) -> int:
    """Takes the files one after the other, whatever becomes of each; 1 if one is not whole."""
    failed = False
    async with new_pool() as pool:
        with ExitStack() as stack:
            desk = _Desk(context, asked, pool, stack)
            for name in files:
                failed |= not await desk.take(name)
            desk.finish()
    return int(failed)


class _Desk:
    """Where the files arrive: what is needed for articles is opened with the first of them."""

    def __init__(
        self, context: Context, asked: _Asked, pool: ProcessorPool, stack: ExitStack
    ) -> None:
        self._context, self._asked, self._pool, self._stack = context, asked, pool, stack
        self._config = context.load_quietly()
        self._store: Store | None = None
        self._intake: Intake | None = None

    async def take(self, name: str) -> bool:
        """Imports a file; whether all of it could be."""
        try:
            with opened(name, self._asked.given) as file:
                if file.format == "opml":
                    return self._take_sources(file)
                return await self._take_articles(file)
        except (FormatError, DocumentError) as error:
            self._tell(shown_name(name), "", Problem(0, str(error)))
            return False

    def finish(self) -> None:
        """Sums up what was matched."""
        intake = self._intake
        if not self._asked.match or intake is None or intake.store is None or not intake.writer:
            return
        done = _summed_up(self._config, intake.store, intake.writer)
        if self._asked.as_json:
            print_json({"matches": done.matches, "deliveries": done.deliveries})
            return
        matches = "1 match" if done.matches == 1 else f"{done.matches} matches"
        say(f"{matches}, told in {counted(done.deliveries, 'message')}")
        if done.deliveries:
            say("The running service sends them; without one, `wirewatch run --once` does.")

    def _tell(self, name: str, place: str, problem: Problem) -> None:
        if self._asked.as_json:
            print_json({"file": name, "number": problem.number or None, "problem": problem.why})
            return
        where = f"{place} {problem.number}: " if place and problem.number else ""
        complain(f"{name}: {where}{problem.why}")

    # ---- sources ---------------------------------------------------------------------------------

    def _take_sources(self, file: Opened) -> bool:
        plan = plan_of(file, self._config)
        place, dry_run = _PLACES["opml"], self._asked.dry_run
        try:
            write_sources(self._context, plan, only_try=dry_run)
        except ValueError as error:
            self._tell(
                file.name, place, Problem(0, f"{self._context.path} is left as it is: {error}")
            )
            return False
        problems = [Problem(outline.number, outline.fault) for outline in plan.broken]
        self._tell_some(file.name, place, problems)
        if self._asked.as_json:
            self._print_plan(file, plan)
        else:
            self._say_plan(file, plan)
        if not dry_run:
            # An article of a further file may be one of the new sources'.
            self._config = self._context.load_quietly()
            if self._intake is not None:
                self._intake = replace_config(self._intake, self._config, self._asked.source)
        return not problems

    def _print_plan(self, file: Opened, plan: Plan) -> None:
        for name, values in plan.tables.items():
            number = plan.numbers[name]
            print_json(
                {"file": file.name, "number": number, "outcome": "new", "source": name}
                | dict(values)
            )
        for outline, known in plan.known:
            print_json({"file": file.name, "number": outline.number, "outcome": "duplicate",
                        "source": known, "url": outline.url})  # fmt: skip
        counts = {"new": len(plan.tables), "duplicate": len(plan.known), "broken": len(plan.broken)}
        print_json({"file": file.name, "format": "opml"} | counts)

    def _say_plan(self, file: Opened, plan: Plan) -> None:
        for outline, known in plan.known[:SHOWN]:
            note(f"{file.name}: source.{known} reads {outline.url} already")
        if len(plan.known) > SHOWN:
            note(f"{file.name}: and {len(plan.known) - SHOWN} more are read already")
        if self._asked.dry_run:
            for name, values in plan.tables.items():
                say(table_text("source", name, values))
        new, path = counted(len(plan.tables), "new source"), self._context.path
        if self._asked.dry_run:
            say(f"{file.name}: {new} would be written to {path}")
        elif plan.tables:
            say(f"{file.name}: {new} written to {path}; a running service reads them from now on")
        else:
            say(f"{file.name}: no new source; {path} is as it was")

    def _tell_some(self, name: str, place: str, problems: Sequence[Problem]) -> None:
        shown = problems if self._asked.as_json else problems[:SHOWN]
        for problem in shown:
            self._tell(name, place, problem)
        if len(shown) < len(problems):
            complain(f"{name}: and {len(problems) - len(shown)} more; --json tells all")

    # ---- articles --------------------------------------------------------------------------------

    async def _take_articles(self, file: Opened) -> bool:
        if self._intake is None:
            self._intake = self._opened_intake()
        place, told = _PLACES[file.format], Counter[str]()

        def tell_problem(problem: Problem) -> None:
            told["all"] += 1
            if self._asked.as_json or told["all"] <= SHOWN:
                self._tell(file.name, place, problem)

        with progress(file.name) as tell:
            counts = await self._intake.take(file, self._asked.url, tell, tell_problem)
        if not self._asked.as_json and told["all"] > SHOWN:
            complain(f"{file.name}: and {told['all'] - SHOWN} more; --json tells all")
        self._say_counts(file, counts)
        return not counts["broken"]

    def _say_counts(self, file: Opened, counts: Counts) -> None:
        if self._asked.as_json:
            numbers = {outcome: counts[outcome] for outcome in _OUTCOMES}
            print_json({"file": file.name, "format": file.format} | numbers)
            return
        words = [
            f"{counts['new']} new",
            counted(counts["revision"], "revision"),
            counted(counts["duplicate"], "duplicate"),
            f"{counts['broken']} broken",
        ]
        if counts["waiting"]:
            words.append(f"{counts['waiting']} left to the crawl that found them")
        if counts["skipped"]:
            words.append(f"{counts['skipped']} records without an article")
        would = " (by address; nothing was written)" if self._asked.dry_run else ""
        say(f"{file.name}: {', '.join(words)}{would}")

    def _opened_intake(self) -> Intake:
        """Raises StoreError for a database of another version."""
        store: Store | None = Store(self._config.service.database)
        assert store is not None
        self._stack.callback(store.close)
        if store.path is None or store.path.exists():
            require_current(store)
        elif self._asked.dry_run:
            store = None
        else:
            migrate(store)
        writer = None
        if store is not None and not self._asked.dry_run:
            writer = Writer(store)
            self._stack.callback(writer.close)
        sources = Sources(self._config, self._asked.source)
        return Intake(
            self._config, store, writer, self._pool, sources, self._asked.match, utc_now()
        )


def replace_config(intake: Intake, config: Config, given: str | None) -> Intake:
    """The same under another configuration."""
    return replace(intake, config=config, sources=Sources(config, given))


def _summed_up(config: Config, store: Store, writer: Writer) -> Backfilled:
    installation = shared_installation_id(state_path(config, store).with_suffix(".id"), store)
    assert installation is not None
    context = alert_context(
        config, store, writer, installation, utc_now, random.random, matches=False
    )
    return sum_up_imported(context)
