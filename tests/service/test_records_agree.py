"""A match looks the same to a script that reads `--json` and to a webhook's receiver."""

from datetime import UTC, datetime

from alerts.records import match_record
from service.json_objects import match_object
from store.articles import Article
from store.deliveries import Match


def test_a_match_is_one_object_wherever_it_is_read() -> None:
    now = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    article = Article(
        id=1, url="u", canonical_url="c", url_key="k", source_id="s", story_id=2, title="t",
        first_seen=now, published=now, published_precision="minute", tags=["a"],
    )  # fmt: skip
    match = Match(id=3, watchlist="w", article_id=1, story_id=2, matched_at=now, terms=["x"])
    assert match_record(match, article) == match_object(match, article)
