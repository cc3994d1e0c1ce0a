"""Articles that a source gives whole, as pages to be read like any other. Pure.

WordPress's API gives a post's title, times and whole text; fetching its page too would cost the
site a request and bring nothing but furniture. Feeds are not trusted so far: what they call content
is cut, stripped of its paragraphs or filled with promotion too often.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from crawler.items import EntryItem, Page
from crawler.sources.ranking import carries_article


def is_whole(item: EntryItem) -> bool:
    """Whether an API gave the whole article with the entry."""
    return item.published_from == "api" and bool(item.title) and carries_article(item)


def page_of(item: EntryItem, at: datetime) -> Page | None:
    """A page that holds the entry's own text; None when the API did not give the whole of it."""
    if not is_whole(item):
        return None
    title = escape(item.title or "")
    tags = "".join(f'<meta property="article:tag" content="{escape(tag)}">' for tag in item.tags)
    authors = "".join(f'<meta name="author" content="{escape(name)}">' for name in item.authors)
    lang = f' lang="{escape(item.lang)}"' if item.lang else ""
    html = (
        f"<!doctype html><html{lang}><head><title>{title}</title>"
        f'<link rel="canonical" href="{escape(item.url)}">'
        f'<meta property="og:type" content="article">{_times(item)}{authors}{tags}</head>'
        f'<body><article><h1>{title}</h1><div class="entry-content">'
        f"{item.content}</div></article></body></html>"
    )
    return Page(item.url, html.encode("utf-8", "replace"), "text/html; charset=utf-8", at, status=0)


def _times(item: EntryItem) -> str:
    named = (("published_time", item.published), ("modified_time", item.modified))
    return "".join(
        f'<meta property="article:{name}" content="{time.isoformat()}">'
        for name, time in named
        if time is not None
    )
