"""What a hostile server can answer: it costs its own source's turn, a bounded time, and no secret.

All answers of tests/support/hostile.py at once, small enough for a test: as feed, article and
robots.txt, and in turn as sitemap, API or section page. bench/hostile.py gives them to the whole
service in every role and in full size.
"""

import os
import re
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from crawler.items import entry_from_json
from crawler.pool import ProcessorPool
from crawler.reading import read_page
from crawler.text import clean_line
from store.articles import Entry
from store.engine import Store
from tests.support.besieged import Besieger, Outcome, Siege
from tests.support.crawled import Run, Site
from tests.support.hostile import HOLDING, SMALL, TITLE, Role, answers
from tests.support.reactor import in_reactor

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

LIMITS = {"max_size": "1MB", "timeout": "2s"}
SECRET = "the words of the file"
REFUSED = {
    "a gzip bomb": "larger than",
    "a deflate bomb": "larger than",
    "a brotli bomb": "larger than",
    "a zstd bomb": "larger than",
    "a bomb in a bomb": "larger than",
    "a body packed again and again": "packed again and again",
    "broken gzip": "could not be unpacked",
    "an unknown encoding": "not understood",
    "a body that never ends": "larger than",
    "one line without end": "larger than",
    "a text without end": "larger than",
    "a body a byte at a time": "in time",
    "an answer that never begins": "in time",
    "a body cut short": "broke off",
    "an answer that is no HTTP": "no proper HTTP",
    "a length below nought": "no proper HTTP",
    "two lengths": "no proper HTTP",
    "a chunk of no size": "broke off",
    "a status of its own": "HTTP 999",
    "a redirect to itself": "again and again",
    "redirects back and forth": "again and again",
    "a redirect to a file": "HTTP 302",
    "a redirect to code": "no web address",
    "a redirect to data": "HTTP 302",
    "a redirect to another protocol": "HTTP 302",
    "a redirect inside": "not a public address",
    "a redirect inside, in decimal": "not a public address",
    "a redirect with a name and password": "user name or password",
    "a redirect to a megabyte": "headers are too long",
    "a redirect to nothing": "again and again",
    "a header of a megabyte": "headers are too long",
    "ten thousand headers": "headers are too long",
    "headers without end": "headers are too long",
    "headers without end, of one line": "headers are too long",
    "a header of endless lines": "headers are too long",
    "interim answers without end": "headers are too long",
}
"""What is said of answers that are none, whatever was asked for."""
NO_DOCUMENT = {
    "a bomb in a file",
    "a gzip file that is none",
    "nothing but NULs",
    "bytes of no encoding",
    "a picture",
    "links of a megabyte",
}
"""Read, and found to be no document of the kind; in words that differ by kind."""
NO_PAGE = {"a type that it is not", "NULs in every word", "a hundred thousand links"}
SILENT = {
    "a redirect to a file",
    "a redirect to data",
    "a redirect to another protocol",
    "an unknown encoding",
    "a bomb in a file",
    "a gzip file that is none",
    "nothing but NULs",
    "bytes of no encoding",
    "a picture",
    "a million nested brackets",
    "a billion laughs",
    "an entity of a file",
    "entities of parameters",
    "a hundred thousand links",
}
"""As a robots.txt they hold no rule that can be read, or are none (RFC 9309: all is allowed)."""
LONGEST_TURN = 30
"""Seconds: a timeout of two, and ten for a parser that is killed, on a busy machine."""
UNDATED = {"a date of 1601", "a date of 9999", "a date of no day", "a calendar without end"}
NO_WORDS = re.compile(r"Traceback|Failure|[a-z]Error\b|<class|[\x00-\x1f\x7f]")

HONEST = "gnp.exe Ferry [31mred"
"""What is left of a title full of marks that nobody sees."""
LONG = clean_line("A b" * 999)

Outcomes = dict[str, dict[Role, Outcome]]


@pytest.fixture
def siege(store: Store, tmp_path: Path) -> Siege:
    (tmp_path / "secret").write_text(SECRET)
    file = (tmp_path / "secret").as_uri()
    return Siege(store, None, answers(SMALL, file), dict(LIMITS))  # type: ignore[arg-type]


def faults_of_document(name: str, role: Role, outcome: Outcome) -> list[str]:
    said = outcome.error or ""
    if name in REFUSED:
        return [] if REFUSED[name] in said else ["is not refused in these words"]
    if name in NO_DOCUMENT:
        return [] if said else ["is taken for a document"]
    return ["is not read"] if role == "feed" and said else []


def faults_of_page(name: str, outcome: Outcome) -> list[str]:
    said, article = outcome.error or "", next(iter(outcome.articles), None)
    if name in REFUSED and "public" not in REFUSED[name] and "user name" not in REFUSED[name]:
        return [] if REFUSED[name] in said and article is None else ["is not refused"]
    if name in REFUSED:
        # We ourselves may not ask for it: what the feed said of it is all there will ever be.
        return [] if article is not None and article.body == "" else ["is not kept as listed"]
    if name in NO_DOCUMENT - {"links of a megabyte"} | NO_PAGE:
        return [] if said and article is None else ["is taken for an article"]
    if article is None:
        return ["gives no article"]
    wanted = {"titles that deceive": HONEST, "a title of a megabyte": LONG}.get(name, TITLE)
    faults = [] if article.title == wanted else [f"is called {article.title!r}"]
    if (article.published is None) != (name in UNDATED - {"a calendar without end"}):
        faults.append(f"is dated {article.published}")
    return faults


