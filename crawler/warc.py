"""Pages out of WARC files (ISO 28500), those of `crawler` archives of any tool; nothing is fetched.

Everything is bounded: the lines and number of headers, the bytes of one page before and after it is
unpacked. A record that is too large is passed over without being held. What is wrong with one
record is told and the next is read; where the frame of the file itself is broken there is no next.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, Protocol

import brotli
import zstandard

from crawler.answer import LONGEST_HEADER, MOST_HEADERS
from crawler.dates import is_believable
from crawler.items import Page
from crawler.urls import listed_url

_LONGEST_LINE = 16 * 1024
_MOST_LINES = 500
_LONGEST_HEAD = 256 * 1024
"""Bytes of the headers of an answer."""
_PART = 1 << 16
_PIECE = 1 << 10
"""Bytes that are unpacked at once: Zstandard makes 32 MB of them at most, zlib one."""
_MOST_ENCODINGS = 3
_MOST_MEMBERS = 1000
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_HTML = ("text/html", "application/xhtml+xml")
_WINDOW = 1 << 27
"""Bytes that Zstandard may look back."""


class WarcError(Exception):
    """The file cannot be read any further; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record that may hold a page."""

    number: int
    """From 1, of all records of the file."""
    page: Page | None = None
    """None: it holds no page that was answered with 200, or is at fault."""
    fault: str = ""
    """Why its page cannot be read, in words; empty where nothing is wrong."""


class _RecordError(Exception):
    """One record cannot be read; the next can."""


def read_warc(stream: BinaryIO, most: int, now: datetime) -> Iterator[Record]:
    """Every record of an unpacked WARC file, with the pages of those that hold one.

    `most`: bytes of the largest page that is read. `now` (aware): a record dated later is at
    fault. Raises WarcError, and what reading raises.
    """
    number = 0
    while (headers := _headers(stream, number + 1)) is not None:
        number += 1
        length = _length(headers, number)
        block = _Block(stream, length)
        page, fault = None, ""
        try:
            page = _page(headers, block, most, now)
        except _RecordError as error:
            fault = str(error)
        if not block.pass_over():
            raise WarcError(f"record {number} is cut short; the file ends there")
        yield Record(number, page, fault)


class _Block:
    """The bytes of one record."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, most: int) -> bytes:
        """Further bytes, at most so many; fewer at the end of the record or of the file."""
        found = self._stream.read(min(most, self._left))
        self._left -= len(found)
        return found

    def pass_over(self) -> bool:
        """Goes to the end; False where the file ends before it."""
        while self._left and self.read(_PART):
            pass
        return not self._left

    @property
    def left(self) -> int:
        """How many bytes follow."""
        return self._left


def _headers(stream: BinaryIO, number: int) -> dict[str, str] | None:
    """The headers of the next record, names in lower case; None at the end of the file."""
    first = _line(stream, number)
    while first in (b"\r\n", b"\n"):
        first = _line(stream, number)
    if not first:
        return None
    if not first.startswith(b"WARC/"):
        raise WarcError(f"record {number} does not begin as records do; the rest is not read")
    found: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = _line(stream, number)
        if line in (b"\r\n", b"\n"):
            return found
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if not line or not line.endswith(b"\n"):
            raise WarcError(f"record {number} is cut short; the file ends there")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    raise WarcError(f"record {number} has more than {_MOST_LINES} headers; the rest is not read")


def _line(stream: BinaryIO, number: int) -> bytes:
    line = stream.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
        raise WarcError(f"record {number} has a header without end; the rest is not read")
    return line


def _length(headers: Mapping[str, str], number: int) -> int:
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal() and len(length) <= 18):
        raise WarcError(f"record {number} does not say how long it is; the rest is not read")
    return int(length)


def _page(headers: Mapping[str, str], block: _Block, most: int, now: datetime) -> Page | None:
    """The page of a record; None where it holds none that was answered with 200."""
    kind = headers.get("warc-type", "").lower()
    if kind != "response" or "http" not in headers.get("content-type", "").lower():
        return None
    head, begin = _head(block)
    status, answer = _status(head), _pairs(head)
    said = {name.lower(): value for name, value in reversed(answer)}
    content_type = said.get("content-type")
    if status != 200 or not (content_type or "text/html").lower().startswith(_HTML):
        return None
    url = listed_url(headers.get("warc-target-uri", "").strip("<>"))
    if url is None:
        raise _RecordError("its address is no web address")
    at = _date(headers.get("warc-date", ""), now)
    if len(begin) + block.left > most:
        raise _RecordError(f"{url}: larger than {most} bytes ([crawler] max_size)")
    raw = bytearray(begin)
    while part := block.read(_PART):
        raw += part
    if block.left:
        return None  # the file ends here, as is told of the record next
    body = _unpacked(bytes(raw), said, most, url)
    pairs = tuple((name, value[:LONGEST_HEADER]) for name, value in answer[:MOST_HEADERS])
    return Page(url, body, content_type, at, status, pairs)


