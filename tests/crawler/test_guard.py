import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from twisted.internet.address import IPv4Address, IPv6Address

from crawler.guard import GuardedResolver, why_refused


@asynccontextmanager
async def server(host: str, port: int = 0) -> AsyncIterator[tuple[int, list[bytes]]]:
    """An HTTP server that answers "reached": its port, and the requests it gets."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreached")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    running = await asyncio.start_server(answer, host, port)
    async with running:
        yield running.sockets[0].getsockname()[1], requests


# Twisted's reactor can be started once in a process, so the requests are made in another one.
_FETCH = """
import json, sys
from ipaddress import ip_network
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import reactor
from twisted.internet.task import react
from twisted.web.client import Agent, readBody
from crawler.guard import GuardedResolver, why_refused

allow, trusted, urls = json.loads(sys.argv[1])

async def main(reactor):
    networks = [ip_network(network) for network in allow]
    GuardedResolver(reactor, 100, networks, trusted).install_on_reactor()
    agent, outcomes = Agent(reactor, connectTimeout=5), {}
    for url in urls:
        try:
            answer = await agent.request(b"GET", url.encode())
            outcomes[url] = (await readBody(answer)).decode()
        except Exception as error:
            host = url.split("/")[2].rpartition(":")[0]
            outcomes[url] = why_refused(host.strip("[]")) or repr(error)
    print(json.dumps(outcomes))

def run(reactor):
    from twisted.internet.defer import ensureDeferred
    return ensureDeferred(main(reactor))

react(run)
"""


async def fetch(urls: list[str], allow: list[str], trusted: list[str]) -> dict[str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _FETCH,
        json.dumps([allow, trusted, urls]),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    outcomes: dict[str, str] = json.loads(output)
    return outcomes


async def test_connections_go_to_allowed_addresses_only() -> None:
    async with server("127.0.0.1") as (port, asked), server("127.0.0.2", port) as (_, forbidden):
        good = [f"http://127.0.0.1:{port}/", f"http://localhost:{port}/"]
        bad = [
            f"http://{host}:{port}/"
            for host in ("127.0.0.2", "2130706434", "0x7f000002", "127.2", "[::ffff:127.0.0.2]")
        ]
        outcomes = await fetch(good + bad + bad[:1], allow=["127.0.0.1/32"], trusted=[])
        assert [outcomes[url] for url in good] == ["reached", "reached"]
        for url in bad:
            assert "is refused" in outcomes[url], (url, outcomes[url])
            assert "is a loopback address" in outcomes[url]
        assert len(asked) == 2
        assert forbidden == []


async def test_nothing_private_is_reached_by_default_but_a_trusted_proxy() -> None:
    async with server("127.0.0.1") as (port, asked):
        names = [f"http://localhost:{port}/", f"http://127.0.0.1:{port}/"]
        outcomes = await fetch(names, allow=[], trusted=["127.0.0.1"])
        assert "localhost is refused" in outcomes[names[0]]
        assert outcomes[names[1]] == "reached"
        assert len(asked) == 1


class _Answers:
    """A name resolver with fixed answers, and the receiver of what comes through."""

    def __init__(self, answers: list[object]) -> None:
        self.answers = answers
        self.passed: list[object] = []
        self.complete = 0

    def resolveHostName(self, receiver: "_Answers", *_: object) -> None:
        receiver.resolutionBegan(None)
        for address in self.answers:
            receiver.addressResolved(address)
        receiver.resolutionComplete()

    def resolutionBegan(self, _: object) -> None: ...

    def addressResolved(self, address: object) -> None:
        self.passed.append(address)

    def resolutionComplete(self) -> None:
        self.complete += 1


class _Reactor:
    def __init__(self, resolver: object) -> None:
        self.nameResolver = resolver

    def installNameResolver(self, resolver: object) -> None:
        self.nameResolver = resolver


def test_refused_addresses_are_dropped_from_the_answer_and_from_the_cache() -> None:
    public, private = IPv4Address("TCP", "8.8.8.8", 80), IPv4Address("TCP", "10.0.0.1", 80)
    local = IPv6Address("TCP", "::ffff:127.0.0.1", 80)
    upstream = _Answers([private, public, local])
    resolver = GuardedResolver(_Reactor(upstream), 10)  # type: ignore[arg-type]
    for _ in range(2):
        receiver = _Answers([])
        resolver.resolveHostName(receiver, "mixed.example")
        assert [address.host for address in receiver.passed] == ["8.8.8.8"]  # type: ignore[attr-defined]
        assert receiver.complete == 1
    assert why_refused("mixed.example") is None


def test_installing_the_guard_again_replaces_it() -> None:
    reactor = _Reactor(_Answers([IPv4Address("TCP", "10.0.0.1", 80)]))
    GuardedResolver(reactor, 0).install_on_reactor()  # type: ignore[arg-type]
    GuardedResolver(reactor, 0, [ip_network("10.0.0.0/8")]).install_on_reactor()  # type: ignore[arg-type]
    receiver = _Answers([])
    reactor.nameResolver.resolveHostName(receiver, "inner.example")  # type: ignore[attr-defined]
    assert len(receiver.passed) == 1
