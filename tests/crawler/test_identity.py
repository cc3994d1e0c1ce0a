"""What is one article and what are two, whatever the feed says, on sites on loopback."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crawler.config import SourceConfig
from crawler.run import Crawls, HostJob, jobs_due
from store.writer import Writer
from tests.support.crawled import Run, Site, page
from tests.support.http import HttpServer, Response
from tests.support.reactor import shared_pool

HOUR = timedelta(hours=1)


def feed(*items: str) -> Response:
    body = f"<rss version='2.0'><channel><title>News</title>{''.join(items)}</channel></rss>"
    return Response(200, body.encode(), {"Content-Type": "application/rss+xml"})


def item(link: str, guid: str = "", title: str = "") -> str:
    given = f"<guid isPermaLink='false'>{guid}</guid>" if guid else ""
    return f"<item><title>{title or 'Story ' + link}</title><link>{link}</link>{given}</item>"


async def read(site: Site, *items: str) -> int:
    """One more visit; how many articles it brought."""
    site.server.on("/feed", feed(*items))
    site.now += HOUR
    return (await site.crawl()).articles


def on_feed(site: Site, *paths: str) -> None:
    site.source = {**site.source, "url": f"{site.server.url}/feed"}
    for path in paths:
        site.server.on(path, page(f"Story {path}"))


def test_one_guid_for_different_articles_keeps_them_apart(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        on_feed(site, "/a", "/b", "/c")
        assert await read(site, item("/a", "0"), item("/b", "0")) == 2
        assert await read(site, item("/c", "0"), item("/a", "0"), item("/b", "0")) == 1
        assert [a.title for a in site.articles()] == ["Story /a", "Story /b", "Story /c"]

    on_a_site(script)


def test_a_guid_that_changes_with_every_build_brings_nothing_twice(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        on_feed(site, "/a", "/b")
        assert await read(site, item("/a", "build-1-a"), item("/b", "build-1-b")) == 2
        assert await read(site, item("/a", "build-2-a"), item("/b", "build-2-b")) == 0
        assert [entry.url for entry in site.entries()] == [
            f"{site.server.url}/a",
            f"{site.server.url}/b",
        ]

    on_a_site(script)


@pytest.mark.parametrize(
    "again",
    [
        "a",
        "./a",
        "//{host}/a",
        "https://{host}/a",
        "{url}/a/",
        "{url}/a#comments",
        "{url}/a?utm_source=rss&amp;utm_medium=feed",
        "{url}/a?fbclid=x1",
        "{url}/a?PHPSESSID=0123456789abcdef0123",
        "{url}/a;jsessionid=0123456789ABCDEF",
        "{url}/a?amp=1",
        "{url}/a/amp/",
        "{url}/a?outputType=amp",
        "{url}/a?print=1",
        "{url}/a/index.html",
        "{url}//a",
        "{host}/a",
    ],
)
def test_another_spelling_of_an_address_is_the_same_article(on_a_site: Run, again: str) -> None:
    async def script(site: Site) -> None:
        on_feed(site, "/a")
        assert await read(site, item(f"{site.server.url}/a")) == 1
        host = site.server.url.removeprefix("http://")
        assert await read(site, item(again.format(url=site.server.url, host=host))) == 0
        assert len(site.entries()) == 1
        assert {r.path for r in site.server.requests} == {"/robots.txt", "/feed", "/a"}

    on_a_site(script)


def with_canonical(title: str, claim: str) -> Response:
    plain = page(title)
    head = f"<head><link rel='canonical' href='{claim}'>".encode()
    return Response(200, plain.body.replace(b"<head>", head), plain.headers)


@pytest.mark.parametrize(
    "claim",
    [
        "/",
        "/index.html",
        "/home",
        "/en/news/",
        "https://other.example/story/1",
        "http:///",
        "javascript:x()",
    ],
)
def test_canonical_links_that_cannot_be_right_do_not_merge_articles(
    on_a_site: Run, claim: str
) -> None:
    async def script(site: Site) -> None:
        on_feed(site)
        paths = [f"/news/story-{number}" for number in range(3)]
        for path in paths:
            site.server.on(path, with_canonical(f"Story {path}", claim))
        assert await read(site, *(item(path) for path in paths)) == 3
        assert [a.canonical_url for a in site.articles()] == [site.server.url + p for p in paths]

    on_a_site(script)


def test_a_canonical_link_that_can_be_right_joins_two_addresses(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        on_feed(site)
        for path in ("/news/story-1", "/sport/story-1"):
            site.server.on(path, with_canonical("One story", "/story-1"))
        assert await read(site, item("/news/story-1"), item("/sport/story-1")) == 1
        assert [a.canonical_url for a in site.articles()] == [f"{site.server.url}/story-1"]

    on_a_site(script)


def test_an_aggregators_entries_are_fetched_under_the_other_hosts_own_rules(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as other:
            robots = b"User-agent: *\nDisallow: /members/\n"
            other.on("/robots.txt", Response(200, robots))
            for path in ("/one", "/two", "/members/three"):
                other.on(path, page(f"Story {path}"))
            site.config = {**site.config, "allow_private": ["127.0.0.0/8"]}
            site.source = {"headers": {"Cookie": "subscriber=1"}}
            on_feed(site, "/own")
            origin = (
                "<item><title>Two</title><link>http://feedproxy.example/~r/x/2</link>"
                "<origLink xmlns='http://rssnamespace.org/feedburner/ext/1.0'>"
                f"{other.url}/two</origLink></item>"
            )
            members = item(f"{other.url}/members/three", title="Three")
            assert await read(site, item("/own"), item(f"{other.url}/one"), origin, members) == 1
            assert other.requests == []
            assert await crawl_host(site, "127.0.0.2") == 3
            asked = [request.path for request in other.requests]
            assert sorted(asked) == ["/one", "/robots.txt", "/two"]
            # The subscription is the source's; the other host never sees it.
            assert all("cookie" not in request.headers for request in other.requests)
            assert site.asked("/own")[0].headers["cookie"] == "subscriber=1"
            by_title = {a.title: a.body != "" for a in site.articles()}
            assert by_title["Three"] is False
            assert by_title["Story /two"] is True

    on_a_site(script)


def test_the_further_pages_of_an_entry_elsewhere_are_asked_for_without_the_sources_headers(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as other:
            first = page("Story /one")
            body = first.body.replace(b"<head>", b"<head><link rel='next' href='/one/2'>")
            other.on("/one", Response(200, body, first.headers))
            other.on("/one/2", page("Story /one, continued"))
            site.config = {**site.config, "allow_private": ["127.0.0.0/8"]}
            site.source = {"headers": {"Cookie": "subscriber=1"}}
            on_feed(site)
            await read(site, item(f"{other.url}/one"))
            assert await crawl_host(site, "127.0.0.2") == 1
            asked = {request.path: request.headers for request in other.requests}
            assert "/one/2" in asked
            assert all("cookie" not in headers for headers in asked.values())

    on_a_site(script)


async def crawl_host(site: Site, host: str) -> int:
    """The crawl of the host that entries point to."""
    writer = Writer(site.store)
    try:
        context = site._context(writer, await shared_pool())
        [job] = [job for job in jobs_due(context, site.now) if job.host == host]
        assert job == HostJob(host)
        return (await Crawls(context).crawl(job)).articles
    finally:
        writer.close()


def test_a_source_moved_during_a_visit_does_not_mix_two_addresses(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        on_feed(site, "/a", "/b")
        # The old feed is on its way for as long as a whole other crawl takes.
        site.config = {"timeout": "30s"}
        writer = Writer(site.store)
        try:
            context = site._context(writer, await shared_pool())
            moved = {"site": SourceConfig(url=f"{site.server.url}/other")}
            later = Crawls(context)

            async def reload_meanwhile(_: object) -> Response:
                # While the old feed is on its way, the configuration names another address.
                later.context = replace(context, sources=moved)
                site.server.on("/other", feed(item("/b")))
                await later.crawl(HostJob("127.0.0.1", ("site",)))
                return feed(item("/a"))

            site.server.on("/feed", reload_meanwhile)
            await Crawls(context).crawl(HostJob("127.0.0.1", ("site",)))
        finally:
            writer.close()
        assert [entry.url for entry in site.entries()] == [f"{site.server.url}/b"]
        assert site.state().url == f"{site.server.url}/other"

    on_a_site(script)
