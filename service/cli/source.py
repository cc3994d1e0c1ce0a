"""`source list`, `source doctor` and `source add`: what is visited, and what a site offers."""

from zoneinfo import ZoneInfo

import click

from crawler.config import CrawlerConfig, SourceConfig
from crawler.examine import Examination
from crawler.guard import GuardedResolver
from crawler.pool import ProcessorPool
from crawler.urls import listed_url, url_key
from crawler.visit import NOTHING
from service.cli.channels import channel_rows, channels_of, site_id
from service.cli.context import Context
from service.cli.output import (
    complain,
    json_option,
    note,
    print_json,
    print_table,
    say,
)
from service.cli.source_table import show_sources
from service.cli.stored import stored
from service.config import Config
from service.config.adding import add_table, table_text
from service.examining import examination
from service.json_objects import channel_object, source_object
from service.loop import run as run_loop
from service.problems import did_you_mean
from store.sources import source_states


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


# ---- what a site offers --------------------------------------------------------------------------

COLUMNS = ["channel", "use", "items", "span", "newest", "dates", "text", "note"]


@source.command("doctor")
@click.argument("site", metavar="URL|ID")
@json_option
@click.pass_obj
def doctor(context: Context, /, site: str, as_json: bool) -> int:
    """Show every channel of a site or of a configured source, and a ready source table."""
    config = _config_if_any(context)
    crawler = config.crawler if config else CrawlerConfig()
    source_id, wanted = _source_of(site, config)
    found = _examined(crawler, source_id, wanted)
    channels = channels_of(found)
    if as_json:
        for measure, use in channels:
            print_json(channel_object(measure, use))
    elif channels:
        zone = ZoneInfo(config.service.timezone if config else "UTC")
        print_table(COLUMNS, channel_rows(channels, zone))
        _tell_more(found)
        if config is None or source_id not in config.sources:
            say()
            say(table_text("source", source_id, _values(found, wanted)))
    return _verdict(found, wanted)


@source.command("add")
@click.argument("site", metavar="URL")
@click.option("--id", "source_id", metavar="ID", help="Its id; default: made from the host.")
@click.option("--name", help="Its name; default: the site's own.")
@click.pass_obj
def add(context: Context, /, site: str, source_id: str | None, name: str | None) -> int:
    """Look at a site and write its source table into config.toml."""
    config = context.load_quietly()
    suggested, wanted = _source_of(site, config, known=False)
    _refuse_known(config, wanted.url)
    if source_id in config.sources:
        raise click.UsageError(f"there is a source.{source_id} already; give another --id")
    found = _examined(config.crawler, source_id or suggested, wanted)
    status = _verdict(found, wanted)
    channels = [(measure, use) for measure, use in channels_of(found) if measure.error is None]
    if status or not channels:
        return 1
    values = _values(found, wanted)
    _refuse_known(config, values["url"], *(m.url for m, use in channels if use == "main"))
    if name:
        values["name"] = name
    key = source_id or suggested
    try:
        add_table(context.path, context.env, "source", key, values)
    except ValueError as error:
        complain(f"{context.path} is left as it is: {error}; add this to it yourself:")
        say(table_text("source", key, values))
        return 1
    zone = ZoneInfo(config.service.timezone)
    print_table(COLUMNS, channel_rows([(m, use) for m, use in channels if use], zone))
    say(f"source.{key} is written to {context.path}; a running service reads it from now on")
    return 0


def _config_if_any(context: Context) -> Config | None:
    """The configuration; None where there is none and none was asked for."""
    if context.file is None and not context.path.exists():
        return None
    return context.load_quietly()


def _source_of(site: str, config: Config | None, *, known: bool = True) -> tuple[str, SourceConfig]:
    """The configured source of that id, or one for that address, with its id."""
    sources = config.sources if config else {}
    if known and site in sources:
        return site, sources[site]
    if "://" not in site and "." not in site:
        meant = did_you_mean(site, list(sources)) if known else ""
        what = "neither an address nor the id of a source" if known else "no web address"
        raise click.UsageError(f"{site!r} is {what}{meant}; write https://example.org/")
    url = listed_url(site if "://" in site else f"https://{site}")
    if url is None:
        raise click.UsageError(f"{site!r} is no web address; write https://example.org/")
    return site_id(url, sources), SourceConfig(url=url)


def _refuse_known(config: Config, *urls: str) -> None:
    keys = {url_key(configured.url): name for name, configured in config.sources.items()}
    for url in urls:
        if name := keys.get(url_key(url)):
            raise click.ClickException(f"source.{name} reads {url} already; nothing was written")


def _examined(crawler: CrawlerConfig, source_id: str, source: SourceConfig) -> Examination:
    async def look(resolver: GuardedResolver) -> Examination:
        async with ProcessorPool(1) as pool:
            return await examination(crawler, source_id, source, resolver, pool, note)

    return run_loop(look)


def _verdict(found: Examination, source: SourceConfig) -> int:
    """0 when there is something to read, else 1 after saying why there is not."""
    if not found.in_time:
        complain(f"{source.url}: the search took too long and was ended; what it found is shown")
    if found.search.chosen():
        return 0
    for error in found.search.errors or [f"{source.url}: the search broke off"]:
        complain(f"{error}{_what_to_do(error)}")
    return 1


_ADVICE = (
    (NOTHING, 'try another page of the site, or kind = "listing" with select.links'),
    ("could not be resolved", "is the host name spelt right?"),
    ("refused", "does the site answer in a browser?"),
    ("robots.txt", "[crawler] obey_robots decides whether that counts"),
    ("not a public address", "[crawler] allow_private lets such addresses be reached"),
    ("HTTP 403", "the site turns crawlers away; ask it, or look for a feed elsewhere"),
    ("HTTP 429", "the site asks for a pause; try again later"),
    ("HTTP 503", "the site asks for a pause or for a browser; try again later"),
    ("no answer in time", "try again later, or raise [crawler] timeout"),
)


def _what_to_do(error: str) -> str:
    return next((f"; {advice}" for part, advice in _ADVICE if part in error), "")


def _tell_more(found: Examination) -> None:
    if found.search.hub:
        say(f"It names the WebSub hub {found.search.hub}; Wirewatch asks by itself instead.")
    for error in found.search.errors:
        note(error)


def _values(found: Examination, source: SourceConfig) -> dict[str, str]:
    """The keys of a ready source table."""
    values = {"url": source.url if found.search.is_feed else found.search.address}
    if found.search.title:
        values["name"] = found.search.title
    return values
