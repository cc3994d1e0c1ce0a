"""`init` and `check`: from no configuration to one that means what it should."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from alerts.channels.base import Surroundings
from alerts.channels.discreet import open_channel
from alerts.commonness import Commonness
from alerts.composer import Composer
from alerts.config import WatchlistConfig
from alerts.envelope import Envelope, SendError
from alerts.query import Term
from alerts.query_lint import lint
from alerts.query_tree import to_words
from alerts.rules import compile_rule
from alerts.sample import sample_test, template_problems, unused_templates
from service.cli.asked import progress
from service.cli.context import Context
from service.cli.output import complain, json_option, note, print_json, say
from service.cli.stored import opened
from service.config import Config, ConfigError
from service.problems import Problem, did_you_mean
from service.toml_places import show_path
from store.engine import Store
from store.errors import StoreError
from store.integrity import check_database
from store.revision import require_current
from store.search import rebuild_index


def template() -> str:
    """The commented configuration that `init` writes: config.toml of the repository's root."""
    packaged = files("service") / "config.toml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).resolve().parents[2] / "config.toml").read_text(encoding="utf-8")


@click.command()
@click.pass_obj
def init(context: Context) -> None:
    """Write a commented config.toml, here or where --config says; never overwrites."""
    path = context.new_path
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError as error:
        raise click.ClickException(
            f"{path} is there already and is left as it is; --config FILE writes another"
        ) from error
    say(f"{path} is written: it says what each key does, and starts as it is.")
    say("Next: `wirewatch check` tells what it means, `wirewatch run` starts.")


@click.command()
@json_option
@click.option("--send", metavar="CHANNEL", help="Send a test message to this channel.")
@click.option("--database", is_flag=True, help="Verify the database too.")
@click.option("--reindex", is_flag=True, help="Make the index of `search` anew.")
@click.pass_obj
def check(
    context: Context, /, as_json: bool, send: str | None, database: bool, reindex: bool
) -> int:
    """Load the configuration, say each watchlist in words and run its examples."""
    config = _loaded(context, as_json)
    if config is None:
        return 2
    with _commonness(config) as share:
        for name, watchlist in config.watchlists.items():
            if as_json:
                print_json(_watchlist_object(name, watchlist, config))
            else:
                _describe(name, watchlist, config)
            for warning in lint(compile_rule(watchlist, config.variants), share):
                note(f"warning: watchlist.{name}: {warning}")
    if not as_json:
        say(f"{context.path} is in order: {_counts(config)}")
    failed = _templates_fail(config, as_json)
    if database:
        failed |= not _database_is_whole(config)
    if reindex:
        _reindex(config)
    if send is not None:
        failed |= not _send_test(config, send)
    return int(failed)


@contextmanager
def _commonness(config: Config) -> Iterator[Callable[[Term], float] | None]:
    """How common terms are, by what is stored; None where nothing can be read.

    `check` is about the configuration: a database that is missing or old is no fault here.
    """
    store = Store(config.service.database)
    try:
        if store.path is not None and not store.path.exists():
            yield None
            return
        try:
            require_current(store)
        except StoreError:
            yield None
            return
        with store.reading() as session:
            yield Commonness(session).share
    finally:
        store.close()


def _loaded(context: Context, as_json: bool) -> Config | None:
    """The configuration; None after telling what is wrong, as objects if that was asked for."""
    if not as_json:
        return context.load()
    try:
        return context.load()
    except ConfigError as error:
        for problem in error.problems:
            print_json(_problem_object(problem))
        return None


def _problem_object(problem: Problem) -> dict[str, Any]:
    place = {"file": problem.file, "line": problem.line, "column": problem.column}
    return {**place, "path": show_path(problem.path), "error": problem.message}


def _watchlist_object(name: str, watchlist: WatchlistConfig, config: Config) -> dict[str, Any]:
    rule = compile_rule(watchlist, config.variants)
    return {
        "watchlist": name,
        "name": watchlist.name or name,
        "words": to_words(rule.query),
        "examples": len(watchlist.examples),
        "notify": list(_recipients(watchlist, config)),
        "deliver": watchlist.deliver,
    }


def _describe(name: str, watchlist: WatchlistConfig, config: Config) -> None:
    """A watchlist as one would tell it to somebody."""
    rule = compile_rule(watchlist, config.variants)
    say(f"watchlist {name}" + (f" ({watchlist.name})" if watchlist.name else ""))
    for label, words in _sentences(watchlist, config, to_words(rule.query)):
        say(f"  {label:<9} {words}")
    say()


