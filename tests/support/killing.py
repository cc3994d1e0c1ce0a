"""The proof of no loss: the service is killed again and again while news comes in.

Two sites publish all the time; a mail server and a webhook receiver answer a moment after they
have taken a message. The service is killed at random moments, a third of them aimed at the time
between acceptance and reply, where a repeat cannot be avoided, and started again. In the end it is
left alone until everything has arrived or patience is over.
"""

import asyncio
import contextlib
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import create_engine, text

from tests.support.http import HttpServer, Request, Response
from tests.support.prose import headline, paragraphs
from tests.support.running import RunningService
from tests.support.site import Site
from tests.support.smtp import ReceivedMail, SmtpSink

TOPICS = {"durand-line": "Durand Line", "ttp": "TTP"}
REPLY_DELAY = 0.03
"""Seconds between a receiver's taking a message and its reply."""
PACE = 0.5
"""Seconds between two articles."""

Wanted = tuple[str, str, str]
"""Channel, watchlist, article address."""
Told = frozenset[Wanted]

CONFIG = """\
[service]
database = "{database}"

[web]
listen = ""

[crawler]
every = "1s"
delay = "0s"
allow_private = ["127.0.0.0/8"]

[watchlist.durand-line]
any = ['"Durand Line"']
max_per_day = 1000000

[watchlist.ttp]
any = ['=TTP']
max_per_day = 1000000

[channel.desk]
kind = "email"
to = ["desk@example.org"]
from = "Wirewatch <alerts@example.org>"
smtp = "smtp://127.0.0.1:{mail_port}"
group_wait = "0s"

[channel.ops]
kind = "webhook"
url = "{hook}"
secret = "whsec_c2l4dGVlbi1ieXRlcy1hcmUtdG9vLWZldy1mb3ItdGhpcw=="
group_wait = "0s"
"""


def config_text(database: str, sites: list[Site], mail_port: int, hook: str) -> str:
    """config.toml for the sites, the store and the two receivers."""
    tables = [
        f'[source.site{number}]\nurl = "{site.feed_url}"\nkind = "feed"\n'
        for number, site in enumerate(sites)
    ]
    start = CONFIG.format(database=database, mail_port=mail_port, hook=hook)
    return start + "\n" + "\n".join(tables)


@dataclass(frozen=True)
class Acceptance:
    """One message that a receiver took."""

    at: float
    id: str
    """The part of Message-ID or webhook-id that is the delivery's own."""
    wanted: frozenset[Wanted]


def read_mail(mail: ReceivedMail) -> tuple[str, frozenset[Wanted]]:
    """The id of a mail and what it announces."""
    body = mail.message.get_body(("plain",))
    assert body
    names = str(mail.message["X-Wirewatch-Watchlist"] or "")
    text = body.get_content().replace("\r\n", "\n")
    # With several groups of articles, each stands under a line with its watchlists.
    _, *parts = re.split(r"^== (.*) ==\s*$", f"== {names} ==\n{text}", flags=re.M)
    wanted = {
        ("desk", name.strip(), link)
        for heading, part in zip(parts[::2], parts[1::2], strict=True)
        for name in heading.split(",")
        for link in re.findall(r"^https?://\S+$", part, flags=re.M)
    }
    local, _, _ = str(mail.message["Message-ID"]).strip("<>").partition("@")
    return local, frozenset(wanted)


_CUT = re.compile(r"To list all: wirewatch matches --delivery \S+")
_COUNT = re.compile(r"^- (.+): (\d+)$", re.MULTILINE)
_ATTACHED = text(
    'SELECT "match".watchlist, article.url FROM alert'
    " JOIN delivery ON delivery.id = alert.delivery_id"
    ' JOIN "match" ON "match".id = alert.match_id'
    ' JOIN article ON article.id = "match".article_id WHERE delivery.key = :key'
)


def counts_of_cut(mail: ReceivedMail) -> dict[str, int]:
    """Of a mail that shows the newest of very many: its number of articles by watchlist."""
    body = mail.message.get_body(("plain",))
    assert body
    _, is_cut, rest = body.get_content().replace("\r\n", "\n").partition("To list all: ")
    if not is_cut or not _CUT.search(f"{is_cut}{rest}"):
        return {}
    return {name: int(count) for name, count in _COUNT.findall(rest.split("\n== ", 1)[0])}


def attached(database: str, key: str) -> frozenset[Wanted]:
    """What the store lists of a mail: what the command lists that the mail names."""
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            rows = connection.execute(_ATTACHED, {"key": key})
            return frozenset(("desk", watchlist, url) for watchlist, url in rows)
    finally:
        engine.dispose()


def whole(wanted: frozenset[Wanted], all_: frozenset[Wanted], counts: dict[str, int]) -> Told:
    """What a cut mail tells: all of it, if its counts are those of what the store lists."""
    listed = Counter(watchlist for _, watchlist, _ in all_)
    return all_ if wanted <= all_ and listed == counts else wanted


