"""`source doctor` and `source add` as a user types them, against sites on loopback."""

import asyncio
import json
import os
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from service.cli import main
from service.config import load
from service.config.adding import with_table
from tests.service.configs import write
from tests.support.http import HttpServer, Response
from tests.support.running import Finished, run_command
from tests.support.site import Site

CONFIG = """
    # What we read.
    [crawler]
    delay = "0s"
    allow_private = ["127.0.0.1/32"]   # only for tests

    [source.gazette]
    url  = "https://gazette.example.org/"   # a weekly
    name = "Gazette"

    [watchlist.line]
    any = ['"Durand Line"']
    [channel.inbox]
    kind = "maildir"
    path = "inbox"
"""
Script = Callable[[Site, Path], Awaitable[None]]


def on_a_site(folder: Path, script: Script, config: str = CONFIG) -> None:
    async def play() -> None:
        async with Site(name="The Frontier Post") as site:
            for number in range(12):
                site.publish(f"Story number {number} of the day", ["A text. " * 40])
            await script(site, write(folder, config))

    asyncio.run(play())


def text_of(config: Path) -> str:
    return config.read_text("utf-8")


def rows(done: Finished) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.output.splitlines()]


def test_doctor_shows_every_channel_and_a_ready_table(tmp_path: Path) -> None:
    async def script(site: Site, config: Path) -> None:
        done = await run_command(config, "source", "doctor", site.url)
        assert done.status == 0, done.errors
        assert f"feed {site.feed_url}" in done.output
        assert f"listing {site.url}/" in done.output
        assert "main" in done.output
        assert "second" in done.output
        table = done.output[done.output.index("[source.") :]
        [values] = tomllib.loads(table)["source"].values()
        assert values == {"url": f"{site.url}/", "name": "The Frontier Post"}
        assert f"{site.feed_url}: read" in done.errors
        load(write(tmp_path, table, "ready.toml"), {})
        # The address of an article leads to its front page.
        article = site.url + site.articles[0].path
        again = await run_command(config, "source", "doctor", article, "--json")
        feed, page = rows(again)
        assert (feed["kind"], feed["use"], feed["items"], feed["dated"]) == ("feed", "main", 12, 1)
        assert (page["kind"], page["use"], page["dated"]) == ("listing", "second", 0)
        assert page["url"] == f"{site.url}/"

    on_a_site(tmp_path, script)


@pytest.mark.campaign
def test_doctor_looks_at_a_configured_source_by_its_id_and_proposes_no_table(
    tmp_path: Path,
) -> None:
    async def script(site: Site, _: Path) -> None:
        table = f'[source.times]\nurl = "{site.feed_url}"\nkind = "feed"\n'
        config = write(tmp_path, f"{CONFIG}\n{table}")
        done = await run_command(config, "source", "doctor", "times")
        assert done.status == 0, done.errors
        assert f"feed {site.feed_url}" in done.output
        assert "[source." not in done.output
        # Nothing is stored of it.
        assert not (tmp_path / "wirewatch.db").exists()

    on_a_site(tmp_path, script)


def test_doctor_works_without_a_configuration_and_says_what_refuses_an_address(
    tmp_path: Path,
) -> None:
    async def script(site: Site, config: Path) -> None:
        write(tmp_path, "")
        done = await run_command(config, "source", "doctor", site.url)
        assert done.status == 1
        assert "not a public address" in done.errors
        assert "allow_private" in done.errors
        assert site.connections == 0

    on_a_site(tmp_path, script)


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (["dawn"], 2, "neither an address nor the id of a source"),
        (["ftp://example.org/"], 2, "no web address"),
        (["gazet"], 2, 'did you mean "gazette"?'),
    ],
)
def test_what_is_no_address_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, why: str
) -> None:
    config = str(write(tmp_path, CONFIG))
    assert main(["--config", config, "source", "doctor", *words]) == status
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(200, b"<html><title>Nothing</title></html>"), "names no feed or sitemap"),
    ],
)
def test_a_site_that_gives_nothing_is_told_of_in_words(
    tmp_path: Path, answer: Response, why: str
) -> None:
    async def play() -> None:
        async with HttpServer() as server:
            server.on("/", answer)
            done = await run_command(write(tmp_path, CONFIG), "source", "doctor", server.url)
            assert done.status == 1
            assert why in done.errors, done.errors

    asyncio.run(play())


def test_add_writes_a_table_and_leaves_the_rest_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(site: Site, config: Path) -> None:
        before = text_of(config)
        done = await run_command(config, "source", "add", site.url, "--id", "frontier")
        assert done.status == 0, done.errors
        after = text_of(config)
        lines = f'[source.frontier]\nurl  = "{site.url}/"\nname = "The Frontier Post"\n\n'
        assert after == before.replace("[watchlist.line]", f"{lines}[watchlist.line]")
        assert load(config, {}).sources["frontier"].url == f"{site.url}/"
        assert os.listdir(tmp_path) == ["config.toml"]
        assert main(["--config", str(config), "source", "add", f"{site.url}/index.html"]) == 1
        assert "source.frontier reads" in capsys.readouterr().err
        assert text_of(config) == after

    on_a_site(tmp_path, script)


def test_add_refuses_a_taken_id_and_writes_nothing_for_a_dead_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(site: Site, config: Path) -> None:
        before = text_of(config)
        words = ["--config", str(config), "source", "add", site.url, "--id"]
        assert main([*words, "gazette"]) == 2
        assert "source.gazette already" in capsys.readouterr().err
        site.robots = "User-agent: *\nDisallow: /\n"
        dead = await run_command(config, "source", "add", site.url)
        assert dead.status == 1
        assert "robots.txt forbids it" in dead.errors
        assert [request.path for request in site.requests] == ["/robots.txt"]
        assert text_of(config) == before

    on_a_site(tmp_path, script)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "[source.a]\nurl = 'x' # c\n# of b\n[watchlist.b]\nany = ['y']\n[source.c]\nurl = 'z'\n",
        "source.a = { url = 'x' }\n[web]\nlisten = ''",
        "[source]\na = { url = 'x' }\n[[other]]\nn = 1\n",
        "[source.a]\nurl = 'x'\nselect = { links = 'a' }\n[source.a.headers]\nCookie = 'k'\n",
        "[ source . 'a' ]\nurl = '''x'''\n\n\n",
        "[source.a]\nurl = 'ü — ن'\n[web]\n",
    ],
)
def test_adding_a_table_changes_nothing_else(text: str) -> None:
    changed = with_table(text, "source", "new.one", {"url": 'https://x/"q"\\', "name": "é"})
    values = {"url": 'https://x/"q"\\', "name": "é"}
    before = tomllib.loads(text)
    assert tomllib.loads(changed) == {
        **before,
        "source": {**before.get("source", {}), "new.one": values},
    }
    for line in text.splitlines():
        assert line in changed.splitlines()


def test_a_site_whose_name_is_a_reference_does_not_read_the_environment(tmp_path: Path) -> None:
    values = {"url": "https://x.example/?a=${SECRET}", "name": "$${A} ${SECRET:-b} ${"}
    text = with_table("[source.a]\nurl = 'https://a.example/'\n", "source", "x", values)
    found = load(write(tmp_path, text), {"SECRET": "hunter2"}).sources["x"]
    assert {"url": found.url, "name": found.name} == values


def test_a_text_that_cannot_be_added_to_is_refused() -> None:
    for text in ("source = { a = { url = 'x' } }\n", "[source\n"):
        with pytest.raises(ValueError, match=r"."):
            with_table(text, "source", "b", {"url": "x"})
