"""What chat services get: pieces that they take, in which page text calls nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.chat_text import JOINER, chat_pieces, cut, split, tame

ARTICLE = (
    "Kabul protests new fence\nDawn · 1 March 2026\nhttps://dawn.example/1\n\n> along the *line*"
)


@pytest.mark.parametrize(
    "hostile",
    [
        "@everyone look",
        "@HERE",
        "mail@channel",
        "<!channel>",
        "<@U123>",
        "[bank](https://evil.example/)",
    ],
)
def test_page_text_calls_nobody_and_hides_no_link(hostile: str) -> None:
    tamed = tame(hostile)
    assert tamed.replace(JOINER, "") == hostile
    assert tamed != hostile
    assert tame("write to ann@example.org (now)") == "write to ann@example.org (now)"


def test_a_short_message_is_one_piece_with_its_id_at_the_end() -> None:
    text = f"{ARTICLE}\n\n-- \nSent by Wirewatch, your own news monitor.\n"
    ((title, body),) = chat_pieces("Durand Line: fence", text, "abcdefghijklmnop", 2000, 250)
    assert title == "Durand Line: fence"
    assert body == f"{ARTICLE}\n\nWirewatch abcdefghijkl"


def test_a_service_without_titles_gets_the_subject_in_the_body() -> None:
    ((title, body),) = chat_pieces("Durand Line: fence", ARTICLE, "id", 2000, 0)
    assert title == ""
    assert body.startswith("Durand Line: fence\n\nKabul protests")


def test_a_long_message_is_numbered_and_cut_between_articles() -> None:
    text = "\n\n---\n\n".join(f"{number}: {ARTICLE}" for number in range(10))
    pieces = chat_pieces("Ten articles", text, "id", 400, 60)
    count = len(pieces)
    assert [title for title, _ in pieces] == [
        f"Ten articles ({number}/{count})" for number in range(1, count + 1)
    ]
    assert all("https://dawn.example/1\n" in body for _, body in pieces[:-1])
    assert pieces[-1][1].endswith("Wirewatch id")


@given(st.text(), st.integers(40, 300))
def test_pieces_fit_and_hold_every_word(text: str, longest: int) -> None:
    pieces = split(text, longest)
    assert all(len(piece.encode("utf-8", "replace")) <= longest for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@given(st.text(), st.text(), st.integers(0, 100))
def test_no_piece_is_longer_than_the_service_takes(subject: str, text: str, title: int) -> None:
    for shown, body in chat_pieces(subject, text, "id", 200, title):
        assert len(body.encode("utf-8", "replace")) <= 200
        assert len(shown) <= max(title, 12)


def test_a_title_that_is_cut_says_so() -> None:
    assert cut("a long title", 6) == "a lon…"
