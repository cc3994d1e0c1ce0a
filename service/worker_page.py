"""What a worker tells of itself over HTTP: whether it lives, and what it has done."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.metrics import CONTENT_TYPE, Metrics


def worker_app(is_lost: Callable[[], bool], metrics: Metrics) -> Starlette:
    """`/health` and `/metrics` of this process alone: how the others fare is not its concern.

    It answers from the loop that crawls, so one that hangs does not answer. `is_lost`: whether the
    database has not heard of it for so long that others may take its crawls.
    """

    async def health(_request: Request) -> Response:
        lost = is_lost()
        return JSONResponse({"healthy": not lost}, 503 if lost else 200)

    async def numbers(_request: Request) -> Response:
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Response(metrics.counted(), headers=headers)

    return Starlette(routes=[Route("/health", health), Route("/metrics", numbers)])
