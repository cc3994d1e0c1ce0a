"""Reads fetched documents in the workers; what a reader cannot bear is an error in words."""

from __future__ import annotations

import structlog

from crawler.items import DocumentError
from crawler.pool import PoolClosedError, ProcessingError, ProcessorPool
from crawler.reading import Reading, read_document
from crawler.sources import Document
from crawler.spooling import deadline_of, spooled

log = structlog.get_logger("crawler")


async def read_apart(pool: ProcessorPool, kind: str, document: Document) -> Reading:
    """What a document lists.

    Raises DocumentError or ProcessingError, saying why there is nothing to read, and
    PoolClosedError when the service ends. A fault of a reader's is logged with its traceback and
    told as the document's error: it must not cost the other sources of the host their turn.
    """
    try:
        with spooled(document) as sent:
            if not sent.spooled:
                return await pool.run(read_document, kind, sent)
            return await pool.run_within(deadline_of(document), read_document, kind, sent)
    except (DocumentError, ProcessingError, PoolClosedError):
        raise
    except Exception as error:
        log.error("document", url=document.url, status="failed", exc_info=error)
        raise DocumentError(f"reading it failed ({type(error).__name__})") from error
