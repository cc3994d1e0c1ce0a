"""What is planted in a page must not reach its article: a floor that no change may lower."""

import json
import re

import pytest

from crawler.extraction import extract
from crawler.items import ArticleItem, Hints
from tests.crawler.extraction.pages import FETCHED, FOLDER, fixture, page

NAMES = ["amp", "arc", "drupal", "ghost", "tagdiv", "urdu", "yoast"]  # with closed paragraphs
TOPIC = "Khyber Canal"
LINK = f'<a href="/n/1">Three drown as the {TOPIC} bursts its banks</a>'
BLURB = (
    f"<p>Farmers of six villages met on Friday beside the {TOPIC}, and called for a new bank.</p>"
)
CARD = f'<div class="c"><h4>{LINK}</h4>{BLURB}</div>'
TEASERS = {
    "list of links": f"<ul><li>{LINK}</li><li>{LINK}</li></ul>",
    "named list": f'<div class="related-posts"><ul><li>{LINK}</li></ul></div>',
    "link paragraph": f"<p>{LINK}</p>",
    "bold link paragraph": f"<p><strong>{LINK}</strong></p>",
    "linked heading": f"<h3>{LINK}</h3>",
    "unlinked pointer": f"<p><b>Read also: why the {TOPIC} was built</b></p>",
    "sentence that is a link": f"<p>In other news, {LINK}.</p>",
    "embedded post": f'<blockquote class="wp-embedded-content">{LINK}</blockquote>',
    "newsletter box": f'<div class="newsletter-signup"><h3>Sign up</h3>{BLURB}</div>',
    "one card": f"<div>{LINK}{BLURB}</div>",
    "three cards": CARD * 3,
    "article cards": f"<article><h3>{LINK}</h3>{BLURB}</article>" * 3,
    "caption": f"<figure><img><figcaption>The {TOPIC} as it was in 1931.</figcaption></figure>",
    "tweet": f'<blockquote class="twitter-tweet">{BLURB}</blockquote>',
} | {
    f"also read, {words}": f"<p>{words} {LINK}</p>"
    for words in (
        "Also read:", "Lesen Sie auch:", "Lire aussi :", "Lea también:", "Leia também:",
        "Leggi anche:", "Lees ook:", "Czytaj także:", "Читайте также:", "Devamını oku:",
        "مزید پڑھیں:", "بیشتر بخوانید:", "نور ولولئ:", "اقرأ أيضا:", "यह भी पढ़ें:", "関連記事：",
    )
}  # fmt: skip


def planted(name: str, markup: str, place: int) -> ArticleItem:
    """The article of a fixture with markup planted after a paragraph of its text."""
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    text = fixture(name, expected["url"]).body.decode()
    start = text.index(expected["starts"])
    ends = [match.end() for match in re.finditer("</p>", text) if match.end() > start]
    at = ends[place]
    found = extract(page(text[:at] + markup + text[at:], expected["url"]), Hints())
    assert isinstance(found, ArticleItem)
    return found


def told(item: ArticleItem) -> str:
    return f"{item.title}\n{item.standfirst}\n{item.body}"


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_paragraph_planted_in_the_text_is_text(name: str) -> None:
    sentence = f"<p>Since March the {TOPIC} has carried no water, and nobody says why.</p>"
    assert TOPIC in told(planted(name, sentence, 0))


@pytest.mark.parametrize("teaser", TEASERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_teaser_planted_in_the_text_reaches_no_watched_zone(name: str, teaser: str) -> None:
    for place in (0, 1):
        found = planted(name, TEASERS[teaser], place)
        assert TOPIC not in told(found)
        assert json.loads((FOLDER / f"{name}.json").read_text())["starts"] in found.body


DATES = (
    f"<div class='date'>{FETCHED:%A, %B %d, %Y}</div>",
    f"<p>{FETCHED:%d.%m.%Y}</p>",
    f"<span>{FETCHED:%Y-%m-%d}</span>",
    f"<header><time datetime='{FETCHED:%Y-%m-%dT%H:%M}Z'>now</time></header>",
    "<div>۲۲ نومبر ۲۰۲۶</div>",
    "<div>3 hours ago</div>",
)


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("name", [*NAMES, "blogger", "handmade"])
def test_the_day_of_fetching_at_the_top_of_a_page_changes_no_date(name: str, date: str) -> None:
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    text = fixture(name, expected["url"]).body.decode()
    mutated = re.sub(r"(<body[^>]*>)", rf"\1{date}", text, count=1, flags=re.IGNORECASE)
    assert mutated != text
    found = extract(page(mutated, expected["url"]), Hints())
    assert isinstance(found, ArticleItem)
    assert found.published is not None
    assert found.published.isoformat() == expected["published"]
