"""A site on loopback with a crawler on it; the source is the site's front page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.guard import GuardedResolver
from store.engine import Store
from store.schema import migrate
from tests.crawler.test_crawl import Run, Script, Site
from tests.support.http import HttpServer
from tests.support.reactor import in_reactor


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'wirewatch.db'}")
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def on_a_site(store: Store) -> Run:
    def run(script: Script, /, **parts: object) -> None:
        async def main(resolver: GuardedResolver) -> None:
            async with HttpServer() as server:
                site = Site(server, store, resolver, **parts)  # type: ignore[arg-type]
                site.source = {"url": f"{server.url}/", **site.source}
                await script(site)

        in_reactor(main)

    return run
