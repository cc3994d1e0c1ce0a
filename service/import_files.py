"""Files that are imported: opened, unpacked as they are read, and told apart by what is in them."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast, get_args

import zstandard

from crawler.extraction.encoding import decode
from crawler.sources.markup import root_name, what_is

Format = Literal["opml", "jsonl", "warc", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)

LONGEST_LINE = 8 << 20
"""Bytes of a line that is read; an article of a million letters is well below."""
DAMAGED = (OSError, EOFError, zlib.error, zstandard.ZstdError)
"""What reading a file that is packed and damaged raises."""

_HEAD = 1 << 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_WINDOW = 1 << 27
"""Bytes that Zstandard may look back."""
_NAMED: dict[str, Format] = {
    ".opml": "opml",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".warc": "warc",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}
_PACKED = frozenset({".gz", ".zst"})


class FormatError(Exception):
    """The file is nothing that can be imported; the message says what it is and what to do."""


class _Rest(RawIOBase):
    """A stream whose beginning has been read already, up to an error if it met one."""

    def __init__(self, head: bytes, stream: Any, error: Exception | None = None) -> None:
        self._head = head
        self._stream = stream
        self._error = error

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As Python's streams have it."""
        part = self._head[: len(buffer)]
        self._head = self._head[len(part) :]
        if not part and self._error is not None:
            raise self._error
        # What a damaged file still gives before its error would be lost with `read`.
        part = part or self._stream.read1(len(buffer))
        buffer[: len(part)] = part
        return len(part)


@dataclass(slots=True)
class Opened:
    """A file that is being imported."""

    name: str
    format: Format
    stream: BinaryIO
    """Unpacked, from its beginning."""
    size: int
    """Bytes of the file as it lies there; 0 where that is not known."""
    _file: BinaryIO

    def estimate(self, done: int) -> int:
        """How many pieces there are in all, by those of them that are done."""
        try:
            at = self._file.tell() if self.size else 0
        except OSError:
            return done
        return max(done, done * self.size // at) if at else done


def shown_name(name: str) -> str:
    """What a file is called in messages."""
    return "standard input" if name == "-" else name


@contextmanager
def opened(name: str, given: Format | None) -> Iterator[Opened]:
    """The file of that name, `-` for standard input; `given` is its format where that is told.

    Raises OSError, FormatError.
    """
    if name == "-":
        yield _looked_into(shown_name(name), given, sys.stdin.buffer, 0)
        return
    path = Path(name)
    with path.open("rb") as file:
        yield _looked_into(name, given, file, path.stat().st_size)


def _looked_into(name: str, given: Format | None, file: BinaryIO, size: int) -> Opened:
    head = file.read(_HEAD)
    stream = _behind(head, file)
    try:
        if head.startswith(_GZIP):
            head, stream = _begun(gzip.GzipFile(fileobj=stream))
        elif head.startswith(_ZSTD):
            unpack = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
            head, stream = _begun(unpack.stream_reader(stream, read_across_frames=True))
    except DAMAGED as error:
        raise FormatError(f"it cannot be unpacked ({error})") from error
    return Opened(name, given or format_of(name, head), stream, size, file)


def _behind(head: bytes, stream: Any, error: Exception | None = None) -> BinaryIO:
    return cast("BinaryIO", BufferedReader(_Rest(head, stream, error), _HEAD))


def _begun(stream: Any) -> tuple[bytes, BinaryIO]:
    """How a stream that is unpacked begins, and all of it."""
    head = b""
    try:
        while len(head) < _HEAD and (part := stream.read1(_HEAD - len(head))):
            head += part
    except DAMAGED as error:
        if not head:
            raise
        return head, _behind(head, stream, error)
    return head, _behind(head, stream)


def format_of(name: str, head: bytes) -> Format:
    """What a file is, by how it begins and, where that does not tell, by its name.

    Raises FormatError.
    """
    text = decode(head, None).lstrip("\ufeff \t\r\n")
    if head.startswith(b"WARC/"):
        return "warc"
    if text.startswith("{"):
        return "jsonl"
    if text.startswith("["):
        raise FormatError(
            "it is a list of JSON; write one object a line, as `jq -c '.[]'` does, and import that"
        )
    root = root_name(text)
    if root == "opml":
        return "opml"
    if root in {"rss", "feed", "rdf", "urlset", "sitemapindex"}:
        raise FormatError(f"it is {what_is(text)}; `wirewatch source add URL` reads its site")
    if text.startswith("<") and "html" in what_is(text).lower():
        return "html"
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    named = next((suffix for suffix in reversed(suffixes) if suffix not in _PACKED), "")
    if named in _NAMED:
        return _NAMED[named]
    words = "it is empty" if not text else f"it is {what_is(text)}"
    raise FormatError(f"{words}; --format names what it is: {', '.join(FORMATS)}")


def lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """The lines of a file, one after the other; None for one that is too long to hold."""
    while line := stream.readline(LONGEST_LINE):
        if line.endswith(b"\n") or len(line) < LONGEST_LINE:
            yield line
            continue
        while part := stream.readline(LONGEST_LINE):
            if part.endswith(b"\n"):
                break
        yield None


def whole(stream: BinaryIO, most: int) -> bytes:
    """All of a file. Raises FormatError where it is larger than `most` bytes."""
    found = stream.read(most + 1)
    if len(found) > most:
        raise FormatError(f"it is larger than {most:,} bytes")
    return found
