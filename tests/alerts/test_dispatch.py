"""Claim, send, settle: nothing lost, nothing sent twice but for what no program can avoid."""

import asyncio
import mailbox
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog
from pydantic import PrivateAttr
from sqlmodel import Session

from alerts import lane
from alerts.channels.base import ChannelTable, Surroundings
from alerts.channels.email import EmailConfig
from alerts.channels.webhook import WebhookConfig
from alerts.dispatch import LEASE, Dispatcher
from alerts.envelope import Envelope, PermanentFailure, Receipt, TemporaryFailure
from alerts.outbox import Outbox
from service.status import is_healthy, read_status
from store.deliveries import Delivery
from store.errors import StoreFullError
from store.listing import dead_letters
from store.outbox import claim, free_all, release, replay, stopped_channels
from store.writer import Writer
from tests.alerts.world import DURAND, NOON, World, maildir
from tests.support.http import HttpServer, Request, Response
from tests.support.smtp import Fault, SmtpSink

Answer = Callable[[Envelope, int], Receipt | None]


class Script:
    """What a scripted channel does with each envelope, and what it was given."""

    def __init__(self, answer: Answer = lambda envelope, attempt: None) -> None:
        self.answer = answer
        self.sent: list[str] = []
        """Subjects in the order in which they were accepted."""
        self.tried: list[tuple[str, int, datetime]] = []
        self.prepared: list[str] = []
        self.closed = 0
        self.gate: asyncio.Event | None = None

    async def send(self, envelope: Envelope, *, now: datetime, attempt: int) -> Receipt:
        self.tried.append((envelope.subject, attempt, now))
        if self.gate is not None:
            await self.gate.wait()
        receipt = self.answer(envelope, attempt)
        self.sent.append(envelope.subject)
        return receipt or Receipt(250, "ok")

    def prepare(self, envelope: Envelope) -> None:
        self.prepared.append(envelope.subject)

    async def close(self) -> None:
        self.closed += 1


class ScriptTable(ChannelTable):
    """A table whose channel is the script it was given."""

    label: str = ""
    waits: ClassVar[tuple[timedelta, ...]] = EmailConfig.waits
    _script: Script = PrivateAttr()

    def open(self, around: Surroundings) -> Script:
        return self._script


def scripted(script: Script, **keys: Any) -> ScriptTable:
    table = ScriptTable(**keys)
    table._script = script
    return table