def faults_of_robots(name: str, outcome: Outcome) -> list[str]:
    """What cannot be had forbids everything, in words; what says nothing allows everything."""
    said = outcome.error or ""
    if name in REFUSED.keys() - SILENT:
        return [] if "robots.txt" in said else ["does not forbid everything"]
    if said:
        return ["forbids everything"]
    if name in SILENT:
        return [] if outcome.strayed else ["forbids what it does not name"]
    return ["is not obeyed"] if outcome.strayed else []


def faults_of_list(name: str, outcome: Outcome) -> list[str]:
    """What a document says of its entries is cleaned like what a page says."""
    items = [entry_from_json(entry.item) for entry in outcome.listed]
    faults = []
    if name == "titles that deceive" and not {item.title for item in items} <= {HONEST, None}:
        faults.append(f"lists {items[0].title!r}")
    if name == "a title of a megabyte" and any(len(item.title or "") > len(LONG) for item in items):
        faults.append("lists a title without end")
    if name in UNDATED - {"a calendar without end"} and any(item.published for item in items):
        faults.append(f"dates it {items[0].published}")
    return faults


def faults(outcomes: Outcomes) -> list[str]:
    found = []
    for name, by_role in outcomes.items():
        for role, outcome in by_role.items():
            if role == "page":
                wrong = faults_of_page(name, outcome)
            elif role == "robots":
                wrong = faults_of_robots(name, outcome)
            else:
                wrong = faults_of_document(name, role, outcome) + faults_of_list(name, outcome)
            if NO_WORDS.search(outcome.error or ""):
                wrong.append("is no error in words")
            texts = [f"{a.title} {a.standfirst} {a.body}" for a in outcome.articles]
            if any(SECRET in text for text in texts):
                wrong.append("tells what a file holds")
            found += [f"{name} as {role} {what}: {outcome.error}" for what in wrong]
    return found


def settled(store: Store, besieger: Besieger) -> bool:
    """Whether the good page beside the hostile answers became an article."""
    with store.reading() as session:
        url = f"{besieger.server.url}/good"
        return session.exec(select(Entry.outcome).where(Entry.url == url)).one() is not None


def longest_turn(siege: Siege) -> float:
    """The longest time between two requests to one host, whose turns follow each other."""
    times: dict[str, list[float]] = {}
    for besieger in siege.besiegers:
        for server in (besieger.server, besieger.robots):
            times.setdefault(server.host, []).extend(request.at for request in server.requests)
    return max(b - a for each in times.values() for a, b in pairwise(sorted(each)))


@pytest.mark.long
def test_every_hostile_answer_costs_its_own_sources_turn_and_nothing_else(
    siege: Siege, store: Store
) -> None:
    async def main(resolver: object) -> Outcomes:
        siege.resolver = resolver  # type: ignore[assignment]
        return await siege.run()

    outcomes = in_reactor(main, timeout=100)
    assert len(outcomes) == len(siege.answers) > 55
    assert faults(outcomes) == []
    assert [b.name for b in siege.besiegers if not settled(store, b)] == []
    assert longest_turn(siege) < LONGEST_TURN
    # A calendar and a page of links lead nowhere for long.
    assert max(len(b.server.requests) for b in siege.besiegers) < 120


@pytest.mark.parametrize("name", HOLDING)
def test_a_host_that_asks_for_thirty_years_gets_a_day_and_then_its_articles(
    on_a_site: Run, name: str
) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", lambda _: HOLDING[name](site.server.url, "feed"))
        began = time.monotonic()
        await site.crawl()
        assert time.monotonic() - began < 15
        assert not site.is_due()
        site.publish("/after")
        site.now += timedelta(days=1, minutes=1)
        assert site.is_due()
        assert (await site.crawl()).articles == 1

    on_a_site(script)


class DeadlyPool(ProcessorPool):
    """Its workers are killed by the operating system whenever they are given a page."""

    pages = 0

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if work is not read_page:
            return await super().run(work, *args, **kwargs)
        self.pages += 1
        return await super().run(die)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_page_that_kills_its_worker_is_given_to_another_once_and_then_kept_as_listed(
    on_a_site: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(site: Site) -> None:
        async with DeadlyPool(1) as pool:

            async def deadly() -> ProcessorPool:
                return pool

            monkeypatch.setattr("tests.support.crawled.shared_pool", deadly)
            site.publish("/a")
            assert (await site.crawl()).articles == 0
            [entry] = site.entries()
            assert entry.outcome is None
            assert "killed the process" in entry.last_error
            site.now += timedelta(minutes=2)
            assert (await site.crawl()).articles == 1
            assert pool.pages == 2
        [article] = site.articles()
        assert (article.title, article.body) == ("Story /a", "")
        site.now += timedelta(hours=5)
        await site.crawl()
        assert len(site.asked("/a")) == 2

    on_a_site(script)
