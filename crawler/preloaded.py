"""What the server that worker processes are forked from holds once for all of them.

Every worker is born with the parsers, the language model and all tables in memory that it shares
with the others. Much of that is only made when a first document is read, so one of each kind is
read here; done in each worker it would take another ten megabytes of every one.
"""

import gc
from datetime import UTC, datetime

from crawler.extraction import extract
from crawler.extraction.language import load_model
from crawler.items import Hints, Page
from crawler.memory import give_back, keep_little
from crawler.reading import read_document
from crawler.sources import Document

__all__ = ["read_document"]

_URL = "https://www.news.example/2026/03/01/a-first-article-1"
_DATE = "2026-03-01T12:00:00+00:00"
_TITLE = "A first article of the harbour"
_TEXT = (
    "The server reads this page before any other, so that the tables it takes are made once. "
    "Nobody will ever see it, and nothing of it is kept but what was learned on the way."
)
_PAGE = (
    f"<!doctype html><html lang='en'><head><title>{_TITLE} - Example News</title>"
    f"<meta property='article:published_time' content='{_DATE}'></head><body>"
    f"<nav><a href='/'>Home</a></nav><article><h1>{_TITLE}</h1><p class='byline'>By Ann Example</p>"
    f"<time>1 March 2026</time><p>{_TEXT}</p><p>{_TEXT}</p><p>{_TEXT}</p></article></body></html>"
)
_LINKS = "".join(f"<h2><a href='{_URL}{n}'>{_TITLE} {n}</a></h2>" for n in range(6))
_DOCUMENTS = {
    "feed": (
        f"<rss version='2.0'><channel><title>News</title><item><title>{_TITLE}</title>"
        f"<link>{_URL}</link><pubDate>Sun, 01 Mar 2026 12:00:00 GMT</pubDate>"
        f"<description>&lt;p&gt;{_TEXT}&lt;/p&gt;</description></item></channel></rss>"
    ),
    "sitemap": (
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>"
        f"<url><loc>{_URL}</loc><lastmod>{_DATE}</lastmod></url></urlset>"
    ),
    "wordpress": (
        f'[{{"id": 1, "link": "{_URL}", "date_gmt": "2026-03-01T12:00:00", '
        f'"title": {{"rendered": "{_TITLE}"}}, "content": {{"rendered": "<p>{_TEXT}</p>"}}}}]'
    ),
    "listing": f"<!doctype html><html><title>News</title><body>{_LINKS}</body></html>",
}


def warm_up() -> None:
    """Reads one document of each kind."""
    load_model()
    extract(Page(_URL, _PAGE.encode(), "text/html", datetime(2026, 3, 1, tzinfo=UTC)), Hints())
    for kind, text in _DOCUMENTS.items():
        read_document(kind, Document(text.encode(), _URL))


keep_little()
warm_up()
give_back()
# What is here stays here; a collector that looks through it would make each worker a copy.
gc.freeze()
