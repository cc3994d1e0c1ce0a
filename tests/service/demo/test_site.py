"""The demonstration's site behaves as real news sites do, and its furniture names the topics."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import feedparser
import httpx
import pytest

from service.demo.site import WINDOW, NewsSite
from service.demo.stories import Story, load_stories, tell
from service.serving import listening

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
STORIES = [tell(story, random.Random(1)) for story in load_stories()]


def story(slug: str, form: str = "plain") -> Story:
    return Story(slug, f"Headline of {slug}", "", ("One paragraph.",), form=form)  # type: ignore[arg-type]


@pytest.fixture
async def site() -> AsyncIterator[NewsSite]:
    site = NewsSite("Frontier Chronicle", now=lambda: NOW)
    async with listening(site.app(), "127.0.0.1") as site.url:
        yield site


@pytest.fixture
async def client(site: NewsSite) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
        yield client


async def test_the_front_page_names_the_feed_and_robots_the_sitemap(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    site.publish(story("one"))
    assert 'type="application/rss+xml"' in (await client.get("/")).text
    assert f"Sitemap: {site.url}/sitemap.xml" in (await client.get("/robots.txt")).text
    assert f"<loc>{site.url}/news/one</loc>" in (await client.get("/sitemap.xml")).text


async def test_the_feed_shows_the_ten_latest_newest_first(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    for number in range(WINDOW + 3):
        site.publish(story(f"s{number}"))
    feed = feedparser.parse((await client.get("/feed.xml")).content)
    assert not feed.bozo
    links = [entry.link for entry in feed.entries]
    assert links == [f"{site.url}/news/s{n}" for n in range(WINDOW + 2, 2, -1)]


async def test_an_unchanged_feed_is_answered_304_and_a_changed_one_is_not(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    site.publish(story("one"))
    first = await client.get("/feed.xml")
    validators = {
        "If-None-Match": first.headers["ETag"],
        "If-Modified-Since": first.headers["Last-Modified"],
    }
    assert (await client.get("/feed.xml", headers=validators)).status_code == 304
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert (await client.get("/feed.xml", headers=since)).status_code == 304
    site.publish(story("two"))
    assert (await client.get("/feed.xml", headers=validators)).status_code == 200


async def test_all_addresses_of_a_story_carry_its_text(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    for form in ("tracking", "amp", "plain"):
        printed = site.publish(story(form, form))
        again = site.publish(story(form), again=True)
        assert again.path != printed.path
        for path in {printed.path, printed.listed, printed.amp, again.path} - {""}:
            page = await client.get(path)
            assert page.status_code == 200
            assert "One paragraph." in page.text


async def test_pages_about_other_things_name_the_topic_in_their_furniture(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    for one in STORIES:
        printed = site.publish(one)
        page = (await client.get(printed.path)).text
        assert "Durand Line" in page
        assert "Sunday, November 22, 2026" in page
        assert "- Advertisement -" in page


async def test_some_pages_have_structured_data_and_some_have_none(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    pages = [(await client.get(site.publish(one).path)).text for one in STORIES[:6]]
    assert ["application/ld+json" in page for page in pages] == [True, False, False] * 2
    assert ["article:published_time" in page for page in pages] == [False, True, False] * 2


async def test_reads_are_told_and_unknown_pages_are_404(
    site: NewsSite, client: httpx.AsyncClient
) -> None:
    told = []
    site.on_read = told.append
    printed = site.publish(story("one"))
    assert (await client.get("/nowhere")).status_code == 404
    assert told == []
    await client.get(printed.path)
    assert told == [printed]