def read_hook(request: Request) -> tuple[str, frozenset[Wanted]]:
    """The id of a webhook message and what it announces."""
    body = json.loads(request.body)
    matches = body["data"].get("matches", [])
    wanted = {("ops", match["watchlist"], match["article"]["url"]) for match in matches}
    return request.headers["webhook-id"], frozenset(wanted)


@dataclass(frozen=True)
class Kill:
    """One death of the service."""

    at: float
    settled: frozenset[str] = frozenset()
    """Ids of the messages that the store then held as delivered."""


def settled_ids(database: str) -> frozenset[str]:
    """Ids of the messages that a store holds as delivered."""
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT key FROM delivery WHERE state = 'delivered'"))
            return frozenset(rows.scalars())
    finally:
        engine.dispose()


@dataclass
class Report:
    """What happened."""

    seed: int
    kills: list[Kill] = field(default_factory=list)
    expected: set[Wanted] = field(default_factory=set)
    acceptances: list[Acceptance] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    """Seconds from each start to its first request."""
    orphans: int = 0
    """Worker processes of killed services that are still there in the end."""
    seconds: float = 0.0
    status: int | None = None
    """Exit status of the last run after SIGTERM."""

    @property
    def seen(self) -> dict[Wanted, list[Acceptance]]:
        """For everything wanted, the messages that carried it."""
        seen: dict[Wanted, list[Acceptance]] = defaultdict(list)
        for acceptance in self.acceptances:
            for wanted in acceptance.wanted & self.expected:
                seen[wanted].append(acceptance)
        return seen

    @property
    def missing(self) -> set[Wanted]:
        """What no receiver was told."""
        return self.expected - set(self.seen)

    @property
    def repeats(self) -> list[tuple[Acceptance, Acceptance]]:
        """Messages, and the next ones that carried the same."""
        pairs = {(first, second) for seen in self.seen.values() for first, second in pairwise(seen)}
        return sorted(pairs, key=lambda pair: pair[0].at)

    @property
    def renamed(self) -> list[tuple[Acceptance, Acceptance]]:
        """Repeats under another id, which a receiver cannot recognise."""
        return [(first, second) for first, second in self.repeats if first.id != second.id]

    @property
    def unexplained(self) -> list[tuple[Acceptance, Acceptance]]:
        """Repeats without a kill between the two that found the first one not settled."""
        return [(first, second) for first, second in self.repeats if not self._why(first, second)]

    @property
    def slow(self) -> list[tuple[Acceptance, Acceptance]]:
        """Repeats of messages accepted more than a second before the kill: settled slowly."""
        return [
            (first, second)
            for first, second in self.repeats
            if all(kill.at > first.at + 1 for kill in self._why(first, second))
        ]

    def _why(self, first: Acceptance, second: Acceptance) -> list[Kill]:
        return [
            kill
            for kill in self.kills
            if first.at <= kill.at <= second.at and first.id not in kill.settled
        ]

    def lines(self) -> Iterator[str]:
        """The figures, for a person."""
        starts = self.starts or [0.0]
        yield f"seed {self.seed}: {len(self.kills)} kills in {self.seconds:.0f} s"
        yield f"{len(self.expected)} expected, {len(self.missing)} missing"
        yield (
            f"{len(self.repeats)} repeats, {len(self.renamed)} under another id, "
            f"{len(self.unexplained)} without a kill that explains them, "
            f"{len(self.slow)} accepted more than a second before it"
        )
        yield (
            f"start to first request: median {median(starts):.2f} s, slowest {max(starts):.2f} s"
        )
        yield f"{self.orphans} orphans, exit status {self.status}"


def tracebacks(log: str) -> list[str]:
    """Every traceback in a log, but for those of interpreters that lost their parent at birth.

    A worker process whose service is killed before it has told the worker what it is for ends with
    Python's own EOFError; nothing was in its hands.
    """
    lines = log.splitlines()
    starts = [number for number, line in enumerate(lines) if "Traceback" in line]
    found = ["\n".join(lines[max(start - 1, 0) : start + 40]) for start in starts]
    return [text for text in found if not _ORPHAN.search(text)]


_ORPHAN = re.compile(r"in spawn_main\n(?:  .*\n)*EOFError: Ran out of input")


class Stir:
    """Lets the proof wait for whatever the service does next."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.asked: list[float] = []
        """When a site was asked for anything."""

    def __call__(self) -> None:
        self._event.set()

    async def until(self, holds: Callable[[], bool], within: float) -> None:
        """Waits for it. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not holds():
                self._event.clear()
                await self._event.wait()


@dataclass
class WatchedSite(Site):
    """A site that tells when it is asked."""

    stir: Stir = field(default_factory=Stir)

    def _answer(self, request: Request) -> Response:
        self.stir.asked.append(time.monotonic())
        self.stir()
        return super()._answer(request)


@dataclass
class SlowSink(SmtpSink):
    """Takes a message, waits, and only then says so."""

    on_mail: Callable[[ReceivedMail], None] = lambda mail: None

    async def accept(self, mail: ReceivedMail) -> None:
        self.on_mail(mail)
        await super().accept(mail)
        await asyncio.sleep(REPLY_DELAY)


