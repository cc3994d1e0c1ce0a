"""Random rules and texts over a small alphabet of letters that are hard to get right."""

from hypothesis import strategies as st

from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term
from alerts.rules import Rule, Text

WORDS = (
    "a", "b", "ab", "Abc", "ABC", "abcd", "é", "e\u0301", "ß", "SS", "İ", "ı", "I", "s", "ﬁ",
    "й", "и\u0306", "ё", "ί", "Σ", "ς", "ا", "آ", "ی", "ي", "ئ", "ك", "ک", "ه", "ة", "ש\u05c1",
    "क", "क\u093c", "कि", "ড়", "ก", "กำ", "กี", "北", "京", "が", "か\u3099", "서울", "서",
    "½", "1", "١", "Ⅳ",
)  # fmt: skip
JOINTS = (
    " ", " ", " ", "", "", ", ", "-", "–", "\n", "\u00a0", "\u200c", "\u00ad", "'", "’", "'s ",
    "’s", "\u200d", "\u202e", "🇵🇰", "™", "_", "\u0640", "\u064b",
)  # fmt: skip
TERMS = (
    "a", "b", "ab", "a b", "a-b", "b's a", "Abc", "abc*", "ab c*", "abc* a", "ABC", "abcd", "é",
    "ß", "ss", "İ", "s", "fi", "й", "и", "е", "ι", "σ", "ا", "ی", "ک ی", "ه", "ש", "क", "क\u093c",
    "कि", "ড়", "ก", "กำ", "กี", "北京", "北", "京 北", "が", "か", "서울", "서", "1", "a a", "2",
    "北 a", "iv", "a's",
)  # fmt: skip
PATTERNS = ("ab+", "b|é", "[a-c]{2}", "北.", "и", "й", "s", "к?ک")
FIELDS = ("title", "body", "caption")

terms = st.builds(Term, st.sampled_from(TERMS), st.sampled_from((False, False, True)))
patterns = st.builds(Pattern, st.sampled_from(PATTERNS), st.sampled_from(("", "i")))
single = terms | terms | terms | patterns


def _several(kind: type[Or], inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.lists(inner, min_size=2, max_size=6).map(lambda items: kind(tuple(items)))


def _all_of(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    wanted = st.lists(inner, min_size=1, max_size=2)
    absent = st.lists((inner | filters).map(Not), max_size=2)
    return st.tuples(wanted, st.lists(filters, max_size=1), absent).map(
        lambda parts: And((*parts[0], *parts[1], *parts[2]))
    )


filters: st.SearchStrategy[Node] = st.builds(
    Filter, st.just("source"), st.sampled_from(("da*", "bbc"))
) | st.builds(Filter, st.just("lang"), st.sampled_from(("ur", "en")))
sides = single | _several(Or, single)
scoped_sides = sides | st.builds(Scoped, st.sampled_from(FIELDS), sides)
near = st.builds(Near, scoped_sides, scoped_sides, st.integers(1, 4), st.booleans())
leaves = single | near | st.builds(Scoped, st.sampled_from(FIELDS), single | near)
nodes = st.recursive(leaves, lambda inner: _several(Or, inner) | _all_of(inner), max_leaves=8)

rules = st.builds(
    Rule,
    nodes,
    st.sampled_from((("title", "body"), ("body",), ("title", "standfirst", "body", "caption"))),
    st.sampled_from(((), (), ("ur",), ("en", "ur"))),
    st.sampled_from((("*",), ("*",), ("da*", "bbc"))),
    st.sampled_from((1, 1, 1, 2, 3)),
)
contents = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(JOINTS)), max_size=14).map(
    lambda parts: "".join(word + joint for word, joint in parts)
)
texts = st.builds(
    Text,
    st.dictionaries(st.sampled_from(FIELDS), contents, min_size=1),
    st.sampled_from((None, "ur", "en-GB")),
    st.sampled_from(("dawn", "bbc", "")),
)
