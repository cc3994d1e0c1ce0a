"""Whether posts that the API of WordPress gave are still there, on sites on loopback."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from crawler.items import DocumentError
from crawler.sources.wordpress import numbered_address, parse_numbers
from store.engine import Store
from store.revisions import Evidence, Revision, Revisit
from tests.support.crawled import HOUR, NOON, WORDS, Run, Site, page
from tests.support.http import Request, Response

API = "/wp-json/wp/v2/posts"
MINUTE = timedelta(minutes=1)
FIRST, SECOND = 11, 12


@dataclass
class Blog:
    """A WordPress site with two posts."""

    site: Site
    there: set[int] = field(default_factory=lambda: {FIRST, SECOND})
    texts: dict[int, str] = field(default_factory=dict)
    edited: dict[int, datetime] = field(default_factory=dict)
    answers: Callable[[Request], Response | None] = lambda _: None
    """What is said of a question in place of the truth."""

    def __post_init__(self) -> None:
        self.site.server.on(API, self.answer)
        front = "<link rel='https://api.w.org/' href='/wp-json/'><title>Blog</title>"
        self.site.server.on("/", Response(200, f"<html><head>{front}</head></html>".encode()))
        for number in (FIRST, SECOND):
            self.print(number)

    def print(self, number: int) -> None:
        """The post's page is there, with furniture that the API does not give."""
        self.site.server.on(f"/post-{number}/", page(f"Report {number} of the commission"))

    def answer(self, request: Request) -> Response:
        if "include" in told_in(request) and (instead := self.answers(request)) is not None:
            return instead
        query = told_in(request)
        numbers = self.there & {int(one) for one in query.get("include", "11,12").split(",")}
        posts = [self.told(number) for number in sorted(numbers)]
        if "modified_after" in query:
            posts = [one for one in posts if one["modified_gmt"][:19] > query["modified_after"]]
        fields = query["_fields"].split(",")
        listed = [{name: one[name] for name in fields if name in one} for one in posts]
        return Response(200, json.dumps(listed).encode(), {"Content-Type": "application/json"})

    def told(self, number: int) -> dict[str, object]:
        at = NOON - (number - 10) * MINUTE
        text = "".join(f"<p>Paragraph {one} of {number}. {WORDS * 3}</p>" for one in range(4))
        return {
            "id": number,
            "status": "publish",
            "link": f"{self.site.server.url}/post-{number}/",
            "date_gmt": f"{at:%Y-%m-%dT%H:%M:%S}",
            "modified_gmt": f"{self.edited.get(number, at):%Y-%m-%dT%H:%M:%S}",
            "title": {"rendered": f"Report {number} of the commission"},
            "content": {"rendered": text + self.texts.get(number, ""), "protected": False},
        }

    def take_away(self, number: int, answer: Response) -> None:
        """The API lists the post no more, and its page answers so."""
        self.there.discard(number)
        self.site.server.on(f"/post-{number}/", answer)

    def looks(self, number: int) -> int:
        return len(self.site.asked(f"/post-{number}/"))

    def questions(self) -> list[str]:
        """The posts that were asked for by number."""
        told = [told_in(request) for request in self.site.asked(API)]
        return [query["include"] for query in told if "include" in query]

    async def wait(self, wait: timedelta = HOUR) -> None:
        """Time passes, with a crawl whenever one is due."""
        end = self.site.now + wait
        while self.site.now < end:
            self.site.now += 30 * MINUTE
            while self.site.is_due():
                await self.site.crawl()
                self.site.now += timedelta(seconds=1)


def told_in(request: Request) -> dict[str, str]:
    return {name: told[0] for name, told in parse_qs(urlsplit(request.target).query).items()}


def on_a_blog(on_front_page: Run, script: Callable[[Blog], Awaitable[None]]) -> None:
    async def run(site: Site) -> None:
        blog = Blog(site)
        await site.crawl()
        assert len(site.articles()) == 2
        await script(blog)

    on_front_page(run, source={"kind": "wordpress"}, config={"every": "30m"})


def told(store: Store) -> list[tuple[str, str, str]]:
    """What happened to the posts after they were first seen."""
    with store.reading() as session:
        rows: Sequence[Revision] = session.exec(
            select(Revision).where(Revision.number > 1).order_by(Revision.at)
        ).all()
        return [(str(row.article_id), row.kind, row.note) for row in rows]


def kinds(store: Store) -> list[str]:
    return [kind for _, kind, _ in told(store)]


def test_posts_are_asked_for_together_less_and_less_often_and_no_page_is(
    on_front_page: Run, store: Store
) -> None:
    async def script(blog: Blog) -> None:
        await blog.wait(6 * HOUR)
        assert 3 <= len(blog.questions()) <= 6
        assert set(blog.questions()) == {f"{FIRST},{SECOND}"}
        assert (blog.looks(FIRST), blog.looks(SECOND)) == (0, 0)
        assert kinds(store) == []
        with store.reading() as session:
            due = [one.ask_at for one in session.exec(select(Revisit))]
        assert all(one is not None and one > blog.site.now + HOUR for one in due)

    on_a_blog(on_front_page, script)