@dataclass
class Ordeal:
    """One run of the proof."""

    folder: Path
    chance: random.Random
    report: Report
    database: str
    """Address of its store, with the whole path of an SQLite file."""
    patience: float = 180.0
    """Seconds in which the first visits, and in the end everything, must have come."""
    stir: Stir = field(default_factory=Stir)
    sites: list[Site] = field(default_factory=list)
    children: list[psutil.Process] = field(default_factory=list)

    async def run(self, kills: int) -> None:
        """All of it; what happened is in the report."""
        began = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            for host in ("127.0.0.2", "127.0.0.3"):
                # The feed shows everything: a slow machine visits seldom.
                site = WatchedSite(host=host, window=sys.maxsize, stir=self.stir)
                self.sites.append(await stack.enter_async_context(site))
                site.publish(headline(self.chance), paragraphs(self.chance))
            sink = await stack.enter_async_context(SlowSink(on_mail=self.take_mail))
            hooks = await stack.enter_async_context(HttpServer())
            hook = hooks.on("/hook", self.take_hook)
            config = self.folder / "config.toml"
            config.write_text(config_text(self.database, self.sites, sink.port, hook), "utf-8")
            service = await stack.enter_async_context(RunningService(config))
            await self.torment(service, kills)
        self.report.seconds = time.monotonic() - began

    def take_mail(self, mail: ReceivedMail) -> None:
        """A mail was accepted; the reply follows later.

        One that tells of very many at once names the newest, and a command that lists them all.
        """
        key, wanted = read_mail(mail)
        if counts := counts_of_cut(mail):
            wanted = whole(wanted, attached(self.database, key), counts)
        self.take(key, wanted)

    async def take_hook(self, request: Request) -> Response:
        """A webhook message was accepted; the reply follows later."""
        self.take(*read_hook(request))
        await asyncio.sleep(REPLY_DELAY)
        return Response(204)

    def take(self, message_id: str, wanted: frozenset[Wanted]) -> None:
        """Keeps what a receiver has taken."""
        self.report.acceptances.append(Acceptance(time.monotonic(), message_id, wanted))
        self.stir()

    async def torment(self, service: RunningService, kills: int) -> None:
        """First visits, then kills while news comes in, then peace."""
        await self.stir.until(
            lambda: all(site.asked("/feed.xml") > 1 for site in self.sites), self.patience
        )
        publishing = asyncio.create_task(self.publish_for_ever())
        try:
            for _ in range(kills):
                await self.kill_once(service)
        finally:
            publishing.cancel()
        with contextlib.suppress(TimeoutError):
            await self.stir.until(lambda: not self.report.missing, self.patience)
        # Two more visits: time for a repeat to show.
        await asyncio.sleep(3)
        self.report.status = await service.stop(within=60)
        _, alive = await asyncio.to_thread(psutil.wait_procs, self.children, 10)
        self.report.orphans = len(alive)

    async def publish_for_ever(self) -> None:
        """An article now and then; three in four are wanted, some of them by both watchlists."""
        while True:
            names = self.chance.choice(([], ["durand-line"], ["ttp"], ["durand-line", "ttp"]))
            text = paragraphs(self.chance, " and the ".join(TOPICS[name] for name in names))
            url = self.chance.choice(self.sites).publish(headline(self.chance), text)
            self.report.expected |= {
                (channel, name, url) for channel in ("desk", "ops") for name in names
            }
            await asyncio.sleep(PACE * self.chance.uniform(0.4, 1.6))

    async def kill_once(self, service: RunningService) -> None:
        """Lets the service live for a while, kills it and starts it again."""
        with contextlib.suppress(TimeoutError):
            await self.await_moment()
        assert service.is_running, service.log[-3000:]
        await service.kill()
        at = time.monotonic()
        self.report.kills.append(Kill(at, await asyncio.to_thread(settled_ids, self.database)))
        if first := next((at for at in self.stir.asked if at > service.started), None):
            self.report.starts.append(first - service.started)
        self.children += service.children
        await service.start()

    async def await_moment(self) -> None:
        """A random moment: any, in a visit, or between acceptance and reply."""
        kind, asked, taken = (
            self.chance.random(),
            len(self.stir.asked),
            len(self.report.acceptances),
        )
        if kind < 0.3:
            start = median(self.report.starts or [2.0])
            await asyncio.sleep(self.chance.uniform(0.1, 2 * start))
        elif kind < 0.6:
            await self.stir.until(lambda: len(self.stir.asked) > asked, 20)
            await asyncio.sleep(self.chance.uniform(0, 0.5))
        else:
            await self.stir.until(lambda: len(self.report.acceptances) > taken, 20)
            await asyncio.sleep(self.chance.uniform(0, 2 * REPLY_DELAY))


async def run_ordeal(folder: Path, seed: int, kills: int, database: str | None = None) -> Report:
    """The proof in an empty folder, where the log stays, and the store if no other is named."""
    report = Report(seed)
    store = database or f"sqlite:///{folder / 'wirewatch.db'}"
    await Ordeal(folder, random.Random(seed), report, store).run(kills)
    return report
