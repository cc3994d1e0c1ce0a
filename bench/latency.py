"""From an article's commit to the acceptance of the mail that tells of it, under load.

    .venv/bin/python -m bench.latency [--seconds 30] [--rate 50] [--watchlists 1000]

The whole service runs, with its scheduler; ten mail channels of a hundred watchlists each, without
`group_wait`; the articles, each of which matches one watchlist, are committed as crawls do it;
another process takes the mails.
"""

import argparse
import asyncio
import logging
import multiprocessing
import random
import re
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles

import structlog

from crawler.guard import GuardedResolver
from service.app import running
from service.config import load
from service.loop import run
from service.scheduler import Scheduler
from store.articles import Article, Story
from store.writer import Writer
from tests.support.smtp import SmtpSink

LINK = re.compile(r"https://dawn\.example/\d+")
CHANNELS = 20
"""So many that no mail has more than 50 articles at once: further ones it would only count."""
PATIENCE = 60.0
"""Seconds that the last mails may take."""


def sink_process(pipe: Connection) -> None:
    """Takes mails; tells its port, then how many articles arrived, at last when each did."""
    arrived: dict[str, float] = {}

    class Clocked(SmtpSink):
        async def accept(self, mail: object) -> None:
            now = time.time()
            text = mail.message.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
            for link in LINK.findall(text):
                arrived.setdefault(link, now)

    async def serve() -> None:
        async with Clocked() as sink:
            pipe.send(sink.port)
            while await asyncio.to_thread(pipe.recv) != "stop":
                pipe.send(len(arrived))
            pipe.send(arrived)

    asyncio.run(serve())


async def news(writer: Writer, options: argparse.Namespace) -> dict[str, float]:
    """Commits articles at the rate asked for, as crawls do; when each was committed."""
    chance = random.Random(1)
    words = [f"word{number}" for number in range(5000)]
    committed: dict[str, float] = {}

    async def commit(link: str, body: str) -> None:
        await writer.write(lambda session: session.add(_article(session, link, body)))
        committed[link] = time.time()

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(options.seconds * options.rate):
            await asyncio.sleep(max(0.0, started + number / options.rate - time.monotonic()))
            topic = f"topic {chance.randrange(options.watchlists)} ends"
            text = [*chance.choices(words, k=250), topic, *chance.choices(words, k=250)]
            group.create_task(commit(f"https://dawn.example/{number}", " ".join(text)))
    return committed


def _article(session: object, link: str, body: str) -> Article:
    now = datetime.now(UTC)
    story = Story(created_at=now)
    session.add(story)  # type: ignore[attr-defined]
    session.flush()  # type: ignore[attr-defined]
    return Article(
        url=link,
        canonical_url=link,
        url_key=link,
        source_id="dawn",
        story_id=story.id or 0,
        title=f"News {link}",
        body=body,
        first_seen=now,
        published=now,
        published_precision="minute",
    )


def configuration(port: int, watchlists: int) -> str:
    """No source; the channels share the watchlists evenly."""
    channels = (
        f'[channel.c{number}]\nkind = "email"\nto = "c{number}@example.org"\n'
        f'from = "w@example.org"\nsmtp = "smtp://127.0.0.1:{port}"\ngroup_wait = "0s"\n'
        for number in range(CHANNELS)
    )
    lists = (
        f"[watchlist.w{number}]\nany = ['\"topic {number} ends\"']\n"
        f'notify = "c{number % CHANNELS}"\nmax_per_day = 100000\n'
        for number in range(watchlists)
    )
    return "\n".join(['[web]\nlisten = ""\n[health]\nnotify = []\n', *channels, *lists])


async def serve_until(
    resolver: GuardedResolver, path: Path, sink: Connection, options: argparse.Namespace
) -> dict[str, float]:
    """Runs the service until everything that was committed has arrived."""
    async with running(load(path, {}), resolver) as app, Scheduler(app).running():
        committed = await news(app._parts.writer, options)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            sink.send("count")
            if await asyncio.to_thread(sink.recv) == len(committed):
                break
            await asyncio.sleep(0.5)
        return committed


def main() -> None:
    """Prints the median and the 99th of a hundred."""
    parser = argparse.ArgumentParser(description="from commit to acceptance")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--watchlists", type=int, default=1000)
    options = parser.parse_args()
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        sink, sink_end = spawn.Pipe()
        process = spawn.Process(target=sink_process, args=(sink_end,))
        process.start()
        path.write_text(configuration(sink.recv(), options.watchlists), "utf-8")
        committed = run(lambda resolver: serve_until(resolver, path, sink, options))
        sink.send("stop")
        arrived: dict[str, float] = sink.recv()
        process.join()
    took = [arrived[link] - at for link, at in committed.items() if link in arrived]
    cuts = quantiles(took, n=100)
    print(f"{len(took)} of {len(committed)} articles arrived, {options.rate}/s")
    print(f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, slowest {max(took):.2f} s")


if __name__ == "__main__":
    main()
