"""What every part of a crawl shares: the store, the workers, the configuration, the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from crawler.config import CrawlerConfig, SourceConfig
from crawler.pool import ProcessorPool
from store.engine import Store
from store.writer import Writer


@dataclass(frozen=True, slots=True)
class CrawlContext:
    """Handed to the spider, its middlewares and pipelines."""

    store: Store
    writer: Writer
    pool: ProcessorPool
    config: CrawlerConfig
    sources: Mapping[str, SourceConfig]
    clock: Callable[[], datetime]
    """The time now, aware and in UTC."""
    chance: Callable[[], float]
    """A random number in [0, 1), for jitter."""
    why_refused: Callable[[str], str | None]
    """Why the address guard last refused to resolve a host."""
    keep_pages: bool = False
    """Whether pages are kept until it is known whether their articles match."""
    may_ask: Callable[[], bool] = lambda: True
    """Whether a crawl may make requests: not in a process that others must take for dead, nor when
    others did so since it began."""