def _sentences(watchlist: WatchlistConfig, config: Config, words: str) -> Iterator[tuple[str, str]]:
    yield "looks for", words
    yield "in", f"{', '.join(watchlist.in_)} of articles {_scope(watchlist)}"
    if watchlist.min_mentions > 1:
        yield "if", f"mentioned at least {watchlist.min_mentions} times"
    channels = ", ".join(
        f"{name} ({config.channels[name].kind})" for name in _recipients(watchlist, config)
    )
    when = "at once" if watchlist.deliver == "instant" else watchlist.deliver
    yield "tells", f"{channels or 'nobody'}, {when}, at most {watchlist.max_per_day} a day"
    if watchlist.updates == "changes":
        yield "again", "when an article that was told of changes"
    if count := len(watchlist.examples):
        yield "examples", f"{count} of {count} hold"


def _scope(watchlist: WatchlistConfig) -> str:
    sources = (
        "from every source"
        if watchlist.sources == ("*",)
        else f"from the sources {', '.join(watchlist.sources)}"
    )
    return f"{sources} in {' or '.join(watchlist.lang) or 'any language'}"


def _recipients(watchlist: WatchlistConfig, config: Config) -> tuple[str, ...]:
    return tuple(config.channels) if watchlist.notify is None else watchlist.notify


def _counts(config: Config) -> str:
    enabled = sum(source.enabled for source in config.sources.values())
    counts = [(enabled, "source"), (len(config.watchlists), "watchlist")]
    counts.append((len(config.channels), "channel"))
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)


def _templates_fail(config: Config, as_json: bool) -> bool:
    """Renders samples with the operator's templates and says what fails, with file and line."""
    folder = config.path.parent / "templates"
    problems = template_problems(_composer(config), datetime.now(UTC)) if folder.is_dir() else ()
    for problem in problems:
        place, _, why = problem.partition(": ")
        name, _, line = place.partition(":")
        why = f"{why}; the built-in one is used until it is mended"
        told = Problem(str(folder / name), int(line) if line else None, (), why)
        if as_json:
            print_json(_problem_object(told))
        else:
            complain(str(told))
    for name in unused_templates(folder):
        note(f"warning: {folder / name}: no message has a template of this name")
    return bool(problems)


def _composer(config: Config) -> Composer:
    return Composer(ZoneInfo(config.service.timezone), config.path.parent / "templates")


def _database_is_whole(config: Config) -> bool:
    store = Store(config.service.database)
    try:
        findings = check_database(store)
    finally:
        store.close()
    for finding in findings:
        complain(f"{store.place}: {finding}")
    if not findings:
        note(f"{store.place}: whole and writable")
    return not findings


def _reindex(config: Config) -> None:
    with opened(config) as store:
        if store is not None:
            with progress("articles") as tell:
                count = rebuild_index(store, tell)
            note(f"{store.place}: the search index is made anew from {count} articles")


def _send_test(config: Config, name: str) -> bool:
    """Sends a test message; says how that went, without touching what waits in the database."""
    if name not in config.channels:
        meant = did_you_mean(name, list(config.channels))
        raise click.UsageError(f'there is no channel "{name}"{meant}')
    return asyncio.run(_sent(config, name))


async def _sent(config: Config, name: str) -> bool:
    """Tries every recipient, whatever becomes of the others; whether all were reached."""
    table = config.channels[name]
    channel = open_channel(table, Surroundings(config.path.parent, config.crawler.allow_private))
    failed = False
    try:
        for recipient in table.recipients():
            now = datetime.now(UTC)
            message = _test_message(config, recipient, now)
            whom = f" for {recipient}" if recipient else ""
            try:
                receipt = await channel.send(message, now=now, attempt=1)
            except SendError as failure:
                complain(f"{name}: the test message{whom} was not taken: {failure}")
                failed = True
                continue
            reply = f" ({receipt.reply})" if receipt.reply else ""
            note(f"{name}: the test message was taken{whom}{reply}")
    finally:
        await channel.close()
    return not failed


def _test_message(config: Config, recipient: str, now: datetime) -> Envelope:
    """An alert as any other, but made up, and marked as a test for people and for machines."""
    key = f"test-{secrets.token_hex(12)}"
    message = sample_test(_composer(config), key, now)
    return Envelope(
        id=key,
        created_at=now,
        subject=message.subject,
        text=message.text,
        html=message.html,
        payload={**message.payload, "type": "channel.test"},
        recipient=recipient,
    )
