"""One page from its address, as the crawler would ask for it: guard, proxy, robots.txt, limits."""

from datetime import UTC, datetime
from urllib.parse import urljoin

import click

from crawler.answer import MOST_LAYERS
from crawler.config import CrawlerConfig
from crawler.items import Page
from crawler.robots import MOST_BYTES, rules_from
from crawler.settings import user_agent
from store.addresses import url_refusal
from store.http_client import guarded_client, httpx

REDIRECTS = 5


async def fetch_page(crawler: CrawlerConfig, url: str) -> Page:
    """The page at an address. Raises ClickException when there is none to be had."""
    headers = {"User-Agent": user_agent(crawler.contact), "Accept": "text/html,*/*;q=0.5"}
    seconds = crawler.timeout.total_seconds()
    async with guarded_client(
        crawler.allow_private, timeout=seconds, proxy=crawler.proxy
    ) as client:
        try:
            for _ in range(REDIRECTS + 1):
                await _check_allowed(client, crawler, url)
                async with client.stream("GET", url, headers=headers) as answer:
                    if not answer.has_redirect_location:
                        return await _received(answer, url, crawler.max_size)
                    url = urljoin(url, answer.headers["location"])
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise click.ClickException(f"{url}: {error or type(error).__name__}") from error
    raise click.ClickException(f"{url}: more than {REDIRECTS} redirects")


async def _check_allowed(client: httpx.AsyncClient, crawler: CrawlerConfig, url: str) -> None:
    """Raises ClickException when our own rules or the host's robots.txt forbid an address."""
    if why := url_refusal(url, crawler.allow_private):
        raise click.ClickException(f"{url}: {why}")
    if not crawler.obey_robots:
        return
    agent = user_agent(crawler.contact)
    rules = rules_from(*await _robots(client, url, agent), agent)
    if not rules.allows(url):
        raise click.ClickException(
            f"{url}: {rules.refusal}; save the page and name the file, or set"
            " [crawler] obey_robots = false where you may"
        )


async def _robots(client: httpx.AsyncClient, url: str, agent: str) -> tuple[int | None, bytes]:
    address = urljoin(url, "/robots.txt")
    body = b""
    try:
        for _ in range(REDIRECTS):
            async with client.stream("GET", address, headers={"User-Agent": agent}) as answer:
                if answer.has_redirect_location:
                    address = urljoin(address, answer.headers["location"])
                    continue
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        break
                return answer.status_code, body
    except (httpx.HTTPError, httpx.InvalidURL):
        return None, b""
    return 404, b""  # RFC 9309, 2.3.1.2: after five redirects it may be taken for none


async def _received(answer: httpx.Response, url: str, most: int) -> Page:
    if not answer.is_success:
        raise click.ClickException(f"{url}: the site answered {answer.status_code}")
    if answer.headers.get("content-encoding", "").count(",") >= MOST_LAYERS:
        raise click.ClickException(f"{url}: the answer is packed again and again")
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > most:
            raise click.ClickException(f"{url}: larger than {most} bytes")
    return Page(url, body, answer.headers.get("content-type"), datetime.now(UTC))
