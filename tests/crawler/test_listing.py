import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import DocumentError
from crawler.sources.listing import parse_listing

URL = "https://www.example.org/"

MENU = """
<nav class="main-menu"><ul><li><a href="/">Home</a><li><a href="/pakistan">Pakistan</a>
<li><a href="/world/south-and-central-asia">South and Central Asia</a>
<li><a href="/category/opinion-and-analysis-of-the-day">Opinion and analysis of the day</a>
</ul></nav>"""
FOOT = """
<footer><a href="/about-us">About us</a><a href="/privacy-policy">Privacy policy of this site</a>
<a href="/how-we-correct-our-mistakes">How we correct our mistakes in print</a></footer>"""


def page(content: str, head: str = "<title>The Frontier Post</title>") -> bytes:
    html = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}</head>'
    return f"{html}<body>{MENU}<main>{content}</main>{FOOT}</body></html>".encode()


def paths(body: bytes, url: str = URL, links: str = "") -> list[str]:
    entries = parse_listing(body, url, links=links).entries
    return [entry.url.removeprefix("https://www.example.org") for entry in entries]


def test_headlines_of_a_front_page_are_its_entries_in_order() -> None:
    body = page(
        """
        <section class="lead"><h1><a href="/news/1835210/shelling-at-torkham-closes-the-crossing">
        Shelling at Torkham closes the crossing</a></h1>
        <a href="/author/a-reporter-of-ours">A. Reporter of Ours</a></section>
        <div class="grid"><article><a href="/news/1835209/traders-wait-at-chaman"><img alt=""></a>
        <h3><a href="/news/1835209/traders-wait-at-chaman?ref=home">Traders wait at Chaman for a
        third day</a></h3><a href="/tag/border-trade-and-customs">Border trade and customs</a>
        <a href="/news/1835209/traders-wait-at-chaman#comments">3 comments</a></article>
        <article><h3><a href="/news/1835208/polio-drive-begins">Polio drive begins</a></h3>
        </article><article><a href="/news/1835207/floods"><img alt="Floods cut the road to Chitral">
        </a></article>
        </div><a class="more" href="/page/2" rel="next">Older</a>
        """,
        '<title>Home</title><meta property="og:site_name" content="The Frontier Post">',
    )
    document = parse_listing(body, URL)
    assert [(entry.url[29:], entry.title) for entry in document.entries] == [
        (
            "1835210/shelling-at-torkham-closes-the-crossing",
            "Shelling at Torkham closes the crossing",
        ),
        ("1835209/traders-wait-at-chaman", "Traders wait at Chaman for a third day"),
        ("1835208/polio-drive-begins", "Polio drive begins"),
        ("1835207/floods", "Floods cut the road to Chitral"),
    ]
    assert (document.title, document.lang) == ("The Frontier Post", "en")
    assert document.older == "https://www.example.org/page/2"


def test_addresses_by_date_by_number_and_by_query() -> None:
    shapes = [
        ("/2026/11/22/torkham-gate-reopens/", "Torkham gate reopens after a week of talks"),
        ("/story.php?id=44120", "Envoys of both countries meet in Doha today"),
        ("/world/afghanistan-drought-herders-leave-the-north.html", "Herders leave the north"),
        ("/?p=8812", "Prices of flour double in a month in Quetta"),
    ]
    content = "".join(f'<h2><a href="{path}">{text}</a></h2>' for path, text in shapes)
    assert paths(page(content)) == [path for path, _ in shapes]


def test_urdu_headlines_count_as_well_as_english_ones() -> None:
    headlines = ["طورخم سرحد پر فائرنگ کے بعد گزرگاہ بند", "چمن میں تاجر تیسرے روز بھی منتظر"]
    content = "".join(
        f'<li><a href="/urdu/news-{number}">{text}</a></li>'
        for number, text in enumerate(headlines, 50231)
    )
    body = page(f"<ul class=stories>{content}</ul>")
    assert [entry.title for entry in parse_listing(body, URL).entries] == headlines


def test_a_headline_without_spaces_counts() -> None:
    body = page('<h3><a href="/article/20261122001">国境の検問所が再開、商人ら安堵</a></h3>')
    assert paths(body) == ["/article/20261122001"]


def test_short_titles_count_when_the_site_has_such_addresses() -> None:
    sure = "".join(
        f'<h3><a href="/news/{number}/a-long-slug-of-a-story">A long headline of a story</a></h3>'
        for number in range(90001, 90004)
    )
    short = '<div><a href="/news/90010/a-slug-of-four-words">In pictures</a></div>'
    assert "/news/90010/a-slug-of-four-words" in paths(page(sure + short))


