"""The demonstration's main line: raise the site, start the service, publish, count what arrives."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from service.demo.letter import read_letter
from service.demo.mailbox import mailbox
from service.demo.site import NewsSite, Print
from service.demo.stage import config_text
from service.demo.stories import Programme, Story, load_stories, plan
from service.demo.tally import Score, Tally
from service.demo.view import View
from service.serving import listening

Service = Callable[[Path, asyncio.Event], Awaitable[None]]
"""Runs on a configuration file until the event is set, then finishes the work in hand."""

HOST = "127.0.0.1"
PATIENCE = 30.0
"""Seconds that the first visits, and afterwards the last alerts, may take."""
QUIET = 5.0
"""Seconds of listening after the last alert: two more visits, in which a repeat would show."""


class DemoError(Exception):
    """The demonstration could not be given; the message says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is given."""

    folder: Path
    """An empty folder: the configuration, the database and the maildir go there."""
    seconds: float
    """How long stories are published."""
    pace: float
    """Seconds between two stories."""
    chance: random.Random
    now: Callable[[], datetime]
    curtain: asyncio.Event
    """Set: no more stories, whatever the time."""


@dataclass
class Stage:
    """What is there while the demonstration runs."""

    chronicle: NewsSite
    courier: NewsSite
    view: View
    mail_port: int = 0
    tally: Tally = field(default_factory=Tally)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits for something that a visit or a mail brings about."""
        while not holds():
            self.stirred.clear()
            await self.stirred.wait()

    def set_out(self, programme: Programme) -> None:
        """Prints what is there before the first visit; the second site prints the last two too."""
        for story in programme.backlog:
            printed = self.chronicle.publish(story)
            self.tally.published_before(story.slug, story.about, addresses(self.chronicle, printed))
        for story in programme.backlog[-2:]:
            printed = self.courier.publish(story)
            self.tally.published_before(story.slug, story.about, addresses(self.courier, printed))

    def publish(self, site: NewsSite, story: Story, again: bool = False) -> None:
        """Prints a story that must be announced if it is about a watchlist."""
        printed = site.publish(story, again)
        self.tally.published(story.slug, story.about, addresses(site, printed))
        self.view.published(site, printed)

    def receive(self, message: EmailMessage) -> None:
        """Judges a mail and shows it."""
        letter = read_letter(message)
        self.view.arrived(letter, self.tally.received(letter.watchlists, letter.links))
        self.stirred.set()


def addresses(site: NewsSite, printed: Print) -> set[str]:
    """Every address a print is known under."""
    return {site.url + path for path in (printed.path, printed.listed, printed.amp) if path}


async def play(settings: Settings, service: Service, view: View) -> Score:
    """Gives the demonstration and returns the sum; raises what the service raises, or DemoError.

    However it ends, the service finishes first what it has in hand.
    """
    async with raised(settings, view) as stage:
        stop = asyncio.Event()
        config = settings.folder / "config.toml"
        running = asyncio.ensure_future(service(config, stop))
        acting = asyncio.create_task(act(settings, stage))
        try:
            await asyncio.wait({running, acting}, return_when=asyncio.FIRST_COMPLETED)
            if acting.done():
                acting.result()
        finally:
            acting.cancel()
            stop.set()
            await running
        if not acting.done() or acting.cancelled():
            raise DemoError("the service stopped before the demonstration was over")
        score = stage.tally.score()
        view.summed_up(score)
        return score


@contextlib.asynccontextmanager
async def raised(settings: Settings, view: View) -> AsyncIterator[Stage]:
    """Both sites and the mailbox, listening, with a configuration that names them."""
    stage = Stage(
        NewsSite("Frontier Chronicle", settings.now),
        NewsSite("Valley Courier", settings.now),
        view,
    )
    async with contextlib.AsyncExitStack() as stack:
        for site in (stage.chronicle, stage.courier):
            site.url = await stack.enter_async_context(listening(site.app(), HOST))
            site.on_asked, site.on_read = stage.stirred.set, _reader(view, site)
        stage.mail_port = await stack.enter_async_context(mailbox(stage.receive, HOST))
        text = config_text(stage.chronicle.url, stage.courier.url, stage.mail_port)
        (settings.folder / "config.toml").write_text(text, "utf-8")
        yield stage


def _reader(view: View, site: NewsSite) -> Callable[[Print], None]:
    return lambda printed: view.read(site, printed)


async def act(settings: Settings, stage: Stage) -> None:
    """Waits for the first visits, publishes for the time set, waits for the last alerts."""
    programme = plan(load_stories(), settings.chance)
    stage.set_out(programme)
    stage.view.note(
        f"{stage.chronicle.name} is at {stage.chronicle.url} with {len(programme.backlog)} stories "
        "of earlier; the first visit stores them and sums them up in one message."
    )
    await first_visits(stage)
    stage.view.note(f"Now a story every {settings.pace:g} s, for {settings.seconds:g} s:")
    publishing = asyncio.create_task(publish_all(programme.live, settings, stage))
    curtain = asyncio.create_task(settings.curtain.wait())
    try:
        waited = {publishing, curtain}
        await asyncio.wait(waited, timeout=settings.seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        curtain.cancel()
        publishing.cancel()
    stage.view.note("No more stories; waiting for what is under way …")
    await last_alerts(stage)


async def first_visits(stage: Stage) -> None:
    """Waits until both feeds are asked for a second time: by then the first visit is over."""
    sites = (stage.chronicle, stage.courier)
    try:
        async with asyncio.timeout(PATIENCE):
            await stage.until(lambda: all(site.asked["/feed.xml"] > 1 for site in sites))
    except TimeoutError as error:
        raise DemoError(f"no second visit within {PATIENCE:g} s") from error


async def publish_all(stories: tuple[Story, ...], settings: Settings, stage: Stage) -> None:
    """One story after another; its reprint or its copy elsewhere follows one story later."""
    earlier: Story | None = None
    for story in stories:
        stage.publish(stage.chronicle, story)
        await asyncio.sleep(settings.pace * settings.chance.uniform(0.7, 1.3))
        if earlier and earlier.form == "reprint":
            stage.publish(stage.chronicle, earlier, again=True)
        elif earlier and earlier.form == "syndicated":
            stage.publish(stage.courier, earlier)
        earlier = story


async def last_alerts(stage: Stage) -> None:
    """Waits until nothing is missing, at most PATIENCE, and a little longer for repeats."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await stage.until(lambda: not stage.tally.missing())
    await asyncio.sleep(QUIET)
