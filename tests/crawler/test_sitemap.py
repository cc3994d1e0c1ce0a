import gzip
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import DocumentError, EntryItem
from crawler.sources.sitemap import parse_sitemap

URL = "https://example.org/sitemap.xml"
SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(urls: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{SCHEMA}"'
        ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
        ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
        f' xmlns:xhtml="http://www.w3.org/1999/xhtml">{urls}</urlset>'
    ).encode()


def index(*sitemaps: tuple[str, str]) -> bytes:
    rows = "".join(
        f"<sitemap><loc>{loc}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</sitemap>"
        for loc, day in sitemaps
    )
    return f'<sitemapindex xmlns="{SCHEMA}">{rows}</sitemapindex>'.encode()


def addresses(body: bytes) -> list[str]:
    return [entry.url for entry in parse_sitemap(body, URL).entries]


def test_a_news_sitemap_says_when_an_article_was_published() -> None:
    document = parse_sitemap(
        urlset(
            "<url><loc>https://example.org/story/1?utm_source=x</loc>"
            "<lastmod>2021-03-13T00:00:00Z</lastmod><news:news><news:publication>"
            "<news:name>The Frontier Post</news:name><news:language>ur</news:language>"
            "</news:publication><news:publication_date>2021-03-12T10:30:00.123+05:00"
            "</news:publication_date><news:title>Shelling at Torkham &amp; Chaman</news:title>"
            "<news:keywords>border, Torkham</news:keywords></news:news>"
            "<image:image><image:loc>https://example.org/1.jpg</image:loc>"
            "<image:title>Not the title</image:title></image:image></url>"
        ),
        URL,
    )
    assert document.title == "The Frontier Post"
    assert document.entries == (
        EntryItem(
            url="https://example.org/story/1?utm_source=x",
            title="Shelling at Torkham & Chaman",
            published=datetime(2021, 3, 12, 5, 30, tzinfo=UTC),
            published_precision="minute",
            published_from="news_sitemap",
            modified=datetime(2021, 3, 13, tzinfo=UTC),
            lang="ur",
            tags=("border", "Torkham"),
        ),
    )


def test_a_day_without_zone_is_of_the_zone_of_the_source() -> None:
    body = urlset(
        "<url><loc>/1</loc><news:news><news:publication_date>2021-03-12</news:publication_date>"
        "</news:news></url>"
    )
    (entry,) = parse_sitemap(body, URL, timezone="Asia/Karachi").entries
    assert entry.published == datetime(2021, 3, 11, 19, tzinfo=UTC)
    assert entry.published_precision == "day"


def test_lastmod_is_a_modification_and_no_publication() -> None:
    body = urlset("<url><loc>/1</loc><lastmod>2021-03-12</lastmod></url>")
    (entry,) = parse_sitemap(body, URL).entries
    assert (entry.published, entry.published_from) == (None, "unknown")
    assert entry.modified == datetime(2021, 3, 12, tzinfo=UTC)


def test_pictures_and_other_languages_are_no_entries() -> None:
    body = urlset(
        "<url><loc>https://example.org/en/1</loc>"
        '<xhtml:link rel="alternate" hreflang="ur" href="https://example.org/ur/1"/></url>'
        "<url><image:image><image:loc>https://example.org/2.jpg</image:loc></image:image>"
        "<loc>https://example.org/2</loc></url>"
        "<url><loc>https://example.org/photo.JPG</loc></url>"
    )
    assert addresses(body) == ["https://example.org/en/1", "https://example.org/2"]


def test_addresses_with_bare_ampersands_or_in_cdata() -> None:
    body = urlset(
        "<url><loc>https://example.org/?id=1&p=2</loc></url>"
        "<url><loc><![CDATA[ https://example.org/?id=3&p=4 ]]></loc></url>"
    )
    assert addresses(body) == ["https://example.org/?id=1&p=2", "https://example.org/?id=3&p=4"]


def test_an_index_gives_its_sitemaps_newest_first() -> None:
    body = index(
        ("https://example.org/sitemap-a1.xml", "2021-03-10"),
        ("https://example.org/sitemap-77.xml", "2021-03-12T10:00:00Z"),
        ("https://example.org/sitemap-old.xml", ""),
        ("https://example.org/sitemap-b2.xml.gz", "2021-03-12T12:00:00+05:00"),
    )
    assert parse_sitemap(body, URL).documents == (
        "https://example.org/sitemap-77.xml",
        "https://example.org/sitemap-b2.xml.gz",
        "https://example.org/sitemap-a1.xml",
        "https://example.org/sitemap-old.xml",
    )


