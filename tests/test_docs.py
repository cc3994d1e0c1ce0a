"""The manual against the program: every key, command, option, field and example."""

import json
import re
import subprocess
import sys
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from alerts.records import match_record
from crawler.items import ArticleItem
from crawler.sources.ranking import Measure
from scripts.manual import MANUAL, TABLES, manual, table
from service.cli import COMMANDS, command_of
from service.config import load
from service.json_objects import (
    article_object,
    channel_object,
    delivery_object,
    extracted_object,
    source_object,
)
from store.articles import Article
from store.deliveries import Delivery, Match
from tests.service.configs import ROOT, SHIPPED, write

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
ENV = {"SMTP_PASSWORD": "x", "WEBHOOK_SECRET": f"whsec_{b64encode(bytes(32)).decode()}"}
TOML_EXAMPLES = [
    pytest.param(found[1], id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, found in enumerate(
        re.finditer(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL), 1
    )
]


def test_the_tables_of_keys_are_those_of_the_models() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    assert manual(text) == text, "run scripts/manual.py"
    assert re.findall(r"<!-- keys: (.*?) -->", text) == [*TABLES]


@pytest.mark.parametrize("name", TABLES)
def test_every_key_says_what_it_means(name: str) -> None:
    rows = table(name).splitlines()[2:]
    assert rows
    for row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == 4
        assert all(cells), row


@pytest.mark.parametrize("text", TOML_EXAMPLES)
def test_every_example_of_the_manual_loads(tmp_path: Path, text: str) -> None:
    if "include" in tomllib.loads(text):
        for folder in ("sources", "watchlists"):
            write(tmp_path, "", f"{folder}/empty.toml")
    assert load(write(tmp_path, text), ENV).warnings == ()


def test_what_is_commented_out_in_the_shipped_file_loads_too(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    lines = re.sub(r"^# (?=\[|\w+ *= )", "", text, flags=re.MULTILINE).split("\n")
    text = "\n".join(line for line in lines if not line.startswith(("include", "query")))
    assert text.count("\n[channel.") == 4
    config = load(write(tmp_path, text), ENV)
    assert (set(config.channels), config.warnings) == ({"inbox", "desk", "ops", "chat"}, ())


def test_the_manual_has_examples() -> None:
    assert len(TOML_EXAMPLES) >= 6


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that exists, with the names of the groups before its own."""
    for name in COMMANDS:
        command = command_of(name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", inner) for sub, inner in command.commands.items())


def test_every_command_and_option_is_in_the_manual() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    headings = {
        name
        for line in re.findall(r"^##+ (.*)$", text, re.MULTILINE)
        for name in re.split(r", ", line)
    }
    assert set(COMMANDS) <= headings
    for name, command in commands():
        assert name in headings
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[0]}" in text, f"{name} {option.opts[0]}"


def test_every_field_of_an_object_is_in_the_manual() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    article, match, delivery = Article(), Match(), Delivery()
    extracted = extracted_object(ArticleItem("", "", "", "", "")).keys()
    further = extracted - article_object(article).keys()
    objects = {
        "extracted": sorted(further | {"zones"}),
        "article": article_object(article),
        "match": match_record(match, article),
        "delivery": delivery_object(delivery, []),
        "source": source_object("x", None, None),
        "channel": channel_object(Measure("feed", "x"), "main"),
    }
    for name, fields in objects.items():
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        told = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE)))
        assert told == [*fields] or sorted(told) == sorted(fields), name


def test_the_shipped_configuration_names_every_key() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    for name in TABLES:
        for key in re.findall(r"^\| `(\w+)`", table(name), re.MULTILINE):
            assert re.search(rf"\b{key}\b\s*=", text), f"{name}: {key}"


def test_links_between_the_pages_lead_somewhere() -> None:
    awaited: set[str] = set()
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            if Path(target).name not in awaited:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_manual_can_be_checked_by_command() -> None:
    script = [sys.executable, "scripts/manual.py", "--check"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_shipped_table_values_are_the_defaults() -> None:
    """A key that stands in config.toml with its default is one that may be left out."""
    shipped = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    for name in ("service", "web", "crawler"):
        for key, value in shipped[name].items():
            row = re.search(rf"^\| `{key}` \|.*?\| (.*?) \|", table(name), re.MULTILINE)
            assert row is not None
            default = row[1].split("|")[-1].strip().strip("`")
            assert default == json.dumps(value), f"{name}.{key}"


def test_every_test_that_a_page_names_exists() -> None:
    named = {
        (page.name, path)
        for page in (ROOT / "docs").rglob("*.md")
        for path in re.findall(r"`((?:tests|bench)/[\w/]+\.py)`", page.read_text("utf-8"))
    }
    assert ("security.md", "tests/crawler/test_hostile.py") in named
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()
