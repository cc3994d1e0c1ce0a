"""The manual's page on delivery against the code."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.channels import CHANNEL_KINDS
from alerts.channels.apprise import SCHEMAS
from alerts.composer import BUILT_IN
from store.config import parse_duration

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text(encoding="utf-8")


def written_waits(kind: str) -> tuple[timedelta, ...]:
    (row,) = re.findall(rf"^\|[^|]*\b{kind}\b[^|]*\| (\d.*), and so on \|$", PAGE, re.MULTILINE)
    return tuple(parse_duration(wait.replace("min", "m")) for wait in row.split(", "))


@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_the_table_of_waits_is_the_one_in_force(kind: str) -> None:
    assert CHANNEL_KINDS[kind].waits == written_waits(kind)


@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_every_kind_of_channel_has_its_section(kind: str) -> None:
    assert f"\n## {kind}\n" in PAGE


def test_every_template_is_named() -> None:
    assert all(f"`{template.name}`" in PAGE for template in BUILT_IN.iterdir())


def test_every_schema_of_apprise_that_may_be_used_is_named() -> None:
    section = PAGE.split("\n## apprise\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| [\w .-]+ \| (.*) \|$", section, re.MULTILINE)) != set()
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*\|$", section, re.MULTILINE)))) == {
        *SCHEMAS
    }
