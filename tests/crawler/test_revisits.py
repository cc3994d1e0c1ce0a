"""Articles visited again: what is asked, what counts as an edit, what is kept of it."""

import hashlib
import itertools
from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime

import pytest
from sqlmodel import select, update

from crawler.edits import Edit, Told, edit_of, folded
from crawler.revisiting import (
    Habit,
    Looks,
    are_believed,
    hastened,
    is_removed,
    next_revisit,
)
from store.articles import Article
from store.engine import Store
from store.integrity import check_database
from store.revisions import Evidence, Revision, Revisit, broken_chains, unpack
from tests.support.crawled import HOUR, NOON, WORDS, Run, Site, feed
from tests.support.edits import edit_in, file_in
from tests.support.http import Response

MINUTES = timedelta(minutes=1)
BORDER = "Troops were seen along the Durand Line on Sunday, said the commission. "


def page(title: str, *paragraphs: str, **headers: str) -> Response:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    html = (
        f"<html lang='en'><head><title>{title}</title></head><body><article><h1>{title}</h1>"
        f"{text}</article></body></html>"
    )
    return Response(200, html.encode(), {"Content-Type": "text/html; charset=utf-8", **headers})


PARAGRAPHS = [f"Paragraph {number} of it. {WORDS * 2}" for number in range(4)]
EDITED = [*PARAGRAPHS[:2], BORDER + WORDS, *PARAGRAPHS[3:]]


def revisions(store: Store) -> Sequence[Revision]:
    with store.reading() as session:
        return session.exec(select(Revision).order_by(Revision.number)).all()


def revisit(store: Store) -> Revisit:
    with store.reading() as session:
        return session.exec(select(Revisit)).one()


async def published(site: Site, answer: Response) -> None:
    """The site's one article, stored."""
    site.publish("/a")
    site.server.on("/a", answer)
    await site.crawl()


async def later(site: Site, answer: Response, wait: timedelta = HOUR) -> Article:
    """What is stored once the page answers so, and its time has come."""
    site.server.on("/a", answer)
    site.now += wait
    await site.crawl()
    [article] = site.articles()
    return article


def test_an_edit_is_found_kept_as_a_revision_and_waits_to_be_matched(
    on_a_site: Run, store: Store
) -> None:
    async def script(site: Site) -> None:
        await published(site, page("Fence at the border", *PARAGRAPHS))
        with store.writing() as session:
            session.execute(update(Article).values(matched_at=NOON, matched_revision=1))
        article = await later(site, page("Fence at the border", *EDITED))
        assert "Durand Line" in article.body
        assert (article.revision, article.matched_at, article.matched_revision) == (2, None, 1)
        first, second = revisions(store)
        assert (first.kind, second.kind, second.at) == ("first", "edit", site.now)
        assert first.packed is not None
        assert "Durand Line" not in unpack(first.packed).body
        assert second.packed is not None
        assert unpack(second.packed).body == article.body
        assert (revisit(store).checks, revisit(store).edits) == (1, 1)

    on_a_site(script)


