"""`extract`: the article that a page yields, from a file, an address, or a list of files."""

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import click

from crawler.extraction import extract as read_page
from crawler.items import ArticleItem, Hints, NotArticle, Page
from crawler.pool import ProcessingError, ProcessorPool
from crawler.settings import user_agent
from service.cli.context import Context
from service.cli.output import complain, json_option, print_json, say
from service.config import Config
from service.json_objects import extracted_object
from store.http_client import guarded_client, httpx

NO_ADDRESS = "https://page.invalid/"
"""Stands for the address of a page that came without one."""
REDIRECTS = 5
AHEAD = 4
"""Rows read ahead for each worker, so that none waits for the next page."""


@click.command()
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--url", help="The page's address; without FILE the page is fetched from there.")
@click.option("--jsonl", is_flag=True, help='Rows {"id", "url", "path"} in, articles out.')
@json_option
@click.pass_obj
def extract(
    context: Context, /, file: str | None, url: str | None, jsonl: bool, as_json: bool
) -> int:
    """Print the article that a page yields; FILE is HTML, "-" is standard input."""
    if jsonl:
        if url is not None:
            raise click.UsageError("--jsonl takes the address from each row, not from --url")
        return asyncio.run(_extract_rows(_rows(file)))
    if file is None and url is not None:
        page = asyncio.run(_fetch(context.load_quietly(), url))
    else:
        page = _page(_read(file), url)
    found = asyncio.run(_extract_one(page))
    if isinstance(found, NotArticle):
        complain(f"{page.url} holds no article: {found.reason} ({found.detail})")
        return 1
    if as_json:
        print_json(extracted_object(found))
    else:
        _show(found)
    return 0


def _page(body: bytes, url: str | None, content_type: str | None = None) -> Page:
    return Page(url or NO_ADDRESS, body, content_type, datetime.now(UTC))


def _read(file: str | None) -> bytes:
    return Path(file).read_bytes() if file and file != "-" else sys.stdin.buffer.read()


async def _extract_one(page: Page) -> ArticleItem | NotArticle:
    async with ProcessorPool(1) as pool:
        return await _extracted(pool, page)


async def _extracted(pool: ProcessorPool, page: Page) -> ArticleItem | NotArticle:
    """In a worker process, because one page in many thousands holds a parser up for minutes."""
    try:
        return await pool.run(read_page, page, Hints())
    except ProcessingError as error:
        return NotArticle(page.url, "too_large", f"reading it {error}")


def _show(article: ArticleItem) -> None:
    say(article.title)
    if article.standfirst:
        say(article.standfirst)
    at = article.published
    origin = f" (from {article.published_from.replace('_', ' ')})" if at else ""
    when = "unknown" if at is None else at.isoformat(timespec="minutes")
    if article.published_precision == "day":
        when = when[:10]
    say()
    for label, value in (
        ("address", article.canonical_url),
        ("authors", ", ".join(article.authors)),
        ("published", when + origin),
        ("language", article.lang or "unknown"),
        ("section", article.section or ""),
        ("tags", ", ".join(article.tags)),
        ("taken by", f"{article.extractor} (confidence {article.confidence:.2f})"),
    ):
        if value:
            say(f"{label:<10} {value}")
    say()
    say(article.body)


# ---- many pages ----------------------------------------------------------------------------------


_A_ROW = 'a row is {"id": …, "url": "https://…", "path": "page.html"}'


def _rows(file: str | None) -> Iterable[str]:
    if file and file != "-":
        return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    return sys.stdin


async def _extract_rows(lines: Iterable[str]) -> int:
    """Prints one object for each row, in the order of the rows; 1 if one could not be read."""
    failed = False
    async for found in _in_order(lines):
        print_json(found)
        failed |= found.get("error") == "unreadable"
    return int(failed)


async def _in_order(lines: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
    workers = os.cpu_count() or 1
    waiting: deque[asyncio.Task[dict[str, Any]]] = deque()
    async with ProcessorPool(workers) as pool:
        for line in lines:
            if line.strip():
                waiting.append(asyncio.create_task(_extract_row(pool, line)))
            while len(waiting) >= workers * AHEAD:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()


async def _extract_row(pool: ProcessorPool, line: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    try:
        row = _parsed(line)
        _check_row(row)
        page = _page(await asyncio.to_thread(_read, row["path"]), row.get("url"))
    except (OSError, ValueError) as error:
        named = {"id": row.get("id"), "url": row.get("url")}
        return {**named, "error": "unreadable", "detail": str(error)}
    found = await _extracted(pool, page)
    if isinstance(found, NotArticle):
        return {
            "id": row.get("id"),
            "url": found.url,
            "error": found.reason,
            "detail": found.detail,
        }
    return {**extracted_object(found), "id": row.get("id")}


def _parsed(line: str) -> dict[str, Any]:
    """A row. Raises ValueError when the line is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a row of JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(_A_ROW)
    return row


def _check_row(row: dict[str, Any]) -> None:
    path, url = row.get("path"), row.get("url", "")
    if not (path and isinstance(path, str) and isinstance(url, str)):
        raise ValueError(_A_ROW)


# ---- one address ---------------------------------------------------------------------------------


async def _fetch(config: Config, url: str) -> Page:
    """The page at an address. Raises ClickException when there is none to be had."""
    crawler = config.crawler
    headers = {"User-Agent": user_agent(crawler.contact), "Accept": "text/html,*/*;q=0.5"}
    seconds = crawler.timeout.total_seconds()
    async with guarded_client(crawler.allow_private, timeout=seconds) as client:
        try:
            for _ in range(REDIRECTS + 1):
                async with client.stream("GET", url, headers=headers) as answer:
                    if not answer.has_redirect_location:
                        return await _received(answer, url, crawler.max_size)
                    url = urljoin(url, answer.headers["location"])
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise click.ClickException(f"{url}: {error or type(error).__name__}") from error
    raise click.ClickException(f"{url}: more than {REDIRECTS} redirects")


async def _received(answer: httpx.Response, url: str, most: int) -> Page:
    if not answer.is_success:
        raise click.ClickException(f"{url}: the site answered {answer.status_code}")
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > most:
            raise click.ClickException(f"{url}: larger than {most} bytes")
    return _page(body, url, answer.headers.get("content-type"))
