"""robots.txt as RFC 9309 has it."""

from datetime import timedelta

import pytest

from crawler.robots import rules_from

AGENT = "Wirewatch/0.1 (+desk@example.org)"
FILE = b"""\
User-agent: *
Disallow: /
User-agent: Wirewatch
Disallow: /private/
Crawl-delay: 7
Sitemap: https://example.org/news.xml
"""


def test_our_own_group_counts() -> None:
    rules = rules_from(200, FILE, AGENT)
    assert rules.allows("https://example.org/news/1")
    assert not rules.allows("https://example.org/private/1")
    assert rules.crawl_delay == timedelta(seconds=7)
    assert rules.sitemaps == ("https://example.org/news.xml",)
    assert rules.refusal == "robots.txt forbids it"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_without_a_file_all_is_allowed(status: int) -> None:
    assert rules_from(status, b"", AGENT).allows("https://example.org/")


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_a_file_that_cannot_be_had_forbids_everything(status: int | None) -> None:
    rules = rules_from(status, b"", AGENT)
    assert not rules.allows("https://example.org/")
    assert "robots.txt" in rules.refusal


def test_only_the_first_500_kib_count() -> None:
    late = b"User-agent: *\nAllow: /\n" + b"#" * 600_000 + b"\nDisallow: /\n"
    assert rules_from(200, late, AGENT).allows("https://example.org/a")


def test_an_endless_crawl_delay_is_bounded() -> None:
    rules = rules_from(200, b"User-agent: *\nCrawl-delay: 86400\n", AGENT)
    assert rules.crawl_delay == timedelta(seconds=60)


def test_no_bytes_break_it() -> None:
    assert rules_from(200, bytes(range(256)) * 50, AGENT).allows("https://example.org/a")
