"""A news site on loopback that a test writes: articles, a feed, and every way a site fails."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from tests.support.http import HangUpError, HttpServer, Request, Response


@dataclass(frozen=True)
class Printed:
    """One article of the site."""

    path: str
    title: str
    page: str
    at: datetime


@dataclass
class _Fault:
    path: str
    answer: Response | type[HangUpError]
    left: int | None


@dataclass
class Site(HttpServer):
    """`async with Site() as site:` listens until the block ends; each host is a site of its own.

    `/` names the feed, `/feed.xml` shows the latest articles, newest first, with validators;
    `/robots.txt` is what the test says. `requests` tells what was asked for.
    """

    name: str = "The Loopback Times"
    window: int = 30
    """Articles in the feed."""
    robots: str = ""
    """Text of robots.txt; empty: there is none."""
    articles: list[Printed] = field(default_factory=list)
    _faults: list[_Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on("*", self._answer)

    @property
    def feed_url(self) -> str:
        """The feed's address."""
        return f"{self.url}/feed.xml"

    def publish(
        self,
        title: str,
        paragraphs: list[str],
        *,
        path: str = "",
        at: datetime | None = None,
        lang: str = "en",
    ) -> str:
        """Prints an article now; its address."""
        path = path or f"/{len(self.articles) + 1}/{'-'.join(title.lower().split())}"
        at = at or datetime.now(UTC)
        self.articles.append(Printed(path, title, _page(self, title, paragraphs, at, lang), at))
        return self.url + path

    def fail(
        self, answer: Response | type[HangUpError], *, path: str = "*", times: int | None = None
    ) -> None:
        """From now on the path ("*": every one) is answered so, `times` times (None: always)."""
        self._faults.append(_Fault(path, answer, times))

    def recover(self) -> None:
        """Forgets all faults."""
        self._faults.clear()

    def asked(self, path: str) -> int:
        """How often a path has been asked for."""
        return sum(request.path == path for request in self.requests)

    def _answer(self, request: Request) -> Response:
        for fault in self._faults:
            if fault.path in ("*", request.path) and fault.left != 0:
                fault.left = None if fault.left is None else fault.left - 1
                if isinstance(fault.answer, Response):
                    return fault.answer
                raise fault.answer
        if request.path == "/feed.xml":
            return self._feed(request)
        if request.path == "/robots.txt" and self.robots:
            return Response(200, self.robots.encode(), {"Content-Type": "text/plain"})
        if request.path == "/":
            return _html(_front(self))
        for article in self.articles:
            if article.path == request.path:
                return _html(article.page)
        return Response(404, b"no such page")

    def _feed(self, request: Request) -> Response:
        body = _rss(self).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"Content-Type": "application/rss+xml", "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(304, b"", headers)
        return Response(200, body, headers)


def _html(page: str) -> Response:
    return Response(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def _rss(site: Site) -> str:
    items = "".join(
        f"<item><title>{escape(one.title)}</title><link>{site.url}{one.path}</link>"
        f"<guid>{site.url}{one.path}</guid><pubDate>{format_datetime(one.at)}</pubDate></item>"
        for one in site.articles[: -site.window - 1 : -1]
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{escape(site.name)}</title>'
        f"<link>{site.url}/</link><description>news</description>{items}</channel></rss>"
    )


def _front(site: Site) -> str:
    links = "".join(
        f'<h2><a href="{one.path}">{escape(one.title)}</a></h2>' for one in site.articles[-30:]
    )
    return (
        f"<!doctype html><html><head><title>{escape(site.name)}</title>"
        f'<link rel="alternate" type="application/rss+xml" href="/feed.xml"></head>'
        f"<body><main>{links}</main></body></html>"
    )


def _page(site: Site, title: str, paragraphs: list[str], at: datetime, lang: str) -> str:
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f"<title>{escape(title)} - {escape(site.name)}</title>"
        f'<meta property="og:type" content="article">'
        f'<meta property="article:published_time" content="{at.isoformat()}"></head>'
        f'<body><nav><a href="/">Home</a></nav><article><h1>{escape(title)}</h1>{text}</article>'
        f"<footer>{escape(site.name)}</footer></body></html>"
    )
