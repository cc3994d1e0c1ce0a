"""What every channel promises, whatever its kind, held against a real receiver that misbehaves.

A receiver misbehaves in the ways of `BEHAVIOURS`. Each kind of channel meets each of them, or
`CANNOT` says why there is no such thing; a new kind is asked the same.
"""

import asyncio
import json
import mailbox
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from alerts.channels import CHANNEL_KINDS
from alerts.channels.apprise import AppriseConfig
from alerts.channels.base import Channel, Surroundings
from alerts.channels.email import EmailChannel, EmailConfig
from alerts.channels.maildir import MaildirConfig
from alerts.channels.webhook import WebhookConfig
from alerts.envelope import PermanentFailure, TemporaryFailure
from tests.alerts.envelopes import NOON, PLAIN, envelope
from tests.support.http import HangUpError, HttpServer, Request, Response, endless
from tests.support.smtp import Fault, SmtpSink

LOCAL = {"allow_private": ["127.0.0.0/8"]}
SECRET = "whsec_" + "c2VjcmV0" * 5
PASSWORD = "pass-w0rd"
SHORT = timedelta(seconds=0.3)
GONE = "gone@example.org"


@dataclass
class Rig:
    """A channel, its receiver, and the ways to make the receiver fail."""

    channel: Channel
    received: Callable[[], list[str]]
    """Ids of the messages that the receiver took, in order."""
    recover: Callable[[], None]
    faults: dict[str, Callable[[], None]] = field(default_factory=dict)
    stop: Callable[[], Awaitable[None]] | None = None
    said: Callable[[], int] = int
    """Bytes that the receiver has sent."""


MakeRig = Callable[[Path], AbstractAsyncContextManager[Rig]]

BEHAVIOURS = {
    "stalls",
    "trickles",
    "hangs up",
    "takes it and hangs up",
    "refuses for now",
    "refuses one of several",
    "refuses for good",
    "says gone",
    "is busy",
    "answers nonsense",
    "answers a gigabyte",
    "points inside",
}
"""What receivers do. "Hangs up" closes after the message has begun: after DATA, or the request's
last byte; "takes it and hangs up" after it was taken: after the final dot, or the stored request.
"""
_FILES = "a file system refuses or does not answer; it says nothing, and nobody can close it"
CANNOT = {
    ("email", "says gone"): "SMTP has no such code; 550, which refuses for good, comes nearest",
    ("email", "points inside"): "551 names another address as a courtesy; nobody follows it",
    ("webhook", "refuses one of several"): "a table has one URL",
    ("webhook", "refuses for good"): "but for 410 no code says so: people repair receivers",
    ("apprise", "refuses one of several"): "a URL that names several is refused when it is read",
    ("apprise", "refuses for good"): "as with webhooks",
    ("maildir", "trickles"): _FILES,
    ("maildir", "hangs up"): _FILES,
    ("maildir", "takes it and hangs up"): "test_maildir holds it: a repeat finds the file",
    ("maildir", "refuses one of several"): "a table has one folder",
    ("maildir", "refuses for good"): "disks are repaired, folders given back",
    ("maildir", "says gone"): _FILES,
    ("maildir", "is busy"): _FILES,
    ("maildir", "answers nonsense"): _FILES,
    ("maildir", "answers a gigabyte"): _FILES,
    ("maildir", "points inside"): "the owner may link folders as they like",
}


