"""How much is stored, and how much waits."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import SQLModel

from store.articles import Article, Story, count_stored, oldest_unmatched
from store.deliveries import Delivery
from store.engine import Store
from store.outbox import count_deliveries, count_held

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def store_articles(store: Store, ids: list[int]) -> None:
    """Articles of these ids, the first one the oldest; all have been matched."""
    one = Article(
        url="u", canonical_url="u", url_key="", source_id="a", title="t", story_id=1,
        matched_at=NOON,
    ).model_dump()  # fmt: skip
    rows = [
        {**one, "id": n, "url_key": f"u{n}", "first_seen": NOON + timedelta(minutes=n)} for n in ids
    ]
    with store.writing() as session:
        session.add(Story(id=1, created_at=NOON))
        session.flush()
        session.connection().execute(SQLModel.metadata.tables["article"].insert(), rows)


def stored(store: Store, exactly: int) -> tuple[int, bool]:
    with store.reading() as session:
        return count_stored(session, exactly)


def test_few_articles_are_counted(store: Store) -> None:
    assert stored(store, 1000) == (0, True)
    store_articles(store, [7, 8, 900])
    assert stored(store, 1000) == (3, True)


@pytest.mark.parametrize(
    ("ids", "number"),
    [
        (list(range(1, 5001)), 5000),
        ([n for n in range(1, 8001) if n % 3], 5334),  # one of three was forgotten
        ([*range(1, 2001), *range(6001, 9001)], 5000),  # all of a time were
    ],
)
def test_many_are_estimated_by_the_holes_between_their_numbers(
    store: Store, ids: list[int], number: int
) -> None:
    store_articles(store, ids)
    found, is_exact = stored(store, 1000)
    assert not is_exact
    assert found == pytest.approx(number, rel=0.05)


def test_the_oldest_unmatched_is_that_which_was_first_seen_first(store: Store) -> None:
    store_articles(store, [1, 2, 3])
    with store.writing() as session:
        assert oldest_unmatched(session) is None
        session.get_one(Article, 3).matched_at = None
        session.get_one(Article, 2).matched_at = None
        session.get_one(Article, 2).first_seen = NOON + timedelta(days=1)
    with store.reading() as session:
        assert oldest_unmatched(session) == NOON + timedelta(minutes=3)


def test_messages_are_counted_by_what_is_still_to_be_done_with_them(store: Store) -> None:
    states = ["pending", "pending", "held", "delivered", "delivered", "dead"]
    with store.writing() as session:
        for number, state in enumerate(states):
            at = NOON + timedelta(minutes=number - 1) if state != "delivered" else None
            session.add(
                Delivery(
                    key=f"k{number}", channel="c", subject="s", text="t", state=state,
                    created_at=NOON, next_attempt_at=at,
                )
            )  # fmt: skip
    with store.reading() as session:
        counts = count_deliveries(session, NOON)
        assert (counts.waiting, counts.dead, count_held(session)) == (3, 1, 1)
        assert counts.oldest_due == NOON - timedelta(minutes=1)
