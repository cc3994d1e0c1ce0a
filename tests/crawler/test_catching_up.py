"""Windows that moved on between two visits are read up, and what cannot be is said."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from crawler import filling
from store.sources import Document, Gap, Outage
from tests.support.crawled import HOUR, Run, Site, page
from tests.support.http import Request, Response

WINDOW = 5


class Paper:
    """A paper of numbered stories, one an hour; story n is printed at `began + n` hours."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.began = site.now - timedelta(hours=1000)
        self.answer: Callable[[Request, list[int]], Response | None] = lambda *_: None
        site.server.on("/feed", self._feed)
        site.server.on("/sitemap.xml", self._sitemap)
        site.server.on("*", lambda request: page(f"Story {request.path}"))
        site.server.on("/robots.txt", Response(404))

    @property
    def newest(self) -> int:
        return (self.site.now - self.began) // HOUR

    def at(self, number: int) -> datetime:
        return self.began + number * HOUR

    def stories(self, newest: int) -> str:
        return "".join(
            f"<item><title>Story {n}</title><link>{self.site.server.url}/s/{n}</link>"
            f"<pubDate>{format_datetime(self.at(n))}</pubDate></item>"
            for n in range(newest, newest - WINDOW, -1)
        )

    def _feed(self, request: Request) -> Response:
        query = parse_qs(urlsplit(request.target).query)
        number = int(query.get("paged", ["1"])[0])
        shown = self.answer(request, [number])
        if shown is not None:
            return shown
        return self.rss(number)

    def rss(self, number: int, older: str = "") -> Response:
        link = f"<atom:link rel='prev-archive' href='{older}'/>" if older else ""
        stories = self.stories(self.newest - WINDOW * (number - 1))
        text = (
            "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>"
            f"<title>Paper</title>{link}{stories}</channel></rss>"
        )
        return Response(200, text.encode(), {"Content-Type": "application/rss+xml"})

    def _sitemap(self, _request: Request) -> Response:
        urls = "".join(
            f"<url><loc>{self.site.server.url}/s/{n}</loc><news:news><news:title>Story {n}"
            f"</news:title><news:publication_date>{self.at(n).isoformat()}"
            "</news:publication_date></news:news></url>"
            for n in range(self.newest, self.newest - 48, -1)
        )
        text = (
            "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' "
            f"xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'>{urls}</urlset>"
        )
        return Response(200, text.encode(), {"Content-Type": "application/xml"})

    def stored(self) -> set[int]:
        return {int(entry.url.rsplit("/", 1)[1]) for entry in self.site.entries()}


def gaps(site: Site) -> list[Gap]:
    with site.store.reading() as session:
        return list(session.exec(select(Gap).order_by(Gap.id)))


def only_first_page(paper: Paper) -> None:
    paper.answer = lambda _, number: Response(404) if number[0] > 1 else None


