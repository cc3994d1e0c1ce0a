"""The site that tests write does what it is told."""

import random
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.http import HangUpError, Response
from tests.support.prose import headline, paragraphs
from tests.support.site import Site


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def test_an_article_is_in_the_feed_and_has_a_page(client: httpx.AsyncClient) -> None:
    async with Site() as site:
        url = site.publish("A fence & a flood", ["Rain fell."])
        assert f"<link>{url}</link>" in (await client.get(site.feed_url)).text
        assert "<h1>A fence &amp; a flood</h1><p>Rain fell.</p>" in (await client.get(url)).text


async def test_two_hosts_are_two_sites(client: httpx.AsyncClient) -> None:
    async with Site(host="127.0.0.2", name="One") as one, Site(host="127.0.0.3") as two:
        url = one.publish("Only here", ["Text."])
        other = url.replace(one.url, two.url)
        assert (await client.get(url)).status_code == 200
        assert (await client.get(other)).status_code == 404


async def test_the_feed_shows_its_window_and_answers_304(client: httpx.AsyncClient) -> None:
    async with Site(window=2) as site:
        for title in ("First", "Second", "Third"):
            site.publish(title, ["Text."])
        feed = await client.get(site.feed_url)
        assert feed.text.index("Third") < feed.text.index("Second")
        assert "First" not in feed.text
        etag = {"If-None-Match": feed.headers["ETag"]}
        assert (await client.get(site.feed_url, headers=etag)).status_code == 304
        site.publish("Fourth", ["Text."])
        assert (await client.get(site.feed_url, headers=etag)).status_code == 200
        assert site.asked("/feed.xml") == 3


async def test_faults_are_acted_out_as_often_as_told(client: httpx.AsyncClient) -> None:
    async with Site() as site:
        site.fail(Response(503), path="/feed.xml", times=1)
        assert (await client.get(site.feed_url)).status_code == 503
        assert (await client.get(site.feed_url)).status_code == 200
        site.fail(HangUpError)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(site.feed_url)
        site.recover()
        assert (await client.get(site.feed_url)).status_code == 200


def test_prose_names_what_it_is_told_and_never_repeats_itself() -> None:
    chance = random.Random(1)
    texts = {" ".join(paragraphs(chance, "Durand Line")) for _ in range(50)}
    assert len(texts) == 50
    assert all(text.count("Durand Line") == 1 for text in texts)
    assert "Durand" not in " ".join(paragraphs(chance))
    assert len({headline(chance) for _ in range(50)}) == 50
