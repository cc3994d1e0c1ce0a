import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import DocumentError
from crawler.sources.discover import Channel, discover, usual_channels

URL = "https://www.example.org/"


def page(head: str, body: str = "", language: str = "en") -> bytes:
    return (
        f'<!doctype html><html lang="{language}"><head><title>The Frontier Post</title>{head}'
        f"</head><body>{body}</body></html>"
    ).encode()


def feed(href: str, title: str = "", more: str = "") -> str:
    return f'<link rel="alternate" type="application/rss+xml" href="{href}" title="{title}" {more}>'


def paths(body: bytes, url: str = URL) -> list[str]:
    return [
        channel.url.removeprefix("https://www.example.org")
        for channel in discover(body, url).channels
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<rss version='2.0'><channel/></rss>", "feed"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- a <html> --><feed xmlns='x'/>", "feed"),
        (b"<?xml version='1.0'?><?xml-stylesheet href='a'?><rdf:RDF xmlns:rdf='x'/>", "feed"),
        ('<?xml version="1.0" encoding="utf-16"?><rss/>'.encode("utf-16"), "feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', "feed"),
        (gzip.compress(b"<urlset/>", mtime=0), "sitemap"),
        (b"<sitemapindex xmlns='x'></sitemapindex>", "sitemap"),
        (b'[{"id": 1, "guid": {}, "link": "https://example.org/1"}]', "wordpress"),
        (b"<html><body><rss></body></html>", "page"),
        (b'{"posts": []}', "page"),
        (b"", "page"),
        (b"plain", "page"),
    ],
)
def test_a_document_is_known_by_its_content(body: bytes, kind: str) -> None:
    assert discover(body, URL, "text/html").kind == kind


def test_the_feeds_that_a_page_names_come_best_first() -> None:
    head = (
        feed("/comments/feed/", "Frontier » Comments Feed")
        + feed("/category/sport/feed/")
        + feed("/ur/feed/", more='hreflang="ur"')
        + feed("/feed/", "Frontier » Feed", 'hreflang="en"')
        + feed("https://feeds.example.net/frontier")
        + feed("/feed/")
        + '<link rel="alternate" hreflang="ur" href="/ur/">'
        + '<link rel="https://api.w.org/" href="/wp-json/">'
    )
    found = discover(page(head), URL)
    assert [(channel.kind, channel.url) for channel in found.channels][:5] == [
        ("feed", "https://www.example.org/feed/"),
        ("feed", "https://feeds.example.net/frontier"),
        ("feed", "https://www.example.org/ur/feed/"),
        ("feed", "https://www.example.org/comments/feed/"),
        ("feed", "https://www.example.org/category/sport/feed/"),
    ]
    assert found.channels[5].kind == "wordpress"
    assert found.channels[5].url.startswith("https://www.example.org/wp-json/wp/v2/posts?per_page=")
    assert found.title == "The Frontier Post"


def test_on_a_section_page_the_feed_of_the_section_is_best() -> None:
    head = feed("/feed/") + feed("/comments/feed/") + feed("/category/border/feed/")
    assert paths(page(head), "https://www.example.org/category/border/")[0] == (
        "/category/border/feed/"
    )
    assert paths(page(head), "https://www.example.org/")[0] == "/feed/"


def test_below_an_article_there_are_only_its_comments() -> None:
    head = (
        '<meta property="og:type" content="article">'
        + feed("/border/a-story/feed/")
        + feed("/feed/")
    )
    assert paths(page(head), "https://www.example.org/border/a-story/") == [
        "/feed/", "/border/a-story/feed/",
    ]  # fmt: skip


def test_addresses_are_resolved_and_refused() -> None:
    head = '<base href="https://www.example.org/news/">' + feed("rss.xml") + feed("javascript:x")
    assert paths(page(head)) == ["/news/rss.xml"]


def test_feeds_that_only_a_visible_link_leads_to_come_last() -> None:
    links = "".join(f'<a href="/sections/{n}/a/rss.xml">{n}</a>' for n in range(100))
    body = page(
        '<link rel="hub" href="https://hub.example.net/">',
        f'{links}<a href="/rss.xml">RSS</a><a href="https://other.example.net/feed">Other</a>'
        '<a href="/news/feeding-the-poor">Feeding the poor</a>',
    )
    found = discover(body, URL)
    assert found.channels[0] == Channel("feed", "https://www.example.org/rss.xml")
    assert len(found.channels) == 5
    assert found.hub == "https://hub.example.net/"


def test_usual_places_are_of_the_same_host() -> None:
    channels = usual_channels("http://127.0.0.1:8080/news/today?x=1")
    assert (channels[0].kind, channels[0].url) == ("feed", "http://127.0.0.1:8080/feed/")
    assert {channel.kind for channel in channels} == {"feed", "sitemap", "wordpress"}
    assert all(channel.url.startswith("http://127.0.0.1:8080/") for channel in channels)


def test_a_tag_with_endless_attributes_does_not_stop_the_reading() -> None:
    bomb = "<p " + " ".join(f"a{number}=1" for number in range(60_000)) + ">"
    assert paths(page(feed("/feed/"), bomb)) == ["/feed/"]


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(page)), st.text(max_size=20))
def test_any_bytes_are_something(body: bytes, content_type: str) -> None:
    try:
        found = discover(body, URL, content_type)
    except DocumentError:
        assert body.startswith(b"\x1f\x8b")
        return
    assert found.kind in {"feed", "sitemap", "wordpress", "page"}
