"""Pages of matched articles, kept as WARC files that other tools open.

With `[service] keep_pages = true` a crawl leaves each page in the database until its article has
been matched. Then it is written here, or forgotten if no watchlist matched. A page is forgotten by
the database only after its record has reached the disk; so a crash in between writes it twice, and
never loses it.

Files are named after the time they were begun, one for each start of the service and each day, at
most about a gigabyte. None is appended to after the process that began it has ended: a record cut
short by a power failure can only be the last of its file, which readers skip. Each record is a gzip
member of its own, so any can be read by its offset.

The pages are kept as they were read: decoded, so Content-Encoding and Transfer-Encoding are left
out of the headers and Content-Length is that of the record. All other headers are as they came.
"""

from __future__ import annotations

import asyncio
import os
import re
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path

import structlog
from sqlmodel import Session
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from store.engine import Store
from store.revisions import Evidence, WaitingPage, settle_page, waiting_pages
from store.writer import Writer

log = structlog.get_logger("service")

LARGEST = 2**30
"""Bytes after which another file is begun."""
_OURS = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")


class Archive:
    """Writes what waits; one caller at a time."""

    def __init__(
        self, folder: Path, store: Store, writer: Writer, clock: Callable[[], datetime]
    ) -> None:
        """`folder` is made when the first page is kept."""
        self._folder = folder
        self._store = store
        self._writer = writer
        self._clock = clock
        self._file: Path | None = None
        self._day = ""

    async def keep(self) -> int:
        """Archives the pages of matched articles, forgets the others; the number archived.

        Raises StoreError or OSError; what was not written goes on waiting.
        """
        kept = 0
        while waiting := await asyncio.to_thread(self._waiting):
            places = await asyncio.to_thread(self._write, waiting)
            await self._writer.write(lambda session, places=places: _settle(session, places))  # type: ignore[misc]
            written = sum(place is not None for _, place in places)
            kept += written
            if written:
                log.info("archive", status="kept", pages=written, file=str(self._file))
        return kept

    def _waiting(self) -> Sequence[WaitingPage]:
        with self._store.reading() as session:
            return waiting_pages(session)

    def _write(self, pages: Sequence[WaitingPage]) -> list[tuple[int, str | None]]:
        """Where each page's record stands; None for a page that is not kept."""
        places: list[tuple[int, str | None]] = []
        for page in pages:
            number = page.evidence.id or 0
            places.append((number, self._append(page) if page.matched else None))
        return places

    def _append(self, page: WaitingPage) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._current()
        with file.open("ab") as opened:
            offset = opened.tell()
            try:
                opened.write(record_of(page.evidence, zlib.decompress(page.body)))
                opened.flush()
                os.fsync(opened.fileno())
            except OSError:
                # A full disk: what is there of the record would hide what is written after it.
                opened.truncate(offset)
                raise
        return f"{file.name}:{offset}"

    def _current(self) -> Path:
        """The file that takes the next record; a new one each day and each gigabyte."""
        now = self._clock()
        day = f"{now:%Y%m%d}"
        full = (
            self._file is not None
            and self._file.exists()
            and (self._file.stat().st_size >= LARGEST)
        )
        if self._file is None or day != self._day or full:
            self._file, self._day = self._new_file(f"{now:%Y%m%dT%H%M%SZ}"), day
        return self._file

    def _new_file(self, begun: str) -> Path:
        number = 0
        while True:
            path = self._folder / f"wirewatch-{begun}-{number:03}.warc.gz"
            try:
                with path.open("xb") as opened:
                    opened.write(_head(path.name))
                return path
            except FileExistsError:
                number += 1


def _head(name: str) -> bytes:
    """The record about the file itself, which a WARC file begins with."""
    buffer = BytesIO()
    writer = WARCWriter(buffer, gzip=True)
    told = {
        "software": "Wirewatch",
        "format": "WARC File Format 1.0",
        "description": "Pages of articles that matched a watchlist, decoded as they were read",
    }
    writer.write_record(writer.create_warcinfo_record(name, told))
    return buffer.getvalue()


def record_of(evidence: Evidence, body: bytes) -> bytes:
    """A page with its answer's headers as one compressed WARC response record.

    A header whose name is none (RFC 9110, section 5.1) is left out: it could not be read back.
    """
    headers = [
        (name, _one_line(value))
        for name, value in evidence.headers
        if name.lower() not in _OURS and _NAME.fullmatch(name)
    ]
    headers.append(("Content-Length", str(len(body))))
    buffer = BytesIO()
    writer = WARCWriter(buffer, gzip=True)
    answer = StatusAndHeaders(f"{evidence.status} Answered", headers, protocol="HTTP/1.1")
    assert evidence.fetched_at is not None
    record = writer.create_warc_record(
        _one_line(evidence.url),
        "response",
        payload=BytesIO(body),
        length=len(body),
        http_headers=answer,
        warc_headers_dict={"WARC-Date": f"{evidence.fetched_at:%Y-%m-%dT%H:%M:%SZ}"},
    )
    writer.write_record(record)
    return buffer.getvalue()


def _one_line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", text).split())


def _settle(session: Session, places: Sequence[tuple[int, str | None]]) -> None:
    for number, place in places:
        settle_page(session, number, place)
