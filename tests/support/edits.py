"""Articles that are filed and edited as crawls do it, without the crawl."""

from datetime import datetime

from sqlmodel import Session

from crawler.answer import Answer
from crawler.items import ArticleItem, EntryItem, Page
from crawler.record import Listing, record_listing
from crawler.revisions import file_page, record_again
from store.articles import Article

HEADERS = (("Content-Type", "text/html; charset=utf-8"), ("Server", "press/1.0"))


def page_at(url: str, at: datetime, body: str) -> Page:
    """The page of a text."""
    html = f"<html><article>{body}</article></html>".encode()
    return Page(url, html, "text/html; charset=utf-8", at, headers=HEADERS)


def file_in(
    session: Session,
    url: str,
    title: str,
    body: str,
    at: datetime,
    *,
    baseline: bool = False,
    keep_page: bool = False,
) -> int:
    """An article that a source of its host's name listed and a crawl fetched; its id."""
    source = url.split("/")[2]
    answer = Answer(url, 200)
    listing = Listing(
        source, url, "feed", "main", answer, "", (EntryItem(url),), at, baseline, fetch=9
    )
    [entry] = record_listing(session, listing)
    item = ArticleItem(url, url, title, "", body)
    filed = file_page(session, entry.id or 0, item, page_at(url, at, body), keep_page).article_id
    assert filed is not None
    return filed


def edit_in(
    session: Session,
    article_id: int,
    title: str,
    body: str,
    at: datetime,
    *,
    keep_page: bool = False,
) -> str:
    """The page was visited again and says something else; what that was taken for."""
    url = session.get_one(Article, article_id).url
    item = ArticleItem(url, url, title, "", body)
    return record_again(session, article_id, item, page_at(url, at, body), keep_page, 0.0)