def test_an_unchanged_page_is_asked_for_with_its_validators_less_and_less_often(
    on_a_site: Run, store: Store
) -> None:
    async def script(site: Site) -> None:
        await published(site, page("Fence", *PARAGRAPHS, ETag='"7"'))
        site.server.on("/a", Response(304))
        site.server.on("/feed", Response(304))
        looks = []
        for _ in range(60 * 24 * 2 // 10):
            site.now += 10 * MINUTES
            before = len(site.asked("/a"))
            if site.is_due():
                await site.crawl()
            if len(site.asked("/a")) > before:
                looks.append(site.now - NOON)
        assert [request.headers.get("if-none-match") for request in site.asked("/a")] == [
            None,
            *['"7"'] * len(looks),
        ]
        assert 5 <= len(looks) <= 8
        assert looks[0] == 30 * MINUTES
        waits = [later - earlier for earlier, later in itertools.pairwise(looks)]
        assert waits == sorted(waits)
        assert len(revisions(store)) == 1

    on_a_site(script, config={"every": "40h"})


@pytest.mark.parametrize(
    "paragraphs",
    [
        [*PARAGRAPHS, "Updated 3 minutes ago"],
        [*PARAGRAPHS, "12 comments"],
        [*PARAGRAPHS, "Subscribe to our letter today", "News /b"],
        [text.replace("commission", "COMMISSION") for text in PARAGRAPHS],
        PARAGRAPHS[:1],
    ],
    ids=["time", "counts", "furniture", "case", "cut short"],
)
def test_furniture_and_form_are_no_edit(
    on_a_site: Run, store: Store, paragraphs: list[str]
) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/feed", feed(site.server, "/a", "/b", "/c"))
        site.server.on("/a", page("Fence", *PARAGRAPHS))
        for path in ("/b", "/c"):
            body = [f"{path}. {WORDS * 3}", f"{path}. {WORDS}", "Subscribe to our letter today"]
            site.server.on(path, page(f"News {path}", *body))
        await site.crawl()
        site.server.on("/a", page("Fence", *paragraphs))
        site.now += HOUR
        await site.crawl()
        assert len(site.asked("/a")) == 2
        assert {article.revision for article in site.articles()} == {1}
        assert {revision.number for revision in revisions(store)} == {1}

    on_a_site(script)


def test_gone_is_a_removal_at_once_and_missing_only_when_it_stays_so(
    on_a_site: Run, store: Store
) -> None:
    async def script(site: Site) -> None:
        await published(site, page("Fence", *PARAGRAPHS))
        assert (await later(site, Response(404))).removed_at is None
        assert (await later(site, page("Fence", *PARAGRAPHS), 2 * HOUR)).removed_at is None
        assert (await later(site, Response(404), 8 * HOUR)).removed_at is None
        article = await later(site, Response(404), 61 * MINUTES)
        assert (article.removed_at, article.matched_at) == (site.now, None)
        assert article.body
        article = await later(site, page("Fence", *PARAGRAPHS), 24 * HOUR)
        assert article.removed_at is None
        assert (await later(site, Response(410), 60 * HOUR)).removed_at == site.now
        assert [(r.kind, r.note) for r in revisions(store)] == [
            ("first", ""),
            ("removed", "HTTP 404"),
            ("restored", ""),
            ("removed", "HTTP 410"),
        ]

    on_a_site(script)


def test_a_notice_of_retraction_is_one(on_a_site: Run, store: Store) -> None:
    async def script(site: Site) -> None:
        await published(site, page("Fence", *PARAGRAPHS))
        notice = "This story has been withdrawn, since its sources could not be confirmed. " + WORDS
        await later(site, page("Fence", notice))
        assert [r.kind for r in revisions(store)] == ["first", "retracted"]
        assert revisions(store)[1].note.startswith("This story has been withdrawn")

    on_a_site(script)


def test_an_address_that_leads_to_another_article_is_no_edit(on_a_site: Run, store: Store) -> None:
    async def script(site: Site) -> None:
        await published(site, page("Fence", *PARAGRAPHS))
        site.server.on("/z", page("Snow closes the pass", *[f"Snow {n} fell." * 9 for n in "ab"]))
        moved = Response(302, headers={"Location": f"{site.server.url}/z"})
        article = await later(site, moved)
        assert (article.title, article.revision) == ("Fence", 1)
        assert revisit(store).missing == 1

    on_a_site(script)


def test_a_feed_that_says_modified_is_believed(on_a_site: Run, store: Store) -> None:
    async def script(site: Site) -> None:
        await published(site, page("Fence", *PARAGRAPHS))
        site.now += 24 * HOUR
        await site.crawl()
        due = revisit(store).next_at
        assert due is not None
        assert due > site.now + 20 * HOUR
        site.now += HOUR
        modified = site.now - 5 * MINUTES
        atom = (
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title><entry>"
            f"<title>Fence</title><link href='{site.server.url}/a'/><id>a</id>"
            f"<updated>{modified.isoformat()}</updated></entry></feed>"
        )
        kind = {"Content-Type": "application/atom+xml"}
        site.server.on("/feed", Response(200, atom.encode(), kind))
        site.server.on("/a", page("Fence", *EDITED))
        await site.crawl()
        site.now += MINUTES
        await site.crawl()
        assert site.articles()[0].revision == 2
        looks = len(site.asked("/a"))
        site.now += HOUR
        await site.crawl()
        assert len(site.asked("/a")) == looks

    on_a_site(script)


def test_what_was_fetched_is_proved_by_headers_time_and_hash(on_a_site: Run, store: Store) -> None:
    async def script(site: Site) -> None:
        date = format_datetime(NOON)
        answer = page("Fence", *PARAGRAPHS, **{"Last-Modified": date, "X-Served-By": "cache-7"})
        await published(site, answer)
        with store.reading() as session:
            proof = session.exec(select(Evidence)).one()
        assert (proof.status, proof.fetched_at, proof.revision) == (200, NOON, 1)
        assert proof.page_sha256 == hashlib.sha256(answer.body).hexdigest()
        assert {"X-Served-By": "cache-7", "Last-Modified": date}.items() <= dict(
            proof.headers
        ).items()

    on_a_site(script)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE revision SET at = '2026-03-01 11:00:00.000000' WHERE number = 2", "revision 2"),
        ("UPDATE revision SET packed = NULL WHERE number = 1", "revision 1"),
        ("DELETE FROM revision WHERE number = 1", "is missing"),
        ("UPDATE revision SET kind = 'removed' WHERE number = 2", "revision 2"),
    ],
)
def test_a_revision_cannot_silently_change(store: Store, damage: str, told: str) -> None:
    with store.writing() as session:
        number = file_in(session, "https://news.example/a", "Fence", WORDS, NOON)
        edit_in(session, number, "Fence", WORDS + BORDER, NOON + HOUR)
    assert check_database(store) == []
    with store.writing() as session:
        session.connection().exec_driver_sql(damage)
    with store.reading() as session:
        assert told in next(broken_chains(session))
    assert len(check_database(store)) >= 1


