"""A new or changed watchlist applied to the past: its matches are kept, and told in one summary.

The matches are silent: none of them is told by itself, and a later copy of their story is news.
Articles that still wait to be matched are left to the service, which alerts them as usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from alerts.context import AlertContext
from alerts.freezing import destinations, freeze, keep
from alerts.message import ArticleView, Section, delivery_id
from alerts.message_size import MOST
from alerts.records import excerpts_of, terms_of
from alerts.rules import Rule
from alerts.search import Found, find
from alerts.views import article_view, source_names
from store.articles import Article
from store.deliveries import Delivery, Match
from store.outbox import articles_of_stories
from store.search import Tell, Window, articles_with
from store.sources import source_states

SILENT = "backfill"


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What came of it."""

    matches: int
    """New ones; those known before are not told again."""
    deliveries: int


def backfill(
    context: AlertContext,
    watchlist: str,
    rule: Rule,
    since: datetime,
    tell: Tell = lambda done, of: None,
) -> Backfilled:
    """Matches what was first seen since then and makes one delivery for each destination.

    Raises StoreError when nothing was kept. Run again, it finds nothing new and tells nothing.
    """
    now = context.clock()
    with context.store.reading() as session:
        found = [
            _match(watchlist, each, now)
            for each in find(session, {watchlist: rule}, Window(since), tell)
        ]
    with context.store.writing() as session:
        fresh = _unknown(session, watchlist, found)
        session.add_all(fresh)
        session.flush()
        past = Past(watchlist, len(fresh), fresh[:MOST], since)
        made = summaries(context, session, past, now) if fresh else []
        for delivery in made:
            keep(session, delivery)
    return Backfilled(len(fresh), len(made))


def _match(watchlist: str, found: Found, now: datetime) -> Match:
    (hit,) = found.hits
    return Match(
        watchlist=watchlist,
        article_id=found.article.id,
        story_id=found.article.story,
        matched_at=now,
        terms=terms_of(hit),
        excerpts=excerpts_of(found.text, hit),
        silent=SILENT,
    )


def _unknown(session: Session, watchlist: str, found: Sequence[Match]) -> list[Match]:
    """Those that are not known, and whose article does not wait to be matched anyway."""
    known = set(session.exec(select(Match.article_id).where(Match.watchlist == watchlist)))
    waiting = set(session.exec(select(Article.id).where(col(Article.matched_at).is_(None))))
    return [match for match in found if match.article_id not in known | waiting]


@dataclass(frozen=True, slots=True)
class Past:
    """What one watchlist matched in the past."""

    watchlist: str
    found: int
    latest: Sequence[Match]
    """Those stored last, at most MOST."""
    since: datetime | None
    """Where the past begins that was looked through; None: it came by import."""


def summaries(context: AlertContext, session: Session, past: Past, now: datetime) -> list[Delivery]:
    """One message for each destination, with the articles stored last."""
    watchlist = past.watchlist
    views = _views(context, session, past.latest)
    section = Section((watchlist,), context.watchlist_name(watchlist), tuple(views))
    urls = [view.url for view in views]
    made = []
    for channel, recipient in destinations(context, context.notified(watchlist)):
        subjects = ["backfill", str(past.found), *urls]
        key = delivery_id(context.installation, channel, recipient, watchlist, subjects)
        message = context.composer.past(key, section, past.found, past.since, now)
        made.append(freeze(context, key, message, channel, recipient, (watchlist,), now))
    return made


def _views(context: AlertContext, session: Session, matches: Sequence[Match]) -> list[ArticleView]:
    """The articles as they are told, as many as one message may carry."""
    articles = articles_with(session, [match.article_id for match in matches])
    stories = articles_of_stories(session, {match.story_id for match in matches})
    names = source_names(context, source_states(session))
    return [article_view(articles[match.article_id], [match], stories, names) for match in matches]
