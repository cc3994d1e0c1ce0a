"""The status page, /health and /metrics; reads only."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from datetime import datetime

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from service.metrics import CONTENT_TYPE, Metrics
from service.printable import show_controls
from service.status import Lines, is_healthy, read_lines, read_status
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


def status_app(
    store: Store,
    clock: Callable[[], datetime],
    password: str = "",
    metrics: Metrics | None = None,
) -> Starlette:
    """The web application. With a password every page but /health asks for it (any user name)."""

    async def page(request: Request) -> Response:
        if not _may_see(request, password):
            return _password_required()
        status = read_status(store, clock())
        html = _PAGES.get_template("status.html").render(status=status, healthy=is_healthy(status))
        return HTMLResponse(_shown(html), headers=_HEADERS)

    async def health(_request: Request) -> Response:
        try:
            status = read_lines(store, clock())
        except StoreError as error:
            return JSONResponse({"healthy": False, "error": str(error)}, 503)
        healthy = is_healthy(status)
        return JSONResponse({"healthy": healthy, **lines_of(status)}, 200 if healthy else 503)

    async def numbers(request: Request) -> Response:
        if not _may_see(request, password):
            return _password_required()
        try:
            text = (metrics or Metrics()).text(store, clock)
        except StoreError as error:
            return Response(f"{error}\n", 503)
        return Response(text, headers={**_HEADERS, "Content-Type": CONTENT_TYPE})

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/", page),
        ("/health", health),
        ("/metrics", numbers),
    ]
    return Starlette(routes=[Route(path, answer) for path, answer in routes])


def _shown(html: str) -> str:
    """The page with its line breaks and no other control character: it may be read with curl."""
    return "\n".join(show_controls(line) for line in html.split("\n"))


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
