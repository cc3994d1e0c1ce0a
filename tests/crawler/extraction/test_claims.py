import re
import time
from datetime import datetime, timedelta

import pytest

from crawler.extraction import extract
from crawler.extraction.authors import clean_authors
from crawler.extraction.bounds import MAX_DEPTH, MAX_TAG, bounded
from crawler.extraction.dates import url_day, written_offset
from crawler.extraction.language import find_language
from crawler.extraction.titles import without_site
from crawler.items import ArticleItem, EntryItem, Hints, Origin
from tests.crawler.extraction.pages import article, page

STORY = "https://site.example/news/story-1"


def extracted(markup: str, hints: Hints | None = None, url: str = STORY) -> ArticleItem:
    found = extract(page(markup, url), hints or Hints())
    assert isinstance(found, ArticleItem)
    return found


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (["By Ines Calloway"], ("Ines Calloway",)),
        (["Von Greta Lindqvist und Jonas Ahrens"], ("Greta Lindqvist", "Jonas Ahrens")),
        (["Lucía Ferrán, Mateo Ibarra"], ("Lucía Ferrán", "Mateo Ibarra")),
        (["admin"], ()),
        (["Staff Reporter", "Web Desk", "Editor"], ()),
        (["https://site.example/author/ines"], ()),
        (["Ines Calloway, Reuters"], ("Ines Calloway", "Reuters")),
        (["afp"], ("AFP",)),
        (["Ines Calloway (Kabul correspondent)"], ("Ines Calloway",)),
        (["INES CALLOWAY"], ("Ines Calloway",)),
        (["Maarten van der Weyden"], ("Maarten van der Weyden",)),
        (["Ines Calloway", "ines calloway"], ("Ines Calloway",)),
    ],
)
def test_authors_are_persons_or_agencies(raw: list[str], names: tuple[str, ...]) -> None:
    assert clean_authors(raw) == names


def test_a_reference_to_a_person_of_the_graph_is_resolved() -> None:
    graph = (
        '<script type="application/ld+json">{"@graph":[{"@type":"Article","headline":"x",'
        '"author":{"@id":"#p"}},{"@type":"Person","@id":"#p","name":"Ines Calloway"}]}</script>'
    )
    assert extracted(article(graph)).authors == ("Ines Calloway",)


def test_a_printed_byline_loses_its_date_and_commentators_are_no_authors() -> None:
    comment = "<div class='comments'><span class='author'>Some Body</span></div>"
    assert extracted(article(tail=comment)).authors == ()
    byline = "<p class='byline'>By Ines Calloway on 3 May 2021</p>"
    assert extracted(article(below=byline, tail=comment)).authors == ("Ines Calloway",)


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("A ferry returns | Harbour Gazette", "A ferry returns"),
        ("Harbour Gazette - A ferry returns", "A ferry returns"),
        ("A ferry returns - News - Harbour Gazette", "A ferry returns - News"),
        ("War - and peace", "War - and peace"),
        ("Harbour Gazette", "Harbour Gazette"),
        ("A ferry returns | gazette.example", "A ferry returns"),
    ],
)
def test_the_name_of_the_site_is_cut_off_a_title(title: str, clean: str) -> None:
    assert without_site(title, "Harbour Gazette", "https://gazette.example/x") == clean


def test_two_claims_of_the_head_that_agree_outvote_the_printed_headline() -> None:
    head = (
        '<meta property="og:title" content="Ferry is back">'
        '<script type="application/ld+json">{"@type":"Article","headline":"Ferry is back"}</script>'
    )
    markup = article(head).replace("<h1>No agreement", "<h1>The ferry is back at last")
    assert extracted(markup).title == "Ferry is back"


def test_the_node_of_this_page_is_told_from_those_of_other_stories() -> None:
    nodes = (
        '<script type="application/ld+json">[{"@type":"NewsArticle","url":"https://site.example/o",'
        '"headline":"Other","datePublished":"2011-01-01"},{"@type":"NewsArticle","headline":"Mine",'
        '"mainEntityOfPage":"https://site.example/news/story-1","datePublished":"2021-03-12",'
        '"dateCreated":"2019-01-01"}]</script>'
    )
    item = extracted(article(nodes))
    assert item.published == datetime.fromisoformat("2021-03-12T00:00:00Z")
    assert (item.published_precision, item.published_from) == ("day", "json_ld")