def _head(block: _Block) -> tuple[bytes, bytes]:
    """The headers of an answer, and what was read of its body."""
    found = b""
    while len(found) < _LONGEST_HEAD and (part := block.read(_PART)):
        found += part
        ends = [(found.find(mark), len(mark)) for mark in (b"\r\n\r\n", b"\n\n")]
        if ends := [(at, length) for at, length in ends if at >= 0]:
            at, length = min(ends)
            return found[:at], found[at + length :]
    raise _RecordError("its answer has no end of the headers")


def _status(head: bytes) -> int:
    """Of `HTTP/1.1 200 OK`; 0 where there is none."""
    parts = head.split(b"\n", 1)[0].split()
    is_one = len(parts) > 1 and parts[0].startswith(b"HTTP/") and parts[1].isdigit()
    return int(parts[1]) if is_one and len(parts[1]) == 3 else 0


def _pairs(head: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in head.decode("latin-1").split("\n")[1:]:
        name, colon, value = line.rstrip("\r").partition(":")
        if colon and name.strip():
            found.append((name.strip(), value.strip()))
    return found


def _date(text: str, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _RecordError("its WARC-Date is no time") from error
    if not is_believable(at, now):
        raise _RecordError(f"its WARC-Date, {at.date()}, is before 1990 or in the future")
    return at


# ---- the body as it was meant --------------------------------------------------------------------


def _unpacked(raw: bytes, headers: Mapping[str, str], most: int, url: str) -> bytes:
    """The body without Transfer-Encoding and Content-Encoding."""
    try:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            raw = _joined(raw)
        for name in reversed(_encodings(headers, url)):
            raw = _decoded(raw, name, most)
    except (zlib.error, brotli.error, zstandard.ZstdError, ValueError, EOFError) as error:
        raise _RecordError(
            f"{url}: not packed as it says ({error or type(error).__name__})"
        ) from error
    if len(raw) > most:
        raise _RecordError(f"{url}: larger than {most} bytes when unpacked ([crawler] max_size)")
    return raw


def _encodings(headers: Mapping[str, str], url: str) -> list[str]:
    """How the body is packed, the innermost first."""
    names = headers.get("content-encoding", "").lower().split(",", _MOST_ENCODINGS + 1)
    if len(names) > _MOST_ENCODINGS:
        raise _RecordError(f"{url}: packed more than {_MOST_ENCODINGS} times")
    return [name.strip() for name in names]


def _joined(raw: bytes) -> bytes:
    """Chunks put together; as it is where it is none, for many tools keep the header and not the
    chunks."""
    whole, stream = bytearray(), BytesIO(raw)
    while True:
        size = stream.readline(_LONGEST_LINE).split(b";")[0].strip()
        if not _HEX.fullmatch(size):
            return bytes(whole) if whole else raw
        length = int(size, 16)
        if length == 0:
            return bytes(whole)
        whole += stream.read(min(length, len(raw)))
        stream.readline(_LONGEST_LINE)


def _decoded(raw: bytes, encoding: str, most: int) -> bytes:
    """All of it, but little more than `most`; as it is where it was unpacked when it was kept.

    Raises EOFError where it is cut short: a text is filed as a whole one or not at all.
    """
    if encoding in {"gzip", "x-gzip"} and raw.startswith(_GZIP):
        return _members(raw, _GZIP, lambda: zlib.decompressobj(31), most)
    if encoding == "zstd" and raw.startswith(_ZSTD):
        zstd = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        return _members(raw, _ZSTD, zstd.decompressobj, most)
    if raw.lstrip().startswith(b"<"):
        return raw
    if encoding == "deflate":
        wraps = zlib.MAX_WBITS if raw[:1] == b"\x78" else -zlib.MAX_WBITS
        found = bytearray()
        _member(raw, 0, zlib.decompressobj(wraps), most, found)
        return bytes(found)
    return _unbrotli(raw, most) if encoding == "br" else raw


def _unbrotli(raw: bytes, most: int) -> bytes:
    unpack = brotli.Decompressor()
    found = bytes(unpack.process(raw, output_buffer_limit=most + 1))
    if not unpack.is_finished() and len(found) <= most:
        raise EOFError("cut short")
    return found


class _Unpacker(Protocol):
    """One member, of zlib or Zstandard."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _members(raw: bytes, magic: bytes, begin: Callable[[], _Unpacker], most: int) -> bytes:
    """Packed files one after the other are one; other bytes after them count for nothing."""
    found, at = bytearray(), 0
    for _ in range(_MOST_MEMBERS):
        at = _member(raw, at, begin(), most, found)
        if len(found) > most or not raw.startswith(magic, at):
            return bytes(found)
    raise ValueError(f"more than {_MOST_MEMBERS} parts")


def _member(raw: bytes, at: int, unpack: _Unpacker, most: int, found: bytearray) -> int:
    """Unpacks what begins at `at` to the end of `found`; where it ends."""
    while not unpack.eof and len(found) <= most:
        piece = raw[at : at + _PIECE]
        if not piece:
            raise EOFError("cut short")
        found += unpack.decompress(piece)
        at += len(piece)
    return at - len(unpack.unused_data)