def refuse(**blame: Any) -> Answer:
    def answer(envelope: Envelope, attempt: int) -> Receipt | None:
        raise TemporaryFailure("not now", 451, "4.3.0 later", **blame)

    return answer


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what another task does."""
    while not condition():  # noqa: ASYNC110 - the condition is nobody's event
        await asyncio.sleep(0.01)


def claimed_until(world: World) -> datetime:
    return world.deliveries()[0].claimed_until or NOON


def states(world: World) -> list[str]:
    return [delivery.state for delivery in world.deliveries()]


async def test_a_delivery_is_sent_and_its_receipt_kept(world: World) -> None:
    script = Script(lambda envelope, attempt: Receipt(250, "queued as 7"))
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    assert await Dispatcher(world.context).send_due() == 1
    (delivery,), (attempt,) = world.deliveries(), world.attempts()
    assert (delivery.state, delivery.attempts, delivery.claim) == ("delivered", 1, None)
    assert delivery.delivered_at == NOON
    assert (attempt.outcome, attempt.code, attempt.reply) == ("delivered", 250, b"queued as 7")
    assert await Dispatcher(world.context).send_due() == 0


async def test_the_events_of_a_message_name_the_sources_that_it_tells_of(world: World) -> None:
    world.configure(channels={"desk": scripted(Script())}, watchlists={"durand-line": DURAND})
    for number, source in enumerate(("tolo", "dawn", "tolo")):
        world.article(f"Fence {number} at the Durand Line", source_id=source)
    with structlog.testing.capture_logs() as told:
        await Outbox(world.context).match()
        await Outbox(world.context).gather(flush=True)
        await Dispatcher(world.context).send_due()
    events = {(event["event"], event["status"]): event for event in told}
    assert [*events["alert", "made"]["sources"]] == ["dawn", "tolo"]
    assert events["delivery", "delivered"]["sources"] == ["dawn", "tolo"]
    assert events["delivery", "delivered"]["article_seconds"] == 0


async def test_deliveries_of_a_channel_go_in_the_order_they_were_made(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script)})
    names = [f"{number:03}" for number in range(250)]
    for name in names:
        world.delivery(name)
    assert await Dispatcher(world.context).send_due() == 250
    assert script.sent == names


async def test_what_is_not_due_waits(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script)})
    world.delivery("later", next_attempt_at=NOON + timedelta(minutes=1))
    dispatcher = Dispatcher(world.context)
    assert await dispatcher.send_due() == 0
    world.wait(minutes=1)
    assert await dispatcher.send_due() == 1


async def test_a_failure_is_kept_and_tried_again_by_the_table_until_it_is_dead(
    world: World,
) -> None:
    script = Script(refuse())
    world.configure(channels={"desk": scripted(script, give_up="1h")})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    for _ in range(20):
        await dispatcher.send_due()
        (delivery,) = world.deliveries()
        if delivery.state == "dead":
            break
        assert delivery.last_error == "not now"
        assert delivery.next_attempt_at
        world.now = delivery.next_attempt_at
    minutes = [(now - NOON) / timedelta(minutes=1) for _, _, now in script.tried]
    assert minutes == [0, 0.5, 2.5, 7.5, 17.5, 37.5, 60]
    assert [attempt.number for attempt in world.attempts()] == list(range(1, 8))
    assert delivery.last_error == "given up after 7 attempts: not now"
    world.wait(days=30)
    assert await dispatcher.send_due() == 0


async def test_a_dead_letter_that_is_replayed_gets_a_whole_new_series(world: World) -> None:
    script = Script(refuse())
    world.configure(channels={"desk": scripted(script, give_up="1h")})
    world.delivery("one", state="dead", attempts=9, created_at=NOON - timedelta(days=9))
    with world.store.writing() as session:
        assert replay(session, [session.get_one(Delivery, 1)], world.now) == 1
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    script.answer = lambda envelope, attempt: None
    world.wait(minutes=1)
    await dispatcher.send_due()
    assert states(world) == ["delivered"]


async def test_a_permanent_failure_is_a_dead_letter_and_the_next_one_goes(world: World) -> None:
    def answer(envelope: Envelope, attempt: int) -> Receipt | None:
        if envelope.subject == "bad":
            raise PermanentFailure("unknown user", 550)
        return None

    script = Script(answer)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("bad")
    world.delivery("good")
    await Dispatcher(world.context).send_due()
    assert states(world) == ["dead", "delivered"]


async def test_a_destination_that_is_down_is_probed_by_the_oldest_alone(world: World) -> None:
    """Down for six hours with a hundred waiting: a dozen probes, then all in order."""
    script = Script(refuse(blame="destination"))
    world.configure(channels={"desk": scripted(script)})
    names = [f"{number:03}" for number in range(100)]
    for name in names:
        world.delivery(name)
    dispatcher = Dispatcher(world.context)
    while world.now < NOON + timedelta(hours=6):
        await dispatcher.send_due()
        world.wait(minutes=2)
    assert {name for name, _, _ in script.tried} == {"000"}
    assert len(script.tried) < 15
    script.answer = lambda envelope, attempt: None
    for _ in range(5):
        world.wait(hours=1)
        await dispatcher.send_due()
    assert script.sent == names
    assert {delivery.attempts for delivery in world.deliveries()[1:]} == {1}


async def test_a_long_line_goes_in_batches_and_what_was_claimed_ahead_is_given_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes down in the middle of a batch, the next one being claimed already."""
    monkeypatch.setattr(lane, "BATCH", 3)
    script = Script()
    world.configure(channels={"desk": scripted(script)})
    names = [f"{number:02}" for number in range(11)]
    for name in names:
        world.delivery(name)
    script.answer = lambda envelope, attempt: (
        refuse(blame="destination")(envelope, attempt) if envelope.subject == "04" else None
    )
    dispatcher = Dispatcher(world.context)
    assert await dispatcher.send_due() == 5
    assert script.sent == names[:4]
    assert states(world) == ["delivered"] * 4 + ["pending"] * 7
    assert {delivery.claim for delivery in world.deliveries()} == {None}
    script.answer = lambda envelope, attempt: None
    world.wait(minutes=1)
    assert await dispatcher.send_due() == 7
    assert script.sent == names
    assert [delivery.attempts for delivery in world.deliveries()] == [1] * 4 + [2] + [1] * 6


