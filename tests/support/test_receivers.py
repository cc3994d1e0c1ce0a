"""The receivers are servers like any other: plain clients of the standard library can use them."""

import asyncio
import smtplib
import ssl
import urllib.request
from pathlib import Path

import pytest

from tests.support.certificates import make_authority
from tests.support.http import HttpServer, Response, trickle
from tests.support.smtp import SmtpSink

MAIL = b"Subject: one\r\n\r\n.leading dot\r\n"


async def test_the_sink_takes_mail_from_smtplib() -> None:
    async with SmtpSink() as sink:

        def send() -> None:
            with smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
                client.sendmail("a@example.org", ["b@example.org", "c@example.org"], MAIL)

        await asyncio.to_thread(send)
    (mail,) = sink.messages
    assert mail.sender == "a@example.org"
    assert mail.recipients == ("b@example.org", "c@example.org")
    assert mail.raw == MAIL


async def test_the_sink_speaks_starttls_and_wants_the_password(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    context = ssl.create_default_context(cafile=authority.ca)
    async with SmtpSink(starttls=authority.server, login=("desk", "secret")) as sink:

        def send(password: str) -> None:
            with smtplib.SMTP("localhost", sink.port, timeout=5) as client:
                client.starttls(context=context)
                client.login("desk", password)
                client.sendmail("a@example.org", ["b@example.org"], MAIL)

        await asyncio.to_thread(send, "secret")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await asyncio.to_thread(send, "wrong")
    assert len(sink.messages) == 1


async def test_a_fault_is_acted_out_as_often_as_asked() -> None:
    async with SmtpSink() as sink:
        sink.fail("RCPT", "550 5.1.1 unknown", when=lambda to: "b@" in to, times=1)

        def send() -> dict[str, tuple[int, bytes]]:
            with smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
                return client.sendmail("a@example.org", ["b@example.org", "c@example.org"], MAIL)

        assert await asyncio.to_thread(send) == {"b@example.org": (550, b"5.1.1 unknown")}
        assert await asyncio.to_thread(send) == {}
    assert [mail.recipients for mail in sink.messages] == [
        ("c@example.org",),
        ("b@example.org", "c@example.org"),
    ]


async def test_the_http_server_answers_urllib_and_keeps_the_request() -> None:
    async with HttpServer() as server:
        url = server.on("/feed", Response(200, b"hello", {"ETag": '"1"'}))
        slow = server.on("/slow", Response(chunks=trickle(b"abc", 0.01)))

        def fetch(url: str) -> tuple[str | None, bytes]:
            with urllib.request.urlopen(url, b"sent", timeout=5) as reply:
                return reply.headers["ETag"], reply.read()

        assert await asyncio.to_thread(fetch, url + "?a=1") == ('"1"', b"hello")
        assert await asyncio.to_thread(fetch, slow) == (None, b"abc")
    assert (server.requests[0].target, server.requests[0].body) == ("/feed?a=1", b"sent")
