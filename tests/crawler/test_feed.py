import gzip
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import DocumentError, DocumentItem, EntryItem
from crawler.sources.feed import parse_feed

URL = "https://example.org/feed.xml"


def rss(items: str, head: str = "", attributes: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {attributes}'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:atom="http://www.w3.org/2005/Atom"'
        ' xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>The Frontier Post</title><link>https://example.org/</link>{head}{items}"
        "</channel></rss>"
    ).encode()


def atom(entries: str, head: str = "") -> bytes:
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Line</title>{head}{entries}</feed>'
    ).encode()


def only(document: DocumentItem) -> EntryItem:
    assert len(document.entries) == 1
    return document.entries[0]


def test_an_rss_item_gives_everything_it_says() -> None:
    document = parse_feed(
        rss(
            "<item><title>Shelling at &lt;b&gt;Torkham&lt;/b&gt; &amp;amp; Chaman</title>"
            "<link>https://example.org/story/1?utm_source=rss#c</link><guid>tag:1</guid>"
            "<pubDate>Fri, 12 Mar 2021 10:30:00 +0500</pubDate><dc:creator>A. Reporter</dc:creator>"
            "<author>desk@example.org (B. Editor)</author><category>World</category>"
            "<category>World</category><dc:language>ur-PK</dc:language>"
            "<description>&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;/p&gt;</description>"
            "<content:encoded><![CDATA[<p>The whole &amp; text.</p>]]></content:encoded></item>",
            "<language>en-gb</language><ttl>30</ttl>",
        ),
        URL,
    )
    assert document == DocumentItem(
        entries=(
            EntryItem(
                url="https://example.org/story/1?utm_source=rss",
                guid="tag:1",
                title="Shelling at Torkham & Chaman",
                summary="One.\nTwo.",
                content="<p>The whole &amp; text.</p>",
                authors=("A. Reporter", "B. Editor"),
                published=datetime(2021, 3, 12, 5, 30, tzinfo=UTC),
                published_precision="minute",
                published_from="feed",
                lang="ur-PK",
                tags=("World",),
            ),
        ),
        title="The Frontier Post",
        lang="en-gb",
        refresh=timedelta(minutes=30),
    )


def test_an_atom_entry_gives_everything_it_says() -> None:
    document = parse_feed(
        atom(
            "<entry><id>urn:1</id>"
            '<title type="html">A &amp;lt;b&amp;gt;line&amp;lt;/b&amp;gt;</title>'
            '<link rel="edit" href="/edit/1"/><link rel="alternate" href="story/1"/>'
            "<published>2021-03-12T10:30:00Z</published><updated>2021-03-13T10:30:00Z</updated>"
            "<author><name>A. Reporter</name><uri>https://example.org/a</uri></author>"
            '<category term="w" label="World"/><summary>Short.</summary>'
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long.</p></div>'
            "</content></entry>",
            '<link rel="next" href="/feed.xml?page=2"/>',
        ).replace(b"<feed ", b'<feed xml:lang="ps" xml:base="https://example.org/news/" '),
        URL,
    )
    entry = only(document)
    assert entry.url == "https://example.org/news/story/1"
    assert (entry.title, entry.summary, entry.authors) == ("A line", "Short.", ("A. Reporter",))
    assert entry.content is not None
    assert "<p>Long.</p>" in entry.content
    assert entry.published == datetime(2021, 3, 12, 10, 30, tzinfo=UTC)
    assert entry.modified == datetime(2021, 3, 13, 10, 30, tzinfo=UTC)
    assert entry.tags == ("World",)
    assert (document.older, document.lang) == ("https://example.org/feed.xml?page=2", "ps")


def test_a_modification_alone_is_never_taken_for_the_publication() -> None:
    entry = only(
        parse_feed(
            atom('<entry><link href="/1"/><updated>2021-03-13T10:30:00Z</updated></entry>'), URL
        )
    )
    assert entry.published is None
    assert (entry.published_precision, entry.published_from) == ("unknown", "unknown")
    assert entry.modified == datetime(2021, 3, 13, 10, 30, tzinfo=UTC)


