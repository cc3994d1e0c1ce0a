"""The bench on captured pages counts rightly: every kind of error is found and named."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parent.parent / "bench" / "realweb.py"


@pytest.fixture(scope="module")
def realweb() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_realweb", BENCH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # dataclass looks its module up by name.
    sys.modules["bench_realweb"] = module
    spec.loader.exec_module(module)
    return module


def gold(realweb: ModuleType) -> Any:
    rows = {
        "p1": {
            "url": "http://a/1",
            "title": "Rain",
            "text": "The Green River rose.",
            "authors": None,
        },
        "p2": {"url": "http://b/2", "title": "Old Oak", "text": "A tree.", "authors": ["Ann Lee"]},
        "p3": {"url": "http://b/3", "title": "Snow", "text": "None of it.", "authors": None},
    }
    topics = ["Green River", "Old Oak", "Ann Lee"]
    expected = {("Green River", "p1"), ("Old Oak", "p2")}
    page_at = {"a/1": "p1", "b/2": "p2", "b/3": "p3"}
    return realweb.Gold(topics, expected, {"p1", "p2"}, rows, page_at, ["a", "b"])


def judged(realweb: ModuleType, articles: set[str], pairs: set[tuple[str, str]]) -> dict[str, Any]:
    outcome = realweb.Outcome(1.0, 1, 0)
    outcome.articles = {page: {"url": page} for page in articles}
    outcome.matches = dict.fromkeys(pairs, "[body] text")
    lines = list(realweb.error_lines(gold(realweb), outcome, {}))
    figures: dict[str, Any] = realweb.report(gold(realweb), outcome, lines)
    return figures


def test_a_perfect_run_is_perfect(realweb: ModuleType) -> None:
    figures = judged(realweb, {"p1", "p2", "p3"}, {("Green River", "p1"), ("Old Oak", "p2")})
    assert (figures["coverage"], figures["recall"], figures["precision"]) == (1, 1, 1)


def test_each_error_costs_its_figure(realweb: ModuleType) -> None:
    figures = judged(realweb, {"p1", "p2"}, {("Green River", "p1"), ("Green River", "p2")})
    assert figures["coverage"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["recall"] == 0.5
    assert figures["precision"] == 0.5
    assert (figures["missed"], figures["false"]) == (1, 1)


def test_what_the_gold_holds_without_expecting_it_is_neither(realweb: ModuleType) -> None:
    figures = judged(realweb, {"p1", "p2", "p3"}, {("Ann Lee", "p2"), ("Old Oak", "p3")})
    assert (figures["ambiguous"], figures["false"]) == (1, 0)


@pytest.mark.parametrize(
    ("topic", "text", "answer"),
    [
        ("Green River", "the green\nriver’s bank", True),
        ("Green River", "Green, River", True),
        ("Green River", "Greener River", False),
        ("Green River", None, False),
    ],
)
def test_topics_are_found_as_whole_words(
    realweb: ModuleType, topic: str, text: str | None, answer: bool
) -> None:
    assert realweb.holds(topic, text) is answer


def test_addresses_compare_without_their_scheme(realweb: ModuleType) -> None:
    key = realweb.address_key
    assert key("https://Example.org/a?b=1") == key("http://example.org/a?b=1")
    assert key("http://example.org") == "example.org/"
    assert key("http://example.org/ä") == key("http://example.org/%c3%a4")


def test_an_article_is_known_by_its_address_without_tracking(realweb: ModuleType) -> None:
    known = gold(realweb)
    known.page_at = {"a/1?utm_source=rss": "p1", "b/2?id=1": "p2", "b/2?id=2": "p3"}
    article = {"url": "http://a/1", "canonical_url": "https://a/1"}
    assert realweb.page_of(article, known) == "p1"
    assert realweb.page_of({"url": "http://b/2", "canonical_url": "http://b/2"}, known) is None
