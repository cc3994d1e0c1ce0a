"""Apprise over real HTTP on loopback: services, pieces, the guard, and what is refused."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import apprise
import pytest
import requests
from apprise.plugins.discord import NotifyDiscord
from pydantic import ValidationError

from alerts.channels.apprise import SCHEMAS, AppriseConfig
from alerts.channels.apprise_http import _BOUNDED
from alerts.channels.apprise_pace import PACES
from alerts.channels.apprise_sending import AppriseChannel
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


def at_pace(url: str, pace: float, timeout: float = 1) -> AppriseChannel:
    """A channel whose pace is the test's."""
    return AppriseChannel(url, [ip_network("127.0.0.0/8")], timeout, pace=pace)


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
        channel = at_pace(mattermost_url(server), 0)
        server.on("*", mattermost(answer))
        with pytest.raises(TemporaryFailure):
            await channel.send(envelope(text=long), now=NOON, attempt=1)
        await channel.send(envelope(text=long), now=NOON, attempt=2)
    assert len(told) >= 3
    assert all(len(piece.encode()) <= 4000 for piece in told)
    assert [number for number in range(10) if f"{number} word" in "".join(told)] == list(range(10))
    assert len(set(told)) == len(told)


def mattermost_url(server: HttpServer) -> str:
    return f"mmost://127.0.0.1:{server.port}/{'t' * 24}"


def mattermost(answer: Any) -> Any:
    """The service's answers, with its field for the text under the name of JSON's."""

    def adapted(request: Request) -> Response:
        body = json.loads(request.body)
        plain = json.dumps({"message": body["text"]}).encode()
        response: Response = answer(replace(request, body=plain))
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


ROCKET = "rocket://u:p@127.0.0.1"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize(
    "url",
    [
        "matrix://u:p@127.0.0.1/%23geheim/%23b",
        "matrix://u:p@127.0.0.1/geheim/@someone",
        f"mmost://127.0.0.1/{'t' * 24}?channels=geheim,b",
        "nctalk://u:p@127.0.0.1/geheim/b",
        "ntfy://127.0.0.1/geheim/dead",
        f"pover://{'u' * 30}@{'t' * 30}/%23{'g' * 30}/geheim",
        f"{ROCKET}/%23geheim/%23b",
        f"{ROCKET}/%23geheim/@someone",
        "signal://127.0.0.1/15551234567/15551234568/15551234569",
        "signal://127.0.0.1/15551234567/15551234568/15551234569?batch=yes",
        f"{SLACK}/%23geheim/%23b",
        "tgram://123456789:geheim_hijklmnop/1/2",
        f"webex://{'a' * 80}/geheim/b?mode=bot",
        f"zulip://bot@org/{'a' * 32}/geheim/b",
    ],
)
def test_one_channel_has_one_destination(url: str) -> None:
    """Apprise would send to both, and again to both when one has failed."""
    with pytest.raises(ValidationError, match="a channel for each") as caught:
        config(url)
    assert "geheim" not in str(caught.value)


def test_matrix_without_a_room_would_tell_all_it_is_in() -> None:
    with pytest.raises(ValidationError, match="name one"):
        config("matrix://u:p@127.0.0.1")


def test_what_apprise_would_leave_out_in_silence_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not understand"):
        config("signal://127.0.0.1/15551234567/15551234568/geheim")


@pytest.mark.parametrize(
    "url",
    [
        "matrix://token@127.0.0.1?mode=hookshot",
        "matrix://u:p@127.0.0.1/%23a",
        "ntfy://127.0.0.1/a?retry=3",
        f"pover://{'u' * 30}@{'t' * 30}/phone/tablet",  # one request, taken whole or not
        f"{ROCKET}/%23a",
        "signal://127.0.0.1/15551234567",
        SLACK,
        "tgram://123456789:abcdefg_hijklmnop/",
        f"webex://{'a' * 80}",
    ],
)
def test_one_destination_is_let_in_however_it_is_written(url: str) -> None:
    assert config(url).url.get_secret_value() == url


async def test_between_two_pieces_or_messages_lies_the_pace() -> None:
    times: list[float] = []

    def take(request: Request) -> Response:
        times.append(time.monotonic())
        return Response(200, b"{}")

    async with HttpServer() as server:
        server.on("*", take)
        channel = at_pace(mattermost_url(server), 0.3)
        await channel.send(envelope(text="word " * 1000), now=NOON, attempt=1)
        await channel.send(PLAIN, now=NOON, attempt=1)
    assert len(times) == 3
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.299


async def test_the_pace_of_a_service_is_that_of_the_table() -> None:
    async with HttpServer() as server:
        server.on("*", Response(200, b"{}"))
        async with opened(mattermost_url(server)) as channel:
            started = time.monotonic()
            for _ in range(2):
                await channel.send(PLAIN, now=NOON, attempt=1)
    assert time.monotonic() - started >= PACES["Mattermost"] - 0.01


def test_every_service_has_a_pace() -> None:
    assert PACES.keys() == set(SCHEMAS.values())
    assert 60 / PACES["Telegram"] <= 20, "messages a minute that a group may get"


