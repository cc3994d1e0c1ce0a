"""Which channels of a site a source of kind auto is read from, on sites on loopback."""

import gzip
import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape

import pytest

from store.sources import documents_of
from tests.support.crawled import NOON, Run, Site, page
from tests.support.http import Response

HOUR = timedelta(hours=1)
SIX = timedelta(hours=6, minutes=1)


def html(head: str, *stories: str) -> Response:
    links = "".join(
        f'<article><h2><a href="{path}">A headline of some length about {path}</a></h2></article>'
        for path in stories
    )
    text = (
        f"<!doctype html><html><head><title>Paper</title>{head}</head><body>{links}</body></html>"
    )
    return Response(200, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


def rss(site: Site, *stories: str, newest: datetime = NOON, step: timedelta = HOUR) -> Response:
    items = "".join(
        f"<item><title>Story {escape(path)}</title><link>{site.server.url}{path}</link>"
        f"<pubDate>{format_datetime(newest - number * step)}</pubDate></item>"
        for number, path in enumerate(stories)
    )
    body = f"<rss version='2.0'><channel><title>News</title>{items}</channel></rss>"
    return Response(200, body.encode(), {"Content-Type": "application/rss+xml"})


def news_sitemap(site: Site, *stories: str, newest: datetime = NOON) -> Response:
    rows = "".join(
        f"<url><loc>{site.server.url}{path}</loc><n:news><n:publication_date>"
        f"{(newest - number * HOUR).isoformat()}</n:publication_date><n:title>Story {path}"
        f"</n:title></n:news></url>"
        for number, path in enumerate(stories)
    )
    body = (
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' "
        f"xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'>{rows}</urlset>"
    )
    return Response(200, body.encode(), {"Content-Type": "application/xml"})


def named(path: str, title: str = "") -> str:
    return f'<link rel="alternate" type="application/rss+xml" href="{path}" title="{title}">'


def stories(first: int, last: int) -> list[str]:
    return [f"/2026/03/01/story-number-{number}-of-the-day" for number in range(first, last)]


def publish(site: Site, *paths: str) -> None:
    for path in paths:
        site.server.on(path, page(f"Story {path}"))


def roles(site: Site) -> dict[str, str]:
    with site.store.reading() as session:
        found = documents_of(session, "site")
    return {document.url.removeprefix(site.server.url): document.role for document in found}


def test_the_most_complete_channel_is_the_main_one_and_another_kind_checks_it(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        all_of_them = stories(0, 30)
        publish(site, *all_of_them)
        robots = f"User-agent: *\nSitemap: {site.server.url}/news.xml\n"
        site.server.on("/robots.txt", Response(200, robots.encode()))
        site.server.on("/", html(named("/feed") + named("/comments/feed", "Comments")))
        site.server.on("/feed", rss(site, *all_of_them[:5]))
        site.server.on("/news.xml", news_sitemap(site, *all_of_them))
        report = await site.crawl()
        assert report.errors == ()
        assert roles(site) == {"/news.xml": "main", "/feed": "second"}
        assert len(site.articles()) == 30
        assert site.asked("/comments/feed") == []
        # From now on the main channel alone is asked, and the second in its turn.
        site.now += HOUR
        await site.crawl()
        assert (len(site.asked("/news.xml")), len(site.asked("/feed"))) == (2, 1)
        site.now += SIX
        await site.crawl()
        assert (len(site.asked("/news.xml")), len(site.asked("/feed"))) == (3, 2)
        assert len(site.asked("/")) == 1

    on_front_page(script)


def test_what_only_the_second_channel_lists_becomes_news(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        old = stories(0, 8)
        publish(site, *old, *stories(8, 10))
        site.server.on("/", html(named("/feed"), *old))
        site.server.on("/feed", rss(site, *old))
        await site.crawl()
        assert roles(site) == {"/feed": "main", "/": "second"}
        site.server.on("/", html(named("/feed"), *old, *stories(8, 10)))
        site.now += SIX
        report = await site.crawl()
        assert (report.entries, report.articles) == (2, 2)
        assert [a.baseline for a in site.articles()] == [*[True] * 8, False, False]

    on_front_page(script)


def test_a_main_channel_that_stays_behind_is_replaced(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        old = stories(0, 20)
        publish(site, *stories(0, 40))
        site.server.on("/", html(named("/feed") + named("/other")))
        site.server.on("/feed", rss(site, *old))
        site.server.on("/other", rss(site, *old[:3]))
        robots = f"User-agent: *\nSitemap: {site.server.url}/news.xml\n"
        site.server.on("/robots.txt", Response(200, robots.encode()))
        site.server.on("/news.xml", news_sitemap(site, *old[:4]))
        await site.crawl()
        assert roles(site)["/feed"] == "main"
        listed = old[:4]
        for day in range(1, 5):
            # The feed stands still, the sitemap goes on.
            site.now = NOON + day * timedelta(days=1)
            fresh = stories(20 + 4 * day, 24 + 4 * day)
            publish(site, *fresh)
            listed = [*fresh, *listed]
            site.server.on("/news.xml", news_sitemap(site, *listed, newest=site.now - 2 * HOUR))
            await site.crawl()
        assert roles(site)["/news.xml"] == "main"
        assert sum(not a.baseline for a in site.articles()) == 16

    on_front_page(script)


@pytest.mark.parametrize(
    "answer",
    [
        Response(404, b"gone"),
        Response(410, b"gone"),
        Response(200, b"<html><head><title>New look</title></head><body>hello</body></html>"),
    ],
    ids=["404", "410", "html"],
)
def test_a_channel_that_dies_is_replaced_without_a_flood(
    on_front_page: Run, answer: Response
) -> None:
    async def script(site: Site) -> None:
        old = stories(0, 6)
        publish(site, *stories(0, 40))
        site.server.on("/", html(named("/feed")))
        site.server.on("/feed", rss(site, *old, newest=NOON))
        await site.crawl()
        site.now += timedelta(days=1)
        site.server.on("/feed", answer)
        site.server.on("/", html(named("/new-feed")))
        # The new feed holds 30 articles of last month and one of today.
        today = stories(39, 40)[0]
        newer = rss(site, today, *old, *stories(6, 30), newest=site.now, step=timedelta(days=1))
        site.server.on("/new-feed", newer)
        report = await site.crawl()
        assert report.failed_sources == ()
        assert roles(site)["/new-feed"] == "main"
        assert roles(site)["/feed"] == "spare"
        news = [article.url for article in site.articles() if not article.baseline]
        assert [url.removeprefix(site.server.url) for url in news] == [today]

    on_front_page(script)


def test_undated_entries_below_a_known_one_are_old_in_a_feed_newly_chosen(
    on_front_page: Run,
) -> None:
    def undated(*paths: str) -> Response:
        items = "".join(f"<item><title>Story {p}</title><link>{p}</link></item>" for p in paths)
        return Response(200, f"<rss><channel>{items}</channel></rss>".encode())

    async def script(site: Site) -> None:
        publish(site, *stories(0, 20))
        site.server.on("/", html(named("/feed")))
        site.server.on("/feed", undated(*stories(5, 8)))
        await site.crawl()
        site.server.on("/feed", Response(404))
        site.server.on("/", html(named("/new")))
        site.server.on("/new", undated(*stories(18, 20), *stories(5, 8), *stories(8, 18)))
        site.now += HOUR
        await site.crawl()
        news = [article.url[-13:] for article in site.articles() if not article.baseline]
        assert news == ["18-of-the-day", "19-of-the-day"]

    on_front_page(script)


def test_what_a_feed_leaves_out_is_told_with_the_source(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 2))
        site.server.on("/", html(named("/feed")))
        whole = rss(site, *stories(0, 2)).body
        nameless = whole.replace(b"</channel>", b"<item><title>Lost</title></item></channel>")
        site.server.on("/feed", Response(200, nameless))
        await site.crawl()
        [remark] = site.state().remarks
        assert "/feed: 1 entries without a usable address were left out" in remark

    on_front_page(script)


def test_a_dead_channel_without_a_substitute_is_asked_again_and_searched_for_once_a_day(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 3))
        site.server.on("/", html(named("/feed")))
        site.server.on("/feed", rss(site, *stories(0, 3)))
        await site.crawl()
        site.server.on("/feed", Response(404))
        site.server.on("/", Response(404))
        for _ in range(3):
            site.now += 2 * HOUR
            report = await site.crawl()
            assert report.failed_sources == ("site",)
        assert len(site.asked("/")) == 2
        site.server.on("/feed", rss(site, *stories(0, 4)))
        publish(site, *stories(3, 4))
        site.now += timedelta(days=31)
        assert (await site.crawl()).articles == 1

    on_front_page(script)


def test_a_main_channel_that_fails_for_now_is_stood_in_for_by_the_second(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 6))
        site.server.on("/", html(named("/feed"), *stories(0, 5)))
        site.server.on("/feed", rss(site, *stories(0, 5)))
        await site.crawl()
        site.server.on("/feed", Response(500))
        site.server.on("/", html(named("/feed"), *stories(0, 6)))
        site.now += HOUR
        report = await site.crawl()
        assert report.articles == 1
        assert "HTTP 500" in report.errors[0]
        assert roles(site) == {"/feed": "main", "/": "second"}

    on_front_page(script)


def test_where_a_page_names_nothing_the_usual_paths_are_tried_and_not_too_many(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 12))
        site.server.on("/", html(""))
        site.server.on("/rss.xml", rss(site, *stories(0, 5)))
        site.server.on("/news-sitemap.xml", news_sitemap(site, *stories(0, 12)))
        report = await site.crawl()
        assert roles(site) == {"/news-sitemap.xml": "main", "/rss.xml": "second"}
        assert report.articles == 12
        asked = [r.path for r in site.server.requests if "story" not in r.path]
        assert len(asked) <= 7

    on_front_page(script)


