"""A made-up message of each kind, by which templates and channels are tried."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from alerts.composer import BUILT_IN, Composer
from alerts.message import (
    ChangeView,
    Count,
    DiffPiece,
    Heading,
    HealthEvent,
    Message,
    Section,
)
from alerts.message_size import MOST
from alerts.views import article_view
from store.articles import Article
from store.deliveries import Match

NOTE = "Sent by `wirewatch check --send`: this channel works. The article below is made up."
_NAMES = {"example": "Example News", "other": "Another site"}


def sample_sections(now: datetime) -> list[Section]:
    """One watchlist with one article, which has everything that an article can have."""
    text = "The words that matched are marked in a piece of the article."
    article = _article(1, "example", "https://news.example/2026/03/01/headline", now)
    copy = _article(2, "other", "https://other.example/headline", now)
    start = text.index("words")
    mark = {"start": start, "end": start + len("words")}
    excerpt = {"field": "body", "text": text, "start": 0, "end": len(text), "highlights": [mark]}
    match = Match(
        id=0,
        watchlist="sample",
        article_id=1,
        story_id=1,
        matched_at=now,
        terms=["words"],
        excerpts=[excerpt],
    )
    view = article_view(article, [match], {1: [article, copy]}, _NAMES)
    return [Section(("sample",), "A watchlist", (view,))]


def _article(number: int, source: str, url: str, now: datetime) -> Article:
    return Article(
        id=number,
        story_id=1,
        source_id=source,
        url=url,
        canonical_url=url,
        url_key=url,
        title="A headline as a site might write it",
        published=now - timedelta(minutes=20),
        published_precision="minute",
        first_seen=now,
    )


def sample_test(composer: Composer, key: str, now: datetime) -> Message:
    """An alert that says that it is a test."""
    heading = Heading("A test message", NOTE, mark="Wirewatch: a test message")
    return composer.alert(key, sample_sections(now), now, heading)


def samples(composer: Composer, now: datetime) -> Iterator[Callable[[], Message]]:
    """Every kind of message that a template may be asked for."""
    sections = sample_sections(now)
    (article,) = sections[0].articles
    pieces = (DiffPiece("same", "It is "), DiffPiece("gone", "open"), DiffPiece("new", "closed"))
    changed = replace(article, change=ChangeView(("A sentence was changed",), pieces), late="late")
    crowd = (article,) * MOST
    many = [Section(("sample",), "A watchlist", crowd), Section(("b",), "B", (changed,))]
    counts = (Count("sample", "A watchlist", MOST), Count("b", "B", 1))
    event = HealthEvent("source.failing", "Example News cannot be read", ("It answers 403.",))
    yield lambda: composer.alert("sample", sections, now)
    yield lambda: composer.digest("sample", many, now, Heading("Daily digest", counts=counts))
    yield lambda: composer.first_visit(
        "sample", [Count("example", "Example News", 30, 2)], [Count("a", "A", 0, 2)], now
    )
    yield lambda: composer.health("sample", event, now)


def template_problems(composer: Composer, now: datetime) -> list[str]:
    """What fails in an operator's templates, each with file and line; every kind is tried."""
    found = [problem for sample in samples(composer, now) for problem in sample().problems]
    return list(dict.fromkeys(found))


def unused_templates(folder: Path) -> list[str]:
    """Names of an operator's templates that no message asks for, and no other template names."""
    ours = {path.name for path in BUILT_IN.iterdir()}
    own = [path for path in sorted(folder.glob("*")) if path.suffix in {".txt", ".html"}]
    texts = {path.name: path.read_text("utf-8", "replace") for path in own}
    return [
        name
        for name in texts
        if name not in ours and not any(name in text for at, text in texts.items() if at != name)
    ]
