"""Headers of answers: as many as any honest site sends, and not without end."""

from collections.abc import Callable

import pytest

from tests.support.crawled import Run, Site, feed
from tests.support.hostile import SMALL, Answers, answers
from tests.support.http import HttpServer, Request, Response

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

MB = 2**20
ENDLESS = [name for name in answers(SMALL) if "header" in name and "without end" in name]
ENDLESS += ["a header of endless lines", "interim answers without end"]


def given(answer: Answers, server: HttpServer) -> Callable[[Request], Response]:
    return lambda _: answer(server.url, "feed")


@pytest.mark.parametrize("name", ENDLESS)
def test_a_head_without_end_is_cut_off_after_a_quarter_of_a_megabyte(
    on_a_site: Run, name: str
) -> None:
    async def script(site: Site) -> None:
        site.server.on("/feed", given(answers(SMALL)[name], site.server))
        report = await site.crawl()
        assert report.errors == (
            f"{site.server.url}/feed: the answer's headers are too long or too many",
        )
        # Beyond what was read: what lay in the buffers of the two sockets.
        assert site.server.sent < 8 * MB

    on_a_site(script, config={"timeout": "20s"})


@pytest.mark.parametrize("count", [100, 900])
def test_a_site_with_many_headers_is_read(on_a_site: Run, count: int) -> None:
    async def script(site: Site) -> None:
        listed = feed(site.server, "/a")
        many = {f"X-Trace-{number}": "y" * 100 for number in range(count)}
        site.server.on("/feed", Response(200, listed.body, {**listed.headers, **many}))
        assert (await site.crawl()).entries == 1

    on_a_site(script)


def test_a_few_interim_answers_are_passed_over(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        listed = feed(site.server, "/a").body
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(listed)
        site.server.on("/feed", Response(raw=hint * 9 + head + listed))
        assert (await site.crawl()).entries == 1

    on_a_site(script)