def test_a_date_without_zone_is_of_the_zone_of_the_source() -> None:
    body = rss("<item><link>/1</link><pubDate>2021-03-12 10:30:00</pubDate></item>")
    entry = only(parse_feed(body, URL, timezone="Asia/Karachi"))
    assert entry.published == datetime(2021, 3, 12, 5, 30, tzinfo=UTC)


def test_a_date_that_cannot_be_read_is_unknown_and_not_today() -> None:
    for text in ("", "soon", "12 March", "Fri, 31 Feb 2021 10:00:00 GMT"):
        entry = only(parse_feed(rss(f"<item><link>/1</link><pubDate>{text}</pubDate></item>"), URL))
        assert entry.published is None


@pytest.mark.parametrize(
    ("item", "address"),
    [
        ("<link>/story/1</link>", "https://example.org/story/1"),
        ("<link>//cdn.example.org/1</link>", "https://cdn.example.org/1"),
        ("<link>www.example.org/1</link>", "https://www.example.org/1"),
        ("<link>\n  https://example.org/1\n</link>", "https://example.org/1"),
        ("<link><![CDATA[https://example.org/1?a=1&amp;b=2]]></link>", "https://example.org/1?a=1&b=2"),
        ("<link>https://example.org/1?a=1&b=2</link>", "https://example.org/1?a=1&b=2"),
        ("<guid>https://example.org/1</guid>", "https://example.org/1"),
        ("<link/><atom:link href='https://example.org/1'/>", "https://example.org/1"),
        ("<link>javascript:x()</link><guid>https://example.org/1</guid>", "https://example.org/1"),
        ("<link xml:base='https://example.net/a/'>1</link>", "https://example.net/a/1"),
        (
            "<link>https://feeds.example.net/~r/1</link>"
            "<f:origLink xmlns:f='http://rssnamespace.org/feedburner/ext/1.0'>"
            "https://example.org/1</f:origLink>",
            "https://example.org/1",
        ),
    ],
)  # fmt: skip
def test_where_an_entry_leads(item: str, address: str) -> None:
    assert only(parse_feed(rss(f"<item><title>x</title>{item}</item>"), URL)).url == address


def test_relative_links_of_a_feed_kept_elsewhere_are_of_the_site_it_names() -> None:
    body = rss("<item><link>/story/1</link></item>")
    document = parse_feed(body, "https://feeds.example.net/frontier")
    assert only(document).url == "https://example.org/story/1"


def test_entries_without_an_address_are_counted_not_hidden() -> None:
    document = parse_feed(rss("<item><link>/1</link></item><item><title>x</title></item>"), URL)
    assert len(document.entries) == 1
    assert document.warnings == ("1 entries without a usable address were left out",)
    with pytest.raises(DocumentError, match="2 entries name no address"):
        parse_feed(rss("<item><title>x</title></item><item><guid>7</guid></item>"), URL)


def test_a_whole_feed_without_entries_is_no_error_but_says_so() -> None:
    document = parse_feed(rss(""), URL)
    assert document.entries == ()
    assert document.warnings == ("the feed lists no entries",)


@pytest.mark.parametrize(
    "inner",
    [
        "<category term='x'/>" * 12,
        "<description><![CDATA[<div><p>The report was <b><i><span>cut ]]></description>",
    ],
    ids=["elements that close themselves", "texts that were cut"],
)
def test_what_an_entry_leaves_open_costs_no_later_one(inner: str) -> None:
    entries = "".join(
        f"<item><title>Story {n}</title><link>https://a.example/{n}</link>{inner}</item>"
        for n in range(400)
    )
    feed = parse_feed(
        f"<rss version='2.0'><channel>{entries}</channel></rss>".encode(), "https://a.example/f"
    )
    assert [entry.title for entry in feed.entries] == [f"Story {n}" for n in range(400)]
    assert feed.warnings == ()