@pytest.mark.parametrize(("status", "looks"), [(404, 2), (410, 1)])
def test_a_post_that_is_gone_from_the_api_and_the_site_is_removed(
    on_front_page: Run, store: Store, status: int, looks: int
) -> None:
    async def script(blog: Blog) -> None:
        blog.take_away(FIRST, Response(status))
        await blog.wait(HOUR)
        assert kinds(store) == (["removed"] if status == 410 else [])
        await blog.wait(HOUR)
        [(_, kind, note)] = told(store)
        assert (kind, note) == ("removed", f"HTTP {status}")
        removed, kept = sorted(blog.site.articles(), key=lambda one: one.url)
        assert removed.removed_at is not None
        assert removed.body
        assert removed.matched_at is None
        assert kept.removed_at is None
        assert blog.looks(FIRST) >= looks
        assert blog.looks(SECOND) == 0

    on_a_blog(on_front_page, script)


def test_a_removed_post_that_comes_back_is_restored(on_front_page: Run, store: Store) -> None:
    async def script(blog: Blog) -> None:
        blog.take_away(FIRST, Response(410))
        await blog.wait(HOUR)
        blog.there.add(FIRST)
        blog.print(FIRST)
        await blog.wait(3 * HOUR)
        assert kinds(store) == ["removed", "restored"]
        assert all(article.removed_at is None for article in blog.site.articles())
        with store.reading() as session:
            assert {proof.of for proof in session.exec(select(Evidence))} == {"api"}

    on_a_blog(on_front_page, script)


def test_an_api_that_hides_a_post_is_not_believed_alone(on_front_page: Run, store: Store) -> None:
    async def script(blog: Blog) -> None:
        blog.there.discard(FIRST)
        await blog.wait(2 * HOUR)
        assert 1 <= blog.looks(FIRST) <= 4
        # The page tells the same with other words around it: its text is no edit.
        assert kinds(store) == []
        assert blog.looks(SECOND) == 0

    on_a_blog(on_front_page, script)


def test_a_page_that_says_it_was_withdrawn_is_a_retraction(
    on_front_page: Run, store: Store
) -> None:
    async def script(blog: Blog) -> None:
        notice = "This story has been removed, since its sources could not be confirmed. " + WORDS
        title = f"Report {FIRST} of the commission"
        html = (
            f"<html lang='en'><head><title>{title}</title></head><body><article>"
            f"<h1>{title}</h1><p>{notice}</p></article></body></html>"
        )
        blog.take_away(FIRST, Response(200, html.encode(), {"Content-Type": "text/html"}))
        await blog.wait(HOUR)
        [(_, kind, note)] = told(store)
        assert kind == "retracted"
        assert note.startswith("This story has been removed")

    on_a_blog(on_front_page, script)


@pytest.mark.parametrize(
    "answer",
    [
        Response(403, b"<html>Attention required</html>"),
        Response(404, b'{"code": "rest_no_route", "message": "No route"}'),
        Response(200, b"<html><title>Welcome</title></html>"),
        Response(200, b'[{"id": 11, "status'),
        Response(200, b'[{"id": 99}]'),
    ],
    ids=["403", "404", "html", "broken off", "not heeded"],
)
def test_where_the_api_does_not_answer_the_pages_are_looked_at(
    on_front_page: Run, store: Store, answer: Response
) -> None:
    async def script(blog: Blog) -> None:
        blog.answers = lambda _: answer
        blog.site.server.on(f"/post-{FIRST}/", Response(410))
        await blog.wait(HOUR)
        assert kinds(store) == ["removed"]
        assert 1 <= blog.looks(SECOND) <= 3
        assert blog.site.state().state == "ok"

    on_a_blog(on_front_page, script)


def test_an_api_that_fails_for_now_is_asked_again_and_no_page_is(on_front_page: Run) -> None:
    async def script(blog: Blog) -> None:
        blog.answers = lambda _: Response(502)
        await blog.wait(HOUR)
        assert len(blog.questions()) >= 2
        assert (blog.looks(FIRST), blog.looks(SECOND)) == (0, 0)

    on_a_blog(on_front_page, script)


def test_an_edit_that_the_api_tells_goes_before_a_look_at_the_page(
    on_front_page: Run, store: Store
) -> None:
    async def script(blog: Blog) -> None:
        blog.take_away(FIRST, Response(404))
        await blog.wait(30 * MINUTE)
        assert blog.looks(FIRST) == 1
        blog.there.add(FIRST)
        blog.texts[FIRST] = "<p>The Durand Line was named in a late correction.</p>"
        blog.edited[FIRST] = blog.site.now
        await blog.wait(2 * HOUR)
        assert kinds(store) == ["edit"]
        assert blog.looks(FIRST) == 1
        assert any("Durand Line" in article.body for article in blog.site.articles())

    on_a_blog(on_front_page, script)


# The rules alone


def test_what_is_asked_keeps_the_api_s_address_and_category() -> None:
    newest = "https://a.example/?rest_route=/wp/v2/posts&per_page=100&page=3&categories=7"
    assert numbered_address(newest, [5, 8]) == (
        "https://a.example/?rest_route=/wp/v2/posts&per_page=100&categories=7"
        "&include=5,8&_fields=id,modified_gmt,link,status"
    )


def test_only_what_is_published_and_was_asked_for_counts() -> None:
    assert parse_numbers([{"id": 5}, {"id": 8, "status": "draft"}], {5, 8, 9}) == {5}
    assert parse_numbers([], {5}) == set()
    for strange in ([{"id": 6}], [{}], [5], {"code": "rest_forbidden", "message": "No"}, None):
        with pytest.raises(DocumentError):
            parse_numbers(strange, {5})
