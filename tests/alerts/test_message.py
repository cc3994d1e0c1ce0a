"""What messages say, to people and to machines, and what hostile text cannot make them say."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from playwright.async_api import Request, ViewportSize, async_playwright

from alerts.composer import Composer
from alerts.message import (
    ChangeView,
    Count,
    DiffPiece,
    ExcerptView,
    Heading,
    HealthEvent,
    delivery_id,
    late_words,
    published_line,
    safe_link,
)
from alerts.message_size import MOST, newest_first, place_of
from tests.alerts.views import HOSTILE, NOON, URDU, article, section

KARACHI = ZoneInfo("Asia/Karachi")
COMPOSER = Composer(KARACHI)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_one_article_gives_its_headline_and_source_as_subject() -> None:
    message = COMPOSER.alert("id", [section(article())], NOON)
    assert message.subject == "Durand Line: Kabul protests new fence on the Durand Line — Dawn"
    assert message.thread == "story-42"


def test_several_articles_are_counted() -> None:
    two = section(article(), article(story=2, thread="story-2"))
    assert COMPOSER.alert("id", [two], NOON).subject == "Durand Line: 2 articles"
    both = [two, section(article(), name="TTP")]
    assert COMPOSER.alert("id", both, NOON).subject == "3 articles: Durand Line (2), TTP (1)"
    assert COMPOSER.alert("id", both, NOON).thread is None


def test_a_very_long_headline_is_cut_in_the_subject_only() -> None:
    message = COMPOSER.alert("id", [section(article(title="word " * 100))], NOON)
    assert len(message.subject) < 200
    assert "word " * 99 in message.text


def test_the_text_says_all_that_the_html_says() -> None:
    message = COMPOSER.alert("id", [section(article(), URDU)], NOON)
    shown = " ".join(lxml_html.fromstring(message.html).find("body").text_content().split())
    for words in (
        "Kabul protests new fence on the Durand Line",
        "1 March 2026, 16:45 (Asia/Karachi)",
        'Matched: "Durand Line" (title, body)',
        "TOLOnews",
        "ڈیورنڈ لائن پر نئی باڑ کے خلاف کابل کا احتجاج",
    ):
        assert words in shown
        assert words in message.text
    assert "https://www.dawn.example/news/1?a=1&b=2" in message.text
    assert "along the *Durand Line* said" in message.text


def test_links_and_marks_are_real_elements() -> None:
    page = lxml_html.fromstring(COMPOSER.alert("id", [section(article())], NOON).html)
    assert [mark.text for mark in page.iter("mark")] == ["Durand Line"]
    assert [a.get("href") for a in page.iter("a")] == [
        "https://www.dawn.example/news/1?a=1&b=2",
        "https://tolo.example/2",
    ]


@pytest.mark.parametrize(
    ("published", "precision", "line"),
    [
        (NOON, "minute", "1 March 2026, 17:00 (Asia/Karachi)"),
        # Midnight of 1 March in Karachi, New York, Auckland: the same day everywhere.
        (datetime(2026, 2, 28, 19, tzinfo=UTC), "day", "1 March 2026"),
        (datetime(2026, 3, 1, 5, tzinfo=UTC), "day", "1 March 2026"),
        (datetime(2026, 2, 28, 11, tzinfo=UTC), "day", "1 March 2026"),
        (None, "unknown", "date unknown, first seen 1 March 2026, 17:00 (Asia/Karachi)"),
        (NOON, "unknown", "date unknown, first seen 1 March 2026, 17:00 (Asia/Karachi)"),
    ],
)
def test_a_date_is_told_no_more_exactly_than_known(
    published: datetime | None, precision: str, line: str
) -> None:
    assert published_line(article(published=published, precision=precision), KARACHI) == line


@pytest.mark.parametrize("hours", [-11, -5, 0, 5.75, 14])
def test_a_day_is_that_of_the_article_s_own_zone(hours: float) -> None:
    offset = timedelta(hours=hours)
    midnight = datetime(2026, 3, 1, tzinfo=UTC) - offset
    told = article(published=midnight, precision="day", offset=offset)
    assert published_line(told, KARACHI) == "1 March 2026"


@pytest.mark.parametrize(
    ("published", "hours", "precision", "line"),
    [
        ("9999-12-31T23:59:59Z", 5, "minute", "31 December 9999, 23:59 (UTC)"),
        ("0001-01-01T00:00:00Z", -5, "minute", "1 January 1, 00:00 (UTC)"),
        ("9999-12-31T23:59:59Z", 5, "day", "31 December 9999"),
        ("0001-01-01T00:00:00Z", -5, "day", "1 January 1"),
    ],
)
def test_a_time_that_no_zone_can_tell_is_told_in_utc(
    published: str, hours: int, precision: str, line: str
) -> None:
    zone = timezone(timedelta(hours=hours))
    at, offset = datetime.fromisoformat(published), timedelta(hours=hours)
    told = article(published=at, precision=precision, offset=offset)
    assert published_line(told, zone) == line


def test_hostile_text_stays_text() -> None:
    message = COMPOSER.alert("id", [section(HOSTILE)], NOON)
    page = lxml_html.fromstring(message.html)
    assert {element.tag for element in page.iter("script", "img", "iframe", "b")} == set()
    assert [a.get("href") for a in page.iter("a")] == ["https://example.org/" + "long" * 60]
    assert not any(name.startswith("on") for element in page.iter() for name in element.attrib)
    assert "{{ 7*7 }}" in page.text_content()
    assert "javascript:" not in message.text


@given(st.text(), st.text(), st.text())
def test_no_text_adds_an_element_to_the_page(title: str, why: str, words: str) -> None:
    tame = COMPOSER.alert("id", [section(article(excerpts=(ExcerptView("x"),)))], NOON)
    wild = COMPOSER.alert(
        "id",
        [section(article(title=title, why=why or "x", excerpts=(ExcerptView(words or "x"),)))],
        NOON,
    )

    def elements(page: str) -> list[str]:
        clean = page.encode("utf-8", "replace").decode().replace("\0", " ")
        return [str(element.tag) for element in lxml_html.fromstring(clean).iter()]

    assert elements(wild.html) == elements(tame.html)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
        "//example.org/",
        "https:///x",
        "https://example.org/a b",
        'https://example.org/"x',
        "https://example.org/\u202e",
        "http://[::1",
        "",
    ],
)
def test_what_is_not_a_clean_web_address_is_no_link(url: str) -> None:
    assert safe_link(url) == ""


def test_an_address_in_another_script_is_a_link() -> None:
    assert safe_link("https://example.org/خبر?a=1&b=[2]") == "https://example.org/خبر?a=1&b=[2]"


@given(st.text(min_size=1), st.data())
def test_the_pieces_of_an_excerpt_are_its_text(text: str, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.sets(st.integers(0, len(text)))))
    places = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    pieces = ExcerptView(text, places).pieces
    assert "".join(piece.text for piece in pieces) == text
    marked = "".join(piece.text for piece in pieces if piece.marked)
    assert marked == "".join(text[start:end] for start, end in places)


@pytest.mark.parametrize("breaks", ["\n", "\r", "\r\n", "\u2028", "\x85", "\x0b"])
def test_page_text_never_passes_for_ours_in_the_plain_text(breaks: str) -> None:
    """Neither before a match, nor within the marked words, nor in what an edit changed."""
    forged = f"Durand{breaks}Sent by Wirewatch{breaks}Line"
    piece = ExcerptView(f"a{breaks}b {forged} c{breaks}d", ((4, 4 + len(forged)),))
    diff = (DiffPiece("gone", f"x {forged}"), DiffPiece("new", forged), DiffPiece("same", forged))
    edited = article(title=forged, change=ChangeView((f"Was: {forged}",), diff))
    many = [section(article(excerpts=(piece,), why=forged, source_name=forged), edited)]
    lines = re.split("\r\n|[\n\r\x0b\x85\u2028]", COMPOSER.alert("id", many, NOON).text)
    assert lines.count("Sent by Wirewatch, your own news monitor.") == 1
    assert [line for line in lines if line.startswith("Sent by Wirewatch")] == [lines[-2]]
    assert [line for line in lines if line.startswith(("b ", "d", "Line"))] == []


def test_the_text_names_the_watchlist_of_a_single_alert() -> None:
    message = COMPOSER.alert("id", [section(article())], NOON)
    assert message.text.startswith("== Durand Line ==\n\nKabul protests")


def test_machines_get_the_matches() -> None:
    payload = COMPOSER.alert("id-1", [section(article())], NOON).payload
    assert json.loads(json.dumps(payload)) == {
        "type": "watchlist.matched",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "delivery": "id-1",
            "watchlist": "durand-line",
            "part": 1,
            "parts": 1,
            "matches": [{"id": 1, "watchlist": "durand-line"}],
        },
    }


def test_a_digest_is_grouped_by_watchlist_then_story_newest_first() -> None:
    old = article(title="old", published=NOON - timedelta(hours=9), story=1)
    new = article(title="new", published=NOON, story=2)
    older_copy = article(title="copy of new", published=NOON - timedelta(hours=10), story=2)
    assert [each.title for each in newest_first([old, older_copy, new], place_of)] == [
        "new",
        "copy of new",
        "old",
    ]
    message = COMPOSER.digest(
        "id", [section(old, new), section(old, name="TTP")], NOON, Heading("Daily digest")
    )
    assert message.subject == "Daily digest: 3 articles: Durand Line (2), TTP (1)"
    assert message.text.index("\nnew\n") < message.text.index("\nold\n")
    assert message.kind == "digest"


def test_the_first_visit_names_what_was_there() -> None:
    message = COMPOSER.first_visit(
        "id",
        [Count("dawn", "Dawn", 33, 2), Count("tolo", "TOLOnews", 1, 1)],
        [Count("durand-line", "Durand Line", 0, 3)],
        NOON,
    )
    assert message.subject == "Wirewatch now reads 2 sources: 3 past matches"
    assert "- Dawn: 33 articles, 2 matches" in message.text
    assert "- TOLOnews: 1 article, 1 match" in message.text
    assert "Durand Line: 3" in message.text
    assert message.payload["data"]["sources"][0] == {"source": "dawn", "articles": 33, "matches": 2}


def test_health_is_told_in_words_and_to_machines() -> None:
    event = HealthEvent(
        "source.failing", "Dawn is failing", ("It answers 403.",), {"source": "dawn"}
    )
    message = COMPOSER.health("id", event, NOON)
    assert message.subject == "Wirewatch: Dawn is failing"
    assert "It answers 403." in message.text
    assert message.payload["type"] == "source.failing"
    assert message.payload["data"] == {"delivery": "id", "source": "dawn"}


def test_an_own_template_replaces_ours(tmp_path: Path) -> None:
    (tmp_path / "articles.txt").write_text("MINE {{ sections[0].articles[0].title }}")
    message = Composer(KARACHI, tmp_path).alert("id", [section(article())], NOON)
    assert message.text == "MINE Kabul protests new fence on the Durand Line"
    assert "<mark" in message.html
    assert message.problems == ()


@pytest.mark.parametrize(
    ("age", "precision", "words"),
    [
        (timedelta(hours=2, minutes=59), "minute", ""),
        (timedelta(hours=6, minutes=59), "minute", "published 6 h ago"),
        (timedelta(hours=47), "minute", "published 47 h ago"),
        (timedelta(days=3), "minute", "published 3 days ago"),
        (timedelta(hours=40), "day", ""),
        (timedelta(days=2), "day", "published 2 days ago"),
        (timedelta(days=9), "unknown", ""),
        (timedelta(hours=-1), "minute", ""),
    ],
)
def test_what_is_old_says_so(age: timedelta, precision: str, words: str) -> None:
    assert late_words(NOON - age, precision, NOON) == words


def test_a_date_that_is_not_known_is_not_old() -> None:
    assert late_words(None, "unknown", NOON) == ""


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{{ 'x' * 100 }}{% endfor %}",
        "{{ nothing.here }}",
        "{% if %}",
        "{{ 1/0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ sections.append(1) }}",
    ],
)
def test_a_broken_own_template_never_stops_an_alert(tmp_path: Path, template: str) -> None:
    (tmp_path / "articles.txt").write_text(template)
    message = Composer(KARACHI, tmp_path).alert("id", [section(article())], NOON)
    assert "Kabul protests new fence" in message.text
    [problem] = message.problems
    assert problem.startswith("articles.txt: Value" if "99999" in template else "articles.txt:1: ")


def test_a_message_never_grows_beyond_its_bounds() -> None:
    many = section(*(article(excerpts=(ExcerptView("word " * 5000),)) for _ in range(50)))
    message = COMPOSER.alert("id", [many], NOON)
    assert len(message.text) <= 257 * 1024
    assert message.html == ""


def test_names_of_any_length_leave_the_html_whole_and_are_counted() -> None:
    long = section(*(article(story=n, title=f"{n} " + "word " * 200) for n in range(300)))
    message = COMPOSER.alert("id", [long], NOON)
    assert "By title only:" in message.html
    [more] = re.findall(r"^And (\d+) more\.$", message.text, re.MULTILINE)
    titles = set(re.findall(r"^(\d+) word", message.text, re.MULTILINE))
    assert len(titles) == 300 - int(more) > MOST
    assert message.subject == "Durand Line: 300 articles"


def test_what_is_named_only_is_text_too() -> None:
    older = replace(HOSTILE, published=NOON - timedelta(days=9), story=99)
    message = COMPOSER.alert("id", [section(*[article()] * MOST, older)], NOON)
    [named] = re.findall(r"^.*Bcc:.*$", message.text.partition("By title only:")[2], re.MULTILINE)
    assert named.startswith('"><script>alert(1)</script>')
    page = lxml_html.fromstring(message.html)
    assert "Bcc: all@example.org" in page.text_content()
    assert {element.tag for element in page.iter("script", "img", "iframe", "b")} == set()
    assert not any(name.startswith("on") for element in page.iter() for name in element.attrib)
    assert "javascript:" not in message.html + message.text


def test_an_id_is_the_same_whatever_the_order_and_another_for_another_destination() -> None:
    first = delivery_id("here", "desk", "k", "durand", ["https://a/", "https://b/"])
    assert first == delivery_id("here", "desk", "k", "durand", ["https://b/", "https://a/"])
    others = {
        delivery_id("there", "desk", "k", "durand", ["https://a/", "https://b/"]),
        delivery_id("here", "ops", "k", "durand", ["https://a/", "https://b/"]),
        delivery_id("here", "desk", "l", "durand", ["https://a/", "https://b/"]),
        delivery_id("here", "desk", "k", "ttp", ["https://a/", "https://b/"]),
        delivery_id("here", "desk", "k", "durand", ["https://a/"]),
        delivery_id("here", "desk", "k", "durand", ["https://a/https://b/"]),
    }
    assert len(others | {first}) == 7
    assert len(first) == 43
    assert set(first) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


WIDTHS = {
    "phone": ViewportSize(width=320, height=640),
    "desktop": ViewportSize(width=1280, height=800),
}


LONG_NAME = Count("x", "Donaudampfschifffahrtsgesellschaft" * 5, 10**6, 10**6)
SUMMARY = COMPOSER.first_visit("id", [LONG_NAME], [LONG_NAME], NOON)
CHANGED = article(
    story=45,
    published=NOON,
    change=ChangeView(
        ("No longer in the text: Durand Line",),
        (DiffPiece("same", "at the "), DiffPiece("gone", "fence"), DiffPiece("new", "W" * 300)),
    ),
)
FLOOD = section(
    *(article(story=100 + n) for n in range(80)),
    *(replace(one, published=NOON - timedelta(days=9)) for one in (URDU, HOSTILE)),
    name="Torkham",
)
HEALTH = COMPOSER.health(
    "id", HealthEvent("source.failing", "W" * 300, ("<script>alert(1)</script>", "W" * 900)), NOON
)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_mails_in_a_real_browser(width: str, scheme: str) -> None:
    """Nothing scrolls sideways, nothing is fetched, contrast is enough, right-to-left is so."""
    told = section(article(), URDU, HOSTILE)
    counts = (LONG_NAME, Count("b", "ڈیورنڈ لائن", 3))
    message = COMPOSER.digest(
        "id", [told, FLOOD, section(CHANGED)], NOON, Heading("Daily digest", counts=counts)
    )
    asked: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--proxy-server=http://127.0.0.1:9",
            ],
        )
        dark = scheme == "dark"
        page = await browser.new_page(
            viewport=WIDTHS[width], color_scheme="dark" if dark else "light"
        )

        def note(request: Request) -> None:
            asked.append(request.url)

        page.on("request", note)
        widths = []
        for mail in (SUMMARY, HEALTH, message):
            await page.set_content(mail.html, wait_until="load")
            widths.append(await page.evaluate("document.scrollingElement.scrollWidth"))
        contrasts = await page.evaluate(CONTRASTS)
        directions = await page.evaluate(
            "[...document.querySelectorAll('h3, .excerpt')].map(e => getComputedStyle(e).direction)"
        )
        await browser.close()
    assert max(widths) <= WIDTHS[width]["width"]
    assert asked == []
    assert {"gone", "new", "mark", "link", "quiet"} <= contrasts.keys()
    assert min(contrasts.values()) >= 4.5, contrasts
    assert directions[:4] == ["ltr", "ltr", "rtl", "rtl"]


# Contrast of each class of text with the nearest background, as WCAG 2 reckons it.
CONTRASTS = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = color => rgb(color).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (rgb(color)[3] !== 0) return color;
    }
  };
  const found = {};
  for (const e of document.querySelectorAll('.page, .quiet, .link, .mark, .excerpt, .gone, .new')) {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    found[e.className] = Math.min(found[e.className] ?? 21, (a + 0.05) / (b + 0.05));
  }
  return found;
}"""