def test_a_site_that_offers_nothing_is_asked_a_bounded_number_of_times(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        site.server.on("/", html(""))
        report = await site.crawl()
        assert "names no feed or sitemap" in report.errors[0]
        assert len(site.server.requests) <= 22

    on_front_page(script)


def test_a_stopped_feed_is_not_chosen_however_long_it_is(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 40))
        site.server.on("/", html(named("/old") + named("/new")))
        site.server.on("/old", rss(site, *stories(0, 30), newest=NOON - timedelta(days=90)))
        site.server.on("/new", rss(site, *stories(30, 35)))
        await site.crawl()
        assert roles(site) == {"/new": "main", "/old": "spare"}

    on_front_page(script)


def test_on_a_section_page_the_sections_own_feed_is_read_and_not_the_whole_site(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 40))
        site.source = {"url": f"{site.server.url}/border/"}
        robots = f"User-agent: *\nSitemap: {site.server.url}/news.xml\n"
        site.server.on("/robots.txt", Response(200, robots.encode()))
        site.server.on("/news.xml", news_sitemap(site, *stories(0, 40)))
        site.server.on("/border/", html(named("/feed") + named("/border/feed"), *stories(0, 3)))
        site.server.on("/feed", rss(site, *stories(0, 30)))
        site.server.on("/border/feed", rss(site, *stories(0, 3)))
        await site.crawl()
        found = roles(site)
        assert (found["/border/feed"], found["/border/"]) == ("main", "second")
        assert {found["/feed"], found["/news.xml"]} == {"spare"}
        assert len(site.articles()) == 3

    on_front_page(script)


