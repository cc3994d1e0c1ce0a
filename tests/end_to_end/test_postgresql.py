"""The whole service on PostgreSQL, which is restarted under it."""

import random
from pathlib import Path

import pytest

from tests.support import postgresql
from tests.support.desk import Desk
from tests.support.prose import headline, paragraphs
from tests.support.running import RunningService, run_command
from tests.support.site import Site
from tests.support.smtp import SmtpSink

CHANCE = random.Random(9)


@pytest.mark.campaign
async def test_a_restarted_server_costs_no_alert_and_doubles_none(tmp_path: Path) -> None:
    with postgresql.empty_database() as url:
        async with Site() as site, SmtpSink() as sink:
            desk = Desk(tmp_path, site, sink)
            site.publish(headline(CHANCE), paragraphs(CHANCE, ""))
            desk.configure(database=url)
            async with RunningService(desk.config) as service:
                await desk.first_visit()
                told = []
                for crash in (False, True):
                    told.append(site.publish(headline(CHANCE), paragraphs(CHANCE, "Durand Line")))
                    postgresql.server().restart(crash=crash)
                    await desk.alerted(*told)
                found = await run_command(desk.config, "search", '"Durand Line"', "--json")
                assert len(found.output.splitlines()) == 2
                assert await service.stop() == 0
        assert sorted(desk.links()) == sorted(told)
        assert "Traceback" not in service.log