def test_nothing_caps_the_entries() -> None:
    items = "".join(f"<item><link>/story/{number}</link></item>" for number in range(3000))
    assert len(parse_feed(rss(items), URL).entries) == 3000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "an empty answer"),
        (b" \r\n ", "an empty answer"),
        (b"<!DOCTYPE html><html><head><title>Log in &amp; read</title>", "“Log in & read”"),
        (b"<html><body>Not found</body></html>", "an HTML page"),
        (b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>", "a sitemap"),
        (b"<opml version='2.0'><body/></opml>", "an OPML list"),
        (b"<catalog><book/></catalog>", "an XML document <catalog>"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [', "broken JSON"),
        (b'{"posts": []}', "a JSON document that is no JSON Feed"),
        (b"[" * 100_000, "a JSON document"),
        (b"service unavailable", "“service unavailable”"),
        (b"<rss version='2.0'><channel><title>Half", "a broken feed without entries"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a text that begins"),
        (gzip.compress(b"<rss>" * 500, mtime=0)[:40], "feed|empty|gzip"),
        (b"\x1f\x8bnot gzip", "not a whole gzip file"),
    ],
)
def test_what_is_no_feed_is_called_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        parse_feed(body, URL)


def test_a_feed_that_broke_off_gives_its_whole_entries_only() -> None:
    whole = rss("".join(f"<item><link>/story/{number}</link></item>" for number in range(3)))
    cut = whole[: whole.rindex(b"/story/2") + 7]
    document = parse_feed(cut, URL)
    assert [entry.url[-7:] for entry in document.entries] == ["story/0", "story/1"]
    assert "broken off" in document.warnings[0]


@pytest.mark.parametrize(
    "item",
    [
        "<title>AT&T & the line</title>",
        "<title>AT&amp;T &amp; the line</title>",
        "<title><![CDATA[AT&T & the line]]></title>",
        "<title>AT&T &#38; the\x0b line</title>",
        "<title>AT&T &nbsp;&amp; the line</title><b>unclosed",
        "<media:title>AT&T & the line</media:title>",
    ],
)
def test_what_is_not_well_formed_is_read_all_the_same(item: str) -> None:
    body = rss(f"<item>{item}<link>/1</link></item>")
    assert only(parse_feed(body, URL)).title == "AT&T & the line"


def test_characters_that_html_names_survive() -> None:
    entry = only(
        parse_feed(rss("<item><title>Caf&eacute;&hellip;</title><link>/1</link></item>"), URL)
    )
    assert entry.title == "Café…"


def test_junk_before_the_document_is_skipped_and_named() -> None:
    document = parse_feed(b"Warning: x on line 3\n" + rss("<item><link>/1</link></item>"), URL)
    assert len(document.entries) == 1
    assert "before the document" in document.warnings[0]


URDU = "ڈیورنڈ لائن پر جھڑپ"


@pytest.mark.parametrize(
    ("encoding", "declared", "header", "title"),
    [
        ("utf-8", "UTF-8", None, URDU),
        ("utf-8", "ISO-8859-1", "text/xml; charset=iso-8859-1", URDU),
        ("utf-8-sig", "windows-1256", None, URDU),
        ("utf-16", "UTF-16", None, URDU),
        ("utf-16-le", "UTF-16", None, URDU),
        ("utf-16-be", "UTF-16", None, URDU),
        ("utf-32-be", "UTF-32", None, URDU),
        ("cp1256", "windows-1256", None, "خط ديورند"),
        ("cp1256", "UTF-8", "text/xml; charset=windows-1256", "خط ديورند"),
        ("cp1252", "ISO-8859-1", None, "“Café” – €5"),
        ("cp1251", "windows-1251", None, "Линия Дюранда"),
        ("shift_jis", "Shift_JIS", None, "国境の線"),
        ("gb18030", "gb2312", None, "杜兰线"),
        ("iso2022_jp", "ISO-2022-JP", None, "国境の線"),
    ],
)
def test_encodings(encoding: str, declared: str, header: str | None, title: str) -> None:
    text = rss(f"<item><title>{title}</title><link>/1</link></item>").decode()
    body = text.replace('encoding="UTF-8"', f'encoding="{declared}"').encode(encoding)
    assert only(parse_feed(body, URL, header)).title == title


def test_a_few_broken_bytes_do_not_spoil_the_rest() -> None:
    body = rss(
        f"<item><title>{URDU * 10}</title><link>/1</link></item><item><link>/2\xff</link></item>"
    )
    body = body.replace("\xff".encode(), b"\xff")
    assert parse_feed(body, URL).entries[0].title == URDU * 10


def test_a_compressed_feed_is_unpacked() -> None:
    body = gzip.compress(rss("<item><link>/1</link></item>"), mtime=0)
    assert only(parse_feed(body, URL)).url == "https://example.org/1"


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(b"<rss>" + b" " * 60_000_000, mtime=0)
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match="longer than 10 MB"):
            parse_feed(bomb, URL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_title_of_a_megabyte_is_cut_before_it_is_cleaned() -> None:
    body = rss(f"<item><link>/1</link><title>{'A b' * 350_000}</title></item>")
    tracemalloc.start()
    try:
        title = only(parse_feed(body, URL)).title
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert title is not None
    assert len(title) == 500
    assert peak < 10 * len(body)


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;">'
    b'<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    b"<rss><channel><item><title>x&b;&f;</title><link>/1</link></item></channel></rss>"
)


def test_entities_are_neither_expanded_nor_loaded() -> None:
    assert only(parse_feed(ENTITIES, URL)).title == "x&b;&f;"


def test_rdf_and_rss_090() -> None:
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="{}"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>T</title></channel>'
        '<item rdf:about="https://example.org/1"><title>x</title>'
        "<dc:date>2021-03-12T10:30+05:00</dc:date></item></rdf:RDF>"
    )
    for namespace in ("http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/"):
        entry = only(parse_feed(rdf.format(namespace).encode(), URL))
        assert entry.url == "https://example.org/1"
        assert entry.published == datetime(2021, 3, 12, 5, 30, tzinfo=UTC)


