"""`check --send` over real HTTP and SMTP on loopback: the receiver is asked, and told in words."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.commands import Outcome, Run
from tests.service.configs import write
from tests.support.http import HttpServer, Response
from tests.support.smtp import SmtpSink

KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
TOKEN = "tokenoftheroom1234567890"


async def sent(run: Run, folder: Path, channel: str) -> Outcome:
    """The command at its end; it has an event loop of its own, so it runs in a thread."""
    write(folder, f"[channel.ops]\n{channel}")
    return await asyncio.to_thread(run, "check", "--send", "ops")


def webhook(server: HttpServer, allow: str = '["127.0.0.0/8"]') -> str:
    return f"""
kind = "webhook"
url = "{server.url}/hook/{TOKEN}"
secret = "{SECRET}"
allow_private = {allow}
"""


def chat(server: HttpServer) -> str:
    return f"""
kind = "apprise"
url = "mmost://127.0.0.1:{server.port}/{TOKEN}"
allow_private = ["127.0.0.0/8"]
"""


async def test_a_webhook_gets_a_signed_test_message(run: Run, tmp_path: Path) -> None:
    async with HttpServer() as server:
        server.on("*", Response(204))
        outcome = await sent(run, tmp_path, webhook(server))
    assert outcome.status == 0
    assert "ops: the test message was taken" in outcome.err
    (request,) = server.requests
    told = json.loads(request.body)
    assert told["type"] == "channel.test"
    names = ("webhook-id", "webhook-timestamp")
    signed = ".".join(request.headers[name] for name in names).encode() + b"." + request.body
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{digest}"


async def test_a_chat_gets_a_test_message(run: Run, tmp_path: Path) -> None:
    async with HttpServer() as server:
        server.on("*", Response(200, b"ok"))
        outcome = await sent(run, tmp_path, chat(server))
    assert outcome.status == 0
    assert "ops: the test message was taken" in outcome.err
    (request,) = server.requests
    assert "test" in json.loads(request.body)["text"]


@pytest.mark.parametrize("channel", [webhook, chat])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(500, f"no {TOKEN}".encode()), "500"),
        (Response(410), "410"),
        (Response(307, headers={"Location": "http://127.0.0.2/"}), "redirect"),
    ],
)
async def test_a_refusal_is_told_in_words_without_the_token(
    run: Run, tmp_path: Path, channel: Callable[[HttpServer], str], answer: Response, words: str
) -> None:
    async with HttpServer() as server:
        server.on("*", answer)
        outcome = await sent(run, tmp_path, channel(server))
    assert outcome.status == 1
    assert "ops: the test message was not taken: " in outcome.err
    assert words in outcome.err
    assert TOKEN not in outcome.out + outcome.err
    assert SECRET not in outcome.out + outcome.err


async def test_a_private_address_that_is_not_allowed_is_named(run: Run, tmp_path: Path) -> None:
    async with HttpServer() as server:
        server.on("*", Response(204))
        outcome = await sent(run, tmp_path, webhook(server, allow="[]"))
    assert outcome.status == 1
    assert "allow_private" in outcome.err
    assert server.connections == 0


async def test_a_recipient_with_a_domain_beyond_ascii_is_reached(run: Run, tmp_path: Path) -> None:
    async with SmtpSink() as sink:
        outcome = await sent(
            run,
            tmp_path,
            f"""
kind = "email"
to = ["a@bücher.example", "jürgen@example.org"]
from = "w@example.org"
smtp = "smtp://127.0.0.1:{sink.port}"
""",
        )
    assert outcome.status == 1
    assert "ops: the test message was taken for a@bücher.example" in outcome.err
    assert "for jürgen@example.org was not taken: 127.0.0.1:" in outcome.err
    assert "SMTPUTF8" in outcome.err
    assert [mail.recipients for mail in sink.messages] == [("a@xn--bcher-kva.example",)]


async def test_a_chat_address_with_two_destinations_is_refused(run: Run, tmp_path: Path) -> None:
    channel = 'kind = "apprise"\nurl = "ntfy://127.0.0.1/good/dead"'
    outcome = await sent(run, tmp_path, channel)
    assert outcome.status == 2
    assert "channel.ops.url" in outcome.err
    assert "a channel for each" in outcome.err
