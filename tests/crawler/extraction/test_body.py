import time

from crawler.extraction import extract
from crawler.items import ArticleItem, EntryItem, Hints, NotArticle, Select
from tests.crawler.extraction.pages import PARAGRAPHS, article, page

LONG = " ".join(f"Sentence number {n} tells one more thing about the harbour." for n in range(30))


def extracted(markup: str, hints: Hints | None = None) -> ArticleItem:
    found = extract(page(markup), hints or Hints())
    assert isinstance(found, ArticleItem)
    return found


def wrapped(*markup: str) -> str:
    return f"<title>T of it</title><article><h1>T of it</h1><div>{''.join(markup)}</div></article>"


def paragraphs() -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)


def test_a_body_split_by_boxes_is_taken_whole() -> None:
    parts = "".join(f"<div class='part'><p>{text}</p></div><div>Ad</div>" for text in PARAGRAPHS)
    assert extracted(wrapped(parts)).body == "\n\n".join(PARAGRAPHS)


def test_paragraphs_parted_by_line_breaks_are_paragraphs() -> None:
    assert extracted(wrapped("<br><br>".join(PARAGRAPHS))).body == "\n\n".join(PARAGRAPHS)


def test_an_article_inside_an_unclosed_button_or_an_aside_is_found() -> None:
    for tag in ("<button>", "<aside>", "<header>", "<form>", "<footer>"):
        markup = f"<title>T of it</title><h1>T of it</h1>{tag}<p>{LONG}</p><p>{LONG}</p>"
        assert LONG in extracted(markup).body, tag


def test_lists_tables_and_quotations_of_the_text_are_text() -> None:
    item = extracted(
        wrapped(
            paragraphs(),
            "<ul><li>One crossing costs three pounds</li><li>Dogs travel free</li></ul>",
            "<blockquote>“Nobody asked us,” she said.</blockquote>",
            "<table><tr><td>Ferry</td><td>40</td></tr><tr><td>Train</td><td>12</td></tr></table>",
            paragraphs(),
        )
    )
    for text in ("Dogs travel free", "Nobody asked us", "Ferry"):
        assert text in item.body


def test_a_heading_without_text_below_it_is_no_text() -> None:
    item = extracted(wrapped(paragraphs(), "<h2>What else</h2>", "<div>Share</div>"))
    assert "What else" not in item.body


def test_linked_sources_of_a_text_belong_to_it() -> None:
    link = "<li><a href='https://other.example/1'>A study of harbours, their people</a></li>"
    assert (
        "A study of harbours"
        in extracted(wrapped(paragraphs(), f"<h2>References</h2><ol>{link * 3}</ol>")).body
    )
    assert (
        "A study of harbours"
        not in extracted(wrapped(paragraphs(), f"<h2>More stories</h2><ol>{link * 3}</ol>")).body
    )


def test_a_further_article_below_the_first_is_another_story() -> None:
    further = f"<article><h1>Another one</h1><p>{LONG}</p><p>{LONG}</p></article>"
    markup = f"<title>T of it</title><article><h1>T of it</h1><p>{LONG[:900]}</p></article>"
    assert extracted(markup + further).body == LONG[:900].strip()


def test_comments_longer_than_the_article_are_not_the_article() -> None:
    comments = "".join(f"<div class='comment'><p>{LONG}</p></div>" for _ in range(4))
    item = extracted(wrapped(paragraphs()) + f"<section id='comments'>{comments}</section>")
    assert item.body == "\n\n".join(PARAGRAPHS)


def test_a_consent_dialog_longer_than_the_article_is_not_the_article() -> None:
    dialog = f"<div id='onetrust-consent-sdk'><p>{LONG}</p><p>{LONG}</p></div>"
    assert extracted(wrapped(paragraphs()) + dialog).body == "\n\n".join(PARAGRAPHS)


def test_layout_names_are_not_furniture() -> None:
    for name in ("content-with-sidebar", "no-sidebar", "field--label-hidden", "has-ads"):
        assert extracted(f"<div class='{name}'>{wrapped(paragraphs())}</div>").body, name


def test_the_text_of_json_ld_is_taken_where_the_page_shows_none() -> None:
    script = (
        '<script type="application/ld+json">{"@type":"NewsArticle","headline":"T of it",'
        f'"articleBody":"{LONG}"}}</script>'
    )
    item = extracted(f"<title>T of it</title>{script}<div id='root'></div>")
    assert item.body == LONG
    assert item.extractor.startswith("json_ld")


def test_the_full_text_of_the_feed_is_taken_where_the_page_shows_a_beginning() -> None:
    entry = EntryItem("https://site.example/news/story-1", content=f"<p>{LONG}</p><p>The end.</p>")
    item = extracted(wrapped(f"<p>{PARAGRAPHS[0]}</p>"), Hints(entry=entry))
    assert item.body == f"{LONG}\n\nThe end."
    assert item.extractor.startswith("feed")


def test_agreement_of_the_candidates_is_the_confidence() -> None:
    told = " ".join(PARAGRAPHS)
    script = f'<script type="application/ld+json">{{"@type":"Article","headline":"x","articleBody":"{told} {LONG[:200]}"}}</script>'  # noqa: E501
    assert extracted(article()).confidence == 0.5
    assert 0.5 < extracted(article(script)).confidence < 1


def test_a_sources_own_selectors_come_before_everything() -> None:
    markup = article(
        '<meta property="article:published_time" content="2020-01-01T00:00:00Z">',
        below="<em class='t'>The other one</em><i class='d'>3 May 2021</i><q class='b'>Short.</q>",
    )
    item = extracted(markup, Hints(select=Select(body=".b", title=".t", date=".d")))
    assert (item.title, item.body, item.extractor) == ("The other one", "Short.", "select")
    assert item.published is not None
    assert item.published.date().isoformat() == "2021-05-03"


def test_a_selector_that_matches_nothing_or_is_broken_changes_nothing() -> None:
    for css in (".missing", "p[", ""):
        item = extracted(article(), Hints(select=Select(body=css, title=css, date=css)))
        assert item.body == "\n\n".join(PARAGRAPHS)


def test_a_page_of_two_hundred_thousand_line_breaks_takes_linear_time() -> None:
    markup = wrapped("<a href=x>A linked line of some length</a>", "x<br>" * 200_000, paragraphs())
    start = time.process_time()
    extract(page(markup), Hints())
    assert time.process_time() - start < 10


def test_a_page_of_many_paragraphs_takes_linear_time() -> None:
    start = time.process_time()
    found = extract(page(wrapped(f"<p>{PARAGRAPHS[0]}</p>" * 15_000)), Hints())
    assert not isinstance(found, NotArticle)
    assert time.process_time() - start < 20
