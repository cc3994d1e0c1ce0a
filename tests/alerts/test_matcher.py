"""Rules against texts: which match, where, and why not."""

import unicodedata
from typing import Any

import pytest

from alerts.config import WatchlistConfig
from alerts.matcher import Hit, Matcher, Rule, Span, Text, compile_rule, why_not
from alerts.query import QueryError, parse, to_query

VARIANTS = {"durand": ['"Durand Line"', '"ڈیورنڈ لائن"', '"خط دیورند"']}


def rule(**keys: Any) -> Rule:
    return compile_rule(WatchlistConfig.model_validate(keys), VARIANTS)


def places(query: str, text: str | dict[str, str], **more: Any) -> list[str] | None:
    """The marked words of the match, in order; None if there is none."""
    fields = {"body": text} if isinstance(text, str) else text
    hits = Matcher({"w": rule(query=query, **more)}).match(Text(fields, "en", "dawn"))
    if not hits:
        return None
    return [fields[span.field][span.start : span.end] for span in hits[0].spans]


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("Torkham", "At TORKHAM, Torkham.", ["TORKHAM", "Torkham"]),
        ("ham", "At Torkham.", None),
        ('"Durand Line"', "the Durand Line's fence", ["Durand Line"]),
        ('"Durand Line"', "the Durand\nLine", ["Durand\nLine"]),
        ('"Durand Line"', "the Durand–Line", ["Durand–Line"]),
        ('"Durand Line"', "the Durand\u00a0Line", ["Durand\u00a0Line"]),
        ('"Durand Line"', "the Durand’s Line", ["Durand’s Line"]),
        ('"Durand Line"', "the Durand Liner", None),
        ('"Durand Line"', "the Durand disputed Line", None),
        ('"a a"', "a a a", ["a a", "a a"]),
        ('"Durand Line" OR Line', "Durand Line", ["Durand Line", "Line"]),
        ("clash*", "clash clashes Clashing classy", ["clash", "clashes", "Clashing"]),
        ('"border clash*"', "border clashes", ["border clashes"]),
        ('"clash* line"', "clashes line, clash lines", ["clashes line"]),
        ("=TTP", "TTP ttp Ttp TTP's", ["TTP", "TTP"]),
        ('="Shin Bet"', "shin bet, Shin\u00a0Bet, SHIN BET", ["Shin\u00a0Bet"]),
        ("=Taliban*", "talibanised Talibanised", ["Talibanised"]),
        ("a AND b", "b a", ["b", "a"]),
        ("a AND b", "a", None),
        ("a AND NOT b", "a", ["a"]),
        ("a AND NOT b", "a b", None),
        ("a OR b AND c", "a b", ["a"]),
        ("a NEAR/1 b", "b x a", ["b", "a"]),
        ("a NEAR/1 b", "b x x a", None),
        ("a NEAR/1 b", "a x x x b x a", ["b", "a"]),
        ("a ONEAR/1 b", "b a", None),
        ("a ONEAR/1 b", "a b", ["a", "b"]),
        ("a NEAR/5 a", "a", None),
        ("a NEAR/5 a", "a x a", ["a", "a"]),
        ('"a b" NEAR/5 b', "a b", None),
        ("@durand NEAR/3 (clash* OR shelling)", "clashes on the Durand Line",
         ["clashes", "Durand Line"]),
        ("@durand", "ڈيورنڈ لائن پر", ["ڈيورنڈ لائن"]),
        ("@durand", "په خط‌دیورند کې", ["خط‌دیورند"]),
        ("北京", "在北京市", ["北京"]),
        ("Durand", "在Durand線", ["Durand"]),
        ("มา", "มี มาก", ["มา"]),
        ("ก", "กี", None),
        ("서울*", "서울에서", ["서울에서"]),
        ("서울", "서울에서", None),
        ("Iran", "l’Iran", ["Iran"]),
        (r"/durr?and\s+l[iy]ne/i", "The DURRAND  LYNE", ["DURRAND  LYNE"]),
        ("/é/", "cafe\u0301", ["e\u0301"]),
        ("/b+/ NEAR/1 a", "a x bb", ["a", "bb"]),
        ("source:da* AND a", "a", ["a"]),
        ("source:bbc AND a", "a", None),
        ("lang:(ur OR en) AND a", "a", ["a"]),
        ("a AND NOT lang:en", "a", None),
    ],
)  # fmt: skip
def test_a_query_finds_its_places(query: str, text: str, found: list[str] | None) -> None:
    assert places(query, text) == found


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_places_are_offsets_of_the_text_as_it_is_stored(form: str) -> None:
    text = unicodedata.normalize(form, "São Tomé, बड़ा सीमा, 서울에서 Ἀθῆναι")
    query = "tomé AND बड़ा AND 서울에서 AND Αθηναι"
    expected = [unicodedata.normalize(form, word) for word in ("Tomé", "बड़ा", "서울에서", "Ἀθῆναι")]
    assert places(query, text) == expected