def test_of_a_feed_given_by_its_own_address_the_sitemaps_are_kept_as_spares(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 3))
        site.source = {"url": f"{site.server.url}/feed"}
        robots = f"User-agent: *\nSitemap: {site.server.url}/news.xml\n"
        site.server.on("/robots.txt", Response(200, robots.encode()))
        site.server.on("/feed", rss(site, *stories(0, 3)))
        await site.crawl()
        assert roles(site) == {"/feed": "main", "/news.xml": "spare"}
        assert site.asked("/news.xml") == []

    on_front_page(script)


def test_a_feed_given_by_its_own_address_that_dies_is_looked_for_on_the_front_page(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 3))
        site.source = {"url": f"{site.server.url}/rss/main"}
        site.server.on("/rss/main", rss(site, *stories(0, 3)))
        await site.crawl()
        site.server.on("/rss/main", Response(404))
        site.server.on("/", html(named("/feed")))
        site.server.on("/feed", rss(site, *stories(0, 4), newest=NOON + HOUR))
        site.now += HOUR
        publish(site, *stories(3, 4))
        report = await site.crawl()
        assert (report.failed_sources, report.articles) == ((), 1)
        assert roles(site)["/feed"] == "main"

    on_front_page(script)


def test_a_listing_page_that_gives_no_links_any_more_says_so(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 5))
        site.server.on("/", html("", *stories(0, 5)))
        assert (await site.crawl()).failed_sources == ()
        site.server.on("/", html("<meta name=generator content=new>"))
        site.now += HOUR
        report = await site.crawl()
        assert report.failed_sources == ("site",)
        assert "it used to give 5" in report.errors[0]

    on_front_page(script, source={"kind": "listing"})


# --- WordPress ----------------------------------------------------------------------------------

WHOLE = "".join(f"<p>Paragraph {n} of the post tells what the council said.</p>" for n in range(9))
WORDS = ("surveyors", "ministers", "farmers", "drivers", "teachers")


def post(site: Site, number: int, content: str = WHOLE) -> dict[str, object]:
    link = f"{site.server.url}/post-number-{number}-of-the-blog/"
    return {
        "id": number,
        "guid": {"rendered": f"{site.server.url}/?p={number}"},
        "link": link,
        "date_gmt": (NOON - number * HOUR).strftime("%Y-%m-%dT%H:%M:%S"),
        "modified_gmt": (NOON - number * HOUR).strftime("%Y-%m-%dT%H:%M:%S"),
        "title": {"rendered": f"The council &amp; the line, part {number}"},
        "excerpt": {"rendered": "<p>In short.</p>"},
        "content": {
            "rendered": f"<p>The {WORDS[number]} spoke of {WORDS[number]}.</p>" * 12 + content,
            "protected": False,
        },
    }


