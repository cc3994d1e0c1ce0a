import json
import random
import zlib
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.extraction import extract
from crawler.extraction.lines import PROSE, line_key
from crawler.items import ArticleItem, Hints, NotArticle, Page
from crawler.site_memory import SiteMemory
from tests.crawler.extraction.pages import FETCHED, FOLDER, PARAGRAPHS, article, fixture, page

NAMES = sorted(path.stem for path in FOLDER.glob("*.html"))
TIMES = ("published", "modified")
PLAIN = (
    "canonical_url", "title", "standfirst", "captions", "authors", "section", "tags", "lang",
    "image", "site_name", "paywalled", "published_precision", "published_from", "form",
)  # fmt: skip


def extracted(markup: str, url: str = "https://site.example/news/story-1") -> ArticleItem:
    found = extract(page(markup, url), Hints())
    assert isinstance(found, ArticleItem)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_each_theme_family_yields_the_article_and_nothing_else(name: str) -> None:
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    found = extract(fixture(name, expected["url"]), Hints())
    assert isinstance(found, ArticleItem)
    for field in PLAIN:
        value = getattr(found, field)
        if field in expected:
            assert (list(value) if isinstance(value, tuple) else value) == expected[field], field
    for field in TIMES:
        if field in expected:
            assert getattr(found, field) == datetime.fromisoformat(expected[field])
    paragraphs = found.body.split("\n\n")
    assert len(paragraphs) == expected["paragraphs"], paragraphs
    assert paragraphs[0].startswith(expected["starts"])
    assert paragraphs[-1].endswith(expected["ends"])
    everything = f"{found.title}\n{found.standfirst}\n{found.body}"
    assert [phrase for phrase in expected["absent"] if phrase in everything] == []


def test_the_plain_article_is_taken_whole() -> None:
    assert extracted(article()).body == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    "header",
    [
        "<div class='date'>Sunday, November 22, 2026</div>",
        "<span id='todaydate'>22 November 2026</span>",
        "<time datetime='2026-11-22T10:00:00Z'>Today</time>",
        "<header><time>2026-11-22</time></header>",
        "<div class='td_data_time'>یکشنبه ۱ آذر ۱۴۰۵</div>",
    ],
)
def test_the_date_of_today_in_a_header_never_dates_an_article(header: str) -> None:
    without = extracted(article(top=header))
    assert (without.published, without.published_precision) == (None, "unknown")
    dated = extracted(article(top=header, below="<p class='date'>12 March 2021</p>"))
    assert dated.published is not None
    assert dated.published.date().isoformat() == "2021-03-12"


def test_the_day_of_fetching_is_believed_where_a_machine_says_it() -> None:
    head = '<meta property="article:published_time" content="2026-11-22T09:00:00+05:00">'
    assert extracted(article(head)).published == datetime.fromisoformat("2026-11-22T04:00:00Z")


@pytest.mark.parametrize("stated", ["2031-01-01T00:00:00Z", "1899-12-30", "0001-01-01", "soon"])
def test_dates_that_cannot_be_are_unknown(stated: str) -> None:
    head = f'<meta property="article:published_time" content="{stated}">'
    assert extracted(article(head)).published is None


@pytest.mark.parametrize("claimed", ["https://other.example/news/story-1", "https://site.example/"])
def test_a_canonical_link_to_elsewhere_or_to_the_front_page_is_not_believed(claimed: str) -> None:
    found = extracted(article(f'<link rel="canonical" href="{claimed}">'))
    assert found.canonical_url == "https://site.example/news/story-1"


def not_article(markup: str, url: str = "https://site.example/news/story-1") -> NotArticle:
    found = extract(page(markup, url), Hints())
    assert isinstance(found, NotArticle)
    return found


LINKS = "".join(
    f"<li><a href='/news/{n}'>A headline of some length about event number {n}</a></li>"
    for n in range(40)
)


