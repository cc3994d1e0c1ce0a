"""What a site's articles have in common is learnt, bounded, and taken out of the next one."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction import extract
from crawler.extraction.lines import DATE, LINE, PROSE, line_key, packed, unpacked
from crawler.items import ArticleItem, Hints
from crawler.site_memory import (
    MOST_FURNITURE,
    MOST_LINES,
    Look,
    SiteMemory,
    lines_from_bytes,
    lines_to_bytes,
    looks_from_json,
    looks_to_json,
)
from tests.crawler.extraction.pages import FETCHED, page

DAY = date(2026, 3, 1)
THINGS = ("dam", "harvest", "ferry", "school", "bakery", "archive", "vineyard", "railway")
TEASER = "Elders of six villages met beside the Khyber Canal and called for a new bank."


def story(number: int, extra: str = "", where: str = "after") -> str:
    """An article of six paragraphs that no other number has."""
    thing = THINGS[number % len(THINGS)]
    text = [
        f"<p>Paragraph {n} of report {number} tells of the {thing}, of what it cost in year"
        f" {1900 + 7 * number + n}, and of the {number + n} people who remember it.</p>"
        for n in range(6)
    ]
    text.insert(6 if where == "after" else 3, extra)
    title = f"The old {thing} opens again after {number} years"
    return (
        f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>"
        f"<div>{''.join(text)}</div></article></body></html>"
    )


def read(markup: str, number: int, furniture: bytes = b"") -> ArticleItem:
    found = extract(page(markup, f"https://site.example/news/{number}"), Hints(furniture=furniture))
    assert isinstance(found, ArticleItem)
    return found


def learnt(*extras: str, where: str = "after") -> SiteMemory:
    memory = SiteMemory()
    for number, extra in enumerate(extras):
        item = read(story(number, extra, where), number)
        memory = memory.learnt(item.traits.lines, None, DAY)
    return memory


@pytest.mark.parametrize("where", ["middle", "after"])
@pytest.mark.parametrize(
    "extra",
    [
        f"<p>{TEASER}</p>",
        "<p>Khyber Canal: traders count their losses</p>",
        "<p>There is mourning beside the Khyber Canal, and <a href='/n/9'>the elders ask for a new"
        " bank</a> before the spring comes.</p>",
    ],
)
def test_a_teaser_that_no_single_page_betrays_is_gone_after_three(extra: str, where: str) -> None:
    assert "Khyber Canal" in read(story(3, extra, where), 3).body
    two, three = learnt(extra, extra, where=where), learnt(extra, extra, extra, where=where)
    assert "Khyber Canal" in read(story(3, extra, where), 3, two.furniture(DAY)).body
    found = read(story(3, extra, where), 3, three.furniture(DAY))
    assert "Khyber Canal" not in found.body
    assert found.body.count("\n\n") == 5
    assert found.body == read(story(3), 3).body


def test_a_link_is_known_by_its_address_whatever_it_says() -> None:
    extras = [
        f"<p>Words of week {n} are told to those who ask, with <a href='/canal?utm_source={n}'>the"
        f" canal, as seen on the {n}th day</a>, for those who pay.</p>"
        for n in range(4)
    ]
    memory = learnt(*extras[:3])
    assert "the canal" in read(story(3, extras[3]), 3).body
    assert "the canal" not in read(story(3, extras[3]), 3, memory.furniture(DAY)).body


def test_a_known_sentence_stays_among_others_and_goes_where_all_are_known() -> None:
    notice = "The ferry office is open from eight to four, and closed on holidays."
    pair = [f"<p>{TEASER} {notice}</p>", f"<p>{notice} {TEASER}</p>", f"<p>{TEASER} {notice}</p>"]
    memory = learnt(*pair)
    news = f"<p>The seventh hearing is held in spring, the court has said. {TEASER}</p>"
    assert TEASER in read(story(7, news), 7, memory.furniture(DAY)).body
    assert TEASER not in read(story(7, pair[1]), 7, memory.furniture(DAY)).body


def test_what_is_known_comes_back_when_its_page_shows_it_still() -> None:
    extra = f"<p>{TEASER}</p>"
    memory = learnt(extra, extra, extra)
    for number in range(3, 8):
        item = read(story(number, extra), number, memory.furniture(DAY))
        assert "Khyber Canal" not in item.body
        memory = memory.learnt(item.traits.lines, None, DAY)
    assert memory.lines[line_key(TEASER, PROSE)].seen == 8


def test_background_in_articles_of_its_own_subject_stays() -> None:
    background = "<p>The ferry and the harvest are what the valley has lived on since 1931.</p>"
    memory = learnt(background, background, background)
    title = "Ferry and harvest fail in one week"
    markup = story(9, background).replace("The old harvest opens again after 9 years", title)
    assert "since 1931" in read(markup, 9, memory.furniture(DAY)).body
    assert "since 1931" not in read(story(12, background), 12, memory.furniture(DAY)).body


def test_running_text_that_few_articles_share_is_no_furniture() -> None:
    extras = ["", "", "", "", "", "", f"<p>{TEASER}</p>"] * 4
    memory = learnt(*extras)
    assert line_key(TEASER, PROSE) not in unpacked(memory.furniture(DAY))


def test_articles_that_are_mostly_alike_lose_nothing() -> None:
    alike = "".join(
        f"<p>In district {n} the count went on all night, and nobody was told why.</p>"
        for n in range(9)
    )
    memory = learnt(alike, alike, alike)
    assert "In district 4" in read(story(3, alike), 3, memory.furniture(DAY)).body


def test_a_date_on_many_articles_over_weeks_is_the_templates() -> None:
    printed = "<p>12 March 2021</p>"
    memory = SiteMemory()
    for number in range(6):
        markup = story(number).replace("<div>", f"{printed}<div>")
        item = read(markup, number)
        assert item.published is not None
        memory = memory.learnt(item.traits.lines, None, DAY + timedelta(days=2 * number))
    markup = story(9).replace("<div>", f"{printed}<div>")
    assert read(markup, 9, memory.furniture(DAY)).published is not None
    later = memory.furniture(DAY + timedelta(days=12))
    assert read(markup, 9, later).published is None
    other = story(9).replace("<div>", "<p>13 March 2021</p><div>")
    assert read(other, 9, later).published == datetime(2021, 3, 13, tzinfo=UTC)


def test_the_memory_is_bounded_and_keeps_what_is_furniture() -> None:
    often = line_key("often", LINE)
    memory = SiteMemory()
    for number in range(200):
        keys = [line_key(f"{number} {n}", LINE) for n in range(47)]
        memory = memory.learnt([often, *keys] if number < 3 else keys, None, DAY)
    assert len(memory.lines) == MOST_LINES
    assert often in memory.lines
    assert unpacked(memory.furniture(DAY)) == {often}
    crowded = replace(memory, lines={n << 2 | LINE: memory.lines[often] for n in range(2000)})
    assert len(crowded.furniture(DAY)) == 8 * MOST_FURNITURE
    assert len(read(story(1, "<p>One more line.</p>" * 300), 1).traits.lines) <= 49


LOOKS = st.builds(Look, st.integers(0, 100), st.integers(0, 500))


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 2**64 - 1), max_size=60), LOOKS), max_size=12),
    st.dates(date(1999, 1, 1), date(2200, 1, 1)),
)
def test_what_is_kept_is_read_back(pages: list[tuple[list[int], Look]], day: date) -> None:
    memory = SiteMemory()
    for keys, look in pages:
        memory = memory.learnt(keys, look, day)
    kept = lines_to_bytes(memory)
    assert lines_from_bytes(kept) == memory.lines
    assert lines_from_bytes(kept + b"cut") == memory.lines
    assert looks_from_json(looks_to_json(memory)) == memory.looks
    assert unpacked(packed(unpacked(memory.furniture(day)))) == unpacked(memory.furniture(day))


def watched(*looks: Look) -> str | None:
    memory = SiteMemory()
    for look in looks:
        memory = memory.seen_as(look)
    return memory.suspicion()


def test_a_redesign_shows_in_six_pages() -> None:
    usual = [Look(36 + n % 9, 40 + n % 5) for n in range(20)]
    assert watched(*usual) is None
    assert watched(*usual, *[Look(4, 41)] * 3) is None  # a gallery or two
    assert "fell from 40 % to 4 %" in str(watched(*usual, *[Look(4, 41)] * 6))
    assert "have 90 blocks" in str(watched(*usual, *[Look(38, 90)] * 6))
    assert watched(*[Look(40, 40)] * 12, *[Look(0, 0)] * 6) is None  # too little to compare with
    after = [Look(4, 41)] * 40
    assert watched(*usual, *after) is None  # the new look is the usual one by now


@given(st.lists(LOOKS, max_size=40))
def test_any_looks_are_judged_without_error(looks: list[Look]) -> None:
    said = watched(*looks)
    assert said is None or said.endswith("`wirewatch extract --url`")


def test_dates_are_told_apart_from_lines() -> None:
    item = read(story(0).replace("<div>", "<p>12 March 2021</p><div>"), 0)
    assert [key for key in item.traits.lines if key & 3 == DATE]
    assert FETCHED.tzinfo is UTC
