"""What an edit means for a watchlist, and how two texts differ word by word."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.changes import Event, Told, change_of
from alerts.config import WatchlistConfig
from alerts.matcher import Matcher
from alerts.rules import Text, compile_rule
from alerts.word_diff import Piece, changed_parts, word_diff
from tests.support.prose import paragraphs

EDIT = Event("edit")
TITLE = "Fence divides the valley"
LINE = "The fence runs along the Durand Line for two miles."
REST = "Traders wait. The market is closed until the snow is gone."


def change(
    before: str,
    now: str,
    event: Event = EDIT,
    *,
    titles: tuple[str, str] = (TITLE, TITLE),
    **table: object,
) -> Told | None:
    config = WatchlistConfig.model_validate({"any": ['"Durand Line"', "Torkham"], **table})
    matcher = Matcher({"w": compile_rule(config)})
    texts = [
        Text({"title": title, "body": body}, "en", "dawn")
        for title, body in zip(titles, (before, now), strict=True)
    ]
    hits = [next(iter(matcher.match(text)), None) for text in texts]
    return change_of(texts[0], hits[0], texts[1], hits[1], event)


def kinds(*args: object, **more: object) -> tuple[str, ...]:
    told = change(*args, **more)  # type: ignore[arg-type]
    return told.kinds if told else ()


def test_a_term_that_is_softened_away_is_told_with_what_stands_instead() -> None:
    told = change(f"{LINE} {REST}", f"{LINE.replace('Durand Line', 'border')} {REST}")
    assert told is not None
    assert (told.kinds, told.disappeared) == (("disappeared",), ("Durand Line",))
    assert [p for p in told.diff if p.mark != "same"] == [
        Piece("gone", "Durand Line "),
        Piece("new", "border "),
    ]


def test_one_of_two_terms_may_go_while_the_other_stays() -> None:
    before = f"{LINE} The gate at Torkham is shut. {REST}"
    told = change(before, before.replace(" at Torkham", ""))
    assert told is not None
    assert (told.kinds, told.disappeared) == (("disappeared",), ("Torkham",))


def test_a_term_that_comes_is_told() -> None:
    told = change(f"{LINE} {REST}", f"{LINE} {REST} Torkham is shut.")
    assert told is not None
    assert (told.kinds, told.appeared) == (("appeared",), ("Torkham",))


def test_the_sentence_that_matched_and_the_headline() -> None:
    changed = LINE.replace("two", "nine")
    assert kinds(f"{LINE} {REST}", f"{changed} {REST}") == ("sentence",)
    titles = (TITLE, "Fence soothes the valley")
    assert kinds(LINE, LINE, titles=titles) == ("headline",)


@pytest.mark.parametrize(
    "now",
    [
        f"{LINE} {REST} And it snows.",
        f"{LINE} {REST} The Durand Line is long.",
        f"{REST}\n\n{LINE}",
        f"{LINE.upper()} {REST}",
        f"{LINE.replace('Durand Line', 'Durand-Line')} {REST}",
    ],
    ids=["another sentence", "another mention", "moved", "case", "hyphen"],
)
def test_everything_else_is_silence(now: str) -> None:
    assert kinds(f"{LINE} {REST}", now) == ()


def test_another_spelling_of_the_term_is_no_disappearance_of_the_story() -> None:
    told = change(LINE, LINE.replace("Durand Line", "Torkham"))
    assert told is not None
    assert told.kinds == ("disappeared", "appeared")


def test_removal_and_retraction_are_told_with_the_sites_words() -> None:
    told = change(LINE, LINE, Event("removed", "HTTP 410"))
    assert told is not None
    assert (told.kinds, told.lines) == (("removed",), ("The article was removed: HTTP 410",))
    assert told.diff == ()
    assert kinds(LINE, "This story was retracted.", Event("retracted", "This story …")) == (
        "retracted",
        "disappeared",
    )
    assert kinds(LINE, LINE, Event("restored")) == ("restored",)


def test_what_a_watchlist_excludes_ends_the_match() -> None:
    told = change(LINE, f"{LINE} It is the Durand Cup.", none=['"Durand Cup"'])
    assert told is not None
    assert told.kinds == ("match",)
    assert told.lines == ("It does not match any more",)


def joined(pieces: list[Piece], without: str) -> str:
    return "".join(piece.text for piece in pieces if piece.mark != without)


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_diff_holds_the_whole_of_the_new_text(before: str, now: str) -> None:
    assert joined(word_diff(before, now), "gone").split() == now.split()


@pytest.mark.parametrize("seed", range(5))
def test_a_diff_holds_both_texts(seed: int) -> None:
    chance = random.Random(seed)
    before = "\n\n".join(paragraphs(chance))
    words = before.split(" ")
    for _ in range(12):
        words[chance.randrange(len(words))] = f"changed{chance.randrange(9)}"
    now = " ".join(words)
    pieces = word_diff(before, now)
    assert joined(pieces, "gone") == now
    assert joined(pieces, "new").split() == before.split()
    assert sum(piece.mark == "new" for piece in pieces) >= 5


def test_texts_without_spaces_are_compared_letter_by_letter() -> None:
    before = "国境の柵をめぐり両国の代表が月曜日に会談した。双方は住民の往来を妨げない。"
    assert [
        p for p in word_diff(before, before.replace("月曜日", "火曜日")) if p.mark != "same"
    ] == [
        Piece("gone", "月"),
        Piece("new", "火"),
    ]


def test_a_long_text_is_shown_around_its_changes_only() -> None:
    words = [f"w{number}" for number in range(500)]
    pieces = word_diff(" ".join(words), " ".join(words).replace("w250 ", "other "))
    assert [piece.text for piece in changed_parts(pieces, 2)] == [
        "… w248 w249 ",
        "w250 ",
        "other ",
        "w251 w252 … ",
    ]


def test_identical_texts_have_no_changes() -> None:
    assert changed_parts(word_diff("one two three", "one two three")) == []
