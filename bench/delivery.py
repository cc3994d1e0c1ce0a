"""Messages a second through the dispatcher, beside a bare aiosmtplib loop in the same run.

    python -m bench.delivery [COUNT]

Both send the same mails over one kept connection to an SMTP sink that runs in a process of its own,
in turn, three times; the medians count.
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import aiosmtplib
import structlog

from alerts.channels.base import recipient_key
from alerts.channels.email import EmailConfig
from alerts.dispatch import Dispatcher
from alerts.mime import mime_message
from store.engine import Store
from store.schema import migrate
from tests.alerts.envelopes import envelope
from tests.alerts.world import World, make_world
from tests.support.smtp import SmtpSink

TEXT = "Kabul protests new fence along the Durand Line.\n" * 40
TURNS = 3
HTML = f"<p>{TEXT}</p>"


def sink_process(pipe: Connection) -> None:
    """Runs the sink; tells its port, then, when asked, how many mails it took."""

    async def serve() -> None:
        async with SmtpSink() as sink:
            pipe.send(sink.port)
            while await asyncio.to_thread(pipe.recv) != "stop":
                pipe.send(len({mail.message["Message-ID"] for mail in sink.messages}))

    asyncio.run(serve())


async def bare(port: int, count: int, turn: int) -> float:
    """Seconds that a plain loop takes."""
    messages = [
        mime_message(
            envelope(id=f"bare-{turn}-{n}", text=TEXT, html=HTML), "a@example.org", "b@example.org"
        )
        for n in range(count)
    ]
    started = time.perf_counter()
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for message in messages:
            await client.sendmail("a@example.org", ["b@example.org"], message)
    return time.perf_counter() - started


async def dispatched(world: World, port: int, count: int, turn: int) -> float:
    """Seconds that the dispatcher takes for as many deliveries, with every commit."""
    table = {"kind": "email", "to": "b@example.org", "from": "a@example.org"}
    config = EmailConfig.model_validate({**table, "smtp": f"smtp://127.0.0.1:{port}"})
    key = recipient_key("b@example.org")
    world.configure(channels={"desk": config})
    for number in range(count):
        world.delivery(f"queued-{turn}-{number}", recipient=key, text=TEXT, html=HTML)
    dispatcher = Dispatcher(world.context)
    started = time.perf_counter()
    sent = await dispatcher.send_due()
    took = time.perf_counter() - started
    await dispatcher.close()
    assert sent == count, sent
    return took


@contextmanager
def new_world() -> Iterator[World]:
    """On a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/wirewatch.db")
        migrate(store)
        with make_world(store, Path(folder)) as world:
            yield world
        store.close()


def main() -> None:
    """Prints both rates and their ratio."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=sink_process, args=(there,))
    process.start()
    port = here.recv()
    plain, ours = [], []
    for turn in range(TURNS):
        plain.append(asyncio.run(bare(port, count, turn)))
        with new_world() as world:
            ours.append(asyncio.run(dispatched(world, port, count, turn)))
    here.send("count")
    print(f"{here.recv()} different messages taken of {2 * TURNS * count}")
    here.send("stop")
    process.join()
    ratios = sorted(alone / whole for alone, whole in zip(plain, ours, strict=True))
    rates = f"bare loop {count / median(plain):.0f}/s, dispatcher {count / median(ours):.0f}/s"
    print(f"{rates}: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
