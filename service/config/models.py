"""The whole configuration as frozen values; [service], [web] and [health] are here."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from alerts.channels import ChannelConfig
from alerts.config import Names, Variants, WatchlistConfig
from crawler.config import CrawlerConfig, SourceConfig, Timezone, check_web_address
from service.problems import Problem
from store.config import Duration, Secret, Table


def split_address(listen: str) -> tuple[str, int] | None:
    """`127.0.0.1:8780` or `[::1]:8780` as host and port; None for "". Raises ValueError."""
    if not listen:
        return None
    host, colon, port = listen.rpartition(":")
    if not (colon and port.isascii() and port.isdecimal() and int(port) <= 65535) or (
        ":" in host and not (host.startswith("[") and host.endswith("]"))
    ):
        raise ValueError(f'{listen!r} is not an address with a port; write "127.0.0.1:8780"')
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on that host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_listen(listen: str) -> str:
    split_address(listen)
    return listen


def _check_heartbeat(url: str) -> str:
    return check_web_address(url) if url else url


class ServiceConfig(Table):
    """[service]: the database, the clock people see, how long things are kept."""

    database: str = Field(
        "sqlite:///wirewatch.db",
        repr=False,
        description="sqlite:///FILE, beside config.toml, or postgresql+psycopg://…",
    )
    timezone: Timezone = Field(
        "UTC", description="how times are shown, and when digests and quiet hours fall"
    )
    retention: Duration = Field(
        timedelta(0), description="articles older than this are forgotten; 0d keeps all"
    )
    log: Literal["text", "json"] = Field("text", description="how the log is written")
    keep_pages: bool = Field(
        False, description="keep each matched page as WARC beside the database"
    )


class WebConfig(Table):
    """[web]: the status page."""

    listen: Annotated[str, AfterValidator(_check_listen)] = Field(
        "127.0.0.1:8780", description='"" turns it off; not loopback: a password is required'
    )
    password: Secret = Field(SecretStr(""), description="asked for by every page but /health")
    hosts: Names = Field(
        (),
        description="host names, as of a reverse proxy, under which a page without a password "
        "answers; it always does under addresses and localhost",
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None when the page is turned off."""
        return split_address(self.listen)


class HealthConfig(Table):
    """[health]: who is told about the monitor itself."""

    notify: Names | None = Field(
        None,
        description="channel ids that are told when a source breaks, falls silent or recovers; "
        "default: every channel",
    )
    coverage: str = Field(
        "", description='when to send one line even if nothing matched, as in "daily 08:00"'
    )
    heartbeat: Annotated[str, AfterValidator(_check_heartbeat)] = Field(
        "", description="a URL that is fetched after each healthy round (dead man's switch)"
    )


class Config(Table):
    """Everything config.toml and its includes say, checked; relative paths are made absolute."""

    path: Path
    """config.toml itself, absolute."""
    files: tuple[Path, ...]
    """config.toml and every included file: saving any of them is worth a reload."""
    folders: frozenset[Path]
    """Those of `files`, and those in which `include` looks for more, there or not."""
    service: ServiceConfig
    web: WebConfig
    health: HealthConfig
    crawler: CrawlerConfig
    sources: Mapping[str, SourceConfig]
    variants: Variants
    watchlists: Mapping[str, WatchlistConfig]
    channels: Mapping[str, ChannelConfig]
    warnings: tuple[Problem, ...] = ()
    secrets: frozenset[str] = Field(frozenset(), repr=False)
    """Every text that must not appear in a log, an error or an answer."""
