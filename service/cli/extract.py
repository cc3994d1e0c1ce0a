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

import click

from crawler.extraction import NO_ADDRESS, Dissection, dissect
from crawler.extraction import extract as read_page
from crawler.extraction.pages import MOST_PAGES, is_continued, joined
from crawler.extraction.zoned import texts_by_zone
from crawler.items import ArticleItem, Hints, NotArticle, Page
from crawler.pool import ProcessingError, ProcessorPool
from crawler.urls import url_key
from service.cli.context import Context
from service.cli.extract_view import html_view, show_zones
from service.cli.fetching import fetch_page
from service.cli.output import complain, json_option, note, print_json, say
from service.config import Config
from service.json_objects import extracted_object

AHEAD = 4
"""Rows read ahead for each worker, so that none waits for the next page."""


@click.command()
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--url", help="The page's address; without FILE the page is fetched from there.")
@click.option("--jsonl", is_flag=True, help='Rows {"id", "url", "path"} in, articles out.')
@click.option(
    "--html", "view", metavar="OUT", help="Write the page and its zones side by side to a file."
)
@json_option
@click.pass_obj
def extract(
    context: Context, /, file: str | None, url: str | None, jsonl: bool, view: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Print the article that a page yields; FILE is HTML, "-" is standard input."""
    if jsonl:
        if url is not None or view is not None:
            raise click.UsageError("--jsonl takes neither --url nor --html: rows name their pages")
        return asyncio.run(_extract_rows(_rows(file)))
    if file is None and url is not None:
        page, found = asyncio.run(_extract_address(context.load_quietly(), url))
    else:
        page = _page(_read(file), url)
        found = asyncio.run(_extract_one(page))
    if view is not None:
        Path(view).write_text(html_view(page, found), encoding="utf-8", errors="replace")
        note(f"{view}: written")
    outcome = found.outcome
    if isinstance(outcome, NotArticle):
        address = outcome.url or page.url or NO_ADDRESS
        complain(f"{address} holds no article: {outcome.reason} ({outcome.detail})")
        return 1
    if as_json:
        print_json({**extracted_object(outcome), "zones": texts_by_zone(outcome, found.texts)})
    else:
        _show(outcome, found)
    return 0


def _page(body: bytes, url: str | None, content_type: str | None = None) -> Page:
    return Page(url or "", body, content_type, datetime.now(UTC))


def _read(file: str | None) -> bytes:
    return Path(file).read_bytes() if file and file != "-" else sys.stdin.buffer.read()


async def _extract_one(page: Page) -> Dissection:
    async with ProcessorPool(1) as pool:
        return await _dissected(pool, page)


async def _extract_address(config: Config, url: str) -> tuple[Page, Dissection]:
    """The article at an address, its further pages joined. Raises ClickException."""
    async with ProcessorPool(1) as pool:
        page = await fetch_page(config.crawler, url)
        found = await _dissected(pool, page)
        first = found.outcome
        if isinstance(first, NotArticle) or not is_continued(first):
            return page, found
        others: list[ArticleItem] = []
        seen = {url_key(first.url)}
        following = first.next_page
        while following and url_key(following) not in seen and len(others) + 1 < MOST_PAGES:
            seen.add(url_key(following))
            await asyncio.sleep(config.crawler.delay.total_seconds())
            other = await _extracted(pool, await fetch_page(config.crawler, following))
            if isinstance(other, NotArticle):
                break
            others.append(other)
            following = other.next_page
        return page, Dissection(joined(first, others), found.texts)


async def _dissected(pool: ProcessorPool, page: Page) -> Dissection:
    """In a worker process, because one page in many thousands holds a parser up for minutes."""
    try:
        return await pool.run(dissect, page, Hints())
    except ProcessingError as error:
        return Dissection(NotArticle(page.url, "too_large", f"reading it {error}"))


async def _extracted(pool: ProcessorPool, page: Page) -> ArticleItem | NotArticle:
    try:
        return await pool.run(read_page, page, Hints())
    except ProcessingError as error:
        return NotArticle(page.url, "too_large", f"reading it {error}")


def _show(article: ArticleItem, found: Dissection) -> None:
    say(article.title)
    if article.standfirst:
        say(article.standfirst)
    at = article.published
    origin = f" (from {article.published_from.replace('_', ' ')})" if at else ""
    when = "unknown" if at is None else at.isoformat(timespec="minutes")
    if at is not None and article.published_precision == "day":
        when = f"{at + article.published_offset if article.published_offset else at:%Y-%m-%d}"
    say()
    for label, value in (
        ("address", article.canonical_url),
        ("authors", ", ".join(article.authors)),
        ("published", when + origin),
        ("language", article.lang or "unknown"),
        ("section", article.section or ""),
        ("tags", ", ".join(article.tags)),
        ("form", article.form if article.form != "article" else ""),
        ("taken by", f"{article.extractor} (confidence {article.confidence:.2f})"),
    ):
        if value:
            say(f"{label:<10} {value}")
    for candidate in article.candidates[1:]:
        alike = f"{candidate.words} words, {candidate.agreement:.2f} alike"
        say(f"{'beside':<10} {candidate.name}: {alike}")
    say()
    show_zones(article, found.texts)


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