@pytest.mark.parametrize(
    ("markup", "reason", "retry"),
    [
        (f"<title>News</title><h1>News</h1><ul>{LINKS}</ul>", "index", False),
        ("<title>Just a moment...</title><p>Checking your browser.</p>", "challenge", True),
        (
            "<title>Page not found - Site</title><h1>404</h1><p>Try a search.</p>",
            "not_found",
            False,
        ),
        ("<title>Before you continue</title><p>We use cookies.</p>", "consent", True),
        ("<title>Log in - Site</title><form><p>Your name and password.</p></form>", "login", True),
        ("<html><body><div id='root'></div></body></html>", "empty", True),
        ("   ", "empty", True),
        ("<?xml version='1.0'?><rss version='2.0'><channel/></rss>", "not_html", False),
    ],
)
def test_a_page_that_is_no_article_says_what_it_is(markup: str, reason: str, retry: bool) -> None:
    found = not_article(markup)
    assert (found.reason, found.retry) == (reason, retry)


def test_an_article_about_captchas_and_cookies_is_an_article() -> None:
    body = "<p>A captcha asks whether you are a robot, and a 404 means page not found.</p>"
    found = extracted(article(below=body, title="Access denied: how captchas shut people out") * 1)
    assert found.title == "Access denied: how captchas shut people out"


def test_pictures_and_documents_are_refused_by_their_type_or_first_bytes() -> None:
    for body, kind in ((b"x", "image/png"), (b"%PDF-1.7", "text/html"), (b"%PDF-1.7", None)):
        found = extract(Page("https://site.example/x", body, kind, FETCHED), Hints())
        assert isinstance(found, NotArticle)
        assert found.reason == "not_html"


def test_a_start_tag_with_fifty_thousand_attributes_costs_no_time_and_no_article() -> None:
    bomb = f"<div {' '.join(f'a{n}' for n in range(50_000))}>"
    assert extracted(article(top=bomb)).body == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_article(seed: int) -> None:
    noise = random.Random(seed).randbytes(20_000)
    for body in (noise, b"<html><body><p>" + noise, zlib.compress(article().encode() * 50)):
        found = extract(Page("https://site.example/x", body, "text/html", FETCHED), Hints())
        assert isinstance(found, NotArticle)
        assert (found.reason, found.retry) == ("not_html", False)


@settings(max_examples=200)
@given(st.binary(max_size=2000), st.sampled_from([None, "text/html", "text/html; charset=x-none"]))
def test_no_bytes_make_it_raise(body: bytes, kind: str | None) -> None:
    extract(Page("https://site.example/a", body, kind, FETCHED), Hints())


TOKENS = st.sampled_from(
    [
        "<p>", "</p>", "<div class='related'>", "</div>", "<article>", "</article>", "<h1>",
        "<a href=x>", "</a>", "<br>", "<time datetime='2020-13-45'>", "</script>", "<button>",
        "<script type='application/ld+json'>", '{"@type":"NewsArticle","datePublished":[1,{}]}',
        "<meta property='og:title' content='x'>", "<table><tr><td>", "<!--", "-->", "&#0;",
        "A sentence, of some length, that ends. ", "\ud800", "\x00", "<svg><p>", "<template>",
        "<body itemprop='articleBody'>", "<b>", "<i>", "</b>",
    ]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(TOKENS, max_size=80).map("".join), st.text(max_size=40))
def test_no_markup_makes_it_raise(markup: str, url: str) -> None:
    body = markup.encode("utf-8", "surrogatepass")
    found = extract(Page(f"https://site.example/{url}", body, None, FETCHED), Hints())
    if isinstance(found, ArticleItem):
        found.body.encode()  # no lone surrogates
        assert "\x00" not in found.body + found.title


def test_a_sentence_of_each_report_of_a_subject_stays_however_often_it_was_seen() -> None:
    background = "The border was drawn in the year 1893 and has been disputed ever since."
    notice = "This text was written by the desk of the Valley Courier and may be copied."
    memory = SiteMemory()
    for number in range(20):
        lines = (background, notice, f"What only report {number} says.")
        memory = memory.learnt((line_key(line, PROSE) for line in lines), None, FETCHED.date())
    hints = Hints(furniture=memory.furniture(FETCHED.date()))
    markup = article().replace(PARAGRAPHS[1], f"{PARAGRAPHS[1]} {background}</p><p>{notice}")
    found = extract(page(markup), hints)
    assert isinstance(found, ArticleItem)
    assert background in found.body
    assert notice not in found.body