@asynccontextmanager
async def email_rig(folder: Path) -> AsyncIterator[Rig]:
    async with SmtpSink(login=("desk", PASSWORD)) as sink:
        config = EmailConfig.model_validate(
            {
                "kind": "email",
                "to": ["analyst@example.org", GONE],
                "from": "alerts@example.org",
                "smtp": f"smtp://desk:{PASSWORD}@127.0.0.1:{sink.port}",
                "timeout": SHORT,
            }
        )
        channel = EmailChannel(config, folder, final_dot=SHORT)
        yield Rig(
            channel,
            lambda: [mail.message["X-Wirewatch-Delivery"] for mail in sink.messages],
            sink.recover,
            {
                "stalls": lambda: sink.fail("DOT", Fault.STALL),
                "stalls on connecting": lambda: sink.fail("CONNECT", Fault.STALL),
                "trickles": lambda: sink.fail("RCPT", Fault.TRICKLE),
                "is busy": lambda: sink.fail("CONNECT", "421 4.3.2 too many connections"),
                "hangs up": lambda: sink.fail("DATA", Fault.CLOSE),
                "takes it and hangs up": lambda: sink.fail("DOT", Fault.CLOSE, accept=True),
                "refuses for now": lambda: sink.fail("RCPT", "451 4.7.1 greylisted"),
                "refuses for good": lambda: sink.fail("RCPT", "550 5.1.1 unknown"),
                "refuses one of several": lambda: sink.fail(
                    "RCPT", "550 5.1.1 unknown", when=lambda argument: GONE in argument
                ),
                "answers nonsense": lambda: sink.fail("RCPT", "what?"),
                "answers a gigabyte": lambda: sink.fail("RCPT", Fault.ENDLESS),
            },
            sink.__aexit__,
            lambda: sink.said,
        )
        await channel.close()


def setting(
    server: HttpServer, answer: Response | Callable[[Request], Response]
) -> Callable[[], None]:
    """Something to call that makes the server answer so from then on."""

    def change() -> None:
        server.on("/hook", answer)

    return change


def http_faults(
    server: HttpServer, take_and_hang_up: Callable[[Request], Response]
) -> dict[str, Callable[[], None]]:
    """The ways in which a receiver that speaks HTTP fails."""

    def hang_up(request: Request) -> Response:
        raise HangUpError

    gigabyte = {"Content-Length": str(10**9)}
    elsewhere = {"Location": f"http://127.0.0.2:{server.port}/private"}
    faults: dict[str, Response | Callable[[Request], Response]] = {
        "stalls": Response(wait=30),
        "trickles": Response(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", pause=0.1),
        "hangs up": hang_up,
        "takes it and hangs up": take_and_hang_up,
        "refuses for now": Response(500, b"sorry"),
        "says gone": Response(410),
        "answers nonsense": Response(raw=b"what?\r\n\r\n"),
        "answers a gigabyte": Response(500, chunks=endless(), headers=gigabyte),
        "is busy": Response(429, headers={"Retry-After": "120"}),
        "points inside": Response(307, headers=elsewhere),
    }
    return {name: setting(server, answer) for name, answer in faults.items()}


def http_rig(
    channel: Channel, server: HttpServer, taken: list[str], take: Callable[[Request], Response]
) -> Rig:
    """A channel that speaks HTTP, before a receiver that keeps in `taken` what `take` takes."""

    def take_and_hang_up(request: Request) -> Response:
        take(request)
        raise HangUpError

    return Rig(
        channel,
        lambda: taken,
        setting(server, take),
        http_faults(server, take_and_hang_up),
        server.__aexit__,
        lambda: server.sent,
    )


@asynccontextmanager
async def webhook_rig(folder: Path) -> AsyncIterator[Rig]:
    async with HttpServer() as server:
        taken: list[str] = []

        def take(request: Request) -> Response:
            taken.append(request.headers["webhook-id"])
            return Response(204)

        url = server.on("/hook", take)
        config = WebhookConfig.model_validate(
            {"kind": "webhook", "url": url, "secret": SECRET, "timeout": SHORT, **LOCAL}
        )
        channel = config.open(Surroundings(folder))

        yield http_rig(channel, server, taken, take)
        await channel.close()


@asynccontextmanager
async def apprise_rig(folder: Path) -> AsyncIterator[Rig]:
    """Apprise through its plainest service; the id stands at the end of what it is told."""
    async with HttpServer() as server:
        taken: list[str] = []

        def take(request: Request) -> Response:
            taken.append(json.loads(request.body)["message"].rpartition("Wirewatch ")[2])
            return Response(200)

        server.on("/hook", take)
        config = AppriseConfig.model_validate(
            {
                "kind": "apprise",
                "url": f"json://desk:{PASSWORD}@127.0.0.1:{server.port}/hook",
                "timeout": SHORT,
                **LOCAL,
            }
        )
        channel = config.open(Surroundings(folder))
        yield http_rig(channel, server, taken, take)
        await channel.close()


@asynccontextmanager
async def maildir_rig(folder: Path) -> AsyncIterator[Rig]:
    # A busy disk takes longer than a busy network.
    config = MaildirConfig.model_validate({"kind": "maildir", "path": "inbox", "timeout": "1s"})
    root = folder / "inbox"
    draft = root / "tmp" / f"{int(NOON.timestamp())}.{PLAIN.id}.wirewatch"
    read: list[int] = []

    def received() -> list[str]:
        if not root.is_dir():
            return []
        box = mailbox.Maildir(root, create=False)
        return [str(box[key]["X-Wirewatch-Delivery"]) for key in sorted(box.keys())]

    def recover() -> None:
        if root.is_file():
            root.unlink()
        elif draft.is_fifo():
            # Whoever waits for a reader goes on.
            read.append(os.open(draft, os.O_RDONLY | os.O_NONBLOCK))
            draft.unlink()

    def refuse() -> None:
        root.write_text("a file where the folder should be")

    def stall() -> None:
        draft.parent.mkdir(parents=True)
        os.mkfifo(draft)

    yield Rig(
        config.open(Surroundings(folder)),
        received,
        recover,
        {"refuses for now": refuse, "stalls": stall},
    )
    recover()
    for descriptor in read:
        os.close(descriptor)


RIGS: dict[str, MakeRig] = {
    "email": email_rig,
    "webhook": webhook_rig,
    "apprise": apprise_rig,
    "maildir": maildir_rig,
}
SERVERS = ("email", "webhook", "apprise")
HTTP = ("webhook", "apprise")
PASSING = ("trickles", "hangs up", "answers nonsense", "is busy")


def kinds(*names: str) -> pytest.MarkDecorator:
    """Only these kinds: the others' receivers cannot fail like this."""
    return pytest.mark.parametrize("rig", names, indirect=True)


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path) as rig:
        yield rig


