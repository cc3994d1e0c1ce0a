"""The demonstration judges rightly; here a tiny service stands in for the real one."""

import asyncio
import html
import random
import re
import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from service.demo import play as demo
from service.demo.letter import Letter
from service.demo.play import DemoError, Settings, play
from service.demo.site import NewsSite, Print
from service.demo.tally import Score, Verdict

TOPICS = {
    "durand-line": re.compile(
        "Durand[\\s-]+Line|Durand border|ڈیورنڈ لائن|ډیورنډ کرښ|خط\\W+دیورند"
    ),
    "ttp": re.compile(r"\bTTP\b|Pakistani Taliban|Taliban Pakistan|ٹی ٹی پی|ټي ټي پي"),
}


class Silent:
    """A view that only remembers the verdicts."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def note(self, text: str) -> None: ...

    def published(self, site: NewsSite, printed: Print) -> None: ...

    def read(self, site: NewsSite, printed: Print) -> None: ...

    def arrived(self, letter: Letter, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    def summed_up(self, score: Score) -> None: ...


class TinyService:
    """Reads the feed and the story text, knows no duplicates but the one it is told about."""

    def __init__(self, once: bool = True, attentive: bool = True, furniture: bool = False) -> None:
        self.once, self.attentive, self.furniture = once, attentive, furniture
        self.seen: set[str] = set()
        self.first: dict[str, bool] = {}

    async def __call__(self, config: Path, stop: asyncio.Event) -> None:
        table = tomllib.loads(await asyncio.to_thread(config.read_text, "utf-8"))
        root = table["source"]["chronicle"]["url"]
        feeds = [f"{root}feed.xml", table["source"]["courier"]["url"]]
        self.port = int(table["channel"]["desk"]["smtp"].rpartition(":")[2])
        async with httpx.AsyncClient(trust_env=False) as client:
            while not stop.is_set():
                for feed in feeds:
                    await self.visit(client, feed)
                await asyncio.sleep(0.02)

    async def visit(self, client: httpx.AsyncClient, feed: str) -> None:
        links = re.findall("<link>([^<]*)</link>", (await client.get(feed)).text)[1:]
        for link in map(html.unescape, links):
            key = re.sub(r"/amp|-2$|\?.*|http://[^/]*", "", link) if self.once else link
            if key not in self.seen and self.first.get(feed) and self.attentive:
                text = self.text_of((await client.get(link)).text)
                for topic in (name for name, pattern in TOPICS.items() if pattern.search(text)):
                    await self.alert(topic, link)
            self.seen.add(key)
        self.first[feed] = True

    def text_of(self, page: str) -> str:
        if self.furniture:
            return page
        paragraphs = re.findall("<p[ >].*?</p>|<h1>.*?</h1>", page, re.DOTALL)
        return "\n".join(one for one in paragraphs if not re.match("<p>(<strong>|Popular)", one))

    async def alert(self, topic: str, link: str) -> None:
        message = EmailMessage()
        message["From"] = message["To"] = "desk@example.org"
        message["Subject"] = topic
        message["X-Wirewatch-Watchlist"] = topic
        message.set_content(f"See {link}\n")
        await aiosmtplib.send(message, hostname="127.0.0.1", port=self.port, start_tls=False)


Give = Callable[[demo.Service], Awaitable[tuple[Score, Silent]]]


@pytest.fixture
def give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Give:
    monkeypatch.setattr(demo, "PATIENCE", 1.0)
    monkeypatch.setattr(demo, "QUIET", 0.2)

    async def run(service: demo.Service) -> tuple[Score, Silent]:
        view = Silent()
        chance = random.Random(5)
        settings = Settings(tmp_path, 6, 0.1, chance, lambda: datetime.now(UTC), asyncio.Event())
        return await play(settings, service, view), view

    return run


async def test_a_service_that_does_its_work_holds(give: Give) -> None:
    score, view = await give(TinyService())
    assert score.holds
    assert score.due > 10
    assert set(view.verdicts) == {"right"}


async def test_a_service_that_misses_alerts_does_not_hold(give: Give) -> None:
    score, _ = await give(TinyService(attentive=False))
    assert score.arrived == 0
    assert not score.holds


async def test_a_service_that_alerts_every_address_does_not_hold(give: Give) -> None:
    score, _ = await give(TinyService(once=False))
    assert score.twice > 0
    assert not score.holds


async def test_a_service_that_reads_the_furniture_does_not_hold(give: Give) -> None:
    score, _ = await give(TinyService(furniture=True))
    assert score.false > 0
    assert not score.holds


async def test_a_service_that_ends_by_itself_is_an_error(give: Give) -> None:
    async def quitter(config: Path, stop: asyncio.Event) -> None:
        return

    with pytest.raises(DemoError, match="stopped before"):
        await give(quitter)


async def test_an_error_of_the_service_is_the_demonstrations(give: Give) -> None:
    async def broken(config: Path, stop: asyncio.Event) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        await give(broken)


async def test_a_service_that_never_comes_back_is_an_error(give: Give) -> None:
    async def asleep(config: Path, stop: asyncio.Event) -> None:
        await stop.wait()

    with pytest.raises(DemoError, match="no second visit"):
        await give(asleep)


async def test_the_curtain_ends_it_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "QUIET", 0.1)
    settings = Settings(
        tmp_path, 3600, 0.3, random.Random(5), lambda: datetime.now(UTC), asyncio.Event()
    )
    asyncio.get_running_loop().call_later(1.5, settings.curtain.set)
    async with asyncio.timeout(20):
        score = await play(settings, TinyService(), Silent())
    assert score.holds
    assert 0 < score.stories < 20