async def test_quiet_hours_that_begin_amid_a_long_line_hold_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "BATCH", 3)

    def answer(envelope: Envelope, attempt: int) -> None:
        world.wait(seconds=25)

    script = Script(answer)
    world.configure(channels={"desk": scripted(script, quiet="12:01-14:00")})
    for number in range(8):
        world.delivery(str(number))
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    held = [d.next_attempt_at for d in world.deliveries() if d.state == "held"]
    assert len(script.sent) == 3
    assert held == [NOON.replace(hour=14)] * 5


async def test_a_failure_of_one_message_lets_the_others_pass(world: World) -> None:
    script = Script()
    greylisted = refuse(blame="message")
    script.answer = lambda e, n: greylisted(e, n) if e.subject == "a" and n == 1 else None
    world.configure(channels={"desk": scripted(script)})
    for name in "abc":
        world.delivery(name)
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    assert script.sent == ["b", "c"]
    world.wait(minutes=1)
    await dispatcher.send_due()
    assert script.sent == ["b", "c", "a"]


async def test_a_message_that_always_hangs_the_server_does_not_block_it_for_ever(
    world: World,
) -> None:
    hangs = refuse(blame="unclear")
    script = Script(lambda e, n: hangs(e, n) if e.subject == "poison" else None)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("poison")
    world.delivery("good")
    dispatcher = Dispatcher(world.context)
    for _ in range(12):
        await dispatcher.send_due()
        world.wait(seconds=30)
    assert script.sent == ["good"]


async def test_an_error_inside_sets_the_message_aside_after_three_tries(world: World) -> None:
    def answer(envelope: Envelope, attempt: int) -> Receipt | None:
        if envelope.subject == "odd":
            raise KeyError("secret-in-an-error")
        return None

    script = Script(answer)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("odd")
    world.delivery("good")
    dispatcher = Dispatcher(world.context)
    for _ in range(5):
        await dispatcher.send_due()
        world.wait(minutes=10)
    odd, good = world.deliveries()
    assert (odd.state, odd.attempts, good.state) == ("dead", 3, "delivered")
    assert "KeyError" in (odd.last_error or "")
    assert "secret" not in (odd.last_error or "")


async def test_a_stalled_channel_delays_no_other(world: World) -> None:
    stalled, quick = Script(), Script()
    stalled.gate = asyncio.Event()
    world.configure(channels={"slow": scripted(stalled), "desk": scripted(quick)})
    world.delivery("held up", "slow")
    world.delivery("first", "desk")
    sending = asyncio.create_task(Dispatcher(world.context).send_due())
    async with asyncio.timeout(10):
        await until(lambda: quick.sent == ["first"])
        world.delivery("second", "desk")
        await until(lambda: quick.sent == ["first", "second"])
    assert stalled.sent == []
    stalled.gate.set()
    assert await sending == 3


async def test_quiet_hours_hold_what_is_to_be_retried(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script, quiet="11:00-14:00")})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    assert await dispatcher.send_due() == 0
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.next_attempt_at) == ("held", NOON.replace(hour=14))
    world.now = NOON.replace(hour=14)
    assert await dispatcher.send_due() == 1


async def test_a_channel_that_is_gone_leaves_its_deliveries_for_its_return(world: World) -> None:
    script = Script()
    world.configure(channels={})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    assert await dispatcher.send_due() == 0
    assert states(world) == ["held"]
    await dispatcher.reload(world.configure(channels={"desk": scripted(script)}))
    assert await dispatcher.send_due() == 1


async def test_a_recipient_that_is_gone_is_a_dead_letter(world: World) -> None:
    world.configure(channels={"desk": scripted(Script())})
    world.delivery("one", recipient="0123456789ab")
    await Dispatcher(world.context).send_due()
    assert states(world) == ["dead"]


# The store fails


class FullDisk(Writer):
    """A writer whose disk is full from the first settling until told otherwise."""

    full = False

    def submit(self, change: Callable[[Session], Any]) -> Future[Any]:
        if self.full:
            future: Future[Any] = Future()
            future.set_exception(StoreFullError("no room"))
            return future
        return super().submit(change)


@pytest.fixture
def full_disk(world: World) -> Any:
    writer = FullDisk(world.store)
    world.configure(writer=writer)
    yield writer
    writer.close()


