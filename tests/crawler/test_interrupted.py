"""What stands in the store when a crawl ends too early, and what a refused row costs."""

import contextlib
from collections.abc import Iterator

from sqlmodel import select

from store.engine import Store
from store.sources import Document
from tests.support.crawled import HOUR, Run, Site, page
from tests.support.http import HangUpError, Request, Response


def sitemap(site: Site, *paths: str) -> Response:
    rows = "".join(f"<url><loc>{site.server.url}{path}</loc></url>" for path in paths)
    schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return Response(200, f"<urlset xmlns='{schema}'>{rows}</urlset>".encode())


@contextlib.contextmanager
def refused(store: Store, table: str, condition: str) -> Iterator[None]:
    """The database refuses such rows until the block ends, whoever writes them."""
    trigger = f"CREATE TRIGGER refuse BEFORE INSERT ON {table}"
    if store.write_engine.dialect.name == "sqlite":
        made = [f"{trigger} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'row refused'); END"]
        forgotten = "DROP TRIGGER refuse"
    else:
        made = [
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'row refused' USING ERRCODE = 'check_violation'; END $$",
            f"{trigger} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()",
        ]
        forgotten = f"DROP TRIGGER refuse ON {table}"
    with store.writing() as session:
        for statement in made:
            session.connection().exec_driver_sql(statement)
    yield
    with store.writing() as session:
        session.connection().exec_driver_sql(forgotten)


def test_the_children_of_an_index_are_kept_with_it_so_that_a_304_cannot_hide_them(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        site.source = {"url": f"{site.server.url}/index.xml", "kind": "sitemap"}
        names = ("one.xml", "two.xml")
        rows = "".join(f"<sitemap><loc>{site.server.url}/{name}</loc></sitemap>" for name in names)
        schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
        whole = f"<sitemapindex xmlns='{schema}'>{rows}</sitemapindex>".encode()

        def index(request: Request) -> Response:
            known = "if-none-match" in request.headers
            return Response(304) if known else Response(200, whole, {"ETag": '"1"'})

        def hang_up(_: Request) -> Response:
            raise HangUpError

        site.server.on("/index.xml", index)
        site.server.on("/one.xml", sitemap(site, "/news/a-story-of-the-first"))
        site.server.on("/two.xml", hang_up)
        site.server.on("*", page("A story"))
        site.server.on("/robots.txt", Response(404))
        await site.crawl()
        with site.store.reading() as session:
            kept = {document.url[-7:] for document in session.exec(select(Document))}
        assert {"one.xml", "two.xml"} <= kept
        site.server.on("/two.xml", sitemap(site, "/news/a-story-of-the-second"))
        site.now += HOUR
        await site.crawl()
        assert [r.headers.get("if-none-match") for r in site.asked("/index.xml")] == [None, '"1"']
        assert len(site.entries()) == 2

    on_a_site(script)


def test_a_visit_is_recorded_before_its_pages_are_fetched(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        seen = []
        site.publish("/a")

        def look(_: Request) -> Response:
            state = site.state()
            seen.append((state.last_visit, state.last_success, state.next_visit is not None))
            return page("Story /a")

        site.server.on("/a", look)
        await site.crawl()
        assert seen == [(site.now, site.now, True)]

    on_a_site(script)


def test_an_article_that_the_database_refuses_costs_an_attempt_and_no_other_page(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b")
        with refused(site.store, "article", "NEW.title = 'Story /a'"):
            report = await site.crawl()
        assert (report.articles, report.failed_sources) == (1, ())
        waiting, filed = site.entries()
        assert (waiting.outcome, waiting.attempts, filed.outcome) == (None, 1, "article")
        assert "could not be filed" in (waiting.last_error or "")
        assert "row refused" in (waiting.last_error or "")
        site.now += HOUR
        await site.crawl()
        assert [article.title for article in site.articles()] == ["Story /a", "Story /b"]

    on_a_site(script)


def test_a_list_that_the_database_refuses_fails_its_visit_and_leaves_no_validators(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        site.publish("/a", "/b")
        with refused(site.store, "entry", "substr(NEW.url, length(NEW.url)) = 'b'"):
            report = await site.crawl()
        assert report.failed_sources == ("site",)
        assert "row refused" in report.errors[0]
        assert site.entries() == []
        with site.store.reading() as session:
            assert session.exec(select(Document)).all() == []
        site.now += HOUR
        await site.crawl()
        assert "if-none-match" not in site.asked("/feed")[-1].headers
        assert len(site.articles()) == 2

    on_a_site(script, source={"kind": "feed"})
