"""Registered names by the Public Suffix List, and the list's own package as the reference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tldextract import TLDExtract

from crawler.suffixes import split_host

REFERENCE = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
SUFFIXES = sorted(rule for rule in REFERENCE.tlds if not rule.startswith("!"))
LABELS = st.from_regex(r"[a-z]{3,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("www.bbc.co.uk", ("bbc", "co.uk")),
        ("example.org", ("example", "org")),
        ("co.uk", ("", "co.uk")),
        ("a.b.example.blogspot.com", ("example", "blogspot.com")),
        ("shop.www.ck", ("www", "ck")),
        ("news.anything.ck", ("news", "anything.ck")),
        ("www.xn--j1amh", ("www", "xn--j1amh")),
        ("localhost", ("localhost", "")),
        ("news.internal", ("internal", "")),
        ("127.0.0.1", ("127.0.0.1", "")),
        ("", ("", "")),
    ],
)
def test_a_host_is_a_label_under_a_suffix(host: str, parts: tuple[str, str]) -> None:
    assert split_host(host) == parts


@given(st.sampled_from(SUFFIXES), st.lists(LABELS, min_size=1, max_size=3))
def test_every_host_is_split_as_the_package_does(rule: str, labels: list[str]) -> None:
    host = ".".join([*labels, rule.replace("*", "anywhere")])
    found = REFERENCE.extract_str(host)
    assert split_host(host) == (found.domain, found.suffix)