def test_json_feed() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Line",
        "language": "fa",
        "next_url": "/feed.json?page=2",
        "items": [
            {
                "id": 7,
                "url": "/story/7",
                "title": "T",
                "content_text": "a < b",
                "authors": [{"name": "A"}, "nonsense"],
                "date_published": "2021-03-12T10:30:00Z",
                "date_modified": 5,
                "tags": ["x", 3],
            },
            {"id": "https://example.org/8"},
            {"title": "no address"},
            "nonsense",
        ],
    }
    document = parse_feed(json.dumps(feed).encode(), URL)
    first, second = document.entries
    assert (first.url, first.guid, first.content) == (
        "https://example.org/story/7", "7", "<p>a &lt; b</p>",
    )  # fmt: skip
    assert (first.authors, first.tags, first.modified) == (("A",), ("x",), None)
    assert first.published == datetime(2021, 3, 12, 10, 30, tzinfo=UTC)
    assert second.url == "https://example.org/8"
    assert document.older == "https://example.org/feed.json?page=2"
    assert document.warnings == ("2 entries without a usable address were left out",)


@pytest.mark.parametrize(
    ("head", "refresh"),
    [
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl>always</ttl>", None),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>99999999999999999999</ttl>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", timedelta(hours=1)),
        (
            "<sy:updatePeriod> dayly </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
            timedelta(hours=6),
        ),
        (
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0.1</sy:updateFrequency>",
            timedelta(days=10),
        ),
        ("<sy:updatePeriod>always</sy:updatePeriod>", None),
    ],
)
def test_how_long_a_feed_asks_to_be_left_alone(head: str, refresh: timedelta | None) -> None:
    assert parse_feed(rss("<item><link>/1</link></item>", head), URL).refresh == refresh


def test_what_only_feedparser_can_read_is_read() -> None:
    one = "<item><title>x</title><b>unclosed<link>https://example.org/1</link></item>"
    two = "<item><title>y</title><link>https://example.org/2</link></item>"
    assert len(parse_feed(rss(one + two), URL).entries) == 2


