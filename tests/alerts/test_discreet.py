"""What receivers repeat of our secrets is neither stored nor shown."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.base import Surroundings, recipient_key
from alerts.channels.discreet import DiscreetChannel, open_channel
from alerts.channels.email import EmailConfig
from alerts.channels.webhook import WebhookConfig
from alerts.dispatch import Dispatcher
from alerts.envelope import PermanentFailure, Receipt, SendError, TemporaryFailure, one_line
from tests.alerts.envelopes import NOON, PLAIN
from tests.alerts.test_dispatch import Script
from tests.alerts.world import World
from tests.support.http import HttpServer, Request, Response
from tests.support.smtp import SmtpSink
from tests.support.stores import everything_in

PASSWORD = "s3cret/w:rd"
TOKEN = "T0kenOfTheHook42"
SECRET = "whsec_" + "c2VjcmV0" * 5


def mail(port: int, password: str = "s3cret%2Fw%3Ard") -> EmailConfig:
    return EmailConfig.model_validate(
        {
            "kind": "email",
            "to": "ann@example.org",
            "from": "w@example.org",
            "smtp": f"smtp://desk:{password}@127.0.0.1:{port}",
        }
    )


def hook(url: str) -> WebhookConfig:
    table = {"kind": "webhook", "url": url, "secret": SECRET, "allow_private": ["127.0.0.0/8"]}
    return WebhookConfig.model_validate(table)


@pytest.mark.parametrize(
    "said",
    [
        PASSWORD,
        "s3cret%2Fw%3Ard",
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(f"\0desk\0{PASSWORD}".encode()).decode(),
    ],
)
async def test_a_mail_server_that_quotes_the_login_is_not_quoted(tmp_path: Path, said: str) -> None:
    async with SmtpSink(login=("desk", "another")) as sink:
        sink.fail("MAIL", f"530 not with {said}")
        sink.login = ("desk", PASSWORD)
        channel = open_channel(mail(sink.port), Surroundings(tmp_path))
        with pytest.raises(TemporaryFailure) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
        await channel.close()
    told = f"{caught.value} {caught.value!r} {caught.value.reason} {caught.value.reply}"
    assert said not in told
    assert "not with ***" in caught.value.reason


async def test_neither_database_nor_log_holds_what_a_receiver_repeats(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with HttpServer() as server, SmtpSink(login=("desk", PASSWORD)) as sink:

        def repeat(request: Request) -> Response:
            said = f"Cannot POST {request.target} {request.headers.get('authorization')}"
            return Response(404, said.encode())

        sink.fail("RCPT", f"550 you said {PASSWORD}")
        url = server.on(f"/hooks/{TOKEN}", repeat) + "?key=sesame-open"
        world.configure(channels={"ops": hook(url), "mail": mail(sink.port)})
        world.delivery("one", "ops")
        world.delivery("two", "mail", recipient=recipient_of(mail(sink.port)))
        dispatcher = Dispatcher(world.context)
        await dispatcher.send_due()
        await dispatcher.close()
    stored = everything_in(world.store)
    replies = [attempt.reply for attempt in world.attempts()]
    assert replies == [b"Cannot POST *** None", b"you said ***"] or replies == [
        b"you said ***",
        b"Cannot POST *** None",
    ]
    shown = capsys.readouterr()
    for secret in (PASSWORD, TOKEN, "sesame-open", SECRET):
        assert secret.encode() not in stored
        assert secret not in shown.out + shown.err


def recipient_of(table: EmailConfig) -> str:
    return recipient_key(table.recipients()[0])


@given(st.integers(4, len(TOKEN)), st.text(alphabet="abc ", max_size=9))
async def test_a_secret_cut_in_the_middle_is_hidden_too(length: int, before: str) -> None:
    def answer(envelope: object, attempt: int) -> Receipt | None:
        raise PermanentFailure("no", 404, before + TOKEN[:length])

    channel = DiscreetChannel(Script(answer), [TOKEN])
    with pytest.raises(SendError) as caught:
        await channel.send(PLAIN, now=NOON, attempt=1)
    assert caught.value.reply == f"{before}***"


@given(st.text())
def test_a_reason_is_one_line_that_moves_nothing(said: str) -> None:
    line = one_line(said)
    assert line.isprintable()
    assert line == line.strip()
    assert len(line) <= 500


@pytest.mark.parametrize(
    "said", ["450 a\x1b[31mred\x07", "450-a\r\n450 b\u202e", "450 \x00\udcff nul"]
)
async def test_what_a_server_says_cannot_break_a_line_or_colour_a_terminal(
    tmp_path: Path, said: str
) -> None:
    async with SmtpSink(login=("desk", PASSWORD)) as sink:
        sink.fail("RCPT", said.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        channel = open_channel(mail(sink.port), Surroundings(tmp_path))
        with pytest.raises(TemporaryFailure) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
        await channel.close()
    assert caught.value.reason.isprintable()
    assert str(caught.value) == caught.value.reason
