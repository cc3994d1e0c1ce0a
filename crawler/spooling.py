"""Documents and pages on their way to the processes that read them: large ones through a file.

As an argument a body would stand in memory three times: here, as it is sent, and where it arrives.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import structlog

from crawler.items import Page
from crawler.pool import DEADLINE
from crawler.sources import Document

Bodied = TypeVar("Bodied", Document, Page)

log = structlog.get_logger("crawler")

SPOOLED = 1024**2
"""Bytes; shorter bodies are sent."""

A_MEGABYTE = 3.0
"""Seconds that each may take beyond the deadline of a page, on a busy machine; gzip holds more."""


def deadline_of(document: Document) -> float:
    """Seconds that a document may take to be read."""
    return DEADLINE + A_MEGABYTE * len(document.body) / 1024**2


@contextlib.contextmanager
def spooled(document: Bodied) -> Iterator[Bodied]:
    """The document or page with its body in a file, which goes when the block ends; a short one as
    it is.
    """
    if len(document.body) < SPOOLED:
        yield document
        return
    with contextlib.ExitStack() as files:
        try:
            file = files.enter_context(tempfile.NamedTemporaryFile(prefix="wirewatch-"))
            file.write(document.body)
            file.flush()
        except OSError as error:
            # No room or no folder for it: memory has to do.
            log.warning("document", url=document.url, status="not spooled", why=str(error))
            yield document
            return
        yield replace(document, body=b"", spooled=file.name)
