"""Excerpts: the sentences around the best places, the words marked."""

import regex
from hypothesis import given
from hypothesis import strategies as st

from alerts.excerpts import excerpts
from alerts.rules import Span, Text
from store.folding import grapheme_span

BODY = (
    "Talks resumed on Monday. Troops exchanged fire near the Durand Line at dawn! "
    "Nobody was hurt.\n\n"
    "Trade at Torkham went on. The Durand Line divides families, elders said."
)


def span_of(text: str, word: str, field: str = "body", nth: int = 0) -> Span:
    at = [found.start() for found in regex.finditer(regex.escape(word), text)][nth]
    return Span(field, at, at + len(word), word)


def test_an_excerpt_is_the_sentence_of_the_place_with_the_words_marked() -> None:
    (excerpt,) = excerpts(Text({"body": BODY}), [span_of(BODY, "Durand Line")])
    assert excerpt.text == "Troops exchanged fire near the Durand Line at dawn!"
    assert BODY[excerpt.start : excerpt.end] == excerpt.text
    assert [excerpt.text[mark.start : mark.end] for mark in excerpt.highlights] == ["Durand Line"]


def test_overlapping_places_are_one_mark() -> None:
    spans = [span_of(BODY, word) for word in ("Durand Line", "Durand", "Line at")]
    (excerpt,) = excerpts(Text({"body": BODY}), spans)
    assert [excerpt.text[mark.start : mark.end] for mark in excerpt.highlights] == [
        "Durand Line at"
    ]


def test_places_of_one_sentence_share_an_excerpt_and_neighbours_join_while_they_fit() -> None:
    spans = [span_of(BODY, "Torkham"), span_of(BODY, "Durand Line", nth=1)]
    (joined,) = excerpts(Text({"body": BODY}), spans)
    assert joined.text == BODY.split("\n\n")[1]
    assert len(excerpts(Text({"body": BODY}), spans, length=50)) == 2


def test_the_excerpt_with_more_different_terms_is_kept() -> None:
    spans = [span_of(BODY, "Monday"), span_of(BODY, "Torkham"), span_of(BODY, "families")]
    spans += [span_of(BODY, "Durand Line", nth=1)]
    (best,) = excerpts(Text({"body": BODY}), spans, most=1, length=60)
    assert best.text == "The Durand Line divides families, elders said."


def test_excerpts_come_in_reading_order_of_the_fields() -> None:
    text = Text({"title": "Torkham opens", "body": BODY})
    spans = [span_of(BODY, "Durand Line"), span_of("Torkham opens", "Torkham", "title")]
    assert [excerpt.field for excerpt in excerpts(text, spans)] == ["title", "body"]


def test_a_long_sentence_is_cut_at_words() -> None:
    text = "word " * 200 + "Torkham " + "other " * 200
    (excerpt,) = excerpts(Text({"body": text}), [span_of(text, "Torkham")])
    assert 200 < len(excerpt.text) <= 300
    assert set(excerpt.text.split()) == {"word", "Torkham", "other"}


def test_a_long_text_without_spaces_is_cut_at_graphemes() -> None:
    text = "กำลั" * 200 + "ไทย" + "กำลั" * 200
    (excerpt,) = excerpts(Text({"body": text}), [span_of(text, "ไทย")])
    assert len(excerpt.text) <= 304
    assert excerpt.text[0] in "กล"
    assert excerpt.text[-1] in "ำั"


def test_urdu_and_chinese_sentences_end_where_they_end() -> None:
    urdu = "پہلا جملہ۔ ڈیورنڈ لائن پر فائرنگ ہوئی۔ تیسرا جملہ۔"
    (excerpt,) = excerpts(Text({"body": urdu}), [span_of(urdu, "لائن")])
    assert excerpt.text == "ڈیورنڈ لائن پر فائرنگ ہوئی۔"
    chinese = "第一句。北京举行会谈。第三句。"
    (excerpt,) = excerpts(Text({"body": chinese}), [span_of(chinese, "北京")])
    assert excerpt.text == "北京举行会谈。"


@st.composite
def _matched(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(
        st.text(st.sampled_from("ab .\n。é\u0301۔ئ\u064bกำ北👩\u200d"), min_size=1, max_size=120)
    )
    spans = []
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, min(len(text), start + 20)))
        spans.append(Span("body", *grapheme_span(text, start, end), draw(st.sampled_from("xy"))))
    return text, spans


@given(_matched(), st.integers(1, 5), st.integers(10, 60))
def test_marks_never_overlap_and_stand_where_the_places_stand(
    matched: tuple[str, list[Span]], most: int, length: int
) -> None:
    text, spans = matched
    found = excerpts(Text({"body": text}), spans, most=most, length=length)
    assert 1 <= len(found) <= most
    places = {at for span in spans for at in range(span.start, span.end)}
    for excerpt in found:
        assert text[excerpt.start : excerpt.end] == excerpt.text
        ends = [at for mark in excerpt.highlights for at in (mark.start, mark.end)]
        assert ends == sorted(set(ends))
        marked = {
            excerpt.start + at for mark in excerpt.highlights for at in range(mark.start, mark.end)
        }
        assert marked
        assert marked <= places
