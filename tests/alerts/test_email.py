"""Mail over real SMTP on loopback: who gets it, over which connection, and what each no means."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.headerregistry import UniqueDateHeader
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.channels.base import find_recipient, recipient_key
from alerts.channels.email import EmailChannel, EmailConfig
from alerts.envelope import PermanentFailure, TemporaryFailure
from alerts.mail_address import mail_address
from alerts.mime import mime_message
from tests.alerts.envelopes import NOON, PLAIN, envelope
from tests.support.certificates import make_authority
from tests.support.smtp import Fault, ReceivedMail, SmtpSink

PASSWORD = "p@ss:w0rd/%"
QUOTED = "p%40ss%3Aw0rd%2F%25"


def config(smtp: str, **keys: Any) -> EmailConfig:
    return EmailConfig.model_validate(
        {
            "kind": "email",
            "to": ["analyst@example.org"],
            "from": "Wirewatch <alerts@example.org>",
            "smtp": smtp,
            "timeout": "1s",
            **keys,
        }
    )


@asynccontextmanager
async def opened(
    sink: SmtpSink, folder: Path, scheme: str = "smtp", login: str = "", **keys: Any
) -> AsyncIterator[EmailChannel]:
    channel = EmailChannel(
        config(f"{scheme}://{login}localhost:{sink.port}", **keys),
        folder,
        final_dot=timedelta(seconds=1),
    )
    yield channel
    await channel.close()


async def test_the_mail_says_who_sent_it_why_and_in_which_thread(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        await channel.send(PLAIN, now=NOON, attempt=1)
    (mail,) = sink.messages
    assert (mail.sender, mail.recipients) == ("alerts@example.org", ("analyst@example.org",))
    message = mail.message
    assert message["From"] == "Wirewatch <alerts@example.org>"
    assert message["To"] == "Analyst <analyst@example.org>"
    assert message["Subject"] == "Durand Line: Kabul protests new fence — Dawn"
    assert message["Message-ID"] == f"<{PLAIN.id}@example.org>"
    assert message["References"] == "<story-42@example.org>"
    assert message["X-Wirewatch-Delivery"] == PLAIN.id
    assert message["X-Wirewatch-Watchlist"] == "durand-line"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "Wirewatch <durand-line.wirewatch.example.org>"
    date = message["Date"]
    assert isinstance(date, UniqueDateHeader)
    assert date.datetime == NOON
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == PLAIN.text
    assert html.get_content().strip() == PLAIN.html


@pytest.mark.parametrize(
    ("to", "sent", "shown"),
    [
        ("a@bücher.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        (
            "Jürgen Müller <j@straße.example>",
            "j@xn--strae-oqa.example",
            "Jürgen Müller <j@xn--strae-oqa.example>",
        ),
    ],
)
async def test_a_domain_beyond_ascii_is_written_as_dns_knows_it(
    tmp_path: Path, to: str, sent: str, shown: str
) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path, to=to, **{"from": to}) as channel:
        await channel.send(envelope(recipient=to), now=NOON, attempt=1)
    (mail,) = sink.messages
    assert (mail.sender, mail.recipients) == (sent, (sent,))
    assert mail.raw.isascii()
    assert (mail.message["To"], mail.message["From"]) == (shown, shown)


LOCAL = "Jürgen <jürgen@bücher.example>"
"""Beyond ASCII on both sides of the @."""
LOCAL_SENT = "jürgen@xn--bcher-kva.example"


async def test_letters_beyond_ascii_before_the_at_go_to_a_server_that_offers_them(
    tmp_path: Path,
) -> None:
    async with SmtpSink(utf8=True) as sink, opened(sink, tmp_path, to=LOCAL) as channel:
        await channel.send(envelope(recipient=LOCAL), now=NOON, attempt=1)
        await channel.send(PLAIN, now=NOON, attempt=1)
    one, other = sink.messages
    assert (one.recipients, other.recipients) == ((LOCAL_SENT,), ("analyst@example.org",))
    assert f"To: Jürgen <{LOCAL_SENT}>\r\n" in one.raw.decode()
    assert one.message["Subject"] == PLAIN.subject
    asked = [line for line in sink.commands if line.startswith("MAIL")]
    assert ["SMTPUTF8" in line for line in asked] == [True, False]


async def test_a_server_that_knows_no_such_letters_gets_no_mail_to_or_from_them(
    tmp_path: Path,
) -> None:
    async with SmtpSink() as sink:
        async with opened(sink, tmp_path, to=LOCAL) as channel:
            with pytest.raises(PermanentFailure, match="SMTPUTF8"):
                await channel.send(envelope(recipient=LOCAL), now=NOON, attempt=1)
            await channel.send(PLAIN, now=NOON, attempt=1)
        async with opened(sink, tmp_path, **{"from": LOCAL}) as channel:
            with pytest.raises(TemporaryFailure, match="SMTPUTF8") as caught:
                await channel.send(PLAIN, now=NOON, attempt=1)
        assert caught.value.blame == "destination"
    assert [mail.recipients for mail in sink.messages] == [("analyst@example.org",)]


@pytest.mark.parametrize(
    "address",
    [
        "a@b\ufffdc.example",
        f"a@{'ü' * 64}.example",
        "a@ü_x.example",
        "a@ü..example",
        "a\u202eb@x.example",
        '"jü r"@x.example',
        "jü r@x.example",
        "李,b@x.example",
        "a@b@ü.example",
    ],
)
def test_what_no_server_can_be_told_is_refused_when_it_is_read(address: str) -> None:
    for keys in ({"to": address}, {"from": address}):
        with pytest.raises(ValidationError):
            config("smtp://localhost", **keys)


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_address_that_is_let_in_can_be_written(local: str, domain: str) -> None:
    try:
        address = mail_address(f"{local}@{domain}")
    except ValueError:
        return
    assert address.domain.isascii()
    raw = mime_message(PLAIN, "a@example.org", f"{local}@{domain}")
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert sum(line.startswith(b"To:") for line in head) == 1
    assert address.bare.encode() in b"".join(head).replace(b"\r\n", b"")


async def test_a_repeat_is_the_same_mail_byte_for_byte(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        await channel.send(PLAIN, now=NOON, attempt=1)
        await channel.send(PLAIN, now=NOON + timedelta(hours=6), attempt=7)
    first, second = sink.messages
    assert first.raw == second.raw


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_out_of_its_header_or_its_part(subject: str, text: str, html: str) -> None:
    raw = mime_message(
        envelope(subject=subject, text=text, html=html), "a@example.org", "b@example.org"
    )
    assert raw.isascii()
    assert raw.replace(b"\r\n", b"").count(b"\n") == 0
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head = raw.partition(b"\r\n\r\n")[0]
    message = ReceivedMail("", (), raw, 1).message
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert len(names) == len(message.keys()) == len({name.lower() for name in names})
    assert message["To"] == "b@example.org"


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
async def test_tls_with_a_ca_of_ones_own_and_a_login(tmp_path: Path, scheme: str) -> None:
    authority = make_authority(tmp_path)
    sink = SmtpSink(
        tls=authority.server if scheme == "smtps" else None,
        starttls=authority.server if scheme != "smtps" else None,
        login=("desk@example.org", PASSWORD),
    )
    login = f"desk%40example.org:{QUOTED}@"
    async with sink, opened(sink, tmp_path, scheme, login, tls_ca="ca.pem") as channel:
        receipt = await channel.send(PLAIN, now=NOON, attempt=1)
    assert receipt.code == 250
    assert len(sink.messages) == 1


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
async def test_a_stranger_s_certificate_is_never_given_the_password(
    tmp_path: Path, scheme: str
) -> None:
    authority = make_authority(tmp_path)
    sink = SmtpSink(
        tls=authority.server if scheme == "smtps" else None,
        starttls=authority.server if scheme != "smtps" else None,
        login=("desk", PASSWORD),
    )
    async with sink, opened(sink, tmp_path, scheme, f"desk:{QUOTED}@") as channel:
        with pytest.raises(TemporaryFailure, match="certificate is not trusted") as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert caught.value.blame == "destination"
    assert not any(command.startswith("AUTH") for command in sink.commands)


async def test_starttls_is_never_given_up_for_plain_text(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path, "smtp+starttls") as channel:
        with pytest.raises(TemporaryFailure):
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert sink.messages == []


async def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path, "smtps", tls_ca="no.pem") as channel:
        with pytest.raises(TemporaryFailure, match=r"no\.pem"):
            await channel.send(PLAIN, now=NOON, attempt=1)


async def test_a_wrong_password_is_temporary_and_named(tmp_path: Path) -> None:
    async with (
        SmtpSink(login=("desk", "right")) as sink,
        opened(sink, tmp_path, login="desk:wrong@") as channel,
    ):
        with pytest.raises(TemporaryFailure, match="refuses the user or password") as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
    assert (caught.value.code, caught.value.blame) == (535, "destination")
    assert "wrong" not in caught.value.reason


async def test_one_connection_serves_many_messages(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        for number in range(5):
            await channel.send(envelope(id=f"n{number}"), now=NOON, attempt=1)
        assert sink.connections == 1


async def test_a_connection_closed_by_the_server_is_opened_again(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        await channel.send(PLAIN, now=NOON, attempt=1)
        await sink.hang_up()
        await channel.send(envelope(id="second"), now=NOON, attempt=1)
        assert [mail.connection for mail in sink.messages] == [1, 2]


async def test_a_refused_recipient_leaves_the_connection_for_the_next(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        sink.fail("RCPT", "550 5.1.1 no such user", when=lambda to: "gone@" in to)
        for name in ("one", "gone", "two"):
            message = envelope(id=name, recipient=f"{name}@example.org")
            if name == "gone":
                with pytest.raises(PermanentFailure, match="no such user"):
                    await channel.send(message, now=NOON, attempt=1)
            else:
                await channel.send(message, now=NOON, attempt=1)
    assert [mail.recipients for mail in sink.messages] == [
        ("one@example.org",),
        ("two@example.org",),
    ]
    assert sink.connections == 1


@pytest.mark.parametrize(
    ("verb", "reply", "kind", "blame"),
    [
        ("CONNECT", "554 5.3.2 not now", TemporaryFailure, "destination"),
        ("CONNECT", "421 4.3.2 too many connections", TemporaryFailure, "destination"),
        ("EHLO", "550 5.7.1 go away", TemporaryFailure, "destination"),
        ("MAIL", "451 4.3.0 try later", TemporaryFailure, "destination"),
        ("MAIL", "550 5.7.1 sender not allowed", TemporaryFailure, "destination"),
        ("MAIL", "530 5.7.0 authentication required", TemporaryFailure, "destination"),
        ("MAIL", "552 5.3.4 too big", PermanentFailure, None),
        ("RCPT", "450 4.2.0 greylisted", TemporaryFailure, "message"),
        ("RCPT", "421 4.4.2 closing", TemporaryFailure, "destination"),
        ("RCPT", "550 5.1.1 unknown", PermanentFailure, None),
        ("DATA", "451 4.3.0 try later", TemporaryFailure, "message"),
        ("DATA", "554 5.5.1 no", PermanentFailure, None),
        ("DOT", "452 4.3.1 disk full", TemporaryFailure, "message"),
        ("DOT", "554 5.7.1 spam", PermanentFailure, None),
    ],
)
async def test_what_each_refusal_means(
    tmp_path: Path, verb: str, reply: str, kind: type[Exception], blame: str | None
) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        sink.fail(verb, reply)
        with pytest.raises(kind) as caught:
            await channel.send(PLAIN, now=NOON, attempt=1)
        assert getattr(caught.value, "blame", None) == blame
        sink.recover()
        await channel.send(PLAIN, now=NOON, attempt=2)
    assert len(sink.messages) == 1


async def test_a_2xx_other_than_250_after_the_dot_is_acceptance(tmp_path: Path) -> None:
    async with SmtpSink() as sink, opened(sink, tmp_path) as channel:
        sink.fail("DOT", "252 2.0.0 taken", accept=True)
        assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 252


@pytest.mark.parametrize("answer", ["500 5.5.1 what?", Fault.CLOSE, Fault.STALL])
async def test_an_error_at_quit_changes_nothing(tmp_path: Path, answer: str | Fault) -> None:
    async with SmtpSink() as sink:
        sink.fail("QUIT", answer)
        async with opened(sink, tmp_path) as channel:
            assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 250
    assert len(sink.messages) == 1


async def test_a_slow_reply_to_the_whole_message_is_waited_for(tmp_path: Path) -> None:
    async with SmtpSink() as sink:
        channel = EmailChannel(
            config(f"smtp://localhost:{sink.port}", timeout="50ms"),
            tmp_path,
            final_dot=timedelta(seconds=5),
        )
        sink.delay_dot = 0.3
        assert (await channel.send(PLAIN, now=NOON, attempt=1)).code == 250
        await channel.close()


@pytest.mark.parametrize(
    "smtp",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtps://",
        "smtps://user@mail.example.org",
        "smtps://user:geheim@mail.example.org:99999",
        "smtps://user:geheim@mail.example.org/path",
        "smtps://user:geheim@/x",
        "smtps://user:geheim@exa\u2100mple.org",
        "smtps://user:geheim@[::1",
    ],
)
def test_a_wrong_server_address_is_refused_without_being_repeated(smtp: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(smtp)
    assert "geheim" not in str(caught.value)
    assert "smtp" in str(caught.value)


def test_the_password_is_not_printed() -> None:
    table = config("smtps://user:geheim@mail.example.org:465")
    assert "geheim" not in repr(table) + str(table) + table.model_dump_json()


@pytest.mark.parametrize("address", ["nobody", "a@b\r\nBcc: c@d", "@example.org", "", "a b@c d"])
def test_what_is_no_mail_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        config("smtp://localhost", to=[address])
    with pytest.raises(ValidationError):
        config("smtp://localhost", **{"from": address})


def test_each_recipient_gets_a_delivery_of_its_own_found_by_a_key_without_its_address() -> None:
    table = config("smtp://localhost", to=["Ann <ann@example.org>", "bo@example.org"])
    assert table.recipients() == ("Ann <ann@example.org>", "bo@example.org")
    key = recipient_key("ann@example.org")
    assert "ann" not in key
    assert find_recipient(table, key) == "Ann <ann@example.org>"
    assert find_recipient(table, recipient_key("gone@example.org")) is None