async def test_what_was_accepted_but_not_recorded_is_settled_and_never_sent_again(
    world: World, full_disk: FullDisk
) -> None:
    def accept_and_fill(envelope: Envelope, attempt: int) -> Receipt | None:
        full_disk.full = True
        return None

    script = Script(accept_and_fill)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    world.delivery("two")
    dispatcher = Dispatcher(world.context)
    for _ in range(5):
        await dispatcher.send_due()
        world.wait(minutes=10)
    assert script.sent == ["one", "two"]
    assert "delivered" not in states(world)
    full_disk.full = False
    script.answer = lambda envelope, attempt: None
    await dispatcher.send_due()
    assert states(world) == ["delivered", "delivered"]
    assert script.sent == ["one", "two"]
    assert len(world.attempts()) == 2


async def test_without_a_committed_claim_nothing_is_sent(world: World, full_disk: FullDisk) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    world.delivery("two")
    full_disk.full = True
    for _ in range(3):
        await dispatcher.send_due()
        world.wait(minutes=1)
    assert script.sent == ["one"]
    full_disk.full = False
    await dispatcher.send_due()
    assert script.sent == ["one", "two"]


# Two dispatchers, crashes


async def test_two_dispatchers_share_the_work_and_count_each_once(world: World) -> None:
    script = Script()
    context = world.configure(channels={"desk": scripted(script)}, alone=False)
    for number in range(300):
        world.delivery(f"{number:03}")
    one, two = Dispatcher(context), Dispatcher(context)
    made = await asyncio.gather(one.send_due(), two.send_due())
    assert sum(made) == 300
    assert sorted(script.sent) == [f"{number:03}" for number in range(300)]
    assert len(world.attempts()) == 300


async def test_a_dispatcher_that_lost_its_claim_does_not_count(world: World) -> None:
    slow, quick = Script(), Script(lambda envelope, attempt: Receipt(251, "in time"))
    slow.gate = asyncio.Event()
    first = world.configure(channels={"desk": scripted(slow)}, alone=False)
    second = world.configure(channels={"desk": scripted(quick)})
    world.delivery("one")
    sending = asyncio.create_task(Dispatcher(first).send_due())
    async with asyncio.timeout(10):
        await until(lambda: bool(slow.tried))
    # The first one's clock stood still while the world went on: its claim has expired.
    with world.store.writing() as session:
        session.get_one(Delivery, 1).claimed_until = NOON
    assert await Dispatcher(second).send_due() == 1
    slow.gate.set()
    await sending
    (delivery,), (attempt,) = world.deliveries(), world.attempts()
    assert (delivery.state, attempt.number, attempt.code) == ("delivered", 1, 251)


async def test_a_dead_dispatcher_s_claims_come_free_when_they_expire(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script)}, alone=False)
    world.delivery("one", claim="dead", claimed_until=NOON + timedelta(minutes=2), attempts=1)
    dispatcher = Dispatcher(world.context)
    assert await dispatcher.send_due() == 0
    world.wait(minutes=2)
    assert await dispatcher.send_due() == 1
    # Whether the dead one began its attempt is unknown; nothing of it is kept, so it is none.
    assert (world.attempts()[0].number, world.deliveries()[0].attempts) == (1, 1)