def test_without_dates_news_and_late_months_come_first() -> None:
    body = index(
        ("/sitemap-2021-02.xml", ""), ("/sitemap-2021-11.xml", ""), ("/news-sitemap.xml", "")
    )
    assert [address[20:] for address in parse_sitemap(body, URL).documents] == [
        "news-sitemap.xml", "sitemap-2021-11.xml", "sitemap-2021-02.xml",
    ]  # fmt: skip


def test_sitemaps_of_sections_tags_and_authors_are_left_out_aloud() -> None:
    names = (
        "post-sitemap post-sitemap2 page-sitemap category-sitemap author-sitemap post_tag-sitemap3"
        " wp-sitemap-posts-post-1 wp-sitemap-taxonomies-category-1 wp-sitemap-users-1"
    )
    body = index(*[(f"https://example.org/{name}.xml", "") for name in names.split(" ")])
    document = parse_sitemap(body, URL)
    assert sorted(address[20:] for address in document.documents) == [
        "post-sitemap.xml", "post-sitemap2.xml", "wp-sitemap-posts-post-1.xml",
    ]  # fmt: skip
    assert document.warnings == ("6 sitemaps of sections, tags, authors or pictures were left out",)
    assert len(parse_sitemap(index(("/category-sitemap.xml", "")), URL).documents) == 1


def test_other_forms_of_a_sitemap() -> None:
    assert addresses(b"\xef\xbb\xbfhttps://example.org/1\r\n\r\nhttps://example.org/2\n") == [
        "https://example.org/1", "https://example.org/2",
    ]  # fmt: skip
    assert addresses(gzip.compress(urlset("<url><loc>/1</loc></url>"), mtime=0)) == [
        "https://example.org/1"
    ]
    rss = b"<rss><channel><item><link>https://example.org/1</link></item></channel></rss>"
    assert addresses(rss) == ["https://example.org/1"]
    assert addresses(b"<urlset><url><loc>/1</loc></url></urlset>") == ["https://example.org/1"]
    google = urlset("<url><loc>/1</loc></url>").replace(
        SCHEMA.encode(), b"http://www.google.com/schemas/sitemap/0.84"
    )
    assert addresses(google) == ["https://example.org/1"]


def test_an_empty_sitemap_is_no_error_but_says_so() -> None:
    document = parse_sitemap(urlset(""), URL)
    assert (document.entries, document.warnings) == ((), ("the sitemap lists no pages",))


def test_a_sitemap_that_broke_off_gives_its_whole_entries_and_says_so() -> None:
    body = urlset("<url><loc>/1</loc></url><url><loc>/2</loc></url>")
    document = parse_sitemap(body[: body.index(b"/2") + 1], URL)
    assert [entry.url for entry in document.entries] == ["https://example.org/1"]
    assert document.warnings == ("the sitemap broke off before its end",)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "an empty answer"),
        (b"<html><title>404</title></html>", "an HTML page titled “404”"),
        (b"<!DOCTYPE html><html><urlset>", "an HTML page"),
        (b"<opml/>", "an OPML list"),
        (b"not found", "a text that begins “not found”"),
        (index(), "an index of sitemaps that names none"),
        (urlset("<url><loc>mailto:a@example.org</loc></url>"), "1 entries name no address"),
        (b"\x1f\x8b", "gzip|empty"),
    ],
)
def test_what_is_no_sitemap_is_called_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        parse_sitemap(body, URL)


def test_memory_is_for_the_entries_and_not_for_a_tree() -> None:
    noise = "<image:image><image:loc>https://example.org/i.jpg</image:loc></image:image>" * 4
    body = urlset("".join(f"<url><loc>/story/{n}</loc>{noise}</url>" for n in range(5_000)))
    tracemalloc.start()
    try:
        entries = parse_sitemap(body, URL).entries
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(entries) == 5_000
    # The text (as code points, once decoded, once cut) and 600 bytes an entry; no tree beside it.
    assert peak < 3 * len(body) + 600 * 5_000


def test_entities_are_not_expanded() -> None:
    body = b'<!DOCTYPE urlset [<!ENTITY a "/secret">]>' + urlset("<url><loc>/1&a;</loc></url>")
    assert (
        "secret" not in addresses(body.replace(b'<?xml version="1.0" encoding="UTF-8"?>', b""))[0]
    )


_MARKUP = (
    "<urlset> </urlset> <url> </url> <loc> </loc> https://example.org/ & < <sitemapindex> <sitemap>"
    " <lastmod>2021-03-12 <!-- ]]> <!DOCTYPE [ \x00"
)
_PIECES = st.sampled_from(_MARKUP.split(" "))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.lists(_PIECES).map("".join).map(str.encode), st.binary(max_size=200)))
def test_any_bytes_give_a_document_or_a_document_error(body: bytes) -> None:
    try:
        document = parse_sitemap(body, URL)
    except DocumentError:
        return
    assert document.entries or document.documents or document.warnings