def test_other_sites_and_files_are_no_entries() -> None:
    body = page(
        '<h3><a href="/news/90001/a-long-slug-of-a-story">A long headline of a story</a></h3>'
        '<h3><a href="https://example.net/news/90002/a-story-elsewhere">A story elsewhere in'
        ' the world</a></h3><h3><a href="/uploads/report-of-the-commission.pdf">Report of the'
        ' commission now</a></h3><h3><a href="mailto:desk@example.org">Write to our desk</a></h3>'
    )
    assert paths(body) == ["/news/90001/a-long-slug-of-a-story"]


def test_one_article_linked_many_times_is_one_entry() -> None:
    link = (
        '<h3><a href="{}/news/90001/a-long-slug-of-a-story{}">A long headline of a story</a></h3>'
    )
    body = page(link.format("", "") + link.format("https://m.example.org", "/?utm_source=x"))
    assert paths(body) == ["/news/90001/a-long-slug-of-a-story"]


def test_the_base_element_is_respected() -> None:
    body = page(
        '<h3><a href="90001/a-long-slug-of-a-story">A long headline of a story</a></h3>',
        '<base href="https://www.example.org/news/">',
    )
    assert paths(body, "https://www.example.org/front") == ["/news/90001/a-long-slug-of-a-story"]


def test_a_selector_decides_alone() -> None:
    body = page(
        '<div class="row"><a href="/x">Short</a></div>'
        '<a class="pick" href="https://example.net/y">Y</a>'
        '<h3><a href="/news/90001/a-long-slug-of-a-story">A long headline of a story</a></h3>'
    )
    assert paths(body, links="div.row") == ["/x"]
    assert paths(body, links="div.row a, a.pick") == ["/x", "https://example.net/y"]


@pytest.mark.parametrize(
    ("body", "links", "said"),
    [
        (page("<p>Nothing here.</p>"), "", "titled “The Frontier Post” with no links to articles"),
        (page("<p>Nothing here.</p>"), "h9.none", "select.links = 'h9.none' matches no link"),
        (page("<p>Nothing here.</p>"), "a[", "is no CSS selector"),
        (b"", "", "an empty answer"),
        (b'{"a": 1}', "", "a JSON document"),
        (b"<rss><channel/></rss>", "", "an RSS document"),
        (b"<urlset/>", "", "a sitemap"),
    ],
)
def test_a_page_without_article_links_is_an_error_in_words(
    body: bytes, links: str, said: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_listing(body, URL, links=links)
    assert said in str(caught.value)


def test_a_page_of_sections_alone_has_no_articles() -> None:
    content = "".join(
        f'<h2><a href="/{name}">{name}</a></h2><a href="/topics/{name}">All about {name} today</a>'
        for name in ("politics", "business", "sport", "culture", "health")
    )
    with pytest.raises(DocumentError, match="no links to articles"):
        parse_listing(page(content), URL)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(page)), st.text())
def test_any_bytes_give_entries_or_a_document_error(body: bytes, links: str) -> None:
    try:
        document = parse_listing(body, URL, links=links)
    except DocumentError:
        return
    assert document.entries


def test_the_shape_of_articles_that_the_site_published_is_looked_for() -> None:
    body = page(
        """<div><a href="/a/9f3c1">Floods</a> <a href="/a/77b2e">Wheat</a>
        <a href="/topics/wheat">Wheat</a> <a href="/shop/9f3c1">Mugs</a></div>"""
    )
    with pytest.raises(DocumentError):
        parse_listing(body, URL)
    known = [f"{URL}a/{number}d2e1" for number in range(3)]
    found = parse_listing(body, URL, known=known).entries
    assert [entry.url for entry in found] == [f"{URL}a/9f3c1", f"{URL}a/77b2e"]


def test_blocks_built_alike_speak_for_each_other() -> None:
    titles = {
        "chitral": "Floods close the road to Chitral",
        "wheat": "Wheat is sown late again",
        "sugar": "The price of sugar falls",
        "bridge": "A bridge is opened near Jamrud",
    }
    cells = "".join(
        f'<div class="row"><div class="x7"><a class="y2" href="/read/{word}-now">{title}</a></div>'
        "</div>"
        for word, title in titles.items()
    )
    alone = '<p>See <a href="/read/terms-now">What our readers may expect</a></p>'
    assert paths(page(cells + alone)) == [f"/read/{word}-now" for word in titles]
