"""Articles on several pages, and what a site's pages teach, over loopback."""

import time

from tests.support.crawled import HOUR, Run, Site, feed
from tests.support.http import Response

HTML = {"Content-Type": "text/html; charset=utf-8"}


def part(number: int, following: str = "", title: str = "The long report") -> Response:
    text = "".join(
        f"<p>On page {number}, section {n}, the surveyors describe the valley of {number * n} mills"
        " and what has become of each of them since the war.</p>"
        for n in range(1, 5)
    )
    pager = f"<p class='x'><a rel='next' href='{following}'>2</a></p>" if following else ""
    markup = (
        f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>"
        f"<div>{text}{pager}</div></article></body></html>"
    )
    return Response(200, markup.encode(), HTML)


def test_an_article_on_three_pages_is_kept_as_one(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report")
        site.server.on("/report", part(1, "/report/2"))
        site.server.on("/report/2", part(2, "/report/3"))
        site.server.on("/report/3", part(3))
        await site.crawl()
        (article,) = site.articles()
        assert [f"On page {n}, section 4" in article.body for n in (1, 2, 3)] == [True] * 3
        assert article.body.count("\n\n") == 11
        assert article.extractor == "blocks: 3 pages"
        assert article.canonical_url.endswith("/report")
        # A feed that lists a page of it later lists nothing new.
        site.server.on("/feed", feed(site.server, "/report/3", "/report"))
        site.now += HOUR
        await site.crawl()
        (article,) = site.articles()
        assert "On page 3" in article.body
        assert {entry.outcome for entry in site.entries()} == {"article", "duplicate"}

    on_a_site(script)


def test_a_known_article_keeps_its_pages_when_one_does_not_come(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report")
        site.server.on("/report", part(1, "/report/2"))
        site.server.on("/report/2", part(2))
        await site.crawl()
        site.server.on("/report/2", Response(500))
        for _ in range(5):
            site.now += 2 * HOUR
            await site.crawl()
        assert len(site.asked("/report/2")) > 1  # it was visited again
        (article,) = site.articles()
        assert "On page 2" in article.body
        assert article.revision == 1

    on_a_site(script)


def test_a_page_of_it_that_was_filed_by_itself_does_not_hide_the_whole(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report/2")
        site.server.on("/report/2", part(2))
        await site.crawl()
        site.publish("/report")
        site.server.on("/report", part(1, "/report/2"))
        site.server.on("/report/2", part(2))
        site.now += HOUR
        await site.crawl()
        assert "On page 1" in site.articles()[0].body

    on_a_site(script)


def test_delay_and_robots_hold_for_further_pages(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report")
        robots = b"User-agent: *\nDisallow: /report/3\n"
        times: list[float] = []

        def answer(response: Response) -> Response:
            times.append(time.monotonic())
            return response

        site.server.on("/robots.txt", Response(200, robots, {"Content-Type": "text/plain"}))
        site.server.on("/report", lambda _: answer(part(1, "/report/2")))
        site.server.on("/report/2", lambda _: answer(part(2, "/report/3")))
        site.server.on("/report/3", part(3))
        await site.crawl()
        (article,) = site.articles()
        assert "On page 2" in article.body
        assert not site.asked("/report/3")
        assert times[1] - times[0] >= 0.29

    on_a_site(script, config={"delay": "300ms"})


def test_a_page_that_cannot_be_had_is_waited_for_and_then_done_without(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report")
        site.server.on("/report", part(1, "/report/2"))
        site.server.on("/report/2", Response(500))
        await site.crawl()
        assert site.articles() == []
        assert "its next page: HTTP 500" in str(site.entries()[0].last_error)
        for _ in range(2):
            site.now += 24 * HOUR
            await site.crawl()
        (article,) = site.articles()
        assert "On page 1" in article.body

    on_a_site(script)


def test_a_further_page_that_asks_for_quiet_holds_the_host(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report")
        site.server.on("/report", part(1, "/report/2"))
        site.server.on("/report/2", Response(429, b"", {"Retry-After": "7200"}))
        await site.crawl()
        (entry,) = site.entries()
        assert (entry.outcome, entry.attempts) == (None, 0)
        site.now += HOUR
        assert not site.is_due()
        site.now += 2 * HOUR
        site.server.on("/report/2", part(2))
        await site.crawl()
        (article,) = site.articles()
        assert "On page 2" in article.body

    on_a_site(script)


def test_pages_without_end_are_bounded(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/report")
        site.server.on("/report", part(1, "/report/2"))
        for number in range(2, 15):
            site.server.on(f"/report/{number}", part(number, f"/report/{number + 1}"))
        await site.crawl()
        (article,) = site.articles()
        assert "On page 10," in article.body
        assert "On page 11," not in article.body

    on_a_site(script)


TEASER = "<p>Elders of six villages met beside the Khyber Canal and called for a new bank.</p>"


def with_teaser(number: int, teaser: str = TEASER) -> Response:
    whole = part(number, title=f"Report number {number}").body
    return Response(200, whole.replace(b"</div>", teaser.encode() + b"</div>"), HTML)


def test_a_site_teaches_its_furniture_as_the_crawl_goes(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b", "/c")
        for number, path in enumerate(("/a", "/b", "/c"), 1):
            site.server.on(path, with_teaser(number))
        await site.crawl()
        site.publish("/d")
        site.server.on("/d", with_teaser(4))
        site.now += HOUR
        await site.crawl()
        last = site.articles()[-1]
        assert last.url.endswith("/d")
        assert "Khyber Canal" not in last.body
        assert "On page 4, section 4" in last.body

    on_a_site(script)


def test_a_redesign_raises_a_flag_that_falls_again(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        async def publish(first: int, last: int, noise: str) -> None:
            paths = [f"/n{number}" for number in range(first, last)]
            site.publish(*paths)
            for number, path in enumerate(paths, first):
                site.server.on(path, with_teaser(number, noise))
            site.now += HOUR
            await site.crawl()

        await publish(0, 20, "")
        assert site.state().suspicion is None
        list_of_links = "".join(
            f"<li><a href='/x{n}'>A headline of the day that is number {n}</a></li>"
            for n in range(60)
        )
        await publish(20, 27, f"<ul>{list_of_links}</ul>")
        assert "perhaps the site was redesigned" in str(site.state().suspicion)
        await publish(27, 50, f"<ul>{list_of_links}</ul>")
        assert site.state().suspicion is None

    on_a_site(script)
