"""Apprise over real HTTP on loopback: services, pieces, the guard, and what is refused."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apprise
import pytest
import requests
from pydantic import ValidationError

from alerts.channels.apprise import SCHEMAS, AppriseConfig
from alerts.channels.apprise_http import _BOUNDED
from alerts.channels.base import Channel, Surroundings
from alerts.channels.discreet import open_channel
from alerts.envelope import TemporaryFailure
from tests.alerts.envelopes import NOON, PLAIN, envelope
from tests.support.http import HttpServer, Request, Response

LOCAL = ["127.0.0.0/8"]


def config(url: str, **keys: Any) -> AppriseConfig:
    table = {"kind": "apprise", "url": url, "timeout": "1s", "allow_private": LOCAL}
    return AppriseConfig.model_validate({**table, **keys})


@asynccontextmanager
async def opened(url: str, **keys: Any) -> AsyncIterator[Channel]:
    channel = open_channel(config(url, **keys), Surroundings(Path()))
    yield channel
    await channel.close()


async def test_ntfy_gets_the_alert_with_its_subject_as_title() -> None:
    async with HttpServer() as server:
        server.on("*", Response(200, b"{}"))
        async with opened(f"ntfy://desk:geheim@127.0.0.1:{server.port}/alerts") as channel:
            await channel.send(PLAIN, now=NOON, attempt=1)
    (request,) = server.requests
    told = json.loads(request.body)
    assert (told["topic"], told["title"]) == ("alerts", PLAIN.subject)
    assert "ڈیورنڈ لائن" in told["message"]
    assert told["message"].endswith(f"Wirewatch {PLAIN.id}")
    assert request.headers["authorization"].startswith("Basic ")


async def test_what_is_too_long_goes_in_pieces_and_those_taken_are_not_sent_again() -> None:
    async with HttpServer() as server:
        told: list[str] = []

        def answer(request: Request) -> Response:
            if len(told) == 1 and len(server.requests) == 2:
                return Response(503)
            told.append(json.loads(request.body)["message"])
            return Response(200, b"{}")

        server.on("*", answer)
        long = "\n\n".join(f"{number} " + "word " * 200 for number in range(10))
        async with opened(f"mmost://127.0.0.1:{server.port}/{'t' * 24}") as channel:
            server.on("*", mattermost(answer))
            with pytest.raises(TemporaryFailure):
                await channel.send(envelope(text=long), now=NOON, attempt=1)
            await channel.send(envelope(text=long), now=NOON, attempt=2)
    assert len(told) >= 3
    assert all(len(piece.encode()) <= 4000 for piece in told)
    assert [number for number in range(10) if f"{number} word" in "".join(told)] == list(range(10))
    assert len(set(told)) == len(told)


def mattermost(answer: Any) -> Any:
    """The service's answers, with its field for the text under the name of JSON's."""

    def adapted(request: Request) -> Response:
        body = json.loads(request.body)
        plain = json.dumps({"message": body["text"]}).encode()
        response: Response = answer(
            Request(request.method, request.target, request.headers, plain, request.connection)
        )
        return response

    return adapted


async def test_a_private_address_is_reached_only_where_allowed() -> None:
    async with HttpServer() as server:
        server.on("*", Response(200))
        for host in ("127.0.0.1", "localhost"):
            async with opened(f"json://{host}:{server.port}/", allow_private=[]) as channel:
                with pytest.raises(TemporaryFailure, match="allow_private"):
                    await channel.send(PLAIN, now=NOON, attempt=1)
        assert server.connections == 0


async def test_outside_of_a_message_nothing_of_apprise_speaks_http() -> None:
    async with HttpServer() as server:
        url = server.on("/", Response(200))
        with pytest.raises(requests.RequestException, match="no message"):
            await asyncio.to_thread(_BOUNDED.post, url)
        assert server.connections == 0


async def test_a_token_that_the_service_repeats_is_not_kept() -> None:
    async with HttpServer() as server:
        token = "tokenoftheroom1234567890"
        server.on("*", lambda request: Response(404, f"no {request.target}".encode()))
        async with opened(f"mmost://127.0.0.1:{server.port}/{token}") as channel:
            with pytest.raises(TemporaryFailure) as caught:
                await channel.send(PLAIN, now=NOON, attempt=1)
    assert caught.value.code == 404
    assert "***" in caught.value.reply
    assert token not in f"{caught.value!r} {caught.value.reason} {caught.value.reply}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "geheim",
        "syslog://geheim",
        "exec://geheim",
        "mailto://user:geheim@example.org",
        "mqtt://geheim",
        "dbus://geheim",
        "slack://geheim",
        "https://geheim.example.org/",
        "json://[geheim",
        "json://geheim@exa\u2100mple.org/",
    ],
)
def test_what_may_not_be_used_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(url)
    assert "geheim" not in str(caught.value)
    assert "address" in str(caught.value)


def test_the_address_is_not_printed() -> None:
    table = config("ntfys://desk:geheim@ntfy.example.org/secret-topic")
    assert "geheim" not in repr(table) + table.model_dump_json()
    assert "secret-topic" in table.hidden()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_service_speaks_through_the_bounded_requests(schema: str) -> None:
    """Its modules have one way to the network, which `bound` replaces."""
    plugin = services()[schema]
    source = "".join(
        Path(str(module)).read_text(encoding="utf-8")
        for module in {files(class_) for class_ in plugin.__mro__}
        if "plugins" in str(module)
    )
    assert "import requests" in source
    for way in ("requests.Session", "httpx", "aiohttp", "urllib.request", "socket.socket"):
        assert way not in source, way


def services() -> dict[str, type]:
    """Apprise's classes by schema."""
    manager = apprise.manager_plugins.NotificationManager()
    return {schema: manager[schema] for schema in SCHEMAS}


def files(class_: type) -> str:
    return getattr(sys.modules[class_.__module__], "__file__", "") or ""
