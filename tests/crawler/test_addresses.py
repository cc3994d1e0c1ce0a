"""Where a crawl may lead: redirects of every kind, names whose answers alternate, own headers."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver
from zope.interface import implementer

from crawler.guard import GuardedResolver
from crawler.settings import REDIRECTS
from tests.support.crawled import Run, Site, feed, page
from tests.support.http import HttpServer, Response

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

SECRETS = {"X-Api-Key": "key-of-the-desk", "Cookie": "session=1", "User-Agent": "desk/secret"}


def redirect(url: str, status: int = 302) -> Response:
    return Response(status, headers={"Location": url})


@on_sqlite
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_sources_own_headers_do_not_follow_a_redirect_to_another_host(
    on_a_site: Run, status: int
) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as other:
            other.on("/feed", feed(other, "/a"))
            site.server.on("/feed", redirect(f"{other.url}/feed", status))
            report = await site.crawl()
            assert report.failed_sources == ()
            [sent] = [r for r in other.requests if r.path == "/feed"]
            assert not set(SECRETS.values()) & set(sent.headers.values())
            assert "x-api-key" not in sent.headers
            assert sent.headers["user-agent"].startswith("Wirewatch/")
            assert sent.headers["cache-control"] == "max-age=0"
            [asked] = site.asked("/feed")
            assert asked.headers["x-api-key"] == SECRETS["X-Api-Key"]
            # Nor do they go to other hosts' robots.txt.
            assert all("x-api-key" not in r.headers for r in other.requests)

    on_a_site(script, config={"allow_private": ["127.0.0.0/30"]}, source={"headers": dict(SECRETS)})


@on_sqlite
def test_they_do_follow_one_on_the_same_host(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        site.publish("/a")
        site.server.on("/feed", redirect("/moved"))
        site.server.on("/moved", feed(site.server, "/a"))
        await site.crawl()
        [sent] = site.asked("/moved")
        assert sent.headers["x-api-key"] == SECRETS["X-Api-Key"]

    on_a_site(script, source={"headers": dict(SECRETS)})


@on_sqlite
def test_a_loop_of_redirects_across_two_hosts_comes_to_an_end(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as other:
            site.server.on("/feed", redirect(f"{other.url}/there"))
            other.on("/there", redirect(f"{site.server.url}/back"))
            site.server.on("/back", redirect(f"{other.url}/there"))
            report = await site.crawl()
            assert report.errors == (f"{site.server.url}/feed: it redirects again and again",)
            asked = site.asked("/feed") + site.asked("/back") + other.requests
            # robots.txt of the other host is one of them.
            assert len(asked) == REDIRECTS + 2
            assert all("x-api-key" not in request.headers for request in other.requests)

    on_a_site(script, config={"allow_private": ["127.0.0.0/30"]}, source={"headers": dict(SECRETS)})


@on_sqlite
@pytest.mark.parametrize(
    "host", ["127.0.0.2", "127.2", "2130706434", "0x7f.2", "0177.0.0.2", "[::ffff:127.0.0.2]"]
)
def test_a_redirect_inside_is_refused_however_the_address_is_written(
    on_a_site: Run, host: str
) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as inside:
            inside.on("*", page("Inside"))
            site.server.on("/feed", redirect(f"http://{host}:{inside.port}/"))
            site.server.on("/robots.txt", Response(404))
            report = await site.crawl()
            assert report.failed_sources == ("site",)
            assert "not a public address" in site.state().last_error
            assert inside.connections == 0

    on_a_site(script)


@on_sqlite
def test_robots_txt_does_not_lead_inside_either(on_a_site: Run) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.2") as inside:
            inside.on("*", Response(200, b"User-agent: *\nAllow: /\n"))
            site.publish("/a")
            site.server.on("/robots.txt", redirect(f"{inside.url}/robots.txt"))
            report = await site.crawl()
            assert report.failed_sources == ("site",)
            assert inside.connections == 0

    on_a_site(script)


@on_sqlite
def test_a_configured_proxy_is_reached_and_addresses_behind_it_are_judged_as_written(
    on_a_site: Run,
) -> None:
    async def script(site: Site) -> None:
        async with HttpServer(host="127.0.0.3") as proxy:
            proxy.on("*", feed(site.server, "/a"))
            site.config["proxy"] = proxy.url
            site.resolver.proxy_host = "127.0.0.3"
            try:
                site.publish("/a")
                site.source = {"url": "http://127.0.0.2:8080/feed", "kind": "feed"}
                report = await site.crawl()
            finally:
                site.resolver.proxy_host = None
            assert "not a public address" in report.errors[0]
            assert proxy.requests == []

    on_a_site(script)


@implementer(IHostnameResolver)
class Alternating:
    """Answers a name with one address after the other, as a rebinding name server does."""

    def __init__(self, *addresses: tuple[str, ...]) -> None:
        self._answers: Iterator[tuple[str, ...]] = cycle(addresses)

    def resolveHostName(self, receiver: Any, host: str, port: int = 0, *_: Any) -> Any:
        receiver.resolutionBegan(None)
        for address in next(self._answers):
            receiver.addressResolved(IPv4Address("TCP", address, port))
        receiver.resolutionComplete()


class Receiver:
    """Takes what passes the guard."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.ended = False

    def resolutionBegan(self, _resolution: Any) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        self.passed.append(address.host)

    def resolutionComplete(self) -> None:
        self.ended = True


class Reactor:
    """What the guard needs of one."""

    def __init__(self, resolver: Any) -> None:
        self.nameResolver = resolver


def test_every_answer_of_a_name_is_judged_and_one_inside_refuses_it() -> None:
    public, inside = ("93.184.215.14",), ("127.0.0.1",)
    guard = GuardedResolver(Reactor(Alternating(public, inside, public + inside, public)))
    passed = []
    for _ in range(4):
        receiver = Receiver()
        guard.resolveHostName(receiver, "rebind.example", 80)  # type: ignore[arg-type]
        assert receiver.ended
        passed.append(receiver.passed)
    # What passes is what is connected to: nobody asks the name server a second time.
    assert passed == [list(public), [], [], list(public)]
    assert guard.why_refused("rebind.example") is None