async def test_of_a_message_without_end_five_pieces_go_and_the_rest_is_counted() -> None:
    text = "\n\n---\n\n".join(f"{number} " + "word " * 300 for number in range(50))
    async with HttpServer() as server:
        server.on("*", Response(200, b"{}"))
        await at_pace(mattermost_url(server), 0).send(envelope(text=text), now=NOON, attempt=1)
    bodies = [json.loads(request.body)["text"] for request in server.requests]
    told = sum("word" in part for body in bodies for part in body.split("---"))
    assert len(bodies) == 5
    assert f"and {50 - told} more: wirewatch matches" in bodies[-1]


@pytest.fixture
async def discord(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HttpServer]:
    """A receiver in Discord's place."""
    async with HttpServer() as server:
        monkeypatch.setattr(NotifyDiscord, "notify_url", server.url)
        # Ten seconds, as it comes, on top of every pause.
        monkeypatch.setattr(NotifyDiscord, "clock_skew", timedelta(0))
        yield server


DISCORD = f"discord://{'1' * 18}/{'a' * 60}"


def limits(reset: float) -> dict[str, str]:
    """What Discord says when nothing more may be asked for so many seconds."""
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + reset))}


async def test_a_pause_of_an_hour_is_not_slept_through(discord: HttpServer) -> None:
    discord.on("*", Response(204, headers=limits(3600)))
    channel = at_pace(DISCORD, 0)
    await channel.send(PLAIN, now=NOON, attempt=1)
    async with asyncio.timeout(5):
        with pytest.raises(TemporaryFailure, match="pause") as caught:
            await channel.send(envelope(id="other"), now=NOON, attempt=1)
    assert caught.value.retry_after
    assert timedelta(minutes=59) < caught.value.retry_after < timedelta(minutes=61)
    assert caught.value.blame == "destination"
    assert len(discord.requests) == 1


async def test_a_short_pause_is_waited_for(discord: HttpServer) -> None:
    discord.on("*", Response(204, headers=limits(2)))
    channel = at_pace(DISCORD, 0)
    await channel.send(PLAIN, now=NOON, attempt=1)
    started = time.monotonic()
    await channel.send(envelope(id="other"), now=NOON, attempt=1)
    assert time.monotonic() - started > 0.5
    assert len(discord.requests) == 2


async def test_after_429_nothing_more_is_asked(discord: HttpServer) -> None:
    discord.on("*", Response(429, headers={"Retry-After": "120"}))
    with pytest.raises(TemporaryFailure) as caught:
        await at_pace(DISCORD, 0).send(PLAIN, now=NOON, attempt=1)
    assert (caught.value.code, caught.value.retry_after) == (429, timedelta(seconds=120))
    assert len(discord.requests) == 1


async def test_an_answer_that_apprise_stumbles_over_is_a_failure_like_any(
    discord: HttpServer,
) -> None:
    odd = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400}
    discord.on("*", Response(500, headers=odd))
    with pytest.raises(TemporaryFailure, match="500"):
        await at_pace(DISCORD, 0).send(PLAIN, now=NOON, attempt=1)


@asynccontextmanager
async def rocket_chat(message: Response, logout: int = 200) -> AsyncIterator[HttpServer]:
    """Rocket.Chat, which is logged in to and out of for each piece."""
    login = {"status": "success", "data": {"authToken": "t", "userId": "u"}}
    async with HttpServer() as server:
        server.on("/api/v1/login", Response(200, json.dumps(login).encode()))
        server.on("/api/v1/chat.postMessage", message)
        server.on("/api/v1/logout", Response(logout, b"{}"))
        yield server


def asked(server: HttpServer) -> list[str]:
    return [request.path.rpartition("/")[2] for request in server.requests]


async def test_a_message_that_was_taken_is_taken_whatever_follows() -> None:
    async with rocket_chat(Response(200, b"{}"), logout=500) as server:
        channel = at_pace(f"rocket://u:p@127.0.0.1:{server.port}/%23a", 0)
        receipt = await channel.send(PLAIN, now=NOON, attempt=1)
    assert receipt.code == 200
    assert asked(server) == ["login", "chat.postMessage", "logout"]


@pytest.mark.parametrize(
    ("code", "then"),
    [(503, ["logout"]), (429, [])],
)
async def test_the_answer_that_counts_is_the_one_to_the_message(code: int, then: list[str]) -> None:
    busy = Response(code, b"later", {"Retry-After": "120"})
    async with rocket_chat(busy) as server:
        channel = at_pace(f"rocket://u:p@127.0.0.1:{server.port}/%23a", 0)
        with pytest.raises(TemporaryFailure) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert (caught.value.code, caught.value.reply) == (code, "later")
    assert caught.value.retry_after == timedelta(seconds=120)
    assert asked(server) == ["login", "chat.postMessage", *then]


async def test_a_service_that_stalls_takes_no_thread_from_others() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with HttpServer() as server:
        server.on("*", Response(200, wait=30))
        channel = at_pace(f"json://127.0.0.1:{server.port}/", 0, timeout=20)
        sending = asyncio.create_task(channel.send(PLAIN, now=NOON, attempt=1))
        await server.wait_for(1)
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(lambda: "the store was read") == "the store was read"
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


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