async def test_a_service_alone_with_its_store_takes_over_at_once(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one", claim="dead", claimed_until=NOON + timedelta(minutes=2), attempts=1)
    assert await Dispatcher(world.context).send_due() == 1


@pytest.mark.parametrize("alone", [True, False])
async def test_kills_use_up_none_of_the_attempts_of_what_was_only_claimed(
    world: World, alone: bool
) -> None:
    def break_down(envelope: Envelope, attempt: int) -> Receipt | None:
        raise ZeroDivisionError

    world.configure(channels={"desk": scripted(Script(break_down))}, alone=alone)
    world.delivery("one")
    for number in range(lane.POISON):
        world.wait(minutes=3)  # the claims of the one before have expired
        with world.store.writing() as session:
            if alone:
                free_all(session)
            claim(session, "desk", f"killed {number}", world.now, world.now + LEASE, lane.BATCH)
    world.wait(minutes=3)
    await Dispatcher(world.context).send_due()
    (delivery,), (attempt,) = world.deliveries(), world.attempts()
    assert (delivery.state, delivery.attempts, attempt.number) == ("pending", 1, 1)


def test_what_is_replayed_while_it_is_sent_counts_from_one(world: World) -> None:
    world.delivery("one", attempts=4)
    with world.store.writing() as session:
        (delivery,) = claim(session, "desk", "busy", NOON, NOON + LEASE, 1)
        replay(session, [session.get_one(Delivery, delivery.id)], NOON)
        release(session, "busy", [delivery.id or 0])
    assert world.deliveries()[0].attempts == 0


async def test_claims_are_renewed_while_a_message_takes_long(world: World) -> None:
    script = Script()
    script.gate = asyncio.Event()
    context = world.configure(channels={"desk": scripted(script)}, alone=False)
    world.delivery("one")
    sending = asyncio.create_task(Dispatcher(context).send_due())
    async with asyncio.timeout(20):
        await until(lambda: bool(script.tried))
        for _ in range(6):
            world.wait(minutes=1)
            await until(lambda: claimed_until(world) >= world.now + timedelta(minutes=1))
            assert await Dispatcher(context).send_due() == 0
    script.gate.set()
    assert await sending == 1


async def test_closing_finishes_the_message_in_hand_and_gives_back_the_rest(
    world: World,
) -> None:
    script = Script()
    script.gate = asyncio.Event()
    world.configure(channels={"desk": scripted(script)})
    for name in "abc":
        world.delivery(name)
    dispatcher = Dispatcher(world.context)
    sending = asyncio.create_task(dispatcher.send_due())
    async with asyncio.timeout(10):
        await until(lambda: bool(script.tried))
        closing = asyncio.create_task(dispatcher.close())
        await asyncio.sleep(0.05)
        script.gate.set()
        await closing
        await sending
    assert script.sent == ["a"]
    assert [(each.state, each.attempts, each.claim) for each in world.deliveries()] == [
        ("delivered", 1, None),
        ("pending", 0, None),
        ("pending", 0, None),
    ]
    assert script.closed >= 1


async def test_a_changed_channel_is_opened_anew_after_the_message_in_hand(world: World) -> None:
    old, new = Script(), Script()
    old.gate = asyncio.Event()
    world.configure(channels={"desk": scripted(old, label="old")})
    for name in "abc":
        world.delivery(name)
    dispatcher = Dispatcher(world.context)
    sending = asyncio.create_task(dispatcher.send_due())
    async with asyncio.timeout(10):
        await until(lambda: bool(old.tried))
        await dispatcher.reload(world.configure(channels={"desk": scripted(new, label="new")}))
        old.gate.set()
        await sending
    assert (old.sent, new.sent) == (["a"], ["b", "c"])
    assert old.closed == 1


async def test_while_one_message_is_on_its_way_the_next_is_prepared(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script)})
    script.answer = lambda e, n: None
    for name in "abc":
        world.delivery(name)
    await Dispatcher(world.context).send_due()
    assert script.sent == ["a", "b", "c"]
    assert set(script.prepared) <= {"b", "c"}


# The clock, and what nobody may send


async def test_what_a_clock_a_day_ahead_put_off_is_due_when_it_is_set_right(world: World) -> None:
    script = Script(refuse(blame="destination"))
    world.configure(channels={"desk": scripted(script)})
    world.delivery("made before, tried ahead")
    world.wait(days=1)
    world.delivery("made ahead", next_attempt_at=world.now + timedelta(seconds=30))
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    world.wait(days=-1)
    script.answer = lambda envelope, attempt: None
    await dispatcher.send_due()
    assert sorted(script.sent) == ["made ahead", "made before, tried ahead"]


async def test_a_clock_that_is_set_right_sends_nothing_twice_that_is_being_sent(
    world: World,
) -> None:
    script = Script()
    script.gate = asyncio.Event()
    world.wait(days=1)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    sending = asyncio.create_task(dispatcher.send_due())
    async with asyncio.timeout(10):
        await until(lambda: bool(script.tried))
        world.wait(days=-1)
        await dispatcher._set_right()
        assert world.deliveries()[0].claim is not None
    script.gate.set()
    await sending
    assert (script.sent, states(world)) == (["one"], ["delivered"])


async def test_a_wait_longer_than_any_is_nonsense_and_a_long_one_is_not(world: World) -> None:
    script = Script()
    world.configure(channels={"desk": scripted(script, longest_wait="40h")})
    world.delivery("never", next_attempt_at=NOON + timedelta(days=400))
    world.delivery("in 40 hours", next_attempt_at=NOON + timedelta(hours=40))
    await Dispatcher(world.context).send_due()
    assert script.sent == ["never"]