@pytest.mark.parametrize(
    ("origin", "expected"), [("news_sitemap", "2020-02-02"), ("feed", "2021-03-12")]
)
def test_the_news_sitemap_comes_before_the_page_and_the_feed_after(
    origin: Origin, expected: str
) -> None:
    head = '<meta property="article:published_time" content="2021-03-12T08:00:00Z">'
    entry = EntryItem(
        "https://site.example/news/story-1",
        published=datetime.fromisoformat("2020-02-02T00:00:00Z"),
        published_precision="minute",
        published_from=origin,
    )
    item = extracted(article(head), Hints(entry=entry))
    assert item.published is not None
    assert item.published.date().isoformat() == expected


def test_a_date_of_change_is_kept_apart() -> None:
    item = extracted(article(below="<p>Updated: 4 May 2021</p>"))
    assert item.published is None
    head = '<meta property="article:modified_time" content="2021-05-04T00:00:00Z">'
    assert extracted(article(head)).modified == datetime.fromisoformat("2021-05-04T00:00:00Z")


def test_an_edit_stamped_as_publication_yields_to_the_printed_date() -> None:
    head = (
        '<meta property="article:published_time" content="2025-11-29T12:00:00Z">'
        '<meta property="article:modified_time" content="2025-11-29T12:00:00Z">'
    )
    item = extracted(article(head, below="<p>13 August 2025</p>"))
    assert item.published == datetime.fromisoformat("2025-08-13T00:00:00Z")
    assert item.modified == datetime.fromisoformat("2025-11-29T12:00:00Z")


def test_the_zone_of_a_date_is_kept_and_that_of_the_source_assumed() -> None:
    head = '<meta property="article:published_time" content="2021-03-12T02:00:00+05:00">'
    item = extracted(article(head))
    assert item.published == datetime.fromisoformat("2021-03-11T21:00:00Z")
    assert item.published_offset == timedelta(hours=5)
    plain = article(below="<p>12 March 2021, 02:00</p>")
    assert extracted(plain, Hints(timezone="Asia/Karachi")).published == datetime.fromisoformat(
        "2021-03-11T21:00:00Z"
    )


PROSE = "The gate was opened on Monday and closed again on Tuesday, and nobody has said why. " * 3


@pytest.mark.parametrize(
    "markup",
    [
        article(below=f"<p>Torkham, 12 March 2021 – {PROSE}</p>"),
        article(below=f"<p>Press release of 12 March 2021 | Kabul – {PROSE}</p>"),
        article(below="<div class='teaser'><p>By A. Khan, 12 March 2021</p></div>"),
        article(top="<table><tr><td>12 | 03 | 2021</td><td>Region</td></tr></table>"),
        article(tail="<div>(Re)Published: 12 March 2021</div><div>Last edit: 2 May 2022</div>"),
        article(
            below="<p>30 May 2022, 11:07am</p>",
            tail="<p>This article was originally published on 12 March 2021 but is kept up.</p>",
        ),
        "<title>No agreement</title><header><div><span>Health</span><span>MARCH 12, 2021</span>"
        "<span>Updated: MAY 2, 2022"
        f"</span></div><h1>No agreement</h1></header><p>{PROSE}</p><p>{PROSE}</p>",
    ],
)
def test_a_printed_day_is_found_where_sites_print_it(markup: str) -> None:
    item = extracted(markup)
    assert item.published is not None
    assert item.published.date().isoformat() == "2021-03-12"
    assert item.published_from == "text"


@pytest.mark.parametrize(
    "markup",
    [
        article(below="<p>Updated: 12 March 2021</p>"),
        article(
            tail=f"<p>{PROSE}</p>" * 8
            + "<p>Published: 12 March 2021</p><p>Published: 3 May 2019</p>"
        ),
        article(below="<ul class='related'><li>12 March 2021</li><li>13 March 2021</li></ul>"),
    ],
)
def test_a_day_of_a_change_or_of_other_stories_dates_nothing(markup: str) -> None:
    assert extracted(markup).published is None


def test_the_day_of_the_address_tells_the_offset_of_a_time_in_utc() -> None:
    head = '<meta property="article:published_time" content="2025-12-19T02:41:41+00:00">'
    comment = "<div class='comment'><time datetime='2025-12-19T00:46:01-05:00'>then</time></div>"
    markup = article(head, tail=comment)
    there = extracted(markup, url="https://site.example/2025/12/18/story")
    assert there.published == datetime.fromisoformat("2025-12-19T02:41:41Z")
    assert there.published_offset == -timedelta(hours=5)
    assert extracted(markup).published_offset == timedelta(0)


