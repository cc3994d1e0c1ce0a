import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.urls import believable_canonical, clean_url, host_of, listed_url, same_site, url_key

BASE = "https://example.org/news/index.html"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.ORG:443/A/b?id=3#top", "https://example.org/A/b?id=3"),
        ("http://example.org:80", "http://example.org/"),
        ("http://example.org:8080/x", "http://example.org:8080/x"),
        ("  https://example.org/x \n", "https://example.org/x"),
        ("/story/1", "https://example.org/story/1"),
        ("story/1", "https://example.org/news/story/1"),
        ("//cdn.example.org/x", "https://cdn.example.org/x"),
        ("www.example.net/x", "https://www.example.net/x"),
        ("example.org/x", "https://example.org/x"),
        ("?p=12", "https://example.org/news/index.html?p=12"),
        ("https://example.org/a/../b/./c/", "https://example.org/b/c/"),
        ("https://example.org/a%7eb%2fc%3a", "https://example.org/a~b%2Fc%3A"),
        ("https://example.org/خبر?q=ا b", "https://example.org/%D8%AE%D8%A8%D8%B1?q=%D8%A7%20b"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://ⓔxample.org/x", "https://example.org/x"),
        ("https://example.org./x", "https://example.org/x"),
        ("https://[2606:4700::1]/x", "https://[2606:4700::1]/x"),
        ("https://example.org/x?utm_source=rss&id=5&fbclid=z&p=", "https://example.org/x?id=5&p="),
        ("https://example.org/x?utm_source=rss&amp;utm_medium=a", "https://example.org/x"),
        ("https://example.org/x?at_medium=RSS&at_campaign=K", "https://example.org/x"),
        ("https://example.org/x?b=2&a=1", "https://example.org/x?b=2&a=1"),
        ("https://example.org/x?", "https://example.org/x"),
    ],
)
def test_an_address_is_cleaned(url: str, expected: str) -> None:
    assert clean_url(url, BASE) == expected


@pytest.mark.parametrize(
    "url",
    [
        "", "javascript:alert(1)", "mailto:a@example.org", "file:///etc/hosts", "data:text/html,x",
        "https://user:pass@example.org/", "https://example.org\\@example.net/", "https://",
        "https://exa mple.org/", "https://example.org/\x00", "https://example.org/a\nb",
        "https://example.org:99999/", "https://[::1/", "http://\ud800.example/", "http://a..b/",
        "https://example.org/" + "x" * 2000, "tel:123", "https://-/",
    ],
)  # fmt: skip
def test_what_is_no_usable_web_address_is_refused(url: str) -> None:
    assert clean_url(url) is None


def test_a_relative_address_needs_a_base() -> None:
    assert clean_url("/story/1") is None


STORY = "https://www.example.org/news/1234/a-story-of-the-line?id=9&p=2"


@pytest.mark.parametrize(
    "other",
    [
        "http://www.example.org/news/1234/a-story-of-the-line?id=9&p=2",
        "https://example.org/news/1234/a-story-of-the-line/?p=2&id=9",
        "https://m.example.org/news/1234/a-story-of-the-line?id=9&p=2#comments",
        "https://amp.example.org/news/1234/a-story-of-the-line?id=9&p=2",
        "https://www.example.org/news/1234/a-story-of-the-line/amp/?id=9&p=2",
        "https://www.example.org/amp/news/1234/a-story-of-the-line?id=9&p=2",
        "https://www.example.org/news/1234/a-story-of-the-line?id=9&p=2&amp=1",
        "https://www.example.org/news/1234/a-story-of-the-line?id=9&p=2&outputType=amp",
        "https://www.example.org/news/1234/a-story-of-the-line/print?id=9&p=2",
        "https://www.example.org/news/1234/a-story-of-the-line?id=9&p=2&print=1",
        "https://www.example.org/news/1234/a-story-of-the-line;jsessionid=A1B2?id=9&p=2",
        "https://www.example.org/news/1234/a-story-of-the-line?id=9&PHPSESSID=4f&p=2",
        "https://www.example.org/news/1234/a-story-of-the-line?sid=0123456789abcdef01&id=9&p=2",
        "https://www.example.org/news/1234/a-story-of-the-line?id=9&p=2&source=rss&ref=home",
        "https://www.example.org//news/1234/a-story-of-the-line/index.html?id=9&p=2",
        "https://www-example-org.cdn.ampproject.org/c/s/www.example.org/news/1234/"
        "a-story-of-the-line?id=9&p=2",
        "https://www.google.com/amp/s/www.example.org/news/1234/a-story-of-the-line?id=9&p=2",
    ],
)
def test_addresses_of_one_article_have_one_key(other: str) -> None:
    assert url_key(other) == url_key(STORY)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("https://example.org/?p=1", "https://example.org/?p=2"),
        ("https://example.org/story.php?id=1", "https://example.org/story.php?id=2"),
        ("https://example.org/modules.php?sid=12", "https://example.org/modules.php?sid=13"),
        ("https://example.org/story?ref=12", "https://example.org/story?ref=13"),
        ("https://urdu.example.org/a", "https://example.org/a"),
        ("https://example.org/a?page=2", "https://example.org/a"),
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org/print/12-story", "https://example.org/12-story"),
        ("https://m.com/a", "https://www.com/a"),
        ("https://example.org:8080/a", "https://example.org:8081/a"),
    ],
)
def test_addresses_of_different_articles_have_different_keys(a: str, b: str) -> None:
    assert url_key(a) != url_key(b)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("https://www.dawn.com/x", "http://images.dawn.com/y", True),
        ("https://a.co.uk/", "https://b.co.uk/", False),
        ("https://one.blogspot.com/", "https://two.blogspot.com/", False),
        ("http://127.0.0.1:1/", "http://127.0.0.1:2/", True),
        ("http://127.0.0.1/", "http://127.0.0.2/", False),
        ("", "", False),
    ],
)
def test_one_site_is_one_registrable_domain(a: str, b: str, same: bool) -> None:
    assert same_site(a, b) is same