async def test_an_alert_of_tomorrow_is_told_today(world: World) -> None:
    world.wait(days=1)
    world.article("Durand Line fence")
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(days=-1)
    await Dispatcher(world.context).send_due()
    assert await outbox.gather() == 1


async def test_what_waits_for_a_stopped_or_missing_channel_is_held_and_leaves_health_green(
    world: World,
) -> None:
    def gone(envelope: Envelope, attempt: int) -> Receipt | None:
        raise PermanentFailure("gone", 410, stops_channel=True)

    script = Script(gone)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    world.delivery("for a channel that is no more", "old")
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    world.delivery("made later")
    world.wait(hours=1)
    await dispatcher.send_due()
    assert states(world) == ["held", "held", "held"]
    assert is_healthy(read_status(world.store, world.now))
    script.answer = lambda envelope, attempt: None
    with world.store.writing() as session:
        replay(session, dead_letters(session, None), world.now)
    assert await dispatcher.send_due() == 2
    assert script.sent == ["one", "made later"]


async def test_claims_that_were_lost_sight_of_expire(world: World) -> None:
    script = Script()
    script.gate = asyncio.Event()
    context = world.configure(channels={"desk": scripted(script)}, alone=False)
    world.delivery("in hand")
    dispatcher = Dispatcher(context)
    sending = asyncio.create_task(dispatcher.send_due())
    async with asyncio.timeout(20):
        await until(lambda: bool(script.tried))
        lost = world.delivery("lost", claim="")
        with world.store.writing() as session:
            token = session.get_one(Delivery, 1).claim
            session.get_one(Delivery, lost).claim = token
            session.get_one(Delivery, lost).claimed_until = NOON + timedelta(minutes=2)
        world.wait(minutes=1)
        await until(lambda: claimed_until(world) > NOON + timedelta(minutes=2))
    assert world.deliveries()[1].claimed_until == NOON + timedelta(minutes=2)
    script.gate.set()
    await sending


# Real channels


async def test_410_stops_the_channel_keeps_its_messages_and_tells_another(
    world: World, tmp_path: Path
) -> None:
    async with HttpServer() as server:
        url = server.on("/hook", Response(410))
        table = {
            "kind": "webhook",
            "url": url,
            "secret": "whsec_" + "c2VjcmV0" * 5,
            "allow_private": ["127.0.0.0/8"],
        }
        hook = WebhookConfig.model_validate(table)
        desk = maildir(tmp_path / "inbox")
        world.configure(channels={"ops": hook, "desk": desk})
        for name in "abc":
            world.delivery(name, "ops")
        dispatcher = Dispatcher(world.context)
        await dispatcher.send_due()
        world.wait(hours=1)
        await dispatcher.send_due()
        assert len(server.requests) == 1
        mails = list(mailbox.Maildir(tmp_path / "inbox", create=False))
        assert [mail["Subject"] for mail in mails] == ["Wirewatch: channel ops was told to stop"]
        assert [each.state for each in world.deliveries(channel="ops")] == [
            "held",
            "held",
            "held",
        ]
        with world.store.reading() as session:
            assert list(stopped_channels(session)) == ["ops"]
        # The receiver moved; the new address in the configuration lets everything go.
        table["url"] = server.on("/new", Response(204))
        moved = WebhookConfig.model_validate(table)
        await dispatcher.reload(world.configure(channels={"ops": moved, "desk": desk}))
        await dispatcher.send_due()
        assert [each.state for each in world.deliveries(channel="ops")] == ["delivered"] * 3
        await dispatcher.close()


async def test_replaying_resumes_a_stopped_channel(world: World) -> None:
    def gone(envelope: Envelope, attempt: int) -> Receipt | None:
        raise PermanentFailure("gone", 410, stops_channel=True)

    script = Script(gone)
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    await dispatcher.send_due()
    script.answer = lambda envelope, attempt: None
    world.wait(days=1)
    assert await dispatcher.send_due() == 0
    with world.store.writing() as session:
        replay(session, [session.get_one(Delivery, 1)], world.now)
    assert await dispatcher.send_due() == 1