def test_a_rolled_over_window_is_read_up_from_the_feeds_older_pages(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        await site.crawl()
        last = paper.newest
        site.now += 17 * HOUR
        await site.crawl()
        assert paper.stored() >= set(range(last - WINDOW + 1, last + 18))
        [gap] = gaps(site)
        assert (gap.state, gap.found) == ("filled", 12)
        assert site.state().state == "ok"
        # Read up as far as the known articles, and no further.
        assert len(site.asked("/feed")) == 2 + 3
        assert min(paper.stored()) == last - WINDOW + 1
        late = {article.title: article.late for article in site.articles()}
        assert late[f"Story /s/{last + 2}"] == "the source had moved on"
        assert late[f"Story /s/{last + 17}"] is None
        assert not any(article.baseline for article in site.articles() if article.late)

    on_a_site(script)


def test_pages_that_the_feed_names_are_preferred(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        server = site.server
        for number in (2, 3, 4):
            older = f"{server.url}/archive/{number + 1}"
            server.on(f"/archive/{number}", lambda _, n=number, o=older: paper.rss(n, o))
        paper.answer = lambda *_: paper.rss(1, f"{server.url}/archive/2")
        await site.crawl()
        site.now += 12 * HOUR
        await site.crawl()
        assert [gap.state for gap in gaps(site)] == ["filled"]
        assert len(paper.stored()) == WINDOW + 12
        assert [len(site.asked(f"/archive/{n}")) for n in (2, 3, 4)] == [1, 1, 0]

    on_a_site(script)


def test_a_sitemap_fills_what_the_feed_cannot(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        only_first_page(paper)
        await site.crawl()
        with site.store.writing() as session:
            sitemap = f"{site.server.url}/sitemap.xml"
            session.add(Document(source_id="site", url=sitemap, kind="sitemap", role="spare"))
        site.now += 30 * HOUR
        await site.crawl()
        assert [gap.state for gap in gaps(site)] == ["filled"]
        assert len(paper.stored()) >= WINDOW + 30
        with site.store.reading() as session:
            spare = session.get_one(Document, ("site", sitemap))
            assert spare.visits == 0

    on_a_site(script)


def test_what_cannot_be_read_up_is_said(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        only_first_page(paper)
        await site.crawl()
        site.now += 17 * HOUR
        await site.crawl()
        [gap] = gaps(site)
        assert gap.state == "unfilled"
        state = site.state()
        assert state.state == "ok"
        assert "articles between 2026-03-01 12:00 UTC and 2026-03-02 01:00 UTC may be missing" in (
            state.reason or ""
        )

    on_a_site(script)


def test_a_server_that_gives_any_page_the_first_one_is_left_after_one_request(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        paper.answer = lambda *_: paper.rss(1)
        await site.crawl()
        site.now += 17 * HOUR
        await site.crawl()
        assert [gap.state for gap in gaps(site)] == ["unfilled"]
        assert len(site.asked("/feed")) == 3

    on_a_site(script)


def test_a_long_gap_goes_on_at_the_next_visit_where_it_stopped(
    on_a_site: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "REQUESTS", 2)

    async def script(site: Site) -> None:
        paper = Paper(site)
        await site.crawl()
        last = paper.newest
        site.now += 28 * HOUR
        await site.crawl()
        [gap] = gaps(site)
        assert (gap.state, gap.read) == ("open", 2)
        assert site.state().next_visit is not None
        assert site.state().next_visit <= site.now + filling_wait()
        # Articles go on being published meanwhile: pages shift, nothing is missed.
        for _ in range(4):
            site.now += filling_wait()
            await site.crawl()
        assert [gap.state for gap in gaps(site)] == ["filled"]
        assert paper.stored() >= set(range(last + 1, paper.newest + 1))

    on_a_site(script)


def filling_wait() -> timedelta:
    return timedelta(minutes=5)


def test_a_page_that_fails_is_asked_for_again_at_the_next_visits(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        await site.crawl()
        site.now += 12 * HOUR
        paper.answer = lambda _, number: Response(500) if number[0] > 1 else None
        await site.crawl()
        assert [(gap.state, gap.failures) for gap in gaps(site)] == [("open", 1)]
        paper.answer = lambda *_: None
        site.now += filling_wait()
        await site.crawl()
        assert [gap.state for gap in gaps(site)] == ["filled"]
        assert len(paper.stored()) == WINDOW + 12

    on_a_site(script)


def test_after_an_outage_of_ours_articles_say_why_they_are_late(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)
        await site.crawl()
        last, began = paper.newest, site.now
        site.now += 9 * HOUR
        with site.store.writing() as session:
            session.add(Outage(kind="service", began_at=began, ended_at=site.now))
        await site.crawl()
        late = {article.title: article.late for article in site.articles() if not article.baseline}
        assert len(late) == 9
        assert late.pop(f"Story /s/{last + 9}") is None
        assert set(late.values()) == {"the service was down"}

    on_a_site(script)


def test_validators_that_lie_are_found_out(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        paper = Paper(site)

        def lying(request: Request, number: list[int]) -> Response:
            if "if-none-match" in request.headers:
                return Response(304)
            honest = paper.rss(number[0])
            return Response(200, honest.body, {**honest.headers, "ETag": '"always"'})

        paper.answer = lying
        first = paper.newest
        for _ in range(25):
            await site.crawl()
            site.now += HOUR
        assert paper.stored() >= set(range(first, paper.newest))
        conditional = ["if-none-match" in r.headers for r in site.asked("/feed")]
        # Believed until the first visit without them; then no more.
        assert conditional.count(True) == 10

    on_a_site(script)