def test_the_host_is_lower_case_and_without_port() -> None:
    assert host_of("https://WWW.Example.org:8443/x") == "www.example.org"
    assert host_of("no address") == host_of("http://[broken") == ""


PAGE = "https://www.example.org/world/2026/a-story-of-the-line?utm_source=rss"


@pytest.mark.parametrize(
    ("claimed", "believed"),
    [
        ("/world/2026/a-story-of-the-line", "https://www.example.org/world/2026/a-story-of-the-line"),
        ("https://example.org/asia/a-story-of-the-line", "https://example.org/asia/a-story-of-the-line"),
        ("https://www.example.org/?p=77", "https://www.example.org/?p=77"),
        ("https://www.example.org/", None),
        ("https://www.example.org/world/", None),
        ("https://other.example.net/world/2026/a-story-of-the-line", None),
        ("http://localhost/world/2026/a-story-of-the-line", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_canonical_link_is_believed_unless_it_cannot_be_right(
    claimed: str, believed: str | None
) -> None:
    assert believable_canonical(claimed, PAGE) == believed


def test_a_shorter_address_of_the_article_itself_is_believed() -> None:
    page = "https://example.org/story/123/the-slug"
    assert believable_canonical("https://example.org/story/123", page) == (
        "https://example.org/story/123"
    )


@given(
    st.one_of(
        st.text(),
        st.text(max_size=40).map(lambda text: f"https://example.org/{text}"),
        st.text(max_size=20).map(lambda text: f"http://{text}/a?b=%7e%zz&c"),
    ),
    st.sampled_from([None, BASE]),
)
def test_cleaning_never_raises_and_twice_is_once(url: str, base: str | None) -> None:
    cleaned = clean_url(url, base)
    assert cleaned is None or (clean_url(cleaned) == cleaned and cleaned.isascii())
    assert url_key(url) == url_key(url)


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("/a?utm_source=rss&id=1#top", "https://example.org/a?utm_source=rss&id=1"),
        ("/%e3%81%ae?b=2&a=1", "https://example.org/%e3%81%ae?b=2&a=1"),
        ("/a b?q=ü", "https://example.org/a%20b?q=%C3%BC"),
        ("HTTPS://Example.org:443", "https://example.org/"),
        ("javascript:alert(1)", None),
        ("https://user@example.org/", None),
    ],
)
def test_an_address_is_asked_for_as_it_was_listed(listed: str, asked: str | None) -> None:
    assert listed_url(listed, "https://example.org/feed") == asked


@given(st.from_regex(r"https://[a-z0-9.-]{1,12}/[A-Za-z0-9/_.~-]{0,12}", fullmatch=True))
def test_what_needs_no_cleaning_is_asked_for_as_it_would_be_cleaned(url: str) -> None:
    # In capitals the scheme is never plain.
    assert listed_url(url) == listed_url(f"HTTPS{url[5:]}")
