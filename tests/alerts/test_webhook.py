"""Webhooks as the receiver sees them: signed by the book, read with care, stopped by 410."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook

from alerts.channels.base import Channel, Surroundings
from alerts.channels.webhook import WebhookConfig, parse_retry_after, signature, signing_key
from alerts.envelope import PermanentFailure, TemporaryFailure
from tests.alerts.envelopes import NOON, PLAIN, envelope
from tests.support.http import HttpServer, Request, Response, endless, trickle

LOCAL = {"allow_private": ["127.0.0.0/8"]}
OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()


@asynccontextmanager
async def opened(url: str, **keys: Any) -> AsyncIterator[Channel]:
    table = {"kind": "webhook", "url": url, "secret": NEW, "timeout": "1s", **LOCAL, **keys}
    channel = WebhookConfig.model_validate(table).open(Surroundings(Path()))
    yield channel
    await channel.close()


def verify(request: Request, secret: str) -> Any:
    return Webhook(secret).verify(request.body, dict(request.headers))


def test_the_published_vector_is_signed_as_published() -> None:
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_the_reference_library_verifies_what_is_sent() -> None:
    async with HttpServer() as server, opened(server.on("/hook", Response(204))) as channel:
        await channel.send(PLAIN, now=datetime.now(UTC), attempt=1)
    (request,) = server.requests
    assert verify(request, NEW) == PLAIN.payload
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == PLAIN.id


async def test_while_secrets_change_both_sign() -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(204))
        async with opened(url, secret=[NEW, OLD]) as channel:
            await channel.send(PLAIN, now=datetime.now(UTC), attempt=1)
    assert verify(server.requests[0], NEW) == verify(server.requests[0], OLD)


async def test_a_retry_keeps_id_and_body_and_signs_anew() -> None:
    async with HttpServer() as server, opened(server.on("/hook", Response(204))) as channel:
        await channel.send(PLAIN, now=NOON, attempt=1)
        await channel.send(PLAIN, now=NOON + timedelta(hours=5), attempt=2)
    first, second = server.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (
        int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
        == 5 * 3600
    )
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


async def test_the_timestamp_is_the_instant_whatever_its_zone() -> None:
    async with HttpServer() as server, opened(server.on("/hook", Response(204))) as channel:
        kabul = NOON.astimezone(timezone(timedelta(hours=4, minutes=30)))
        await channel.send(PLAIN, now=kabul, attempt=1)
    assert server.requests[0].headers["webhook-timestamp"] == str(int(NOON.timestamp()))


async def test_the_body_is_utf8_json_that_carries_every_script() -> None:
    payload = {"data": {"text": "ڈیورنڈ لائن «ख़ैबर» 🗞"}}
    async with HttpServer() as server, opened(server.on("/hook", Response(204))) as channel:
        await channel.send(envelope(payload=payload), now=NOON, attempt=1)
    assert json.loads(server.requests[0].body) == payload


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(code: int) -> None:
    async with HttpServer() as server, opened(server.on("/hook", Response(code))) as channel:
        assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == code


@pytest.mark.parametrize(
    ("code", "blame"),
    [
        (301, "unclear"),
        (304, "unclear"),
        (400, "message"),
        (401, "unclear"),
        (404, "unclear"),
        (413, "message"),
        (422, "message"),
        (429, "destination"),
        (500, "unclear"),
        (502, "destination"),
        (503, "destination"),
        (504, "destination"),
    ],
)
async def test_anything_else_is_tried_again(code: int, blame: str) -> None:
    async with (
        HttpServer() as server,
        opened(server.on("/hook", Response(code, b"why"))) as channel,
    ):
        with pytest.raises(TemporaryFailure) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert (caught.value.code, caught.value.blame) == (code, blame)
    assert caught.value.reply in {"why", ""}


async def test_410_stops_the_channel() -> None:
    async with HttpServer() as server, opened(server.on("/hook", Response(410))) as channel:
        with pytest.raises(PermanentFailure) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert caught.value.stops_channel


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    async with HttpServer() as server:
        private = server.on("/private", Response(204))
        url = server.on("/hook", Response(code, headers={"Location": private}))
        async with opened(url) as channel:
            with pytest.raises(TemporaryFailure, match="redirect"):
                await channel.send(PLAIN, now=NOON, attempt=1)
    assert [request.path for request in server.requests] == ["/hook"]


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_handed_on(code: int) -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(code, headers={"Retry-After": "120"}))
        async with opened(url) as channel:
            with pytest.raises(TemporaryFailure) as caught:
                await channel.send(PLAIN, now=NOON, attempt=1)
    assert caught.value.retry_after == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta(0)),
        (" 90 ", timedelta(seconds=90)),
        ("Sun, 01 Mar 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Sun, 01 Mar 2026 12:05:00 -0000", timedelta(minutes=5)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("١٢", None),
        ("", None),
        (None, None),
        ("9" * 400, timedelta(seconds=999999999)),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(value, NOON) == wait


@given(st.text())
def test_no_retry_after_is_too_odd(value: str) -> None:
    wait = parse_retry_after(value, NOON)
    assert wait is None or wait >= timedelta(0)


@pytest.mark.parametrize("code", [200, 500])
async def test_of_an_endless_reply_little_is_read(code: int) -> None:
    async with HttpServer() as server:
        async with opened(server.on("/hook", Response(code, chunks=endless()))) as channel:
            if code == 200:
                assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 200
            else:
                with pytest.raises(TemporaryFailure):
                    await channel.send(PLAIN, now=NOON, attempt=1)
        assert server.sent < 20_000_000  # what kernel buffers hold, not the whole


async def test_a_success_whose_body_never_ends_is_a_success_soon() -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(200, chunks=trickle(b"x" * 1000, 0.5)))
        async with opened(url) as channel:
            started = time.monotonic()
            assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 200
    assert time.monotonic() - started < 15


async def test_a_success_whose_body_breaks_off_is_a_success() -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(200, b"ok", promise=1000))
        async with opened(url) as channel:
            assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 200


async def test_a_head_that_trickles_in_meets_the_deadline() -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(200, wait=5))
        async with opened(url, timeout="200ms") as channel:
            started = time.monotonic()
            with pytest.raises(TemporaryFailure, match="no answer in time"):
                await channel.send(PLAIN, now=NOON, attempt=1)
    assert time.monotonic() - started < 4


async def test_failures_name_the_host_but_never_the_address_with_its_token() -> None:
    async with (
        HttpServer() as server,
        opened(server.on("/hook/tok3n", Response(404)) + "?key=tok3n") as channel,
    ):
        with pytest.raises(TemporaryFailure) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert "127.0.0.1" in caught.value.reason
    assert "tok3n" not in caught.value.reason


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "geheim geheim", [], ["x"]])
def test_a_weak_or_broken_secret_is_refused_without_being_repeated(secret: Any) -> None:
    table = {"kind": "webhook", "url": "https://ops.example.org/", "secret": secret}
    with pytest.raises(ValidationError) as caught:
        WebhookConfig.model_validate(table)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "ops.example.org", "https://", "https://a b/"]
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="web address"):
        WebhookConfig.model_validate({"kind": "webhook", "url": url, "secret": NEW})


def test_neither_address_nor_secret_is_printed() -> None:
    table = WebhookConfig.model_validate(
        {"kind": "webhook", "url": "https://u:geheim@ops.example.org/t0ken", "secret": NEW}
    )
    shown = repr(table) + str(table) + table.model_dump_json()
    assert "geheim" not in shown
    assert "t0ken" not in shown
    assert NEW not in shown


async def test_a_private_address_is_reached_only_where_allowed() -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(204))
        async with opened(url, allow_private=[]) as channel:
            with pytest.raises(TemporaryFailure, match="allow_private"):
                await channel.send(PLAIN, now=NOON, attempt=1)
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.2", "127.2", "2130706434", "[::ffff:127.0.0.2]"])
async def test_one_allowed_address_opens_no_other(host: str) -> None:
    async with HttpServer() as allowed, HttpServer(host="127.0.0.2") as inside:
        inside.on("*", Response(204))
        only = ["127.0.0.1/32"]
        async with opened(f"http://{host}:{inside.port}/hook", allow_private=only) as channel:
            with pytest.raises(TemporaryFailure, match="allow_private"):
                await channel.send(PLAIN, now=NOON, attempt=1)
        async with opened(allowed.on("/hook", Response(204)), allow_private=only) as channel:
            assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 204
        assert (inside.connections, len(allowed.requests)) == (0, 1)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_an_allowed_address_cannot_lead_to_a_forbidden_one(code: int) -> None:
    async with HttpServer() as allowed, HttpServer(host="127.0.0.2") as inside:
        inside.on("*", Response(204))
        leads = Response(code, headers={"Location": f"{inside.url}/"})
        url = allowed.on("/hook", leads)
        async with opened(url, allow_private=["127.0.0.1/32"]) as channel:
            with pytest.raises(TemporaryFailure, match="redirect"):
                await channel.send(PLAIN, now=NOON, attempt=1)
        assert inside.connections == 0
