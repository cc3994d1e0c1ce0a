"""From an edit on the site to the reply in the thread: crawler, matcher and mail on one store."""

from datetime import timedelta
from pathlib import Path

from alerts.outbox import Outbox
from store.engine import Store
from tests.alerts.world import DURAND, World, make_world
from tests.support.crawled import HOUR, WORDS, Site, run_on_a_site
from tests.support.http import Response

TITLE = "Fence divides the valley"
NAMED = f"The fence runs along the Durand Line. {WORDS}"


def page(*paragraphs: str) -> Response:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    html = f"<html lang='en'><title>{TITLE}</title><article><h1>{TITLE}</h1>{text}</article></html>"
    return Response(200, html.encode(), {"Content-Type": "text/html; charset=utf-8"})


async def told(world: World, site: Site) -> list[str]:
    """The clocks go on, what waits is matched and gathered; the texts of new messages."""
    before = len(world.deliveries())
    world.now = site.now
    outbox = Outbox(world.context)
    await outbox.match()
    world.wait(minutes=2)
    await outbox.gather()
    return [delivery.text for delivery in world.deliveries()[before:]]


def test_what_a_site_takes_back_is_told_in_the_thread(store: Store, tmp_path: Path) -> None:
    with make_world(store, tmp_path) as world:
        world.configure(watchlists={"durand-line": {**DURAND, "updates": "changes"}})

        async def script(site: Site) -> None:
            site.publish("/old")
            await site.crawl()
            await told(world, site)
            site.publish("/a", "/old")
            site.server.on("/a", page(WORDS * 2, NAMED, WORDS))
            site.now += HOUR
            await site.crawl()
            [alert] = await told(world, site)
            assert "*Durand Line*" in alert

            site.now += 40 * timedelta(minutes=1)
            await site.crawl()
            assert await told(world, site) == []

            site.server.on("/a", page(WORDS * 2, NAMED.replace("Durand Line", "border"), WORDS))
            site.now += 3 * HOUR
            await site.crawl()
            [change] = await told(world, site)
            assert "No longer in the text: Durand Line" in change
            assert "[-Durand Line.-] {+border.+}" in change

            site.server.on("/a", Response(410))
            site.now += 12 * HOUR
            await site.crawl()
            [removal] = await told(world, site)
            assert "The article was removed: HTTP 410" in removal
            assert len({d.thread for d in world.deliveries() if d.kind == "alert"}) == 1

        run_on_a_site(world.store, script)
