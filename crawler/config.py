"""[crawler] and [source.*] of config.toml."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from store.config import Duration, Size, Table, configured_duration

Kind = Literal["auto", "feed", "sitemap", "wordpress", "listing"]
Network = IPv4Network | IPv6Network


def check_timezone(name: str) -> str:
    """The name itself when the zone exists. Raises ValueError otherwise."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'{name!r} is not a time zone; write one like "Asia/Karachi"') from error
    return name


def check_web_address(url: str) -> str:
    """The address itself when it is http(s) with a host. Raises ValueError otherwise."""
    scheme, _, rest = url.partition("://")
    if (
        scheme.lower() not in {"http", "https"}
        or not rest.split("/")[0]
        or not _can_be_taken_apart(url)
    ):
        raise ValueError(f'{url!r} is not a web address; write one like "https://example.org/"')
    return url


def _can_be_taken_apart(url: str) -> bool:
    """Whether brackets around an IPv6 address are closed, and a port is one."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "te", "upgrade"})


def check_header(name: str, value: str) -> None:
    """Raises ValueError for a header that no request can carry, without showing its value.

    RFC 9110, section 5: a name is a token; a value holds no line break and no control character.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header; names are letters, digits and -")
    if name.lower() in _OURS:
        raise ValueError(f"the header {name} is part of the connection and is not for a source")
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError(
            f"the value of the header {name} holds a line break or a character that no header can"
        )


def _network(value: object) -> Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f'{value!r} is not an address range; write "127.0.0.0/8"') from error


def _silence(value: object) -> timedelta | Literal["auto"]:
    return "auto" if value == "auto" else configured_duration(value)


Timezone = Annotated[str, AfterValidator(check_timezone)]
WebAddress = Annotated[str, AfterValidator(check_web_address)]


class CrawlerConfig(Table):
    """[crawler]: how all sources are fetched."""

    contact: str = Field("", description="an address for webmasters; goes into the User-Agent")
    every: Duration = Field(timedelta(minutes=15), description="the longest wait between visits")
    delay: Duration = Field(
        timedelta(seconds=1), description="at least this between two requests to one host"
    )
    concurrency: int = Field(16, ge=1, le=256, description="requests in flight, all hosts together")
    timeout: Duration = Field(timedelta(seconds=30), description="of one request")
    max_size: Size = Field(10 * 1024**2, description="of one response, after decompression")
    obey_robots: bool = Field(True, description="whether robots.txt is obeyed")
    proxy: str = Field(
        "", repr=False, description="an http:// proxy for everything the crawler fetches"
    )
    allow_private: tuple[Annotated[Network, BeforeValidator(_network)], ...] = Field(
        (), description="address ranges that may be reached although private"
    )

    @field_validator("proxy")
    @classmethod
    def _proxy_is_http(cls, proxy: str) -> str:
        if not proxy:
            return proxy
        if not proxy.startswith("http://"):
            raise ValueError(f"{proxy!r} is not an http:// address")
        if not _can_be_taken_apart(proxy) or not urlsplit(proxy).hostname:
            raise ValueError(f'{proxy!r} names no proxy; write one like "http://10.0.0.1:3128"')
        return proxy


def check_selector(css: str) -> str:
    """The selector itself when it is one, or empty. Raises ValueError otherwise."""
    if css.strip():
        try:
            LexborHTMLParser("<p>").css_first(css)
        except (SelectolaxError, ValueError) as error:
            raise ValueError(
                f'{css!r} is no CSS selector; write one like "div.article p"'
            ) from error
    return css.strip()


Selector = Annotated[str, AfterValidator(check_selector)]


class SelectConfig(Table):
    """CSS selectors of one source, where the automatic way fails."""

    links: Selector = Field("", description="the article links of a listing page")
    body: Selector = Field("", description="the container of the text")
    title: Selector = Field("", description="the headline")
    date: Selector = Field("", description="the element with the publication date")


class SourceConfig(Table):
    """[source.ID]: one place to visit."""

    url: WebAddress = Field(description="front page, feed, sitemap, WordPress site or section page")
    kind: Kind = Field("auto", description="auto | feed | sitemap | wordpress | listing")
    name: str = Field("", description="shown to readers; default: the site's own name")
    every: Duration | None = Field(None, description="the longest wait between visits")
    delay: Duration | None = Field(None, description="between two requests to its host")
    timezone: Timezone = Field("UTC", description="for dates that name no zone")
    lang: str = Field("", description="when pages do not say")
    enabled: bool = Field(True, description="false: known, not visited")
    silent_after: Annotated[timedelta | Literal["auto"], BeforeValidator(_silence)] = Field(
        "auto", description="no new article for so long is worth a message"
    )
    headers: dict[str, str] = Field(
        default_factory=dict, repr=False, description="sent with every request to its host"
    )

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            check_header(name, value)
        return headers

    select: SelectConfig = Field(
        default_factory=SelectConfig, description="CSS selectors, where the automatic way fails"
    )