async def send(rig: Rig, attempt: int = 1) -> None:
    await rig.channel.send(PLAIN, now=NOON, attempt=attempt)


async def test_every_kind_meets_every_behaviour_or_says_why_it_cannot(tmp_path: Path) -> None:
    assert RIGS.keys() == CHANNEL_KINDS.keys()
    for kind, make in RIGS.items():
        async with make(tmp_path / kind) as rig:
            met = {fault for fault in BEHAVIOURS if fault in rig.faults}
        excused = {fault for other, fault in CANNOT if other == kind}
        assert met | excused == BEHAVIOURS, kind
        assert not met & excused, kind


async def test_an_accepted_message_arrives_under_its_id(rig: Rig) -> None:
    await send(rig)
    assert rig.received() == [PLAIN.id]


async def test_messages_arrive_in_the_order_sent(rig: Rig) -> None:
    ids = [f"{number:03}" for number in range(20)]
    for name in ids:
        await rig.channel.send(envelope(id=name), now=NOON, attempt=1)
    assert rig.received() == ids


async def test_hostile_page_text_arrives_without_breaking_out(rig: Rig) -> None:
    nasty = "x\r\nBcc: all@example.org\r\n\r\n<script>\0\x1b[31m\u202e\ud800"
    await rig.channel.send(envelope(subject=nasty, text=nasty, html=nasty), now=NOON, attempt=1)
    assert rig.received() == [PLAIN.id]


@pytest.mark.parametrize(
    ("rig", "fault"),
    [
        *((kind, fault) for kind in SERVERS for fault in PASSING),
        *((kind, fault) for kind in RIGS for fault in ("stalls", "refuses for now")),
        ("email", "stalls on connecting"),
        *((kind, "points inside") for kind in HTTP),
    ],
    indirect=["rig"],
)
async def test_a_passing_fault_is_temporary_and_the_next_attempt_succeeds(
    rig: Rig, fault: str
) -> None:
    rig.faults[fault]()
    started = time.monotonic()
    with pytest.raises(TemporaryFailure):
        await send(rig)
    assert time.monotonic() - started < 15
    assert rig.received() == []
    rig.recover()
    await send(rig, attempt=2)
    assert rig.received() == [PLAIN.id]


