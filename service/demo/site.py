"""A small news site on loopback, with the habits of real ones: it is what the service watches.

It has a front page that names its feed, a feed that shows the ten latest stories only, a news
sitemap, robots.txt, validators, and pages whose furniture names topics that the stories do not.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Literal

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.demo.stories import Story

Layout = Literal["json_ld", "meta", "plain"]
LAYOUTS: tuple[Layout, ...] = ("json_ld", "meta", "plain")
WINDOW = 10
TRACKING = "?utm_source=rss&utm_medium=feed&utm_campaign=frontpage"
TEASERS = (
    ("Ten questions about the Durand Line", "/topics/durand-line"),
    ("Opinion: what the TTP does not say", "/topics/ttp"),
    ("In pictures: a walk along the Durand Line", "/topics/pictures"),
    ("ڈیورنڈ لائن کی کہانی", "/topics/urdu"),
)

_PAGES = Environment(loader=PackageLoader("service.demo"), autoescape=True, trim_blocks=True)
_PAGES.filters["rfc822"] = format_datetime


@dataclass(frozen=True, slots=True)
class Print:
    """A story as one site printed it."""

    story: Story
    path: str
    """Its address on the site."""
    at: datetime
    layout: Layout
    listed: str
    """The address under which front page and feed name it."""
    amp: str = ""
    """The path of its AMP version, if it has one."""
    also_read: bool = False
    """Whether a teaser stands between its paragraphs."""

    @property
    def guid(self) -> str:
        """What the feed calls it."""
        return f"chronicle-{self.path.strip('/').replace('/', '-')}"


@dataclass
class NewsSite:
    """One site: what it has printed, and its documents at this moment."""

    name: str
    now: Callable[[], datetime]
    url: str = ""
    """Its root without a final slash; known once it listens."""
    on_read: Callable[[Print], None] = lambda printed: None
    """Called whenever an article's page has been asked for and given."""
    teasers: tuple[tuple[str, str], ...] = TEASERS
    prints: list[Print] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    """How often each path has been asked for."""
    on_asked: Callable[[], None] = lambda: None
    """Called at every request."""

    def publish(self, story: Story, again: bool = False) -> Print:
        """Prints a story; `again` prints it under a second address that claims to be new."""
        number = len(self.prints)
        path = f"/{story.section_path}/{story.slug}{'-2' if again else ''}"
        amp = f"/amp{path}" if story.form == "amp" else ""
        listed = {"amp": amp, "tracking": path + TRACKING}.get(story.form, path)
        layout = LAYOUTS[number % len(LAYOUTS)]
        printed = Print(story, path, self.now(), layout, listed, amp, number % 2 == 0)
        self.prints.append(printed)
        return printed

    def latest(self, count: int = WINDOW) -> list[Print]:
        """The newest prints, newest first."""
        return self.prints[: -count - 1 : -1]

    def app(self) -> Starlette:
        """The site as an ASGI application."""
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "HEAD"])])

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked[path] += 1
        self.on_asked()
        if path == "/robots.txt":
            return Response(f"User-agent: *\nAllow: /\nSitemap: {self.url}/sitemap.xml\n")
        if path == "/style.css":
            return Response(_PAGES.get_template("style.css").render(), media_type="text/css")
        if document := self._document(path):
            kind = "application/xml" if path.endswith(".xml") else "text/html"
            return _conditional(request, document, kind, self._modified())
        for printed in self.prints:
            if path in (printed.path, printed.amp):
                self.on_read(printed)
                page = self._page(printed, amp=path == printed.amp)
                return Response(page, media_type="text/html")
        return Response("There is no such page.\n", 404)

    def _modified(self) -> datetime:
        return self.prints[-1].at if self.prints else self.now()

    def _document(self, path: str) -> str:
        common = {"site": self, "today": self._modified()}
        if path == "/feed.xml":
            return _PAGES.get_template("feed.xml").render(prints=self.latest(), **common)
        if path == "/sitemap.xml":
            return _PAGES.get_template("sitemap.xml").render(prints=self.latest(100), **common)
        if path == "/" or path.startswith("/topics/"):
            title = self.name if path == "/" else f"Topic: {path.removeprefix('/topics/')}"
            page = _PAGES.get_template("front.html")
            return page.render(prints=self.latest(), title=title, **common)
        return ""

    def _page(self, printed: Print, amp: bool) -> str:
        latest = [other for other in self.latest(6) if other.story is not printed.story]
        return _PAGES.get_template("amp.html" if amp else "article.html").render(
            site=self,
            print=printed,
            latest=latest,
            today=self.now(),
            json_ld=_json_ld(self, printed),
        )


def _json_ld(site: NewsSite, printed: Print) -> dict[str, object]:
    """The structured data of a page, with a site node beside the article as real themes have it."""
    url = site.url + printed.path
    article = {
        "@type": "NewsArticle",
        "@id": f"{url}#article",
        "url": url,
        "mainEntityOfPage": url,
        "headline": printed.story.headline,
        "description": printed.story.standfirst,
        "datePublished": printed.at.isoformat(timespec="seconds"),
        "inLanguage": printed.story.lang,
        "articleSection": printed.story.section,
        "publisher": {"@type": "NewsMediaOrganization", "name": site.name},
    }
    website = {"@type": "WebSite", "@id": f"{site.url}/#site", "name": site.name}
    return {"@context": "https://schema.org", "@graph": [website, article]}


def _conditional(request: Request, text: str, kind: str, modified: datetime) -> Response:
    """The document with its validators, or 304 when the visitor has it already."""
    body = text.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"ETag": etag, "Last-Modified": format_datetime(modified, usegmt=True)}
    given = request.headers.get("If-None-Match")
    since = request.headers.get("If-Modified-Since")
    if given == etag or (given is None and since and _not_after(modified, since)):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=kind, headers=headers)


def _not_after(modified: datetime, since: str) -> bool:
    try:
        return modified.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
