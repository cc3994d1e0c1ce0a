"""Who may import whom, and what pure modules do without."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.configs import ROOT

MAY_IMPORT = {
    "service": {"service", "crawler", "alerts", "store"},
    "crawler": {"crawler", "store"},
    "alerts": {"alerts", "store"},
    "store": {"store"},
}
MODULES = sorted(
    path.relative_to(ROOT) for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")
)

PURE = [
    "alerts/automaton.py",
    "alerts/changes.py",
    "alerts/channels/chat_text.py",
    "alerts/conditions.py",
    "alerts/digest.py",
    "alerts/excerpts.py",
    "alerts/lookalikes.py",
    "alerts/mail_address.py",
    "alerts/matcher.py",
    "alerts/message*.py",
    "alerts/patterns.py",
    "alerts/query*.py",
    "alerts/reading.py",
    "alerts/retry.py",
    "alerts/rules.py",
    "alerts/trial.py",
    "alerts/why_not.py",
    "alerts/word_diff.py",
    "crawler/article_rows.py",
    "crawler/calendars.py",
    "crawler/contents.py",
    "crawler/date_words.py",
    "crawler/dates.py",
    "crawler/dedup.py",
    "crawler/edits.py",
    "crawler/extraction/*.py",
    "crawler/gap.py",
    "crawler/health.py",
    "crawler/items.py",
    "crawler/opml.py",
    "crawler/revisiting.py",
    "crawler/rhythm.py",
    "crawler/schedule.py",
    "crawler/shingles.py",
    "crawler/site_memory.py",
    "crawler/sources/*.py",
    "crawler/stories.py",
    "crawler/text.py",
    "crawler/urls.py",
    "crawler/warc.py",
    "service/hosts.py",
    "service/json_objects.py",
    "service/printable.py",
    "service/roles.py",
    "service/toml_places.py",
    "store/addresses.py",
    "store/config.py",
    "store/folding*.py",
    "store/search_terms.py",
]
"""Rules: the same answer to the same question, always."""
PURE_MODULES = sorted({path.relative_to(ROOT) for pattern in PURE for path in ROOT.glob(pattern)})
OUTSIDE = {
    "scrapy",
    "twisted",
    "httpx",
    "sqlmodel",
    "sqlalchemy",
    "socket",
    "subprocess",
    "asyncio",
    "aiosmtplib",
    "apscheduler",
    "uvicorn",
    "random",
    "secrets",
}
CLOCKS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "monotonic"), ("time", "perf_counter"),
}  # fmt: skip
TABLES = {"store.engine", "store.writer", "store.schema", "store.http_client"}


def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """The full names of what a piece of code imports, whoever may see it at run time."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            assert inner.level == 0, "relative import"
            yield str(inner.module)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_package_imports_only_those_below_it(module: Path) -> None:
    own = {name.split(".")[0] for name in imported(tree(module))} & MAY_IMPORT.keys()
    assert own <= MAY_IMPORT[module.parts[0]]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nothing_is_imported_inside_a_function(module: Path) -> None:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not list(imported(node)), node.name


@pytest.mark.parametrize("module", PURE_MODULES, ids=str)
def test_a_pure_module_knows_no_store_no_network_and_no_chance(module: Path) -> None:
    names = set(imported(tree(module)))
    assert not {name.split(".")[0] for name in names} & OUTSIDE
    assert not names & TABLES


@pytest.mark.parametrize("module", PURE_MODULES, ids=str)
def test_a_pure_module_asks_no_clock(module: Path) -> None:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            assert (name, node.func.attr) not in CLOCKS, f"line {node.lineno}"


def test_every_pattern_of_pure_modules_names_some() -> None:
    awaited = {"alerts/message*.py"}
    assert [p for p in PURE if p not in awaited and not list(ROOT.glob(p))] == []


def test_one_module_imports_the_http_client() -> None:
    having = [str(m) for m in MODULES if "httpx" in {n.split(".")[0] for n in imported(tree(m))}]
    assert having == ["store/http_client.py"]


def test_only_the_crawler_and_the_event_loop_know_scrapy() -> None:
    for module in MODULES:
        if "scrapy" in {name.split(".")[0] for name in imported(tree(module))}:
            assert module.parts[0] == "crawler" or module.name == "loop.py"


def test_nothing_is_called_utils_or_helpers() -> None:
    assert not [m for m in MODULES if m.stem in {"utils", "util", "helpers", "common", "misc"}]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_functions_fit_on_a_screen(module: Path) -> None:
    if "versions" in module.parts:  # a migration is a list, not a thought
        return
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, node.name


# What a distribution is called whose module bears another name.
DISTRIBUTIONS = {
    "re2": "google-re2",
    "httpcore": "httpx",
    "pydantic_core": "pydantic",
    "sqlalchemy": "sqlmodel",
    "twisted": "scrapy",
    "itemadapter": "scrapy",
    "zope": "scrapy",
}


def test_the_program_imports_only_what_it_declares() -> None:
    names = {name.split(".")[0] for module in MODULES for name in imported(tree(module))}
    foreign = names - MAY_IMPORT.keys() - set(sys.stdlib_module_names)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + extras["apprise"] + extras["postgres"]
    declared = {re.split(r"[\[<>=]", line)[0].replace("-", "_") for line in lines}
    wanted = {DISTRIBUTIONS.get(name, name).replace("-", "_") for name in foreign}
    assert wanted - declared == set()
