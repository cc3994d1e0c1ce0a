"""What no single table can know: references between tables, files, queries and their examples."""

import stat
from collections.abc import Iterable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from alerts.config import WatchlistConfig
from alerts.digest import parse_deliver
from service.config.models import Config, is_loopback
from service.config.queries import check_queries
from service.config.tables import TableReader
from service.problems import did_you_mean
from service.toml_places import TomlPath
from store.engine import parse_address
from store.errors import StoreError

SHORTEST_RETENTION = timedelta(days=8)
"""A day more than copies of a story are looked for (`crawler.stories.WINDOW`)."""
_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql+psycopg://"


def check(config: Config, reader: TableReader) -> Config:
    """Notes every fault and doubt between the tables; gives the configuration with full paths."""
    channels, sources = list(_raw(reader, "channel")), _raw(reader, "source")
    _check_channels(("health", "notify"), config.health.notify, channels, reader)
    for key, watchlist in config.watchlists.items():
        path = ("watchlist", key)
        _check_channels((*path, "notify"), watchlist.notify, channels, reader)
        _check_sources(path, watchlist, sources, reader)
        _check_lists(path, watchlist, reader)
        _check_moment((*path, "deliver"), watchlist.deliver, reader)
    check_queries(config, reader)
    if config.health.coverage:
        _check_moment(("health", "coverage"), config.health.coverage, reader)
    _check_web(config, reader)
    _check_recipients(config, channels, reader)
    _check_addresses(config, reader)
    _check_secrecy(reader)
    _check_retention(config, reader)
    return _with_full_paths(config, reader)


def _raw(reader: TableReader, section: str) -> Mapping[str, Any]:
    """The ids of a table, those with faults too: a reference to them is no second fault."""
    table = reader.filled.table.get(section)
    return table if isinstance(table, dict) else {}


def _check_channels(
    path: TomlPath, names: Iterable[str] | None, known: list[str], reader: TableReader
) -> None:
    for index, name in enumerate(names or ()):
        if name not in known:
            there = did_you_mean(name, known) or "; no channel is configured"
            reader.fail(reader.item((*path, index)), f'there is no channel "{name}"{there}')


def _check_sources(
    path: TomlPath, watchlist: WatchlistConfig, known: Mapping[str, Any], reader: TableReader
) -> None:
    for index, pattern in enumerate(watchlist.sources):
        if pattern == "*" or pattern in known or any(fnmatchcase(name, pattern) for name in known):
            continue
        where = reader.item((*path, "sources", index))
        meant = did_you_mean(pattern, list(known))
        reader.warn(where, f'no source has an id like "{pattern}"{meant}')


def _check_lists(path: TomlPath, watchlist: WatchlistConfig, reader: TableReader) -> None:
    lists = watchlist.any or watchlist.all or watchlist.none
    if watchlist.query and lists:
        reader.fail((*path, "query"), "stands instead of any, all and none, not beside them")
    elif not (watchlist.query or watchlist.any or watchlist.all):
        reader.fail(path, "has nothing to look for; give it any, all or a query")


def _check_moment(path: TomlPath, deliver: str, reader: TableReader) -> None:
    try:
        parse_deliver(deliver)
    except ValueError as error:
        reader.fail(path, str(error))


def _check_web(config: Config, reader: TableReader) -> None:
    address = config.web.address
    if address and not is_loopback(address[0]) and not config.web.password.get_secret_value():
        message = f"{config.web.listen!r} can be reached by others; [web] needs a password"
        reader.fail(("web", "listen"), message)


def _check_recipients(config: Config, channels: list[str], reader: TableReader) -> None:
    if config.watchlists and not channels:
        first = next(iter(config.watchlists))
        reader.warn(("watchlist", first), "no channel is configured: nobody is told of matches")


def _check_addresses(config: Config, reader: TableReader) -> None:
    first: dict[str, str] = {}
    for key, source in config.sources.items():
        if other := first.get(source.url):
            reader.warn(("source", key, "url"), f"is the address of source.{other} too")
        first.setdefault(source.url, key)


def _check_secrecy(reader: TableReader) -> None:
    for path in reader.literal_secrets:
        document, _ = reader.tree.place(path)
        try:
            open_to_all = document.path.stat().st_mode & stat.S_IROTH
        except OSError:
            continue
        if open_to_all:
            message = (
                f"is a secret in a file that every user can read; chmod 600 {document.name}, "
                'or write ${NAME} or { file = "…" }'
            )
            reader.warn(path, message)


def _check_retention(config: Config, reader: TableReader) -> None:
    if timedelta(0) < config.service.retention < SHORTEST_RETENTION:
        reader.warn(
            ("service", "retention"),
            "is shorter than the week in which copies of a story appear: one that comes when the "
            "story is forgotten is told as news",
        )


def _with_full_paths(config: Config, reader: TableReader) -> Config:
    """The configuration with the database's file made absolute; channels resolve their own."""
    folder = config.path.parent
    service = config.service.model_copy(
        update={"database": _database(config.service.database, folder, reader)}
    )
    return config.model_copy(update={"service": service})


def _check_server(url: str, path: TomlPath, reader: TableReader) -> None:
    try:
        parse_address(url)
    except StoreError as error:
        reader.fail(path, str(error))


def _database(url: str, folder: Path, reader: TableReader) -> str:
    path = ("service", "database")
    if url.startswith(_POSTGRESQL):
        _check_server(url, path, reader)
        return url
    file = url.removeprefix(_SQLITE)
    if file == url or not file or file == ":memory:":
        scheme = url.split(":")[0]
        meant = " (with the driver's name)" if scheme in {"postgresql", "postgres"} else ""
        message = f'must be "{_SQLITE}FILE" or "{_POSTGRESQL}…"{meant}'
        reader.fail(path, message)
        return url
    if "?" in file:
        reader.fail(path, "a ? begins options, and none are read; name the file alone")
        return url
    return _SQLITE + str(folder / file)
