"""Edits that the API of WordPress tells, on sites on loopback."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from crawler import edited_posts
from crawler.edited_posts import edited_until, is_heedless
from crawler.items import EntryItem
from store.engine import Store
from store.revisions import Evidence, Revision
from store.sources import Document
from tests.support.crawled import HOUR, NOON, Run, Site, page
from tests.support.http import Request, Response

API = "/wp-json/wp/v2/posts"
MINUTE = timedelta(minutes=1)
SUBJECTS = ("surveyors", "ministers", "farmers", "drivers", "teachers", "miners", "nurses")


@dataclass
class Post:
    """One post of the blog."""

    number: int
    at: datetime
    modified: datetime
    text: str = ""
    cut: bool = False

    def told(self, site: Site) -> dict[str, object]:
        about = SUBJECTS[self.number % len(SUBJECTS)]
        whole = f"<p>The {about} of district {self.number} met the council again.</p>" * 14
        content = "<p>More &hellip;</p>" if self.cut else whole + self.text
        return {
            "link": f"{site.server.url}/post-{self.number}/",
            "date_gmt": f"{self.at:%Y-%m-%dT%H:%M:%S}",
            "modified_gmt": f"{self.modified:%Y-%m-%dT%H:%M:%S}",
            "title": {"rendered": f"What the {about} of district {self.number} said"},
            "content": {"rendered": content, "protected": False},
        }


@dataclass
class Blog:
    """A WordPress site whose API shows three posts a page."""

    site: Site
    posts: list[Post] = field(default_factory=list)
    refuses: Callable[[Request], Response | None] = lambda _: None
    shown: int = 3
    """Posts that the list of the newest shows."""

    def __post_init__(self) -> None:
        self.site.server.on(API, self.answer)
        front = "<link rel='https://api.w.org/' href='/wp-json/'><title>Blog</title>"
        self.site.server.on("/", Response(200, f"<html><head>{front}</head></html>".encode()))
        for number in range(6):
            at = NOON - (number + 1) * HOUR
            self.posts.append(Post(number, at, at))

    def answer(self, request: Request) -> Response:
        query = {name: told[0] for name, told in parse_qs(urlsplit(request.target).query).items()}
        if (refusal := self.refuses(request)) is not None:
            return refusal
        newest = sorted(self.posts, key=lambda post: post.at, reverse=True)
        if "modified_after" not in query:
            return self.told(newest[: self.shown])
        assert (query["orderby"], query["order"]) == ("modified", "asc")
        after = datetime.fromisoformat(query["modified_after"])
        edited = sorted((p for p in self.posts if p.modified > after), key=lambda p: p.modified)
        first = (int(query["page"]) - 1) * 100
        return self.told(edited[first : first + 100])

    def told(self, posts: list[Post]) -> Response:
        body = json.dumps([post.told(self.site) for post in posts]).encode()
        return Response(200, body, {"Content-Type": "application/json"})

    def edit(self, number: int, text: str) -> None:
        """The post says something more now."""
        self.posts[number].text = f"<p>{text}</p>"
        self.posts[number].modified = self.site.now

    def asked_for_edits(self) -> list[Request]:
        return [r for r in self.site.asked(API) if "modified_after" in r.target]

    async def visit(self, wait: timedelta = HOUR) -> None:
        """A visit, and the crawl that reads what it found waiting."""
        self.site.now += wait
        await self.site.crawl()
        self.site.now += MINUTE
        if self.site.is_due():
            await self.site.crawl()


def on_a_blog(on_front_page: Run, script: Callable[[Blog], object], **parts: object) -> None:
    async def run(site: Site) -> None:
        await script(Blog(site))  # type: ignore[misc]

    on_front_page(run, source={"kind": "wordpress"}, **parts)


def proofs(store: Store, article_id: int | None) -> list[Evidence]:
    with store.reading() as session:
        query = select(Evidence).where(Evidence.article_id == article_id)
        return list(session.exec(query.order_by(Evidence.revision)))


def test_a_text_that_the_api_gave_is_proved_by_the_api_s_answer(
    on_front_page: Run, store: Store
) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        [post] = [a for a in blog.site.articles() if a.url.endswith("/post-5/")]
        [proof] = proofs(store, post.id)
        first = next(r for r in blog.site.asked(API) if "modified_after" not in r.target)
        assert (proof.of, proof.status, proof.fetched_at) == ("api", 200, NOON)
        assert proof.url == blog.site.server.url + first.target
        assert proof.page_sha256 == sha256(blog.told(blog.posts).body).hexdigest()
        assert ["Content-Type", "application/json"] in proof.headers
        blog.edit(5, "The Durand Line was named in a late correction to this report.")
        edited = blog.told([blog.posts[5]]).body
        await blog.visit()
        _, later = proofs(store, post.id)
        assert (later.of, later.revision, later.page_sha256) == (
            "api", 2, sha256(edited).hexdigest(),
        )  # fmt: skip
        assert later.fetched_at is not None
        assert later.fetched_at > NOON

    on_a_blog(on_front_page, script)


def revisions(store: Store) -> list[tuple[int, str]]:
    with store.reading() as session:
        rows = session.exec(select(Revision).order_by(Revision.article_id, Revision.number))
        return [(row.article_id, row.kind) for row in rows]


def channel(site: Site) -> Document:
    with site.store.reading() as session:
        return session.exec(select(Document).where(Document.kind == "wordpress")).one()


async def all_known(blog: Blog) -> None:
    """All six posts are articles, though the list shows three."""
    blog.shown = 6
    await blog.site.crawl()
    blog.shown = 3
    assert len(blog.site.articles()) == 6


def test_an_edit_of_an_old_post_is_a_revision_and_its_page_is_not_fetched(
    on_front_page: Run, store: Store
) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        blog.edit(5, "The Durand Line was named in a late correction to this report.")
        await blog.visit()
        [edited] = [a for a in blog.site.articles() if "Durand Line" in a.body]
        assert (edited.url[-8:], edited.revision, edited.matched_at) == ("/post-5/", 2, None)
        assert [kind for _, kind in revisions(store)].count("edit") == 1
        assert {request.path for request in blog.site.server.requests} == {
            "/robots.txt", "/", API,
        }  # fmt: skip
        with store.reading() as session:
            assert {proof.of for proof in session.exec(select(Evidence))} == {"api"}
        # The next visit is told of nothing, and looks at nothing again.
        await blog.visit()
        assert len(revisions(store)) == 7

    on_a_blog(on_front_page, script)


def test_a_crawl_that_asks_for_nothing_ends_with_its_last_text(on_front_page: Run) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        blog.edit(5, "The Durand Line was named in a late correction to this report.")
        blog.site.now += HOUR
        await blog.site.crawl()
        blog.site.now += MINUTE
        asked, began = len(blog.site.server.requests), monotonic()
        await blog.site.crawl()
        assert len(blog.site.server.requests) == asked
        assert any("Durand Line" in article.body for article in blog.site.articles())
        # Scrapy's own look at whether anything is left to do comes every five seconds.
        assert monotonic() - began < 4.5

    on_a_blog(on_front_page, script)


def test_an_edit_that_the_list_of_the_newest_shows_is_taken_from_it(
    on_front_page: Run, store: Store
) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        blog.refuses = lambda r: Response(400, b"{}") if "modified_after" in r.target else None
        blog.edit(0, "Nine people were hurt, the ministry said in the evening.")
        await blog.visit()
        assert [kind for _, kind in revisions(store)].count("edit") == 1
        assert blog.site.asked("/post-0/") == []

    on_a_blog(on_front_page, script)


@pytest.mark.parametrize(
    "refusal",
    [
        Response(400, b'{"code": "rest_invalid_param", "message": "Invalid parameter(s)"}'),
        Response(403, b"<html>Attention required</html>"),
        Response(200, b"<html><title>Welcome</title></html>"),
    ],
    ids=["400", "403", "html"],
)
def test_a_site_that_does_not_tell_its_edits_is_asked_once_a_day_and_fares_well(
    on_front_page: Run, refusal: Response
) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        blog.refuses = lambda r: refusal if "modified_after" in r.target else None
        for _ in range(2):
            await blog.visit()
        assert len(blog.asked_for_edits()) == 1
        assert blog.site.state().state == "ok"
        assert channel(blog.site).edits_refused
        blog.refuses = lambda _: None
        blog.edit(4, "A line was drawn, and the valley divided, by a pen.")
        await blog.visit(timedelta(days=1))
        assert not channel(blog.site).edits_refused
        assert sum(article.revision == 2 for article in blog.site.articles()) == 1

    on_a_blog(on_front_page, script)


def test_a_site_that_ignores_the_parameter_is_found_out(on_front_page: Run, store: Store) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        for post in blog.posts:
            post.modified = post.at - timedelta(days=9)
        blog.refuses = lambda r: blog.told(blog.posts) if "modified_after" in r.target else None
        await blog.visit()
        assert channel(blog.site).edits_refused
        assert len(revisions(store)) == 6

    on_a_blog(on_front_page, script)


def test_a_failure_for_now_is_tried_again_with_the_same_moment(on_front_page: Run) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        since = channel(blog.site).edited_until
        blog.edit(5, "The commission added a paragraph about the surveyors of the line.")
        blog.refuses = lambda r: Response(502) if "modified_after" in r.target else None
        await blog.visit()
        assert (channel(blog.site).edited_until, channel(blog.site).edits_refused) == (since, False)
        blog.refuses = lambda _: None
        await blog.visit()
        assert len(blog.asked_for_edits()) == 2
        assert any("surveyors of the line" in article.body for article in blog.site.articles())

    on_a_blog(on_front_page, script)


def test_many_edits_in_one_second_are_all_read_page_by_page(
    on_front_page: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edited_posts, "PAGES", 2)

    async def script(blog: Blog) -> None:
        await all_known(blog)
        bulk = NOON + 30 * MINUTE
        for number in range(10, 330):
            # From before our time, and so no news; a plugin touched them all.
            at = NOON - timedelta(days=number)
            blog.posts.append(Post(number, at, bulk, cut=True))
        blog.posts[5].text, blog.posts[5].modified = "<p>Corrected at the very end.</p>", bulk
        blog.posts.append(blog.posts.pop(5))
        for _ in range(3):
            await blog.visit()
        assert any("very end" in article.body for article in blog.site.articles())
        assert len(blog.site.entries()) == 6
        asked = len(blog.asked_for_edits())
        await blog.visit()
        assert len(blog.asked_for_edits()) == asked + 1

    on_a_blog(on_front_page, script)


def test_a_post_published_under_an_older_date_is_found_among_the_edited(
    on_front_page: Run,
) -> None:
    async def script(blog: Blog) -> None:
        await all_known(blog)
        blog.site.now += 20 * HOUR
        for number in range(6, 9):
            at = blog.site.now - (number - 5) * MINUTE
            blog.posts.append(Post(number, at, at))
        await blog.site.crawl()
        # A draft of hours ago is published below the three that the list shows.
        blog.posts.append(Post(9, NOON + HOUR, blog.site.now + HOUR))
        await blog.visit(2 * HOUR)
        assert any(article.url.endswith("/post-9/") for article in blog.site.articles())

    on_a_blog(on_front_page, script)


def test_an_edit_of_what_was_fetched_hastens_the_look_at_its_page(on_front_page: Run) -> None:
    async def script(blog: Blog) -> None:
        blog.posts = [Post(1, NOON - HOUR, NOON - HOUR, cut=True)]
        blog.site.server.on("/post-1/", page("What it said"))
        await blog.site.crawl()
        blog.site.now += 13 * 24 * HOUR
        await blog.site.crawl()
        looks = len(blog.site.asked("/post-1/"))
        blog.site.now += HOUR
        blog.edit(0, "")
        await blog.visit()
        assert len(blog.site.asked("/post-1/")) == looks + 1

    on_a_blog(on_front_page, script)


# The rules alone


def entry(modified: datetime | None) -> EntryItem:
    return EntryItem("https://news.example/a", modified=modified)


def test_up_to_when_edits_are_known() -> None:
    long_ago = NOON - HOUR
    second = timedelta(seconds=1)
    assert edited_until([], NOON, NOON, more=False) == NOON
    assert edited_until([entry(long_ago)], None, NOON, more=False) == long_ago
    # A second that may go on, on the next page or at the site, is asked for again.
    assert edited_until([entry(long_ago)], None, NOON, more=True) == long_ago - second
    assert edited_until([entry(NOON)], None, NOON, more=False) == NOON - second
    assert edited_until([entry(NOON)], NOON, NOON, more=False) == NOON


def test_who_lists_what_was_not_edited_does_not_heed_the_question() -> None:
    assert not is_heedless([], NOON)
    assert not is_heedless([entry(NOON), entry(NOON - HOUR)], NOON)
    assert is_heedless([entry(NOON), entry(NOON - timedelta(days=2))], NOON)
    assert is_heedless([entry(None)], NOON)
