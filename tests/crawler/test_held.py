"""Hosts that ask for patience, clocks that were wrong, and faults that stay with one page."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from crawler.middlewares import ROBOTS_ABSENT, ROBOTS_NO_ANSWER
from crawler.run import held_sources, jobs_due
from store.articles import Entry
from store.sources import Document, HostState, SourceState
from tests.support.crawled import HOUR, Run, Site, page
from tests.support.http import HttpServer, Response

DAY = timedelta(days=1)


def change(site: Site, table: Any, key: Any, **values: Any) -> None:
    with site.store.writing() as session:
        row = session.get_one(table, key)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def test_429_of_a_page_uses_up_no_attempt(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/a", Response(429, headers={"Retry-After": "600"}))
        for _ in range(8):
            await site.crawl()
            site.now += timedelta(minutes=11)
        [entry] = site.entries()
        assert (entry.outcome, entry.attempts, entry.last_error) == (None, 0, "HTTP 429")
        site.publish("/a")
        await site.crawl()
        assert [article.body != "" for article in site.articles()] == [True]

    on_a_site(script)


def test_a_page_that_is_busy_for_days_is_given_up_like_any_other(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/a", Response(503))
        for _ in range(12):
            await site.crawl()
            site.now += 20 * HOUR
        [entry] = site.entries()
        assert entry.outcome == "article"

    on_a_site(script)


def test_a_held_host_is_named_with_its_sources(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", Response(503, headers={"Retry-After": "7200"}))
        await site.crawl()
        context = site._context(None, None)
        assert held_sources(context, site.now) == {
            "site": "127.0.0.1 asked to be left alone until 2026-03-01 14:00 UTC"
        }
        assert held_sources(context, site.now + 3 * HOUR) == {}
        state = site.state()
        assert state.next_visit is not None
        assert state.next_visit >= site.now + 2 * HOUR

    on_a_site(script)


def test_times_that_a_wrong_clock_wrote_count_as_come(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/a", Response(500))
        site.now += 3 * DAY
        await site.crawl()
        with site.store.writing() as session:
            session.merge(HostState(host="127.0.0.1", not_before=site.now + 2 * DAY))
        site.now -= 3 * DAY
        site.publish("/a")
        await site.crawl()
        assert [article.title for article in site.articles()] == ["Story /a"]

    on_a_site(script)


def test_a_time_within_the_plan_is_waited_for(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        await site.crawl()
        assert jobs_due(site._context(None, None), site.now) == []
        change(site, SourceState, "site", state="gone", next_visit=site.now + 20 * DAY)
        assert jobs_due(site._context(None, None), site.now) == []
        change(site, SourceState, "site", state="ok")
        assert len(jobs_due(site._context(None, None), site.now)) == 1

    on_a_site(script)


@pytest.mark.parametrize(
    ("answer", "until"),
    [(Response(429), ROBOTS_ABSENT), (Response(200, wait=60), ROBOTS_NO_ANSWER)],
)
def test_a_robots_txt_that_cannot_be_had_makes_pages_wait(
    on_a_site: Run, answer: Response, until: timedelta
) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/a", Response(500))
        await site.crawl()
        [origin] = [host for host in hosts(site) if "://" in host]
        change(site, HostState, origin, robots_at=None, robots_status=None)
        site.server.on("/robots.txt", answer)
        site.publish("/a")
        site.now += 2 * HOUR
        await site.crawl()
        [entry] = site.entries()
        assert entry.outcome is None
        asked = len(site.asked("/robots.txt"))
        site.now += until - timedelta(minutes=1)
        await site.crawl()
        assert len(site.asked("/robots.txt")) == asked
        site.server.on("/robots.txt", Response(404))
        site.now += 3 * HOUR
        await site.crawl()
        assert [article.title for article in site.articles()] == ["Story /a"]

    on_a_site(script, config={"timeout": "500ms"})


def hosts(site: Site) -> list[str]:
    with site.store.reading() as session:
        return list(session.exec(select(HostState.host)))


def test_304_without_validators_is_an_error(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", Response(304))
        report = await site.crawl()
        assert report.failed_sources == ("site",)
        assert "304" in report.errors[0]

    on_a_site(script, source={"kind": "feed"})


def test_another_kind_forgets_the_documents(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        await site.crawl()
        with site.store.writing() as session:
            session.add(Document(source_id="site", url="http://old.example/", kind="sitemap"))
        site.source = {"kind": "feed"}
        site.now += HOUR
        await site.crawl()
        with site.store.reading() as session:
            urls = [document.url for document in session.exec(select(Document))]
        assert urls == [f"{site.server.url}/feed"]

    on_a_site(script)


def test_a_challenge_is_blocked_and_says_so(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", Response(403, b"<title>Just a moment...</title>"))
        await site.crawl()
        state = site.state()
        assert state.state == "blocked"
        assert "challenge" in (state.reason or "")

    on_a_site(script, source={"kind": "feed"})


def test_pages_that_are_refused_count_although_the_feed_can_be_read(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b", "/c")
        for path in ("/a", "/b", "/c"):
            site.server.on(path, Response(403, b"Just a moment..."))
        await site.crawl()
        state = site.state()
        assert state.state == "blocked"
        assert "3 pages" in (state.reason or "")
        assert state.failures == 0
        site.publish("/a", "/b", "/c")
        site.now += HOUR
        await site.crawl()
        assert site.state().state == "ok"

    on_a_site(script)


def test_after_a_redirect_to_a_429_both_hosts_are_held(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as other:
            other.on("/a", Response(429, headers={"Retry-After": "3600"}))
            site.publish("/a", "/b", "/c")
            site.server.on("/a", Response(302, headers={"Location": f"{other.url}/a"}))
            await site.crawl()
            with site.store.reading() as session:
                held = {host.host: host.not_before for host in session.exec(select(HostState))}
            assert held["127.0.0.1"] == held["127.0.0.2"] == site.now + HOUR
            assert site.asked("/c") == []
            assert not site.is_due()
            other.on("/a", page("Story /a"))
            site.now += HOUR
            await site.crawl()
            assert len(site.articles()) == 3

    on_a_site(script, config={"allow_private": ["127.0.0.0/8"]})


def test_hosts_with_a_due_source_come_before_those_where_only_pages_wait(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        await site.crawl()
        with site.store.writing() as session:
            for number in range(30):
                url = f"https://host{number:02}.example/a"
                session.add(
                    Entry(
                        source_id="site",
                        url=url,
                        url_key=url,
                        host=f"host{number:02}.example",
                        found_at=site.now,
                        next_attempt_at=site.now,
                    )
                )
        site.now += HOUR
        jobs = jobs_due(site._context(None, None), site.now)
        assert len(jobs) == 31
        assert (jobs[0].host, jobs[0].sources) == ("127.0.0.1", ("site",))
        assert all(job.sources == () for job in jobs[1:])

    on_a_site(script)
