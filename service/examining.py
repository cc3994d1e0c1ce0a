"""`source doctor` and `source add`: a crawl of one site beside the service, on a store of its own.

The service's database is left alone, so that both may run at once.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from crawler.config import CrawlerConfig, SourceConfig
from crawler.context import CrawlContext
from crawler.examine import Examination, examine
from crawler.guard import GuardedResolver
from crawler.pool import ProcessorPool
from service.app import utc_now
from store.engine import Store
from store.schema import migrate
from store.writer import Writer


async def examination(
    config: CrawlerConfig,
    source_id: str,
    source: SourceConfig,
    resolver: GuardedResolver,
    pool: ProcessorPool,
    tell: Callable[[str], None],
) -> Examination:
    """What the site of a source offers; `tell` hears of each address that was asked for."""
    resolver.allow, resolver.proxy_host = config.allow_private, urlsplit(config.proxy).hostname
    with tempfile.TemporaryDirectory(prefix="wirewatch-") as folder:
        store = Store(f"sqlite:///{Path(folder, 'examination.db')}")
        try:
            migrate(store)
            writer = Writer(store)
            try:
                sources: Mapping[str, SourceConfig] = {source_id: source}
                context = CrawlContext(
                    store=store,
                    writer=writer,
                    pool=pool,
                    config=config,
                    sources=sources,
                    clock=utc_now,
                    chance=random.random,
                    why_refused=resolver.why_refused,
                )
                return await examine(source_id, source, context, tell)
            finally:
                writer.close()
        finally:
            store.close()
