"""Folding: what becomes the same, what stays apart, and the way back."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from scripts.folding import PAGE, page
from store.folding import fold, fold_words, tokens
from store.folding_marks import fold_tokens
from store.folding_rules import APOSTROPHE, BOUNDARY, RULES

# Letters, marks, separators and controls that meet each other in real pages, and those that
# break careless code: every kind of composition, expansion and boundary.
TRICKY = (
    "aAsStTiIıİéÉßﬁ'’ʼ.,-–\u00ad\u200b\u200c\u200d\ufeff\u202e\u2067 \n\u00a0"
    "\u0301\u0308\u0306\u0323\u0345еёйЁїИ"
    "αΆςΣᾳאשׁ״׳בּ"
    "اآأإٱيىیےئؤكکگګهہھةۀ\u064b\u0651\u0654\u0640١۱"
    "कक़ख़\u093c\u094d\u093fি০ড়ো"
    "กำาิ่ไ北京東がか\u3099ー々カｶﾞ"
    "서울\u1100\u1161\u11a8ㅋㅏ"
    "\u0e48\u0483…•™½Ⅳ²①＃\U0001f1f5\U0001f1f0👩\u0e33\ufdfa\u0600\u06dd"
)
texts = st.text(st.sampled_from(TRICKY), max_size=30) | st.text(max_size=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pakistan’s border", "pakistan border"),
        ("PAKISTAN'S", "Pakistan"),
        ("Durand\u2013\nLine", "durand line"),
        ("Durand\u00a0Line", "durand-line"),
        ("co\u00adoperate", "cooperate"),
        ("\ufeffTorkham", "torkham"),
        ("ﬁre", "FIRE"),
        ("Ｔｏｒｋｈａｍ", "torkham"),
        ("São Tomé", "sao tome"),
        ("Straße", "STRASSE"),
        ("İstanbul ISTANBUL ıstanbul", "istanbul istanbul istanbul"),
        ("Αθήνα ΑΘΗΝΑ", "αθηνα αθηνα"),
        ("Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("Орёл", "орел"),
        ("שָׁלוֹם", "שלום"),
        ("צה״ל", 'צה"ל'),
        ("ڈیورنڈ لائن", "ڈيورنڈ لائن"),
        ("كابل", "کابل"),
        ("أفغانستان", "افغانستان"),
        ("آئی ایس آئی", "ائی ایس ائی"),
        ("مُحَمَّد", "محمد"),
        ("كـــابل", "کابل"),
        ("می‌خواهم", "می خواهم"),
        ("مدرسة", "مدرسہ"),
        ("ډیورنډ کرښه", "ډيورنډ كرښه"),
        ("افغانستان کې ګډ", "افغانستان كی گډ"),
        ("۱۴۰۳ ١٤٠٣", "1403 1403"),
        ("२०२४", "2024"),
        ("बड़ा", "बड\u093cा"),
        ("খ্যাত বাড়ি", unicodedata.normalize("NFD", "খ্যাত বাড়ি")),
        ("ｶﾞｻﾞ", "ガザ"),
        ("서울", unicodedata.normalize("NFD", "서울")),
    ],
)
def test_look_alikes_fold_alike(one: str, other: str) -> None:
    assert fold(one).text == fold(other).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Россия", "Россиа"),
        ("й", "и"),
        ("ї", "і"),
        ("कि", "की"),
        ("कल", "काल"),
        ("กา", "กี"),
        ("が", "か"),
        ("ডাক", "ড়াক"),
        ("پاک", "باک"),
        ("ہ", "ح"),
        ("서울", "서을"),
        ("c", "с"),
    ],
)
def test_different_letters_stay_apart(one: str, other: str) -> None:
    assert fold(one).text != fold(other).text


def test_a_mark_that_is_dropped_takes_no_place_from_the_next() -> None:
    for text in ("Ё\u0e48", "Ё\u0e48 and enough for the table’s way"):
        assert (fold(text).starts[0], fold(text).ends[0]) == (0, 2)


def test_a_script_without_spaces_is_cut_into_letters_and_latin_words_in_it_stay_whole() -> None:
    assert fold_words("在北京Durand線2024年") == (*"在北京", "durand", "線", "2024", "年")
    assert fold_words("ไปกินข้าว") == ("ไ", "ป", "กิ", "น", "ข้", "า", "ว")


def test_tokens_know_where_they_came_from() -> None:
    text = "The  “Durand–Line’s” ﬁre: سرحد"
    assert [text[token.start : token.end] for token in tokens(text)] == [
        "The",
        "Durand",
        "Line",
        "ﬁre",
        "سرحد",
    ]


def test_case_can_be_kept() -> None:
    assert fold_words("TTP’s São", keep_case=True) == ("TTP", "Sao")


@given(texts)
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = fold(text).text
    assert fold(folded).text == folded


@given(texts)
def test_folded_text_has_one_space_between_tokens_and_at_both_ends(text: str) -> None:
    folded = fold(text).text
    assert folded == " " + "".join(f"{word} " for word in folded.split())


@given(texts)
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert fold(unicodedata.normalize(form, text)).text == fold(text).text


@given(texts)
def test_tokens_stand_in_the_order_of_the_text(text: str) -> None:
    folded = fold(text)
    places = list(zip(folded.starts, folded.ends, strict=True))
    assert len(places) == len(folded.text.split())
    assert places == sorted(places)
    assert all(0 <= start < end <= len(text) for start, end in places)


@given(texts | texts.map(lambda text: text * 3))
def test_the_fast_ways_agree_with_the_definition(text: str) -> None:
    for longer in (text, f"{text} long enough for the table’s way of folding"):
        folded = fold(longer)
        found = zip(folded.text.split(), folded.starts, folded.ends, strict=True)
        assert list(found) == fold_tokens(longer)


@given(texts)
def test_a_token_never_cuts_a_grapheme(text: str) -> None:
    boundaries = {0, *(cluster.end() for cluster in regex.finditer(r"\X", text))}
    for token in tokens(text):
        assert token.start < token.end
        assert {token.start, token.end} <= boundaries


HANGS_ON_OTHERS = regex.compile(r"\p{M}|['’ʼ]|[\u3131-\u318e\uffa1-\uffdc][\u1160-\u11ff]")


@given(texts)
def test_a_token_folds_from_its_own_place(text: str) -> None:
    """What stands at the place, folded alone, holds the token (a grapheme may hold two).

    Left out are marks and apostrophes, which hang on what is beside them, and a letter of old
    Korean encodings before a loose vowel, which no keyboard writes: they fold to one syllable in
    two graphemes, whose place is the first.
    """
    for token in tokens(text):
        if HANGS_ON_OTHERS.search(text) is None:
            assert token.text in fold(text[token.start : token.end]).text


@pytest.mark.parametrize(
    ("one", "other"), [pair for rule in RULES for pair in rule.alike], ids=repr
)
def test_every_row_of_the_published_table_holds(one: str, other: str) -> None:
    assert one != other
    assert fold(one).text == fold(other).text


@pytest.mark.parametrize(
    ("char", "becomes"),
    [(char, rule.becomes) for rule in RULES for char in rule.chars],
    ids=lambda text: "U+" + "_".join(f"{ord(char):04X}" for char in text),
)
def test_every_code_point_of_the_published_table_folds_as_it_says(char: str, becomes: str) -> None:
    between = "" if becomes in (BOUNDARY, APOSTROPHE) else becomes
    assert fold_words(f"x {char} y") == ("x", *between.split(), "y")


def test_the_page_of_the_manual_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m scripts.folding"
