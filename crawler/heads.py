"""Bounds of what stands before an answer's body: status lines and headers.

Scrapy bounds bodies only. Headers without end would fill the memory for as long as the request may
take, and interim answers (103 Early Hints) without end would last as long. So each line is counted
before it is parsed, those of interim answers too, and the connection is cut where it is too much.
"""

from __future__ import annotations

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.crawler import Crawler
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web._newclient import Request
from twisted.web.iweb import IResponse

MOST_LINES = 1000
"""Real sites send 20 to 60; servers of their own take 100 or so before they refuse."""
MOST_BYTES = 256 * 1024


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


class BoundedHandler(HTTP11DownloadHandler):
    """Scrapy's download handler for http and https, with bounds for an answer's head."""

    def __init__(self, crawler: Crawler) -> None:
        """As Scrapy wants it."""
        super().__init__(crawler)
        self._pool._factory = _CountingFactory
