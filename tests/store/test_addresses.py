import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.addresses import (
    AddressRefused,
    HTTPError,
    guarded_client,
    literal_address,
    reachable,
    refusal,
    url_refusal,
)

ONE = (ip_network("127.0.0.1/32"),)
LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1",
        "192.88.99.1",
        "198.18.0.1", "192.0.0.1", "192.0.2.1", "203.0.113.9", "::", "::1", "fe80::1", "fc00::1",
        "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "64:ff9b::a00:1",
        "64:ff9b::808:808", "64:ff9b:1::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::", "2001:0:808:808:0:0:5601:5601", "fe80::1%1",
    ],
)  # fmt: skip
def test_private_local_and_reserved_addresses_are_refused(text: str) -> None:
    assert refusal(ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "151.101.1.1", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_global_addresses_are_reachable(text: str) -> None:
    assert refusal(ip_address(text)) is None


def test_an_allowed_range_is_reachable_in_every_spelling_and_no_other_is() -> None:
    for text in ("127.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::"):
        assert refusal(ip_address(text), ONE) is None
    for text in ("127.0.0.2", "::ffff:127.0.0.2", "::1", "10.0.0.1"):
        assert refusal(ip_address(text), ONE) is not None


def test_a_refusal_says_what_the_address_is() -> None:
    assert refusal(ip_address("127.0.0.1")) == "127.0.0.1 is a loopback address"
    assert "metadata" in (refusal(ip_address("169.254.169.254")) or "")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/hostname", "data:text/html,x", "javascript:x", "",
        "https://user@example.org/", "https://example.org\\@10.0.0.1/", "https://example.org/\n",
        "https://exam ple.org/", "https:///x", "https://[::1", "https://example.org:25/",
        "https://example.org:99999/", "https://example.org/" + "x" * 2000, "http://127.0.0.1/",
        "http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://0/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://localhost:8080/", "http://a.localhost/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_addresses_that_are_never_fetched(url: str) -> None:
    assert url_refusal(url)


def test_addresses_that_may_be_fetched() -> None:
    assert url_refusal("https://example.org/a?b=c") is None
    assert url_refusal("https://example.org:8443/") is None
    assert url_refusal("http://127.0.0.1:8080/", ONE) is None
    assert url_refusal("http://127.0.0.2:8080/", ONE)


def test_refused_addresses_are_dropped_and_the_others_keep_their_order() -> None:
    kept, refusals = reachable(["8.8.8.8", "10.0.0.1", "1.1.1.1", "8.8.8.8"], ())
    assert kept == ["8.8.8.8", "1.1.1.1"]
    assert refusals == ["10.0.0.1 is a private or reserved address"]


@given(st.ip_addresses())
def test_no_address_is_reachable_that_python_calls_private(
    address: object,
) -> None:
    found = ip_address(str(address))
    if found.is_private and not getattr(found, "ipv4_mapped", None):
        assert refusal(found)


@given(st.text())
def test_judging_any_text_never_raises(text: str) -> None:
    url_refusal(text)
    url_refusal(f"http://{text}/")
    literal_address(text)


@asynccontextmanager
async def server(host: str, port: int = 0) -> AsyncIterator[tuple[int, list[bytes]]]:
    """An HTTP server that answers "reached": its port, and the requests it gets."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        requests.append(request)
        body = b"reached"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    running = await asyncio.start_server(answer, host, port)
    async with running:
        yield running.sockets[0].getsockname()[1], requests


async def test_the_client_reaches_an_allowed_address_and_no_other() -> None:
    async with server("127.0.0.1") as (port, asked), server("127.0.0.2", port) as (_, forbidden):
        async with guarded_client(ONE) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "reached"
            for host in ("127.0.0.2", "2130706434", "0x7f000002", "127.2", "[::ffff:127.0.0.2]"):
                with pytest.raises(HTTPError, match=r"is refused: .* is a loopback address"):
                    await client.get(f"http://{host}:{port}/")
        assert len(asked) == 1
        assert forbidden == []


async def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    async with server("127.0.0.1") as (port, asked):
        async with guarded_client() as client:
            with pytest.raises(HTTPError, match="localhost is refused") as caught:
                await client.get(f"http://localhost:{port}/")
            assert isinstance(caught.value.__cause__, AddressRefused)
        assert asked == []
        async with guarded_client(LOOPBACK) as client:
            answer = await client.get(f"http://localhost:{port}/")
        assert answer.text == "reached"
        assert b"Host: localhost" in asked[0] or b"host: localhost" in asked[0]


async def test_the_environment_gives_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server("127.0.0.1") as (port, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with guarded_client() as client:
            with pytest.raises(HTTPError, match="is refused"):
                await client.get(f"http://127.0.0.1:{port}/")
        assert asked == []


async def test_a_name_that_does_not_exist_is_an_http_error() -> None:
    async with guarded_client() as client:
        with pytest.raises(HTTPError, match="cannot be resolved"):
            await client.get(f"http://{'x' * 64}.invalid/")  # too long a label to be asked for


async def test_a_closed_port_is_an_http_error() -> None:
    async with server("127.0.0.1") as (port, _):
        pass
    async with guarded_client(ONE) as client:
        with pytest.raises(HTTPError):
            await client.get(f"http://127.0.0.1:{port}/")
