"""Reads fetched documents in the workers; what a reader cannot bear is an error in words."""

from __future__ import annotations

import structlog

from crawler.items import DocumentError
from crawler.pool import PoolClosedError, ProcessingError, ProcessorPool
from crawler.reading import Reading, read_document
from crawler.sources import Document

log = structlog.get_logger("crawler")


async def read_apart(pool: ProcessorPool, kind: str, document: Document) -> Reading:
    """What a document lists.

    Raises DocumentError or ProcessingError, saying why there is nothing to read, and
    PoolClosedError when the service ends. A fault of a reader's is logged with its traceback and
    told as the document's error: it must not cost the other sources of the host their turn.
    """
    try:
        return await pool.run(read_document, kind, document)
    except (DocumentError, ProcessingError, PoolClosedError):
        raise
    except Exception as error:
        log.error("document", url=document.url, status="failed", exc_info=error)
        raise DocumentError(f"reading it failed ({type(error).__name__})") from error
