"""HTML front and section pages: bytes to entries."""

from crawler.items import DocumentError, DocumentItem


def parse_listing(
    body: bytes, url: str, *, links: str = "", content_type: str | None = None
) -> DocumentItem:
    """The article links of a page. Raises DocumentError."""
    raise DocumentError("listings are not read yet")
