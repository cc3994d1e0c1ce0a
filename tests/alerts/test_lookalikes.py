"""Look-alikes: which words of the store are read, and what is found among them."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.lookalikes import look_alikes, resembling
from alerts.query import parse

LETTERS = "durankh"
WORDS = st.text(LETTERS, min_size=1, max_size=9)


def found(query: str, *words: str) -> dict[str, str]:
    return {look.term.text: look.why for look in look_alikes(parse(query), words)}


def test_what_looks_like_a_term_is_found_with_the_reason() -> None:
    words = ("durrand", "urand", "kabal", "qabul", "torkhum", "turkham", "peshavur", "durandline",
             "kab", "ind")  # fmt: skip
    assert found('"Durand Line" OR Kabul OR Torkham OR Peshawar', *words) == {
        "durrand line": "one letter differs",
        "urand line": "one letter differs",
        "kabal": "one letter differs",
        "qabul": "one letter differs",
        "torkhum": "one letter differs",
        "turkham": "one letter differs",
        "peshavur": "two letters differ",
        "durandline": "written together",
    }


@given(WORDS.filter(lambda word: len(word) > 3), st.lists(WORDS, max_size=60), st.data())
def test_reading_only_what_resembles_a_query_loses_nothing(
    word: str, others: list[str], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(word)))
    letter = data.draw(st.sampled_from(["", *LETTERS]))
    changed = [word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :]]
    swapped = word[1] + word[0] + word[2:]
    vocabulary = list(dict.fromkeys([*others, *changed, swapped]))
    query = parse(f'"{word} line" OR {word}*')
    like = resembling(query)
    assert look_alikes(query, filter(like.holds, vocabulary)) == look_alikes(query, vocabulary)
