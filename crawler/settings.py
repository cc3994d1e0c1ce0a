"""What Scrapy is told: robots.txt, delays, time and size limits, and what is switched off."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import Any

from scrapy.settings import default_settings

from crawler.config import CrawlerConfig

PAGES_PER_HOST_AT_ONCE = 1
ITEMS_AT_ONCE = 4
"""Items of one answer in the pipelines. Scrapy starts so many tasks for each answer, needed or not;
its own 100 took a tenth of a crawl's time."""
LONGEST_DELAY = timedelta(seconds=60)
"""Autothrottle slows down to this at most when a site answers slowly."""
REDIRECTS = 5
_VERSION = version("wirewatch")
"""Read once: while the package is being replaced under a running service it has none."""


def user_agent(contact: str) -> str:
    """How the crawler presents itself: name, version and whom a webmaster may write to."""
    return f"Wirewatch/{_VERSION}" + (f" (+{contact})" if contact else "")


def crawl_settings(config: CrawlerConfig, delay: timedelta) -> dict[str, Any]:
    """Settings for one crawl of one host with at least `delay` between two requests."""
    return {
        **_OFF,
        "USER_AGENT": user_agent(config.contact),
        "CONCURRENT_REQUESTS": PAGES_PER_HOST_AT_ONCE,
        "CONCURRENT_ITEMS": ITEMS_AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": PAGES_PER_HOST_AT_ONCE,
        "DOWNLOAD_DELAY": delay.total_seconds(),
        # A delay is a promise ("at least"): Scrapy's jitter would halve it now and then.
        "DOWNLOAD_DELAY_JITTER": 0,
        "AUTOTHROTTLE_ENABLED": delay > timedelta(0),
        "AUTOTHROTTLE_START_DELAY": delay.total_seconds(),
        "AUTOTHROTTLE_MAX_DELAY": max(LONGEST_DELAY, delay).total_seconds(),
        "DOWNLOAD_TIMEOUT": config.timeout.total_seconds(),
        "DOWNLOAD_MAXSIZE": config.max_size,
        # Bytes of answers that are being read, from which the next is not asked for.
        "SCRAPER_SLOT_MAX_ACTIVE_SIZE": 1_000_000,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "REDIRECT_MAX_TIMES": REDIRECTS,
        "URLLENGTH_LIMIT": 2083,
        # Every status is an answer that the spider judges.
        "HTTPERROR_ALLOW_ALL": True,
        "DOWNLOADER_MIDDLEWARES_BASE": _without(
            default_settings.DOWNLOADER_MIDDLEWARES_BASE, _MIDDLEWARES_OFF
        ),
        "DOWNLOADER_MIDDLEWARES": {
            "crawler.middlewares.HoldMiddleware": 80,
            "crawler.middlewares.AddressMiddleware": 90,
            "crawler.middlewares.OwnHeadersMiddleware": 95,
            "crawler.middlewares.RobotsMiddleware": 100,
            # Nearer to the network than Scrapy's own at 590, which unpacks.
            "crawler.middlewares.PackingMiddleware": 595,
        },
        "EXTENSIONS_BASE": _without(default_settings.EXTENSIONS_BASE, _EXTENSIONS_OFF),
        "ITEM_PIPELINES": {
            "crawler.pipelines.ExtractPipeline": 100,
            "crawler.pipelines.JoinPipeline": 150,
            "crawler.pipelines.SavePipeline": 200,
        },
    }


_OFF: dict[str, Any] = {
    # RemoteControl runs code that it is sent over HTTP; telnet likewise. Both are on by default.
    "REMOTE_CONTROL_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "DOWNLOAD_HANDLERS": {
        **dict.fromkeys(("data", "file", "ftp", "s3")),
        **dict.fromkeys(("http", "https"), "crawler.sending.LastLookHandler"),
    },
    "COOKIES_ENABLED": False,
    "REFERER_ENABLED": False,
    "METAREFRESH_ENABLED": False,
    # Failed requests are rows that wait for their next attempt; Scrapy's own retries come at once.
    "RETRY_ENABLED": False,
    "HTTPCACHE_ENABLED": False,
    # In the order of the source, which is mostly the newest first.
    "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
    "LOG_ENABLED": False,
    "LOGSTATS_INTERVAL": 0,
    "STATS_DUMP": False,
}
_EXTENSIONS_OFF = frozenset(
    f"scrapy.extensions.{name}"
    for name in (
        "feedexport.FeedExporter",
        "logcount.LogCount",
        "logstats.LogStats",
        "memdebug.MemoryDebugger",
        "memusage.MemoryUsage",
        "remote_control.RemoteControl",
        "spiderstate.SpiderState",
        "telnet.TelnetConsole",
    )
)
_MIDDLEWARES_OFF = frozenset(
    f"scrapy.downloadermiddlewares.{name}"
    for name in (
        "cookies.CookiesMiddleware",
        "httpcache.HttpCacheMiddleware",
        # The spider names the configured proxy with each request; one from the environment would
        # bypass the address guard.
        "httpproxy.HttpProxyMiddleware",
        "offsite.OffsiteMiddleware",
        "redirect.MetaRefreshMiddleware",
        "retry.RetryMiddleware",
        "robotstxt.RobotsTxtMiddleware",
    )
)


def _without(ours: dict[str, int], off: frozenset[str]) -> dict[str, int]:
    """Scrapy's own parts but for those that are off.

    Switched off by None or by their own setting they would be imported all the same: a web server
    for RemoteControl, a client of HTTP for cookies, ten megabytes in all.
    """
    return {name: order for name, order in ours.items() if name not in off}
