"""Whole crawls of a site on loopback: what is asked for, what is kept, what is tried again."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest

from store.sources import Document
from tests.support.crawled import HOUR, Run, Site, feed, page
from tests.support.http import HttpServer, Response


def test_a_first_visit_is_a_baseline_and_what_follows_is_news(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b")
        first = await site.crawl()
        assert (first.entries, first.articles, first.errors) == (2, 2, ())
        site.publish("/c", "/a", "/b")
        site.now += HOUR
        second = await site.crawl()
        assert (second.entries, second.articles) == (1, 1)
        assert [(a.title, a.baseline) for a in site.articles()] == [
            ("Story /a", True),
            ("Story /b", True),
            ("Story /c", False),
        ]
        assert site.state().last_new_article == site.now
        assert site.state().state == "ok"

    on_a_site(script)


def test_an_unchanged_feed_is_asked_for_with_its_validators_and_believed(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        await site.crawl()
        site.server.on("/feed", Response(304))
        site.now += HOUR
        report = await site.crawl()
        assert report.failed_sources == ()
        assert [r.headers.get("if-none-match") for r in site.asked("/feed")] == [None, '"1"']
        assert site.asked("/feed")[1].headers["cache-control"] == "max-age=0"

    on_a_site(script)


def test_not_modified_is_believed_more_often_in_a_row_once_it_proved_true(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        whole = feed(site.server, "/a")
        site.server.on("/feed", lambda r: Response(304) if "if-none-match" in r.headers else whole)
        for visit in range(12):
            await site.crawl()
            site.now += timedelta(minutes=16)
            if visit == 0:
                with site.store.writing() as session:
                    document = session.get_one(Document, ("site", f"{site.server.url}/feed"))
                    assert document.believed == 10
                    document.believed = 3
                    session.add(document)
        asked = site.asked("/feed")
        assert [n for n, r in enumerate(asked) if "if-none-match" not in r.headers] == [0, 4, 11]

    on_a_site(script)


def test_after_a_day_fewer_are_believed(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        whole = feed(site.server, "/a")
        site.server.on("/feed", lambda r: Response(304) if "if-none-match" in r.headers else whole)
        for _ in range(5):
            await site.crawl()
            site.now += timedelta(days=2)
        asked = site.asked("/feed")
        assert [n for n, r in enumerate(asked) if "if-none-match" not in r.headers] == [0, 4]

    on_a_site(script)


def test_a_list_that_came_whole_by_itself_needs_no_proof(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        for _ in range(4):
            await site.crawl()
            site.now += HOUR
        conditional = ["if-none-match" in request.headers for request in site.asked("/feed")]
        assert conditional == [False, *[True] * 3]

    on_a_site(script)


def test_a_failed_page_is_tried_again_and_then_stored(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/a", Response(500))
        await site.crawl()
        assert site.articles() == []
        [entry] = site.entries()
        assert (entry.outcome, entry.attempts, entry.last_error) == (None, 1, "HTTP 500")
        site.publish("/a")
        site.now += timedelta(minutes=2)
        await site.crawl()
        assert [article.title for article in site.articles()] == ["Story /a"]

    on_a_site(script)


def test_a_page_that_never_comes_is_kept_as_the_feed_told_it(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/a", Response(404))
        for _ in range(12):
            await site.crawl()
            site.now += timedelta(hours=20)
        [entry] = site.entries()
        assert entry.outcome == "article"
        [article] = site.articles()
        assert (article.title, article.body) == ("Story /a", "")

    on_a_site(script)


def test_a_host_that_says_429_is_left_alone_for_as_long_as_it_says(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b", "/c")
        site.server.on("/a", Response(429, headers={"Retry-After": "7200"}))
        await site.crawl()
        # The next request may be under way when the answer comes; the one after it is not sent.
        assert site.asked("/c") == []
        site.now += HOUR
        assert not site.is_due()
        site.now += timedelta(hours=2)
        site.publish("/a", "/b", "/c")
        await site.crawl()
        assert len(site.articles()) == 3

    on_a_site(script)


def test_what_robots_txt_forbids_is_not_asked_for_but_kept_as_listed(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.server.on("/robots.txt", Response(200, b"User-agent: *\nDisallow: /secret\n"))
        site.publish("/secret/a", "/b")
        await site.crawl()
        assert site.asked("/secret/a") == []
        assert [(a.title, a.body == "") for a in site.articles()] == [
            ("Story /b", False),
            ("Story /secret/a", True),
        ]
        await site.crawl()
        assert len(site.asked("/robots.txt")) == 1

    on_a_site(script)


@pytest.mark.parametrize("answer", [Response(503), Response(200, wait=60)])
def test_without_a_readable_robots_txt_nothing_is_asked_for(
    on_a_site: Run, answer: Response
) -> None:
    async def script(site: Site) -> None:
        site.server.on("/robots.txt", answer)
        site.publish("/a")
        report = await site.crawl()
        assert report.failed_sources == ("site",)
        assert site.asked("/feed") == []
        assert "robots.txt" in (site.state().last_error or "")

    on_a_site(script)


def test_redirects_to_a_forbidden_address_are_not_followed(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as inside:
            inside.on("*", page("Inside"))
            site.publish("/a", "/b")
            site.server.on("/a", Response(302, headers={"Location": f"{inside.url}/"}))
            name = f"http://localhost:{inside.port}/"
            site.server.on("/b", Response(302, headers={"Location": name}))
            await site.crawl()
            assert inside.connections == 0
            # The literal address is refused for good, the name until its robots.txt can be had.
            assert [entry.outcome for entry in site.entries()] == ["article", None]
            assert all(article.body == "" for article in site.articles())

    on_a_site(script)


def test_without_permission_loopback_is_refused_in_words(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        report = await site.crawl()
        assert report.failed_sources == ("site",)
        assert "127.0.0.1 is not a public address" in report.errors[0]
        assert site.server.connections == 0

    on_a_site(script, config={"allow_private": []})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(200, b"x" * 50_000), "larger than"),
        (Response(200, promise=10**9), "larger than"),
        (Response(200, b"x", {"Content-Encoding": "secret"}), "encoded as 'secret'"),
        (Response(200, b"x", promise=500), "broke off"),
        (Response(200, wait=60), "no answer in time"),
        (Response(302, headers={"Location": "/feed"}), "redirect"),
        (Response(302, headers={"Location": "file:///etc/hostname"}), "HTTP 302"),
        (Response(200, b"<html><title>Sign in</title><p>please</p></html>"), "Sign in"),
        (Response(410), "HTTP 410"),
    ],
)
def test_a_feed_that_cannot_be_read_fails_its_source_in_words(
    on_a_site: Run, answer: Response, why: str
) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", answer)
        report = await site.crawl()
        assert report.failed_sources == ("site",)
        assert why in report.errors[0]
        state = site.state()
        assert (state.failures, state.baseline_at) == (1, None)
        assert state.next_visit is not None
        assert state.next_visit > site.now

    on_a_site(script, config={"max_size": "20KB", "timeout": "1s"}, source={"kind": "feed"})


def test_the_delay_between_two_requests_is_kept(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        times: list[float] = []
        site.publish("/a", "/b", "/c")
        for path in ("/a", "/b", "/c"):
            site.server.on(path, lambda _: times.append(time.monotonic()) or page("Story"))
        await site.crawl()
        assert all(later - earlier >= 0.29 for earlier, later in pairwise(times))

    on_a_site(script, config={"delay": "300ms"})


def test_a_source_under_another_address_begins_anew(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        await site.crawl()
        site.server.on("/new-feed", feed(site.server, "/b"))
        site.server.on("/b", page("Story /b"))
        site.source = {"url": f"{site.server.url}/new-feed"}
        await site.crawl()
        assert [article.baseline for article in site.articles()] == [True, True]

    on_a_site(script)