_PIECES = st.sampled_from(
    [
        "<rss>",
        "</rss>",
        "<channel>",
        "</channel>",
        "<item>",
        "</item>",
        "<link>/1</link>",
        "<entry>",
        "</entry>",
        "<title>",
        "<",
        ">\n",
        "",
        "",
        "",
        '<feed\nxmlns="http://www.w3.org/2005/Atom">',
        "</title>",
        "&amp;",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE\nx\n[",
        "]>",
        "<!--",
        "-->\n",
        "",
        "",
        "",
        "&x;",
        "&",
        "é",
        "\x00",
        '{"',
        "<a\nb='",
        "<pubDate>2021-03-12</pubDate>",
        "<?xml\nversion='1.0'?>",
        "<link\nhref='/2'/>\n",
        "",
        "",
        "",
        "",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.lists(_PIECES).map("".join).map(str.encode), st.binary(max_size=300)))
def test_any_bytes_give_a_document_or_a_document_error(body: bytes) -> None:
    try:
        document = parse_feed(body, URL)
    except DocumentError:
        return
    assert document.entries or document.warnings


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE " * 100_000, b"<!DOCTYPE a [" * 100_000, b"<!-- " * 200_000,
        b"<!---->" * 200_000, b"<rss><channel>" + b"<a>" * 100_000, b" " * 1_000_000 + b"<html>",
    ],
    ids=["doctypes", "subsets", "comments", "closed comments", "nesting", "spaces"],
)  # fmt: skip
def test_a_crafted_document_takes_no_more_than_linear_time(body: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_feed(body, URL)


NINE_THIRTY = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *((text, NINE_THIRTY) for text in (
            "Sun, 01 Mar 2026 09:30:00 GMT", "Mon, 01 Mar 2026 09:30:00 GMT",
            "Sun, 1 Mar 26 09:30:00 +0000", "1 Mar 2026 04:30 EST", "Sun, 01 Mar 2026 09:30:00",
            "Sun, 01 Mar 2026 9:30:00 AM", "Sun 01 Mar 2026 14:30:00 +0500",
            "Sunday, March 1, 2026 9:30 AM", "Sunday, 01-Mar-26 09:30:00 GMT",
            "Sun Mar  1 09:30:00 2026", "2026-03-01T09:30:00Z", "2026-03-01T14:30:00+05:00",
            "2026-03-01T09:30:00.123456789Z", "2026-03-01T09:30Z", "2026-03-01 09:30:00",
            "2026-03-01 14:30:00 +0500", "20260301T093000Z", "2026/03/01 09:30", "1772357400",
            "1772357400000", "۲۰۲۶-۰۳-۰۱T۰۹:۳۰:۰۰Z", "1 марта 2026 09:30",
            "1. März 2026, 09:30 Uhr", "dom, 01 mar 2026 10:30:00 +0100",
            "Sun, 01 Mar 2026 09:30:00 UT", "Sun, 01 Mar 2026 14:30:00 PKT",
            "Sun, 01 Mar 2026 14:30:00 GMT+5", "Sun,01 Mar 2026 14:30:00 +0500",
            "Sun, 01 March 2026 14:30:00 +0500", "2026-03-01T09:30:00-0000",
            "Sun, 01 Mar 2026 09:30:00 Z", " 2026-03-01T09:30:00 Z", "2026-03-01T14:30:00 +0500",
        )),
        *((text, datetime(2026, 3, 1, tzinfo=UTC)) for text in (
            "2026-03-01", "20260301", "٠١ مارس ٢٠٢٦", "۱۰ حوت ۱۴۰۴", "10 اسفند 1404",
            "01 مارچ 2026", "1 mars 2026", "01 Mar 2026",
        )),
        ("Sun, 01 Mar 2026 24:00:00 GMT", datetime(2026, 3, 2, tzinfo=UTC)),
        ("sometime last spring", None),
        ("Sun, 41 Mar 2026 09:30:00 GMT", None),
        ("0000-00-00T00:00:00Z", None),
    ],
)  # fmt: skip
def test_dates_as_feeds_write_them(text: str, at: datetime | None) -> None:
    body = (
        "<rss version='2.0'><channel><item><link>https://news.example/a</link>"
        f"<pubDate>{text}</pubDate></item></channel></rss>"
    )
    found = parse_feed(body.encode(), "https://news.example/feed").entries[0].published
    # The fraction of a second that one of them tells is cut or kept.
    assert (found.replace(microsecond=0) if found else None) == at