@kinds(*SERVERS)
async def test_a_receiver_that_breaks_off_after_acceptance_gets_the_same_id_again(
    rig: Rig,
) -> None:
    rig.faults["takes it and hangs up"]()
    with pytest.raises(TemporaryFailure):
        await send(rig)
    rig.recover()
    await send(rig, attempt=2)
    assert rig.received() == [PLAIN.id, PLAIN.id]


@kinds("email")
async def test_a_refusal_for_good_is_permanent(rig: Rig) -> None:
    rig.faults["refuses for good"]()
    with pytest.raises(PermanentFailure):
        await send(rig)
    assert rig.received() == []


@kinds("email")
async def test_one_refused_recipient_costs_the_others_nothing_and_repeats_nothing(
    rig: Rig,
) -> None:
    rig.faults["refuses one of several"]()
    await send(rig)
    for attempt in (1, 2):
        with pytest.raises(PermanentFailure):
            await rig.channel.send(envelope(id="other", recipient=GONE), now=NOON, attempt=attempt)
    assert rig.received() == [PLAIN.id]


@kinds(*SERVERS)
async def test_an_answer_of_a_gigabyte_costs_neither_memory_nor_time(rig: Rig) -> None:
    rig.faults["answers a gigabyte"]()
    started, before = time.monotonic(), psutil.Process().memory_info().rss
    with pytest.raises(TemporaryFailure) as caught:
        await send(rig)
    assert time.monotonic() - started < 15
    assert psutil.Process().memory_info().rss - before < 30_000_000
    assert rig.said() < 20_000_000  # what the kernel's buffers hold
    assert len(caught.value.reply.encode()) <= 512


@kinds(*HTTP)
async def test_the_receiver_says_how_long_it_wants_to_be_left_alone(rig: Rig) -> None:
    rig.faults["is busy"]()
    with pytest.raises(TemporaryFailure) as caught:
        await send(rig)
    assert caught.value.retry_after == timedelta(seconds=120)
    assert caught.value.blame == "destination"


@kinds(*HTTP)
async def test_a_redirect_to_the_inside_leads_nowhere(rig: Rig) -> None:
    async with HttpServer(host="127.0.0.2") as inside:
        inside.on("*", Response(204))
        rig.faults["points inside"]()
        with pytest.raises(TemporaryFailure, match="redirect"):
            await send(rig)
        assert inside.connections == 0


@kinds(*HTTP)
async def test_gone_stops_the_channel(rig: Rig) -> None:
    rig.faults["says gone"]()
    with pytest.raises(PermanentFailure) as caught:
        await send(rig)
    assert caught.value.stops_channel


@kinds(*SERVERS)
async def test_a_receiver_that_is_gone_is_a_temporary_failure_of_the_destination(
    rig: Rig,
) -> None:
    assert rig.stop
    await rig.stop()
    with pytest.raises(TemporaryFailure) as caught:
        await send(rig)
    assert caught.value.blame == "destination"


async def test_no_failure_names_a_secret(rig: Rig) -> None:
    for name, fault in rig.faults.items():
        fault()
        to = GONE if name == "refuses one of several" else PLAIN.recipient
        with pytest.raises((TemporaryFailure, PermanentFailure)) as caught:
            await rig.channel.send(envelope(recipient=to), now=NOON, attempt=1)
        rig.recover()
        told = f"{caught.value} {caught.value!r} {caught.value.reason} {caught.value.reply}"
        assert PASSWORD not in told
        assert SECRET not in told


@kinds(*SERVERS)
async def test_cancelling_a_stalled_send_leaves_a_usable_channel(rig: Rig) -> None:
    rig.faults["stalls"]()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await send(rig)
    rig.recover()
    await send(rig)
    assert rig.received() == [PLAIN.id]


async def test_closing_twice_and_after_the_receiver_has_gone_is_harmless(rig: Rig) -> None:
    await send(rig)
    if rig.stop:
        await rig.stop()
    await rig.channel.close()
    await rig.channel.close()
