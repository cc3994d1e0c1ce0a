"""robots.txt as RFC 9309 has it."""

import asyncio
import time
from datetime import timedelta

import pytest
from sqlmodel import select

from crawler.robots import rules_from
from store.sources import HostState
from tests.support.crawled import Run, Site
from tests.support.http import Response

AGENT = "Wirewatch/0.1 (+desk@example.org)"
FILE = b"""\
User-agent: *
Disallow: /
User-agent: Wirewatch
Disallow: /private/
Crawl-delay: 7
Sitemap: https://example.org/news.xml
"""


def test_our_own_group_counts() -> None:
    rules = rules_from(200, FILE, AGENT)
    assert rules.allows("https://example.org/news/1")
    assert not rules.allows("https://example.org/private/1")
    assert rules.crawl_delay == timedelta(seconds=7)
    assert rules.sitemaps == ("https://example.org/news.xml",)
    assert rules.refusal == "robots.txt forbids it"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_without_a_file_all_is_allowed(status: int) -> None:
    assert rules_from(status, b"", AGENT).allows("https://example.org/")


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_a_file_that_cannot_be_had_forbids_everything(status: int | None) -> None:
    rules = rules_from(status, b"", AGENT)
    assert not rules.allows("https://example.org/")
    assert "robots.txt" in rules.refusal


def test_only_the_first_500_kib_count() -> None:
    late = b"User-agent: *\nAllow: /\n" + b"#" * 600_000 + b"\nDisallow: /\n"
    assert rules_from(200, late, AGENT).allows("https://example.org/a")


@pytest.mark.parametrize(
    "line", ["Disallow: /{}\n", "Allow: /*{}*$\n", "Sitemap: https://a.b/{}\n"]
)
def test_five_megabytes_of_rules_are_read_in_bounded_time(line: str) -> None:
    rules = b"User-agent: *\nDisallow: /private/\n"
    rules += "".join(line.format(number) for number in range(5_000_000 // len(line))).encode()
    began = time.process_time()
    read = rules_from(200, rules, AGENT)
    assert not read.allows("https://example.org/private/1")
    assert read.allows("https://example.org/news/a")
    assert time.process_time() - began < 20


async def beat(gaps: list[float]) -> None:
    """Notes how long the loop takes to come back, for ever."""
    while True:
        begun = time.monotonic()
        await asyncio.sleep(0)
        gaps.append(time.monotonic() - begun)


def test_rules_that_take_long_hold_nothing_else_up(on_a_site: Run) -> None:
    rules = b"User-agent: *\n" + b"".join(b"Disallow: /*a$b*%d\n" % n for n in range(29_000))
    path = "/" + "ab" * 800
    began = time.monotonic()
    assert rules_from(200, rules, AGENT).allows(f"https://example.org{path}")
    alone = time.monotonic() - began

    async def script(site: Site) -> None:
        site.publish("/first")
        await site.crawl()  # What a first crawl loads is not at issue.
        site.server.on("/robots.txt", Response(200, rules, {"Content-Type": "text/plain"}))
        longest = []
        # On a busy machine anything may be held up once.
        for number in range(3):
            site.now += timedelta(hours=25)
            site.publish(f"{path}{number}")
            gaps: list[float] = []
            beating = asyncio.create_task(beat(gaps))
            await site.crawl()
            beating.cancel()
            assert len(site.asked(f"{path}{number}")) == 1
            longest.append(max(gaps))
        assert min(longest) < alone / 2

    on_a_site(script)


def test_five_megabytes_are_obeyed_and_cost_half_a_megabyte(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        rules = b"User-agent: *\nDisallow: /private/\n" + b"# nothing\n" * 500_000
        site.server.on("/robots.txt", Response(200, rules, {"Content-Type": "text/plain"}))
        site.publish("/news/a", "/private/b")
        await site.crawl()
        assert (len(site.asked("/news/a")), len(site.asked("/private/b"))) == (1, 0)
        with site.store.reading() as session:
            kept = [state.robots_body or b"" for state in session.exec(select(HostState))]
        assert 0 < max(len(body) for body in kept) <= 512_000

    on_a_site(script)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_old_copy_serves_for_a_day_while_there_is_no_newer_one_and_is_asked_for_hourly(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        began = site.now

        async def crawl_at(hours: float, path: str) -> tuple[int, int]:
            """How often robots.txt and a new page were asked for by then."""
            site.now = began + timedelta(hours=hours)
            site.publish(path)
            await site.crawl()
            return len(site.asked("/robots.txt")), len(site.asked(path))

        rules = b"User-agent: *\nDisallow: /private/\n"
        site.server.on("/robots.txt", Response(200, rules))
        assert await crawl_at(0, "/a") == (1, 1)
        assert await crawl_at(23, "/b") == (1, 1)
        site.server.on("/robots.txt", Response(503))
        assert await crawl_at(25, "/private/c") == (2, 0)
        assert await crawl_at(25.9, "/d") == (2, 1)
        assert await crawl_at(26.1, "/e") == (3, 1)
        assert await crawl_at(47.9, "/f") == (4, 1)
        # Too old to go by: whatever is not known to be allowed is forbidden.
        assert await crawl_at(48.1, "/g") == (5, 0)
        assert "answers HTTP 503" in site.state().last_error
        assert await crawl_at(49.0, "/h") == (5, 0)
        assert await crawl_at(49.5, "/i") == (6, 0)
        site.server.on("/robots.txt", Response(200, rules))
        assert await crawl_at(55, "/j") == (7, 1)
        assert await crawl_at(78, "/k") == (7, 1)

    on_a_site(script)


def test_an_endless_crawl_delay_is_bounded() -> None:
    rules = rules_from(200, b"User-agent: *\nCrawl-delay: 86400\n", AGENT)
    assert rules.crawl_delay == timedelta(seconds=60)


def test_no_bytes_break_it() -> None:
    assert rules_from(200, bytes(range(256)) * 50, AGENT).allows("https://example.org/a")
