"""The query language: what is read, what is refused, and how it is said again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.query import (
    And,
    Filter,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    QueryError,
    Scoped,
    Term,
    Variants,
    check_variants,
    looks_for_something,
    parse,
    to_query,
    to_words,
)

VARIANTS = {
    "durand": ['"Durand Line"', '"ڈیورنڈ لائن"', "@ttp"],
    "ttp": ["=TTP", '"Tehrik-i-Taliban"', "/teh?rik.{1,3}taliban/i"],
}


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("Torkham", Term("Torkham")),
        ('"Durand  Line"', Term("Durand Line")),
        ("“Durand Line”", Term("Durand Line")),
        ("=TTP", Term("TTP", exact=True)),
        ('="Shin Bet"', Term("Shin Bet", exact=True)),
        ("clash*", Term("clash*")),
        ('צה"ל', Term('צה"ל')),
        (r'"a \"b\" c"', Term('a "b" c')),
        ("title:Torkham", Scoped("title", Term("Torkham"))),
        ("body:(a OR b)", Scoped("body", Or((Term("a"), Term("b"))))),
        ("source:dawn*", Filter("source", "dawn*")),
        ("lang:(ur OR ps)", Or((Filter("lang", "ur"), Filter("lang", "ps")))),
        (r"/durr?and\s+l[iy]ne/i", Pattern(r"durr?and\s+l[iy]ne", "i")),
        (r"/a\/b/", Pattern(r"a\/b")),
        ("a NEAR/10 b", Near(Term("a"), Term("b"), 10)),
        ("a ONEAR/1 b", Near(Term("a"), Term("b"), 1, ordered=True)),
        ("a AND NOT b", And((Term("a"), Not(Term("b"))))),
        ("a OR b AND c", Or((Term("a"), And((Term("b"), Term("c")))))),
        ("(a OR b) AND c", And((Or((Term("a"), Term("b"))), Term("c")))),
        (
            "a AND NOT b NEAR/3 c",
            And((Term("a"), Not(Near(Term("b"), Term("c"), 3)))),
        ),
        ("a AND (b AND c)", And((Term("a"), Term("b"), Term("c")))),
        (
            "@ttp",
            Variants(
                "ttp",
                (
                    Term("TTP", exact=True),
                    Term("Tehrik-i-Taliban"),
                    Pattern("teh?rik.{1,3}taliban", "i"),
                ),
            ),
        ),
    ],
)
def test_a_query_is_read(query: str, tree: Node) -> None:
    assert parse(query, variants=VARIANTS) == tree


@pytest.mark.parametrize(
    ("query", "position", "problem", "suggestion"),
    [
        ("", 0, "empty", ""),
        ("   ", 0, "empty", ""),
        ("Durand Line", 7, "side by side", '"Durand Line"'),
        ("a and b", 2, "capitals", "AND"),
        ("a near/5 b", 2, "capitals", "NEAR/5"),
        ('"a b" "c"', 6, "operator is missing", "AND"),
        ("a || b", 2, "no operator", "OR"),
        ("-cricket", 0, "no operator", "AND NOT"),
        ("NOT a", 0, "only after AND", "A AND NOT B"),
        ("a OR NOT b", 5, "only after AND", "A AND NOT B"),
        ("a NOT b", 2, "only after AND", "A AND NOT B"),
        ("a AND", 5, "missing", ""),
        ("AND a", 0, "expected", ""),
        ("(a OR b", 0, "never closed", ""),
        ("a)", 1, "never opened", ""),
        ('a OR "b', 5, "no partner", ""),
        ("a NEAR b", 2, "number", "NEAR/10"),
        ("a NEAR/0 b", 2, "1 to 50", ""),
        ("a NEAR/51 b", 2, "1 to 50", ""),
        ("a NEAR/3 b NEAR/4 c", 11, "two sides", "(A NEAR/5 B) AND"),
        ("(a AND b) NEAR/3 c", 0, "beside NEAR", ""),
        ("a NEAR/3 source:dawn", 9, "beside NEAR", ""),
        ("titel:x", 0, "no field 'titel'", "title:"),
        ("title:(body:x)", 0, "another field", ""),
        ("lang:=UR", 0, "takes one value", ""),
        ("@durnad", 0, "no set of variants", "@durand"),
        ("*", 0, "end of a word", "clash*"),
        ("cl*sh", 2, "end of a word", "clash*"),
        ("*clash", 0, "end of a word", "clash*"),
        ("cl*", 2, "3 letters", ""),
        ("北京大学*", 4, "no spaces", "leave the star out"),
        ("organi?ation", 6, "no wildcard", "pattern"),
        ("colour~2", 6, "no wildcard", "pattern"),
        ("…", 0, "no letter or digit", ""),
        (r"/(a)\1/", 0, "not linear", ""),
        ("/(?=a)b/", 0, "not linear", ""),
        ("/x*/", 0, "everywhere", ""),
        ("/x/g", 0, "unknown flag", "i, m or s"),
        ("(" * 60 + "a" + ")" * 60, 50, "parentheses", ""),
    ],
)
def test_an_error_points_at_its_place(
    query: str, position: int, problem: str, suggestion: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query, variants=VARIANTS)
    assert problem in caught.value.problem
    assert suggestion in caught.value.suggestion
    assert caught.value.position == position


def test_the_caret_stands_under_the_place_whatever_the_script() -> None:
    with pytest.raises(QueryError) as caught:
        parse("北京 大学")
    assert str(caught.value).splitlines()[1:3] == ["  北京 大学", "       ^"]


def test_variants_that_lead_back_to_themselves_are_refused_used_or_not() -> None:
    with pytest.raises(QueryError, match=r"@a → @b → @a"):
        check_variants({"a": ["@b"], "b": ["x", "@a"]})


def test_an_error_inside_a_set_of_variants_names_the_set_and_index() -> None:
    with pytest.raises(QueryError) as caught:
        parse("@a", variants={"a": ["fine", "two words"]})
    assert str(caught.value).startswith("variants.a[1]: two words side by side")


def test_a_set_of_variants_holds_spellings_not_rules() -> None:
    with pytest.raises(QueryError, match="a variant is"):
        parse("@a", variants={"a": ["x AND y"]})


def test_the_longest_distance_and_the_deepest_nesting_are_accepted() -> None:
    assert parse("a NEAR/50 b") == Near(Term("a"), Term("b"), 50)
    assert parse("(" * 50 + "a" + ")" * 50) == Term("a")


def test_a_query_is_said_in_words() -> None:
    tree = parse("@x NEAR/15 (clash* OR =TTP) AND NOT title:cricket", variants={"x": ["a"]})
    assert to_words(tree) == (
        "any of @x (“a”) within 15 words of (“clash…” or “TTP” in exactly this case), "
        "but not “cricket” in the title"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a", True),
        ("a AND lang:ur", True),
        ("a OR source:dawn", False),
        ("source:dawn", False),
        ("source:dawn AND NOT a", False),
        ("body:(a OR b)", True),
        ("/a+/", True),
    ],
)
def test_whether_a_query_looks_for_something(query: str, expected: bool) -> None:
    assert looks_for_something(parse(query)) is expected


def _nodes() -> st.SearchStrategy[Node]:
    words = st.sampled_from(["a", "Durand Line", "clash*", 'צה"ל', "AND", "北京", "l'Iran", "a: b"])
    terms = st.builds(Term, words, st.booleans())
    options = st.sampled_from(["durand", "ttp"]).map(
        lambda name: parse(f"@{name}", variants=VARIANTS)
    )
    single = terms | options | st.just(Pattern(r"a\/b+", "i"))
    groups = st.lists(single, min_size=2, max_size=3).map(lambda items: Or(tuple(items)))
    near = st.builds(Near, single | groups, single | groups, st.integers(1, 50), st.booleans())
    scoped = st.builds(Scoped, st.sampled_from(["title", "url"]), single | groups | near)
    leaves = single | near | scoped | st.just(Filter("source", "dawn*"))
    return st.recursive(leaves, _combined, max_leaves=6)


def _combined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    no_or = inner.filter(lambda node: not isinstance(node, Or))
    no_and = inner.filter(lambda node: not isinstance(node, And))
    ors = st.lists(no_or, min_size=2, max_size=3).map(lambda items: Or(tuple(items)))
    ands = st.tuples(no_and, st.lists(no_and | no_and.map(Not), min_size=1, max_size=3)).map(
        lambda parts: And((parts[0], *parts[1]))
    )
    return ors | ands


@given(_nodes())
def test_the_canonical_spelling_reads_as_the_same_tree(tree: Node) -> None:
    assert parse(to_query(tree), variants=VARIANTS) == tree


@given(
    st.text(st.sampled_from('aא北 "“”«()/\\*=@:|-?~\nANDORTNE0123é\u0301.'), max_size=25)
    | st.text()
)
def test_any_text_is_read_or_refused_with_a_place_inside_it(query: str) -> None:
    try:
        tree = parse(query)
    except QueryError as error:
        where, said = error.position, str(error)
    else:
        where, said = 0, to_query(tree)
        assert parse(said) == tree
    assert 0 <= where <= len(query)
    assert said


def test_a_pattern_of_what_is_no_character_is_refused() -> None:
    with pytest.raises(QueryError, match="no character"):
        parse("/a\udcff/")
