"""`source doctor` on every host of captured real sites: does it find the feed that the page names?

    .venv/bin/python bench/doctor.py DATA_FOLDER [--hosts N] [--command]

DATA_FOLDER holds `serve.py`, which serves the pages under their own addresses as a proxy on
loopback, with a feed and a front page for every host. What a page names is read from the front page
with a regular expression, independently of the program. The examinations run in one process, as
`source doctor` runs each; --command types the command itself for every host instead (2 s each).

found     hosts whose named feed stands in the table as one that can be read
used      hosts on which that feed is what `auto` would read
"""

import argparse
import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.realweb import load_serve, proxy_running, wirewatch
from crawler.config import CrawlerConfig, SourceConfig
from crawler.guard import GuardedResolver
from crawler.pool import ProcessorPool
from service.cli.channels import channels_of
from service.examining import examination
from service.json_objects import channel_object
from service.loop import run

LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)
FEED = re.compile(r"type=[\"']?application/(?:rss|atom|feed)\+(?:xml|json)", re.IGNORECASE)
HREF = re.compile(r"href=(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
AT_ONCE = 4


def named_feeds(page: str, url: str) -> list[str]:
    """The feeds that a page names, in its order."""
    found = []
    for tag in LINK.findall(page):
        href = HREF.search(tag)
        if FEED.search(tag) and href:
            found.append(urljoin(url, unescape(next(filter(None, href.groups()), ""))))
    return found


def fetched(url: str, proxy: str) -> tuple[int, str]:
    """Status and text of a page, through the proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, ""


async def examined(hosts: list[str], proxy: str, resolver: GuardedResolver) -> dict[str, Any]:
    """The channels of every host, as the command prints them."""
    config = CrawlerConfig.model_validate({"delay": "0s", "proxy": proxy})
    at_once = asyncio.Semaphore(AT_ONCE)
    channels: dict[str, Any] = {}

    async def one(host: str, pool: ProcessorPool) -> None:
        async with at_once:
            source = SourceConfig(url=f"http://{host}/")
            found = await examination(config, "site", source, resolver, pool, lambda _: None)
            channels[host] = [channel_object(m, use) for m, use in channels_of(found)]

    async with ProcessorPool() as pool:
        await asyncio.gather(*(one(host, pool) for host in hosts))
    return channels


def by_command(hosts: list[str], proxy: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """The same by the command that a user types."""
    config = folder / "config.toml"
    config.write_text(f'[crawler]\ndelay = "0s"\nproxy = "{proxy}"\n', "utf-8")
    for host in hosts:
        words = wirewatch(config, "source", "doctor", f"http://{host}/", "--json")
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        yield host, [json.loads(line) for line in done.stdout.splitlines()]


def verdict(host: str, channels: list[dict[str, Any]], proxy: str) -> tuple[str, str]:
    """What became of a host's feed, in a word, with the detail."""
    url = f"http://{host}/"
    status, page = fetched(url, proxy)
    named = named_feeds(page, url)
    if not named:
        return "names none", f"HTTP {status}"
    readable = [feed for feed in named if fetched(feed, proxy)[1].lstrip()[:1] == "<"]
    if not readable:
        return "names one that cannot be had", f"{named[0]}: HTTP {fetched(named[0], proxy)[0]}"
    by_url = {channel["url"]: channel for channel in channels if not channel["error"]}
    hit = next((by_url[feed] for feed in readable if feed in by_url), None)
    if hit is None:
        return "not found", readable[0]
    return ("used" if hit["use"] == "main" else "found"), hit["url"]


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="source doctor on captured sites")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hosts", type=int, default=0, help="only the first N hosts")
    parser.add_argument(
        "--command", type=Path, metavar="DIR", help="type the command; DIR is empty"
    )
    options = parser.parse_args()
    folder = options.folder.resolve()
    _, known = load_serve(folder).load([folder / "pages"])
    hosts = sorted(known)[: options.hosts or None]
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(proxy_running(folder))
        if options.command:
            channels = dict(by_command(hosts, proxy, options.command))
        else:
            channels = run(lambda resolver: examined(hosts, proxy, resolver))
        seconds = time.monotonic() - started
        verdicts = {host: verdict(host, channels[host], proxy) for host in hosts}
    counts = Counter(word for word, _ in verdicts.values())
    for host, (word, detail) in verdicts.items():
        if word not in {"used", "found"}:
            others = ", ".join(f"{c['kind']} {c['use']}" for c in channels[host]) or "nothing"
            print(f"{host}: {word} ({detail}); read instead: {others}")
    asked = len(hosts) - counts["names none"] - counts["names one that cannot be had"]
    found = counts["used"] + counts["found"]
    print(json.dumps({"hosts": len(hosts), "naming a feed": asked, "found": found,
                      "used": counts["used"], "seconds": round(seconds, 1),
                      **{word: n for word, n in counts.items() if word not in {"used", "found"}},
                      "reading nothing": sum(not channels[host] for host in hosts)}))  # fmt: skip
    return int(found < asked)


if __name__ == "__main__":
    sys.exit(main())