def test_terms_are_looked_for_in_the_fields_of_in_and_elsewhere_only_by_name() -> None:
    text = {"title": "alpha", "caption": "beta", "author": "gamma"}
    assert places("alpha OR beta OR gamma", text) == ["alpha"]
    assert places("caption:beta", text) == ["beta"]
    assert places("beta", text, **{"in": ["caption"]}) == ["beta"]


def test_a_phrase_and_near_stay_within_one_field() -> None:
    text = {"title": "the Durand", "body": "Line a", "standfirst": "b"}
    assert places('"Durand Line"', text) is None
    assert places("Durand NEAR/50 Line", text) is None


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("TTP ATTACKS POST", "nothing", None),
        ("TTP ATTACKS POST", "the TTP did", ["TTP", "TTP"]),
        ("TTP attacks post", "nothing", ["TTP"]),
        ("TTP", "nothing", ["TTP"]),
        ("ٹی ٹی پی TTP BLA", "nothing", ["TTP"]),
    ],
)
def test_an_exact_term_does_not_fire_alone_in_a_headline_in_capitals(
    title: str, body: str, expected: list[str] | None
) -> None:
    assert places("=TTP", {"title": title, "body": body}) == expected


def test_a_place_reports_the_term_as_it_was_written() -> None:
    query = '="Shin Bet" OR clash* OR /x+/i'
    hits = Matcher({"w": rule(query=query)}).match(Text({"body": "Shin Bet clashes XX"}))
    assert hits == [
        Hit(
            "w",
            (
                Span("body", 0, 8, "Shin Bet"),
                Span("body", 9, 16, "clash*"),
                Span("body", 17, 19, "/x+/i"),
            ),
        )
    ]


def test_mentions_are_counted_over_all_terms_and_overlapping_ones_once() -> None:
    text = {"title": "Durand Line", "body": "Durand. TTP", "caption": "TTP"}
    query = '"Durand Line" OR Durand OR TTP'
    assert places(query, text, min_mentions=3) is not None
    assert places(query, text, min_mentions=4) is None


def test_languages_and_sources_limit_a_watchlist() -> None:
    matcher = Matcher({"w": rule(any=["a"], lang=["ur"], sources=["dawn*", "bbc"])})
    matched = {
        (lang, source)
        for lang in ("ur", "ur-PK", "en", None)
        for source in ("dawn-urdu", "bbc", "abbc")
        if matcher.match(Text({"body": "a"}, lang, source))
    }
    assert matched == {
        ("ur", "dawn-urdu"), ("ur", "bbc"), ("ur-PK", "dawn-urdu"), ("ur-PK", "bbc"),
    }  # fmt: skip


def test_the_three_lists_are_one_query() -> None:
    lists = rule(any=["a OR b", "c"], all=["d", "e AND f"], none=["g"])
    assert to_query(lists.query) == "(a OR b OR c) AND d AND e AND f AND NOT g"
    assert rule(any=["a AND b"], none=["c"]).query == parse("a AND b AND NOT c")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"any": ["a", "b", "two words"]}, r"^any\[2\]: two words side by side"),
        ({"any": ["a"], "none": ["NOT b"]}, r"^none\[0\]: NOT stands only"),
        ({"query": "a b"}, r"^query: two words"),
        ({"query": "a", "any": ["b"]}, r"^query: stands beside"),
        ({"none": ["a"]}, "nothing to look for"),
        ({}, "nothing to look for"),
        ({"any": ["*"]}, r"^any\[0\]: a star"),
        ({"query": "source:dawn"}, "nothing to look for"),
        ({"any": ["a", "lang:ur"]}, "nothing to look for"),
    ],
)
def test_a_watchlist_that_cannot_work_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        rule(**keys)