def api(*posts: dict[str, object]) -> Response:
    return Response(200, json.dumps(posts).encode(), {"Content-Type": "application/json"})


API = "/wp-json/wp/v2/posts"


def test_posts_that_come_whole_become_articles_without_a_page_being_fetched(
    on_front_page: Run,
) -> None:
    async def script(site: Site) -> None:
        site.server.on(API, api(*(post(site, number) for number in range(5))))
        report = await site.crawl()
        assert (report.articles, report.errors) == (5, ())
        asked = [request.path for request in site.server.requests]
        assert asked == ["/robots.txt", "/", API]
        article = site.articles()[0]
        assert article.title == "The council & the line, part 0"
        assert "Paragraph 8 of the post" in article.body
        assert (article.published, article.published_precision) == (NOON, "minute")

    async def with_front_page(site: Site) -> None:
        site.server.on("/", html('<link rel="https://api.w.org/" href="/wp-json/">'))
        await script(site)

    on_front_page(with_front_page, source={"kind": "wordpress"})


def test_a_post_that_is_cut_short_is_fetched(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        site.server.on("/", html('<link rel="https://api.w.org/" href="/wp-json/">'))
        site.server.on(
            API,
            api(post(site, 1, WHOLE + "<p>Read on […]</p>"), post(site, 2, "<p>More &hellip;</p>")),
        )
        for number in (1, 2):
            site.server.on(f"/post-number-{number}-of-the-blog/", page(f"From the page {number}"))
        await site.crawl()
        assert [a.title for a in site.articles()] == ["From the page 1", "From the page 2"]

    on_front_page(script, source={"kind": "wordpress"})


@pytest.mark.parametrize(
    "answer",
    [
        Response(401, b'{"code": "rest_forbidden", "message": "No."}'),
        Response(403, b"<html>no</html>"),
        Response(404, b""),
        Response(200, b"<html><title>Welcome</title></html>"),
    ],
    ids=["401", "403", "404", "html"],
)
def test_where_the_api_is_walled_off_another_channel_is_read(
    on_front_page: Run, answer: Response
) -> None:
    async def script(site: Site) -> None:
        publish(site, *stories(0, 3))
        site.server.on("/", html(named("/feed") + '<meta content="WordPress 6">'))
        site.server.on(API, answer)
        site.server.on("/feed", rss(site, *stories(0, 3)))
        report = await site.crawl()
        assert (report.articles, report.failed_sources) == (3, ())
        assert roles(site) == {"/feed": "main"}

    on_front_page(script, source={"kind": "wordpress"})


# --- sitemaps -----------------------------------------------------------------------------------


def index(site: Site, *names: str, lastmod: str = "") -> Response:
    rows = "".join(
        f"<sitemap><loc>{site.server.url}/{name}</loc>{lastmod}</sitemap>" for name in names
    )
    body = f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{rows}"
    return Response(200, f"{body}</sitemapindex>".encode())


def test_an_index_of_more_than_fifty_sitemaps_is_read_by_what_they_hold(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        names = [f"map-{number}.xml" for number in range(70)]
        site.server.on("/index.xml", index(site, *names))
        for number, name in enumerate(names):
            day = NOON - timedelta(days=1 + abs(number - 64))
            site.server.on(f"/{name}", news_sitemap(site, f"/{name}/story-one-of-it", newest=day))
        for _ in range(3):
            await site.crawl()
            site.now += HOUR
        assert all(site.asked(f"/{name}") for name in names)
        # Number 64 holds the newest; what is added to it is found though the index says nothing.
        fresh = news_sitemap(site, "/news/a-story-of-today", "/map-64.xml/story-one-of-it")
        site.server.on("/map-64.xml", fresh)
        publish(site, "/news/a-story-of-today")
        report = await site.crawl()
        assert (report.entries, report.articles) == (1, 1)

    async def script_with_source(site: Site) -> None:
        site.source = {"url": f"{site.server.url}/index.xml", "kind": "sitemap"}
        await script(site)

    on_front_page(script_with_source)


def test_sitemaps_whose_names_rotate_lose_nothing_and_flood_nobody(on_front_page: Run) -> None:
    async def script(site: Site) -> None:
        site.source = {"url": f"{site.server.url}/index.xml", "kind": "sitemap"}
        listed: list[str] = []
        for day in range(4):
            site.now = NOON + timedelta(days=day)
            listed = [*stories(3 * day, 3 * day + 3), *listed]
            publish(site, *listed)
            name = f"sitemap-{site.now.timestamp():.0f}.xml.gz"
            site.server.on("/index.xml", index(site, name))
            plain = news_sitemap(site, *listed, newest=site.now)
            site.server.on(f"/{name}", Response(200, gzip.compress(plain.body)))
            report = await site.crawl()
            assert report.articles == 3
        assert sum(not article.baseline for article in site.articles()) == 9

    on_front_page(script)
