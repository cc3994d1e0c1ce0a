"""What bench/fuzz.py found, cut down to its core: each ended in an exception of a library's."""

import contextlib

import pytest

from crawler.items import DocumentError
from crawler.reading import read_document
from crawler.sources import Document

FEEDS = {
    "a character beyond Unicode": b"<item>&#x110000;",
    "the end of a height that never began": b"<rss></height>",
    "a link that ends outside its entry": "<feed <entry <link </entry></link>".encode("utf-16-le"),
    "an author without a name": b"<entry <author </name<link href=y>",
}


@pytest.mark.parametrize("name", FEEDS)
def test_a_broken_feed_is_read_or_refused_in_words(name: str) -> None:
    document = Document(FEEDS[name], "https://example.org/feed")
    with contextlib.suppress(DocumentError):
        read = read_document("feed", document).document
        assert read.entries or read.warnings