def test_watchlists_are_added_replaced_and_removed_while_matching() -> None:
    matcher = Matcher({"one": rule(any=["a"])})
    text = Text({"body": "a b"})
    matcher.add("two", rule(any=["b", "/b/"]))
    assert [hit.watchlist for hit in matcher.match(text)] == ["one", "two"]
    matcher.replace("one", rule(any=["c"]))
    assert [hit.watchlist for hit in matcher.match(text)] == ["two"]
    matcher.remove("two")
    matcher.remove("never there")
    assert matcher.match(text) == []


def test_watchlists_of_one_rule_come_and_go_alone() -> None:
    matcher = Matcher({"one": rule(any=["a"]), "two": rule(any=["a"])})
    text = Text({"body": "a"})
    matcher.add("three", rule(any=["a"]))
    assert [hit.watchlist for hit in matcher.match(text)] == ["one", "three", "two"]
    matcher.remove("one")
    matcher.replace("two", rule(any=["b"]))
    assert [hit.watchlist for hit in matcher.match(text)] == ["three"]
    matcher.remove("three")
    assert matcher.match(text) == []
    matcher.add("one", rule(any=["a"]))
    assert [hit.watchlist for hit in matcher.match(text)] == ["one"]


def test_one_word_in_many_alternatives_and_fields_is_decided_for_each() -> None:
    words = [*"abcdef", "title:g", "body:g"]
    assert places(" OR ".join(words), {"title": "x", "body": "g"}) == ["g"]
    assert places(" OR ".join(words[:-1]), {"title": "x", "body": "g"}) is None
    assert places(" OR ".join(words), {"title": "g a", "body": "a"}) == ["g", "a", "a"]
    assert places("(a AND NOT b) AND (c AND NOT /d/)", "a c") == ["a", "c"]
    assert places("(a AND NOT b) AND (c AND NOT /d/)", "a c d") is None
    assert places("(a AND NOT b) AND (c AND NOT /d/)", "a b c") is None


def test_many_watchlists_added_one_by_one_are_all_found() -> None:
    matcher = Matcher({})
    for number in range(2500):
        matcher.add(f"w{number}", rule(any=[f'"name {number}"']))
        if number % 500 == 0:
            assert matcher.match(Text({"body": f"name {number}"}))
    hits = matcher.match(Text({"body": "name 0, name 999, name 1000, name 2499"}))
    assert [hit.watchlist for hit in hits] == ["w0", "w1000", "w2499", "w999"]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"any": ["x"], "lang": ["ur"]}, "language is en, only ur"),
        ({"any": ["x"], "sources": ["bbc"]}, "source is dawn, only bbc"),
        ({"any": ["Torkham"]}, "Torkham stands only in caption; looked for in title, standfirst, "
                               "body"),
        ({"any": ["fence", "Torkham"]}, "Torkham stands only in caption; looked for in title, "
                                        "standfirst, body"),
        ({"any": ["fence", "gate"]}, "none of it stands in the text: fence OR gate"),
        ({"all": ["cup", "gate"]}, "gate stands nowhere in the text"),
        ({"any": ["won"], "none": ['"Durand Cup"']}, "NOT part matched: 'Durand Cup'"),
        ({"query": "delhi NEAR/1 cup"}, "never near enough: delhi NEAR/1 cup"),
        ({"any": ["=CUP"]}, "=CUP stands only in another case, or in a headline all in capitals"),
        ({"any": ["cup"], "min_mentions": 2}, "mentioned once, `min_mentions` is 2"),
        ({"query": "cup AND source:bbc"}, "source is dawn: source:bbc"),
        ({"any": ["cup"]}, ""),
    ],
)  # fmt: skip
def test_the_first_reason_is_given_in_words(keys: dict[str, Any], reason: str) -> None:
    text = Text({"body": "Delhi won the Durand Cup", "caption": "Torkham"}, "en", "dawn")
    assert why_not(rule(**keys), text) == reason


def test_changing_watchlists_for_ever_leaves_no_heap_of_old_terms_behind() -> None:
    matcher = Matcher({})
    for number in range(500):
        rules = {f"w{n}": Rule(parse(f'"term{n if n else number} x"')) for n in range(30)}
        matcher = matcher.updated(rules)
    assert len(matcher._automaton) < 100
    assert [
        hit.watchlist for hit in matcher.match(Text({"body": "term499 x, term0 x, term3 x"}))
    ] == [
        "w0",
        "w3",
    ]