def test_days_in_addresses_are_read_where_they_are_whole() -> None:
    assert url_day("https://x.example/2021/03/12/story") == "2021-03-12"
    assert url_day("https://x.example/20210312-story") == "2021-03-12"
    assert url_day("https://x.example/bericht_vom_22.04.2020_teil") == "2020-04-22"
    assert url_day("https://x.example/2021/03/story") == ""
    assert url_day("https://x.example/id/9920210399") == ""
    assert written_offset("2021-03-12T02:00:00-0330") == -timedelta(hours=3, minutes=30)


def test_a_time_element_without_any_text_is_survived() -> None:
    assert extracted(article(below="<time></time><time datetime=''></time>")).published is None


@pytest.mark.parametrize(
    ("text", "claim", "language"),
    [
        ("پاکستان اور افغانستان کی سرحد پر جھڑپیں جاری ہیں", "en", "ur"),
        ("د افغانستان او پاکستان ترمنځ پوله کې ښځې او ماشومان ټپيان شوي دي", "fa", "ps"),
        ("د افغانستان او پاکستان ترمنځ د پولې په اړه خبرې اترې پيل شوې", "fa", "ps"),
        ("په کابل کې نن د مظاهرې پر مهال لسګونه کسان ونيول شول", None, "ps"),
        ("د ولسي جرګې غړو ۆیلي چې د ښوونکو معاشونه دې ۇرکړل شي", None, "ps"),
        ("چېگرادا بۈگۈن يەنە توقۇنۇش يۈز بەردى، دەپ خەۋەر قىلدى", None, "ug"),
        ("لە سنوورەکە ئەمڕۆ دیسان شەڕ ڕوویدا و دوو کەس کوژران", None, "ckb"),
        ("مرز میان افغانستان و پاکستان بسته شده است و گذرگاه نیز", "en", "fa"),
        ("أعلنت الحكومة الأفغانية إغلاق المعبر الحدودي مع باكستان", "en", "ar"),
        ("सीमा पर तनाव के बीच व्यापार ठप हो गया है", "hi", "hi"),
        ("国境の検問所は月曜日に再開した", "en", "ja"),
        ("边境口岸星期一重新开放", "ja", "zh"),
        ("국경 검문소가 월요일에 다시 문을 열었다", "en", "ko"),
        ("The gate was opened on Monday and closed again on Tuesday. " * 5, "de-DE", "en"),
        ("Ok.", "de-DE", "de"),
        ("", None, None),
    ],
)
def test_the_language_is_that_of_the_text(
    text: str, claim: str | None, language: str | None
) -> None:
    assert find_language(text, claim) == language


def test_a_huge_start_tag_loses_its_attributes_and_the_text_stays() -> None:
    picture = f'<img src="data:image/png;base64,{"A" * MAX_TAG}">'
    assert bounded(f"<p>a</p>{picture}<p>b</p>") == "<p>a</p><img><p>b</p>"
    assert bounded("<p>a < b and " + "c" * MAX_TAG) == "<p>a < b and " + "c" * MAX_TAG


@pytest.mark.parametrize(
    ("tag", "counted"),
    [
        ("<div>", "<div>"), ("<ul><li>", "<ul>"), ("<p><b>", "<b>"),
        ("<table><tr><td>", "<table>"),
    ],
)  # fmt: skip
def test_what_is_nested_too_deep_loses_its_tags_and_keeps_its_text(tag: str, counted: str) -> None:
    assert bounded("<p>a</p>" + "<div>" * 9 + "b") == "<p>a</p>" + "<div>" * 9 + "b"
    text = bounded(f"<p>a</p>{tag * 2000}<i>b</i></div>c")
    assert 300 < text.count(counted) <= MAX_DEPTH
    assert re.sub("<[^>]*>", "", text) == "abc"
    markup = article(top=tag * 30_000, tail="</div>" * 30_000)
    started = time.process_time()
    extract(page(markup), Hints())
    assert time.process_time() - started < 15


def test_end_tags_of_nothing_do_not_hide_what_is_nested_too_deep() -> None:
    text = bounded("</a>" * 5000 + "<div>" * 5000 + "b")
    assert text.count("<div>") <= MAX_DEPTH


def test_lists_of_elements_without_end_tags_are_not_deep() -> None:
    markup = "<ul>" + "<li>one<br><img src=a>" * 2000 + "</ul>"
    assert bounded(markup) == markup
