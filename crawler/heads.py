"""Bounds of what stands before an answer's body: status lines and headers.

Scrapy bounds bodies only. Headers without end would fill the memory for as long as the request may
take, and interim answers (103 Early Hints) without end would last as long. So each line is counted
before it is parsed, those of interim answers too, and the connection is cut where it is too much.

Nor does Scrapy bound what a proxy answers to CONNECT, and it leaves the connection to the proxy
open where the request is given up before there is a tunnel.
"""

from __future__ import annotations

from typing import Any

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
    _TunnelingTCP4ClientEndpoint,
)
from scrapy.crawler import Crawler
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web._newclient import Request
from twisted.web.client import HTTPConnectionPool
from twisted.web.iweb import IResponse

MOST_LINES = 1000
"""Real sites send 20 to 60; servers of their own take 100 or so before they refuse."""
MOST_BYTES = 256 * 1024
MOST_OF_PROXY = 64 * 1024
"""Bytes with which a proxy may answer before there is a tunnel."""


class TooLongHeadError(Exception):
    """The headers of an answer are too many or too long to be read."""


class _CountingParser(_LenientHTTPClientParser):
    """Gives up an answer whose head passes the bounds."""

    # Not set where interim answers begin the parser anew: they count together.
    _lines = 0
    _bytes = 0

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """One line of the head. Raises TooLongHeadError."""
        self._lines += 1
        self._bytes += len(line)
        if self._lines > MOST_LINES or self._bytes > MOST_BYTES:
            raise TooLongHeadError
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """One line without end: Twisted would only ask the server to hang up."""
        raise TooLongHeadError


class _CountingProtocol(_LenientHTTP11ClientProtocol):
    def request(self, request: Request) -> Deferred[IResponse]:
        """Asks; the answer is read by a parser that counts."""
        answer = super().request(request)
        # Scrapy exchanges the parser of Twisted in the same way: neither has a place for another.
        assert self._parser is not None
        self._parser.__class__ = _CountingParser
        return answer

    def _giveUp(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Cuts a connection whose server would go on sending; Twisted only asks it to hang up."""
        super()._giveUp(reason)  # type: ignore[no-untyped-call]
        if reason.check(TooLongHeadError):  # type: ignore[no-untyped-call]
            assert self.transport is not None
            self.transport.abortConnection()


class _CountingFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: IAddress | None) -> _CountingProtocol:  # noqa: N802
        """A connection."""
        return _CountingProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class _BoundedTunnel(_TunnelingTCP4ClientEndpoint):
    """A tunnel through a proxy; without one, no connection to the proxy stays open."""

    _opened: Protocol | None = None

    def connect(  # type: ignore[override] # as Scrapy's own
        self,
        protocolFactory: Factory,  # noqa: N803 - Twisted's name
    ) -> Deferred[Protocol]:
        """The tunnel."""
        # Also where whoever waits gives up: the request ran into its timeout.
        return super().connect(protocolFactory).addErrback(self._cut)

    def requestTunnel(self, protocol: Protocol) -> Protocol:  # noqa: N802 - Scrapy's name
        """Asks for the tunnel, unless nobody waits for it any more."""
        self._opened = protocol
        if self._tunnelReadyDeferred.called:
            _abort(protocol)
            return protocol
        return super().requestTunnel(protocol)

    def processProxyResponse(self, data: bytes) -> None:  # noqa: N802 - Scrapy's name
        """Reads on in the proxy's answer."""
        if self._tunnelReadyDeferred.called:
            return
        if len(self._connectBuffer) + len(data) > MOST_OF_PROXY:
            self._tunnelReadyDeferred.errback(TooLongHeadError())
        else:
            super().processProxyResponse(data)

    def _cut(self, reason: Failure) -> Failure:
        if self._opened is not None:
            _abort(self._opened)
        return reason


def _abort(protocol: Protocol) -> None:
    assert protocol.transport is not None
    protocol.transport.abortConnection()


class BoundedPool(HTTPConnectionPool):
    """Connections on which heads, and a proxy's answers, are bounded."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        """`pool`: another one, which serves as a model."""
        super().__init__(pool._reactor, pool.persistent)  # type: ignore[no-untyped-call]
        self.maxPersistentPerHost = pool.maxPersistentPerHost
        self._factory = _CountingFactory

    def _newConnection(self, key: Any, endpoint: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        # Scrapy's agent makes it, of a class that cannot be chosen.
        if isinstance(endpoint, _TunnelingTCP4ClientEndpoint):
            endpoint.__class__ = _BoundedTunnel
        made: Deferred[Any] = super()._newConnection(key, endpoint)
        return made


class BoundedHandler(HTTP11DownloadHandler):
    """Scrapy's download handler for http and https, with bounds for an answer's head."""

    def __init__(self, crawler: Crawler) -> None:
        """As Scrapy wants it."""
        super().__init__(crawler)
        self._pool = BoundedPool(self._pool)
