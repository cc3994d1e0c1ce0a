"""The whole service beside hostile sites: how much memory does it take, and is a good site on time?

    .venv/bin/python -m bench.hostile [--only WORDS] [--parts N --part K] [--small] [--every 2]

Every answer of tests/support/hostile.py in full size and in every role: feed, sitemap, API, section
page, article, robots.txt. One service runs all the while; each answer's sources are written into
its configuration, and it has time until they all were asked for and silence has set in. Memory is
the proportional set size (PSS) of the process and all its children, looked at five times a second.
A site that does nothing wrong is to be visited every `--every` seconds meanwhile; told is the
longest time between two visits. In the end SIGTERM must end the service within ten seconds. Exit
status 1 when the service took more than it may, or an answer was not asked for in every role.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil

from tests.support.besieged import Besieger
from tests.support.desk import until
from tests.support.hostile import DOCUMENTS, FULL, HOLDING, SMALL, Answers, Role, answers
from tests.support.http import Request, Response
from tests.support.running import RunningService
from tests.support.site import Site

MB = 2**20
MOST = 300 * MB
"""What the service may take."""
QUIET = 4.0
"""Seconds without a request after which an answer has done what it can."""
PATIENCE = 180.0
"""Seconds without a request until an answer is given up whose documents were not all asked for."""
CONFIG = """\
[service]
database = "sqlite:///wirewatch.db"
[web]
listen = ""
[crawler]
every = "1h"
delay = "0s"
timeout = "3s"
allow_private = ["127.1.0.0/16", "127.2.0.0/16"]
[channel.inbox]
kind = "maildir"
path = "inbox"
[watchlist.harbour]
any = ["harbour"]
[source.good]
url = "{good}"
kind = "feed"
every = "{every}s"
"""


def tree_of(pid: int) -> Iterator[psutil.Process]:
    """A process and all its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def pss_of(pid: int, part: str = "Pss") -> list[int]:
    """Bytes of each process, the first before its children; what several share is shared out.

    `part`: as /proc names it; Pss_Anon leaves out the pages of files, libraries mostly.
    """
    found = []
    for process in tree_of(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            line = next(line for line in text.splitlines() if line.startswith(f"{part}:"))
            found.append(int(line.split()[1]) * 1024)
    return found


@dataclass
class GoodSite(Site):
    """Notes when its feed was asked for."""

    visits: list[float] = field(default_factory=list)

    def _answer(self, request: Request) -> Response:
        if request.path == "/feed.xml":
            self.visits.append(time.monotonic())
        return super()._answer(request)


def _told(peak: Sequence[int]) -> str:
    """The sum, and what each process takes of it."""
    return f"{sum(peak) / MB:4.0f} MB ({' + '.join(f'{one / MB:.0f}' for one in peak)})"


@dataclass
class Row:
    """What one answer cost."""

    name: str
    seconds: float = 0.0
    peak: Sequence[int] = ()
    gap: float = 0.0
    requests: int = 0
    missing: Sequence[str] = ()
    """The roles in which nobody asked for it."""

    def line(self) -> str:
        """For a person."""
        return (
            f"{self.name:<40} {_told(self.peak)} {self.requests:4} requests "
            f"in {self.seconds:4.0f} s, good site: longest gap {self.gap:4.1f} s"
            f"{' NOT ASKED: ' + ', '.join(self.missing) if self.missing else ''}"
        )


@dataclass
class Bench:
    """One service, one good site, and one hostile answer after the other."""

    folder: Path
    service: RunningService
    good: GoodSite
    every: float
    peak: list[int] = field(default_factory=list)

    def configure(self, sources: dict[str, str]) -> None:
        """Writes the configuration, as an editor does."""
        text = CONFIG.format(good=self.good.feed_url, every=self.every)
        for id_, url in sources.items():
            kind = id_.split("-")[1]
            text += (
                f'[source.{id_}]\nurl = "{url}"\nkind = "{kind if kind in DOCUMENTS else "feed"}"\n'
            )
        draft = self.folder / "config.draft"
        draft.write_text(text, "utf-8")
        draft.replace(self.folder / "config.toml")

    async def watch(self) -> None:
        """Looks at the memory, for ever."""
        while True:
            now = await asyncio.to_thread(pss_of, self.service.pid)
            self.peak = max(self.peak, now, key=sum)
            await asyncio.sleep(0.2)

    async def give(self, number: int, name: str, given: Answers) -> Row:
        """One answer in every role."""
        # Packing a gigabyte takes a while, in which the good site would not answer either.
        await asyncio.to_thread(given, "http://127.1.0.0", "page")
        besieger = AllRoles(name, given, number)
        async with besieger.server, besieger.robots:
            began, self.peak = time.monotonic(), []
            self.configure(besieger.build())
            asked = await self.until_quiet(besieger)
            row = Row(name, time.monotonic() - began, self.peak, 0.0, asked, besieger.missing)
            row.gap = self.longest_gap(began)
            # Its hosts are forgotten before they are gone.
            self.configure({})
            return row

    async def until_quiet(self, besieger: "AllRoles") -> int:
        """Waits until every role was asked for and nothing more is; how much was."""
        last = time.monotonic()
        asked = 0
        # A host's documents are read one after the other, and one of them may take a minute.
        while (now := time.monotonic()) < last + besieger.patience:
            count = len(besieger.server.requests) + len(besieger.robots.requests)
            if count > asked:
                asked, last = count, now
            await asyncio.sleep(0.1)
        return asked

    def longest_gap(self, since: float) -> float:
        """Between two visits to the good site."""
        times = [since, *(at for at in self.good.visits if at > since), time.monotonic()]
        return max(later - earlier for earlier, later in pairwise(times))


class AllRoles(Besieger):
    """A besieger that is asked for documents of every kind."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """All of them."""
        return DOCUMENTS

    @property
    def missing(self) -> list[str]:
        """What nobody has asked for yet; nothing where the first answer holds the host."""
        if self.name in HOLDING:
            return []
        asked = {request.path for request in self.server.requests}
        robots = {request.path for request in self.robots.requests}
        wanted: list[str] = [path for path in (*self.roles, "page") if f"/{path}" not in asked]
        return wanted if "/robots.txt" in robots else [*wanted, "robots.txt"]

    @property
    def patience(self) -> float:
        """Seconds without a request after which nothing more is expected."""
        return PATIENCE if self.missing else QUIET


async def siege(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Every answer; told as it comes."""
    given = {**answers(SMALL if options.small else FULL), **HOLDING}
    chosen = [name for name in given if options.only in name][options.part :: options.parts]
    given = {name: given[name] for name in chosen}
    rows = []
    async with GoodSite(host="127.2.0.1") as good:
        good.publish("A good story", ["Nothing happened in the harbour."])
        service = RunningService(folder / "config.toml")
        bench = Bench(folder, service, good, options.every)
        bench.configure({})
        async with service:
            watching = asyncio.create_task(bench.watch())
            await until(lambda: len(good.visits) > 2, 3 * PATIENCE)
            print(f"{'at rest':<40} {_told(bench.peak)}", flush=True)
            for number, (name, each) in enumerate(given.items(), 1):
                rows.append(await bench.give(number, name, each))
                print(rows[-1].line(), flush=True)
            watching.cancel()
            began = time.monotonic()
            status = await service.stop(within=10)
            print(f"SIGTERM: status {status} after {time.monotonic() - began:.1f} s")
            if options.log:
                print(service.log)
    return rows


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="hostile sites before the whole service")
    parser.add_argument("--only", default="", help="answers whose names hold this")
    parser.add_argument("--parts", type=int, default=1, help="one of so many parts of them")
    parser.add_argument("--part", type=int, default=0, help="which of the parts, from 0")
    parser.add_argument("--small", action="store_true", help="in the size of the tests")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between good visits")
    parser.add_argument("--log", action="store_true", help="show what the service said")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(siege(options, Path(folder)))
    worst, late = max(rows, key=lambda row: sum(row.peak)), max(rows, key=lambda row: row.gap)
    print(f"{len(rows)} answers; most memory {sum(worst.peak) / MB:.0f} MB ({worst.name})")
    print(f"longest gap of the good site {late.gap:.1f} s ({late.name})")
    unasked = [row.name for row in rows if row.missing]
    print(f"not asked for in every role: {', '.join(unasked) or 'none'}")
    return int(sum(worst.peak) > MOST or bool(unasked))


if __name__ == "__main__":
    sys.exit(main())
