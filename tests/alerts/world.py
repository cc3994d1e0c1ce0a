"""A store with articles, a clock that a test turns, and a context on both."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from alerts.channels.base import ChannelTable
from alerts.channels.maildir import MaildirConfig
from alerts.config import WatchlistConfig
from alerts.context import AlertContext
from alerts.rules import compile_rule
from store.articles import Article, Story
from store.deliveries import Alert, Attempt, Delivery, Match
from store.engine import Store
from store.writer import Writer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class World:
    """Everything a main line of alerts stands on."""

    store: Store
    writer: Writer
    context: AlertContext
    now: datetime = NOON
    _serial: int = field(default=0)

    def wait(self, **duration: float) -> datetime:
        """Turns the clock."""
        self.now += timedelta(**duration)
        return self.now

    def article(self, title: str, **changes: Any) -> int:
        """Stores an article that waits to be matched; `story` makes it a copy of another."""
        self._serial += 1
        url = changes.pop("url", f"https://dawn.example/{self._serial}")
        story = changes.pop("story", None)
        with self.store.writing() as session:
            if story is None:
                row = Story(created_at=self.now)
                session.add(row)
                session.flush()
                story = row.id
            values = {
                "url": url,
                "canonical_url": url,
                "url_key": url,
                "source_id": "dawn",
                "story_id": story,
                "title": title,
                "first_seen": self.now,
                "published": self.now,
                "published_precision": "minute",
            }
            article = Article(**{**values, **changes})
            session.add(article)
            session.flush()
            assert article.id is not None
            return article.id

    def story_of(self, article_id: int) -> int:
        """The story of a stored article."""
        with self.store.reading() as session:
            return session.get_one(Article, article_id).story_id

    def delivery(self, name: str, channel: str = "desk", **changes: Any) -> int:
        """Stores a delivery that is due now."""
        values = {
            "key": sha256(name.encode()).hexdigest(),
            "channel": channel,
            "watchlists": ["durand-line"],
            "subject": name,
            "text": f"{name}\n",
            "payload": {"type": "test", "name": name},
            "created_at": self.now,
            "next_attempt_at": self.now,
        }
        with self.store.writing() as session:
            delivery = Delivery(**{**values, **changes})
            session.add(delivery)
            session.flush()
            assert delivery.id is not None
            return delivery.id

    def rows(self, table: Any, **where: Any) -> list[Any]:
        """All rows of a table, oldest first."""
        with self.store.reading() as session:
            query = select(table).filter_by(**where).order_by(col(table.id))
            return list(session.exec(query))

    def deliveries(self, **where: Any) -> list[Delivery]:
        """Deliveries, oldest first."""
        return self.rows(Delivery, **where)

    def matches(self, **where: Any) -> list[Match]:
        """Matches, oldest first."""
        return self.rows(Match, **where)

    def alerts(self, **where: Any) -> list[Alert]:
        """Alerts, oldest first."""
        return self.rows(Alert, **where)

    def attempts(self, **where: Any) -> list[Attempt]:
        """Attempts, oldest first."""
        return self.rows(Attempt, **where)

    def configure(
        self,
        *,
        watchlists: Mapping[str, Mapping[str, Any]] | None = None,
        channels: Mapping[str, ChannelTable] | None = None,
        **changes: Any,
    ) -> AlertContext:
        """A context with other watchlists, channels or anything else."""
        if watchlists is not None:
            tables = {id_: WatchlistConfig.model_validate(t) for id_, t in watchlists.items()}
            changes["watchlists"] = tables
            changes["rules"] = {id_: compile_rule(table) for id_, table in tables.items()}
        if channels is not None:
            changes["channels"] = channels
        self.context = replace(self.context, **changes)
        return self.context


def maildir(folder: Path, **keys: Any) -> MaildirConfig:
    """A channel that needs no server."""
    return MaildirConfig.model_validate({"kind": "maildir", "path": str(folder), **keys})


DURAND = {"name": "Durand Line", "any": ['"Durand Line"']}


@contextmanager
def make_world(
    store: Store, folder: Path, *, chance: Callable[[], float] = lambda: 0.5
) -> Iterator[World]:
    """A world on a store, with one watchlist and one maildir channel, `desk`."""
    writer = Writer(store)
    world: World
    context = AlertContext(
        store=store,
        writer=writer,
        rules={},
        watchlists={},
        channels={"desk": maildir(folder / "inbox")},
        timezone="UTC",
        installation="here",
        source_names={"dawn": "Dawn"},
        templates=folder / "templates",
        allow_private=(),
        clock=lambda: world.now,
        chance=chance,
    )
    world = World(store, writer, context)
    world.configure(watchlists={"durand-line": DURAND})
    try:
        yield world
    finally:
        writer.close()
