"""Fixtures of whole crawls.

A crawl is the same on both databases as far as the store's functions are, which every run tries on
both; whole crawls on PostgreSQL belong to the campaigns.
"""

from typing import Any

import pytest

from store.engine import Store
from tests.support import stores
from tests.support.crawled import Run, Script, Site, run_on_a_site


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)])
def backend(request: pytest.FixtureRequest) -> stores.Backend:
    """The kind of database."""
    chosen: stores.Backend = request.param
    return chosen


@pytest.fixture
def on_a_site(store: Store) -> Run:
    def run(script: Script, /, **parts: Any) -> None:
        run_on_a_site(store, script, **parts)

    return run


@pytest.fixture
def on_front_page(on_a_site: Run) -> Run:
    """As `on_a_site`; the source is the site's front page, or what the test says."""

    def run(script: Script, /, **parts: Any) -> None:
        async def from_the_front_page(site: Site) -> None:
            site.source = {"url": f"{site.server.url}/", **site.source}
            await script(site)

        on_a_site(from_the_front_page, **parts)

    return run
