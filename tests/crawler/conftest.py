"""Fixtures of whole crawls."""

from typing import Any

import pytest

from store.engine import Store
from tests.support.crawled import Run, Script, Site, run_on_a_site


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