async def test_mail_to_one_refused_recipient_does_not_touch_the_others(
    world: World, tmp_path: Path
) -> None:
    async with SmtpSink() as sink:
        sink.fail("RCPT", "550 5.1.1 no such user", when=lambda to: "gone@" in to)
        config = EmailConfig.model_validate(
            {
                "kind": "email",
                "to": ["ann@example.org", "gone@example.org", "bo@example.org"],
                "from": "w@example.org",
                "smtp": f"smtp://127.0.0.1:{sink.port}",
            }
        )
        world.configure(channels={"desk": config})
        world.article("New fence on the Durand Line")
        await _tell_and_send(world)
        assert [mail.recipients for mail in sink.messages] == [
            ("ann@example.org",),
            ("bo@example.org",),
        ]
        assert states(world) == ["delivered", "dead", "delivered"]


async def test_a_mail_accepted_before_the_line_broke_comes_again_under_its_id(
    world: World,
) -> None:
    async with SmtpSink() as sink:
        sink.fail("DOT", Fault.CLOSE, accept=True, times=1)
        config = EmailConfig.model_validate(
            {
                "kind": "email",
                "to": "ann@example.org",
                "from": "w@example.org",
                "smtp": f"smtp://127.0.0.1:{sink.port}",
            }
        )
        world.configure(channels={"desk": config})
        world.article("New fence on the Durand Line")
        await _tell_and_send(world)
        ids = [mail.message["Message-ID"] for mail in sink.messages]
        assert len(ids) == 2
        assert ids[0] == ids[1]
        assert states(world) == ["delivered"]


async def test_the_receiver_s_pause_is_kept(world: World) -> None:
    async with HttpServer() as server:

        def answer(request: Request) -> Response:
            busy = len(server.requests) == 1
            return Response(503, headers={"Retry-After": "600"}) if busy else Response(204)

        hook = WebhookConfig.model_validate(
            {
                "kind": "webhook",
                "url": server.on("/hook", answer),
                "secret": "whsec_" + "c2VjcmV0" * 5,
                "allow_private": ["127.0.0.0/8"],
            }
        )
        world.configure(channels={"desk": hook})
        for name in "abc":
            world.delivery(name)
        dispatcher = Dispatcher(world.context)
        await dispatcher.send_due()
        world.wait(seconds=599)
        await dispatcher.send_due()
        assert len(server.requests) == 1
        world.wait(seconds=1)
        await dispatcher.send_due()
        assert [each.state for each in world.deliveries()] == ["delivered"] * 3
        await dispatcher.close()


async def test_a_mail_server_down_for_six_hours_gets_everything_afterwards_in_order(
    world: World,
) -> None:
    """News every ten minutes meanwhile; time is passed in."""
    async with SmtpSink() as sink:
        config = EmailConfig.model_validate(
            {
                "kind": "email",
                "to": "ann@example.org",
                "from": "w@example.org",
                "smtp": f"smtp://127.0.0.1:{sink.port}",
            }
        )
        world.configure(
            channels={"desk": config}, watchlists={"durand": {**DURAND, "max_per_day": 100}}
        )
        outbox, dispatcher = Outbox(world.context), Dispatcher(world.context)
        sink.fail("CONNECT", "421 4.3.2 down for maintenance")
        while world.now < NOON + timedelta(hours=6):
            world.article(f"Durand Line, {world.now:%H:%M}")
            await outbox.match()
            await outbox.gather(flush=True)
            await dispatcher.send_due()
            world.wait(minutes=10)
        assert sink.messages == []
        probes = len(world.attempts())
        sink.recover()
        world.wait(hours=1)
        await dispatcher.send_due()
        await dispatcher.close()
    assert states(world) == ["delivered"] * 36
    subjects = [mail.message["Subject"].split(", ")[1][:5] for mail in sink.messages]
    assert subjects == sorted(subjects)
    assert len(subjects) == 36
    assert probes < 15


async def _tell_and_send(world: World) -> None:
    outbox, dispatcher = Outbox(world.context), Dispatcher(world.context)
    await outbox.match()
    await outbox.gather(flush=True)
    for _ in range(3):
        await dispatcher.send_due()
        world.wait(minutes=1)
    await dispatcher.close()


async def test_closing_does_not_wait_for_a_receiver_that_hangs(world: World) -> None:
    script = Script()
    script.gate = asyncio.Event()
    world.configure(channels={"desk": scripted(script)})
    world.delivery("one")
    dispatcher = Dispatcher(world.context)
    sending = asyncio.create_task(dispatcher.send_due())
    async with asyncio.timeout(8):
        await until(lambda: bool(script.tried))
        await dispatcher.close()
        await sending
    script.gate.set()
    assert await Dispatcher(world.context).send_due() == 1
