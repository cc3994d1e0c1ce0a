"""`run --once` says of every source that was not read why it was not."""

from pathlib import Path

import pytest
from sqlalchemy import text

from store.engine import Store
from tests.service.configs import write
from tests.support import stores
from tests.support.http import Response
from tests.support.running import run_command
from tests.support.site import Site
from tests.support.stores import Backend

REFUSE = {
    "sqlite": "CREATE TRIGGER refuse BEFORE INSERT ON crawl_run WHEN NEW.host = '127.0.0.3' "
    "BEGIN SELECT RAISE(ABORT, 'row refused'); END",
    "postgresql": "ALTER TABLE crawl_run ADD CONSTRAINT refuse CHECK (host <> '127.0.0.3') "
    "NOT VALID",
}
"""From then on what a crawl of one host leaves behind is refused by the database itself."""


@pytest.mark.parametrize(
    "backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)]
)
async def test_what_fails_or_is_held_is_named_and_the_others_are_read(
    tmp_path: Path, backend: Backend
) -> None:
    with stores.empty_database(backend, tmp_path) as url:
        await what_fails_is_named(tmp_path, backend, url)


async def what_fails_is_named(tmp_path: Path, backend: Backend, url: str) -> None:
    async with Site() as well, Site(host="127.0.0.2") as busy, Site(host="127.0.0.3") as broken:
        for site in (well, busy, broken):
            site.publish("A story of the day", ["A text of some words. " * 40])
        tables = "".join(
            f'[source.{name}]\nurl = "{site.feed_url}"\nkind = "feed"\n'
            for name, site in (("well", well), ("busy", busy), ("broken", broken))
        )
        crawler = '[crawler]\ndelay = "0s"\nallow_private = ["127.0.0.0/8"]\n'
        watched = '[watchlist.a]\nany = ["zebra"]\n[channel.inbox]\nkind = "maildir"\npath = "in"\n'
        service = f'[service]\ndatabase = "{url}"\n'
        config = write(tmp_path, service + crawler + tables + watched)
        busy.fail(Response(503, headers={"Retry-After": "7200"}), path="/feed.xml")
        first = await run_command(config, "run", "--once")
        assert first.status == 1
        assert f"{busy.feed_url}: HTTP 503" in first.errors
        store = Store(url)
        with store.writing() as session:
            session.execute(text(REFUSE[backend]))
        store.close()
        asked = len(busy.requests)
        well.publish("Another story of the day", ["Another text of some words. " * 40])
        second = await run_command(config, "run", "--once")
        assert second.status == 1
        assert "1 new articles" in second.output
        assert "127.0.0.3: the crawl broke off" in second.errors
        assert "busy: not visited, 127.0.0.2 asked to be left alone until" in second.errors
        assert len(busy.requests) == asked