def test_an_only_text_cannot_silently_change_either(store: Store) -> None:
    with store.writing() as session:
        file_in(session, "https://news.example/a", "Fence", WORDS, NOON)
        session.execute(update(Article).values(title="Wall"))
    assert "revision 1" in check_database(store)[0]


# The rules alone


def test_looks_become_rarer_with_age_and_end() -> None:
    now, waits = NOON, []
    while (later := next_revisit(NOON, Habit(), now, 0.0)) is not None:
        waits.append(later - now)
        now = later
    assert waits[:4] == [30 * MINUTES, 30 * MINUTES, HOUR, 2 * HOUR]
    assert len(waits) == 11
    assert now - NOON > timedelta(days=14)


def test_a_site_that_edits_much_is_looked_at_more_often() -> None:
    now = NOON + 10 * HOUR
    usual, busy, quiet = (
        next_revisit(NOON, habit, now, 0.0) for habit in (Habit(), Habit(400, 200), Habit(4000, 4))
    )
    assert usual is not None
    assert busy is not None
    assert quiet is not None
    assert busy < usual < quiet
    assert (busy - now, quiet - now) == (5 * HOUR, 20 * HOUR)


def test_a_page_that_changes_at_each_visit_is_not_visited_for_ever() -> None:
    now, looks = NOON, 0
    while (later := next_revisit(NOON, Habit(looks, looks), now, 0.0)) is not None:
        assert later - now >= 30 * MINUTES
        looks, now = looks + 1, later
    assert looks < 60
    assert now - NOON < timedelta(days=60)


def test_what_a_source_says_was_modified_counts_once_and_not_the_future() -> None:
    now = NOON + HOUR
    assert hastened(NOON + 30 * MINUTES, Looks(NOON), now) == now
    assert hastened(NOON - HOUR, Looks(NOON), now) is None
    assert hastened(now + HOUR, Looks(NOON), now) is None
    assert hastened(NOON + MINUTES, Looks(NOON), NOON + 2 * MINUTES) == NOON + 10 * MINUTES
    assert hastened(NOON + MINUTES, Looks(NOON, 10, 1), now) == now
    assert hastened(NOON + MINUTES, Looks(NOON, 10, 0), now) is None


def test_a_document_that_says_everything_was_modified_is_not_believed() -> None:
    assert are_believed(5, 5)
    assert are_believed(100, 1000)
    assert not are_believed(6, 30)
    assert not are_believed(1000, 1000)


def test_gone_counts_at_once() -> None:
    assert is_removed(410, 1)
    assert not is_removed(404, 1)
    assert is_removed(404, 2)


BEFORE = Told("Five die in clash", "At the border.", "Five people died.\n\nThe road is closed.")


@pytest.mark.parametrize(
    ("now", "kind"),
    [
        (Told("Nine die in clash", BEFORE.standfirst, BEFORE.body), "edit"),
        (Told(BEFORE.title, "At the Line.", BEFORE.body), "edit"),
        (Told(BEFORE.title, BEFORE.standfirst, BEFORE.body.replace("Five", "Nine")), "edit"),
        (Told("five die – in “clash”", BEFORE.standfirst, BEFORE.body), None),
        (Told(BEFORE.title, BEFORE.standfirst, BEFORE.body + "\n\nSnow on the pass"), None),
        (Told("RETRACTED: Five die in clash", "", ""), "retracted"),
        (Told(BEFORE.title, BEFORE.standfirst, "This article was removed by us."), "retracted"),
    ],
)
def test_what_is_an_edit(now: Told, kind: str | None) -> None:
    found = edit_of(BEFORE, now, {folded("Snow on the pass!")})
    assert (found and found.kind) == kind


def test_news_about_removals_is_no_retraction() -> None:
    body = BEFORE.body + "\n\nThe report was withdrawn, the article removed from the law."
    assert edit_of(BEFORE, Told(BEFORE.title, BEFORE.standfirst, body), ()) == Edit("edit")
