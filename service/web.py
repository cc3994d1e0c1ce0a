"""The status page, /health and /metrics; reads only."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from service.hosts import is_own_host
from service.metrics import CONTENT_TYPE, Metrics
from service.printable import show_controls
from service.status import Configured, Lines, Status, is_healthy, read_lines, read_status
from store.engine import Store
from store.errors import StoreError

_PAGES = Environment(loader=PackageLoader("service"), autoescape=True, trim_blocks=True)
_HEADERS = {
    # The page runs and loads nothing, whatever a source's name or error tries to smuggle in.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Answer = Callable[[Request], Awaitable[Response]]
"""Answers one path."""


def status_app(
    store: Store,
    clock: Callable[[], datetime],
    password: str = "",
    metrics: Metrics | None = None,
    hosts: Collection[str] = (),
    known: Callable[[], Configured | None] = lambda: None,
) -> Starlette:
    """The web application. With a password every page but /health asks for it (any user name).

    Without one it answers under addresses, localhost and the names in `hosts` only. `known`
    gives what is configured now, for `read_status`.
    """
    pages = _Pages(store, clock, metrics or Metrics(), known)
    answers: dict[str, Answer] = {
        "/": partial(_asking, pages.page, password),
        "/health": pages.health,
        "/metrics": partial(_asking, pages.numbers, password),
    }
    if not password:
        answers = {path: partial(_at_home, each, hosts) for path, each in answers.items()}
    return Starlette(routes=[Route(path, answer) for path, answer in answers.items()])


@dataclass(frozen=True)
class _Pages:
    """What each path shows."""

    store: Store
    clock: Callable[[], datetime]
    metrics: Metrics
    known: Callable[[], Configured | None]

    def status(self) -> Status:
        """Raises StoreError."""
        return read_status(self.store, self.clock(), self.known())

    async def page(self, _request: Request) -> Response:
        try:
            status = self.status()
        except StoreError as error:
            return _unreadable(error)
        html = _PAGES.get_template("status.html").render(status=status, healthy=is_healthy(status))
        return HTMLResponse(_shown(html), headers=_HEADERS)

    async def health(self, _request: Request) -> Response:
        try:
            status = read_lines(self.store, self.clock(), self.known())
        except StoreError as error:
            return JSONResponse({"healthy": False, "error": str(error)}, 503)
        healthy = is_healthy(status)
        return JSONResponse({"healthy": healthy, **lines_of(status)}, 200 if healthy else 503)

    async def numbers(self, _request: Request) -> Response:
        try:
            text = self.metrics.text(self.store, self.clock)
        except StoreError as error:
            return _unreadable(error)
        return Response(text, headers={**_HEADERS, "Content-Type": CONTENT_TYPE})


async def _at_home(answer: Answer, hosts: Collection[str], request: Request) -> Response:
    """Answers only who asks for this service by a name of its own."""
    host = request.headers.get("host", "")
    if is_own_host(host, hosts):
        return await answer(request)
    why = f"{show_controls(host)} is no name of this service; [web] hosts can name it\n"
    return PlainTextResponse(why, 421, headers=_HEADERS)


async def _asking(answer: Answer, password: str, request: Request) -> Response:
    """Answers only who gives the password."""
    return await answer(request) if _may_see(request, password) else _password_required()


def _unreadable(error: StoreError) -> Response:
    return PlainTextResponse(f"{show_controls(str(error))}\n", 503, headers=_HEADERS)


def _shown(html: str) -> str:
    """The page with its line breaks and no other control character: it may be read with curl."""
    return show_controls(html, keep="\n")


def _password_required() -> Response:
    wanted = {"WWW-Authenticate": 'Basic realm="Wirewatch", charset="UTF-8"'}
    return Response("password required\n", 401, headers=wanted)


def lines_of(status: Lines) -> dict[str, object]:
    """The three waiting lines, as /health and `status --json` name them."""
    return {
        "entries_waiting": status.entries_waiting,
        "articles_waiting": status.articles_waiting,
        "deliveries_waiting": status.deliveries_waiting,
        "dead_letters": status.dead_letters,
    }


def _may_see(request: Request, password: str) -> bool:
    if not password:
        return True
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = b64decode(credentials, validate=True).decode("utf-8", "replace").partition(":")[2]
    except (Base64Error, ValueError):
        return False
    return hmac.compare_digest(given.encode(), password.encode())
