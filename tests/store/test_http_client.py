"""The guarded client: one loopback address allowed, another one not; both are really listening."""

from ipaddress import ip_network

import pytest

from store.http_client import ForbiddenAddressError, guarded_client
from tests.support.http import HttpServer, Response

ALLOWED = [ip_network("127.0.0.1/32")]


async def test_allowed_addresses_are_reached() -> None:
    async with HttpServer() as server, guarded_client(ALLOWED, timeout=5) as client:
        url = server.on("/", Response(200, b"here"))
        assert (await client.get(url)).text == "here"


@pytest.mark.parametrize("host", ["127.0.0.2", "127.2", "2130706434", "[::ffff:127.0.0.2]"])
async def test_other_addresses_are_refused_without_a_connection(host: str) -> None:
    async with HttpServer(host="127.0.0.2") as server, guarded_client(ALLOWED, timeout=5) as client:
        server.on("/", Response(200))
        with pytest.raises(ForbiddenAddressError, match="not a public address"):
            await client.get(f"http://{host}:{server.port}/")
        assert server.connections == 0


async def test_without_an_allowance_loopback_is_refused_by_name() -> None:
    async with HttpServer() as server, guarded_client([], timeout=5) as client:
        with pytest.raises(ForbiddenAddressError, match="localhost"):
            await client.get(f"http://localhost:{server.port}/")
        assert server.connections == 0


async def test_redirects_are_not_followed() -> None:
    async with HttpServer() as server, guarded_client(ALLOWED, timeout=5) as client:
        url = server.on("/", Response(302, headers={"Location": "http://127.0.0.2:1/"}))
        assert (await client.get(url)).status_code == 302


async def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HttpServer() as proxy, HttpServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with guarded_client(ALLOWED, timeout=5) as client:
            await client.get(server.on("/", Response(204)))
        assert (proxy.connections, server.connections) == (0, 1)
