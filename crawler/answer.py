"""What a request came back with, in words that do not depend on Scrapy."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from gzip import BadGzipFile
from itertools import islice
from typing import Any

import brotli
import zstandard
from scrapy import exceptions
from scrapy.http import Response
from twisted.internet.error import ConnectionClosed
from twisted.web._newclient import ParseError
from twisted.web.client import ResponseFailed

from crawler.heads import TooLongHeadError

MOST_HEADERS = 100
LONGEST_HEADER = 2000
"""Characters; what a site sends beyond is not kept."""

_REFUSED_FOR_NOW = frozenset({429, 503})
_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or the reason why there is none."""

    url: str
    """Where redirects ended."""
    status: int | None = None
    """None when no answer came."""
    body: bytes = b""
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    retry_after: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """All of them, as they came."""
    max_age: timedelta | None = None
    """How long the answer may be kept (Cache-Control)."""
    error: str | None = None
    """In words; None for a usable answer (2xx, or 304 to a conditional request)."""
    refused: bool = False
    """Whether we ourselves may not ask: robots.txt or the address guard forbid it."""

    @property
    def not_modified(self) -> bool:
        """The document is as we know it."""
        return self.status == 304

    def as_evidence(self, at: datetime) -> dict[str, Any]:
        """What proves that it came so, as JSON; `at` is when."""
        return {
            "url": self.url,
            "status": self.status,
            "headers": [list(pair) for pair in self.headers],
            "fetched_at": at.isoformat(),
            "sha256": hashlib.sha256(self.body).hexdigest(),
        }

    @property
    def gone(self) -> bool:
        """The server knows no such address."""
        return self.status in _GONE

    @property
    def host_is_busy(self) -> bool:
        """The host asks to be left alone for a while."""
        return self.status in _REFUSED_FOR_NOW


class RefusedRequestError(exceptions.IgnoreRequest):
    """We may not ask for this; the message says who forbids it."""

    def __init__(self, why: str, *, temporary: bool = False) -> None:
        """`temporary`: only for want of an answer (robots.txt), so worth another try."""
        super().__init__(why)
        self.temporary = temporary


MOST_LAYERS = 2
"""Encodings of one answer: real sites use one, and some that pack twice by mistake two."""


class PackedTooOftenError(Exception):
    """The answer names more encodings than are undone."""


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1").strip()[:2000] if value else None


def _headers(response: Response) -> tuple[tuple[str, str], ...]:
    pairs = (
        (name.decode("latin-1"), value.decode("latin-1")[:LONGEST_HEADER])
        for name, values in response.headers.items()
        for value in values
    )
    return tuple(islice(pairs, MOST_HEADERS))


def _max_age(cache_control: str | None) -> timedelta | None:
    """RFC 9111, section 5.2.2.1; a year at most."""
    found = re.search(r"\bmax-age\s*=\s*\"?(\d{1,9})", cache_control or "", re.IGNORECASE)
    if not found or re.search(r"\bno-(?:cache|store)\b", cache_control or "", re.IGNORECASE):
        return None
    return timedelta(seconds=min(int(found[1]), 365 * 86400))


def answer_of(response: Response) -> Answer:
    """An answer from Scrapy's response."""
    error = None
    if response.status not in {*range(200, 300), 304}:
        error = f"HTTP {response.status}"
    elif encoding := _header(response, "Content-Encoding"):
        # Scrapy drops the header of what it decoded and passes the unknown on as it came.
        error = f"the answer is encoded as {encoding[:40]!r}, which is not understood"
    return Answer(
        url=response.url,
        status=response.status,
        body=response.body,
        content_type=_header(response, "Content-Type"),
        etag=_header(response, "ETag"),
        last_modified=_header(response, "Last-Modified"),
        retry_after=_header(response, "Retry-After"),
        headers=_headers(response),
        max_age=_max_age(_header(response, "Cache-Control")),
        error=error,
    )


_NOT_PACKED = "the answer is not packed as it says, and could not be unpacked"
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.DownloadTimeoutError, "no answer in time"),
    (exceptions.DownloadConnectionRefusedError, "the connection was refused"),
    (exceptions.CannotResolveHostError, "the host name could not be resolved"),
    (exceptions.ResponseDataLossError, "the answer broke off before its end"),
    (exceptions.DownloadCancelledError, "the answer was larger than [crawler] max_size"),
    (exceptions.UnsupportedURLSchemeError, "the address is neither http nor https"),
    (BadGzipFile, _NOT_PACKED),
    (zlib.error, _NOT_PACKED),
    (EOFError, _NOT_PACKED),
    (brotli.error, _NOT_PACKED),
    (zstandard.ZstdError, _NOT_PACKED),
    (ConnectionClosed, "the connection was closed before the answer was there"),
    (PackedTooOftenError, "the answer is packed again and again, and is not unpacked"),
    (TooLongHeadError, "the answer's headers are too long or too many"),
)

_IGNORED = (
    ("DOWNLOAD_MAXSIZE", "the answer was larger than [crawler] max_size when unpacked"),
    ("redirections", "it redirects again and again"),
)
_NO_ADDRESS = "Missing scheme in request url"
"""What Scrapy says of a redirect to `javascript:` and the like."""
"""What Scrapy's own refusals say, and what they mean."""


def answer_of_failure(url: str, error: BaseException | None, guard: str | None) -> Answer:
    """Why no answer came; `guard` is what the address guard said."""
    if isinstance(error, RefusedRequestError):
        return Answer(url, error=str(error), refused=not error.temporary)
    if guard is not None and isinstance(error, exceptions.CannotResolveHostError):
        return Answer(url, error=guard, refused=True)
    return Answer(url, error=_in_words(error))


def _in_words(error: BaseException | None) -> str:
    what, is_broken = error, False
    if isinstance(error, exceptions.DownloadFailedError) and isinstance(
        error.__cause__, ResponseFailed
    ):
        what, is_broken = error.__cause__.reasons[0].value, True
    for kind, words in _WORDS:
        if isinstance(what, kind):
            return words
    if isinstance(what, exceptions.IgnoreRequest):
        for part, words in _IGNORED:
            if part in str(what):
                return words
    if isinstance(what, ValueError) and _NO_ADDRESS in str(what):
        return "it redirects to what is no web address"
    if is_broken and isinstance(what, ValueError | ParseError):
        return f"the answer is no proper HTTP ({str(what)[:100]})"
    return f"{type(what).__name__}: {str(what)[:200]}"
