"""Alerts that are due, gathered by destination and composed into deliveries. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from alerts.context import AlertContext
from alerts.freezing import freeze
from alerts.grouping import Group, Told, deliver_of, groups, heading_of
from alerts.message import (
    ArticleView,
    Message,
    Section,
    delivery_id,
    event_payload,
    late_words,
    list_command,
    storable,
    story_thread,
)
from alerts.message_size import MOST
from alerts.views import article_view, change_view, source_names
from store.articles import Article
from store.deliveries import Alert, Delivery
from store.outbox import articles_of_stories, changes_told, due_alerts
from store.sources import source_states

log = structlog.get_logger("alerts")

CATCHING_UP = timedelta(minutes=15)
"""What is found late, or in great numbers, waits so long for company: it is no news of this minute,
and a service that stood still finds a lot of it, one page after the other."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A delivery and what it tells."""

    delivery: Delivery
    alerts: Sequence[int]
    """Ids of all its alerts, whether their articles are shown or counted."""
    group: Group


def compose_due(context: AlertContext, now: datetime, flush: bool) -> list[Gathered]:
    """Deliveries for what is due. Raises StoreError.

    `flush`: instant alerts that still wait for company are due.
    """
    longest = max((table.group_wait for table in context.channels.values()), default=timedelta())
    until = now + max(longest, CATCHING_UP) if flush else now
    with context.store.reading() as session:
        rows = due_alerts(session, until, list(context.channels))
        due = [row for row in rows if _is_due(context, row[0], now, flush)]
        changes = changes_told(session, [row[0] for row in due])
        told = [Told(*row, changes.get(row[0].id or 0)) for row in due]
        if not told:
            return []
        stories = articles_of_stories(session, {each.match.story_id for each in told})
        names = source_names(context, source_states(session))
    return [
        Gathered(
            _compose(context, group, stories, names, now),
            [each.alert.id or 0 for each in group.told],
            group,
        )
        for group in groups(context, told)
    ]


def _is_due(context: AlertContext, alert: Alert, now: datetime, flush: bool) -> bool:
    assert alert.due_at is not None
    if alert.due_at <= now:
        return True
    waits = max(context.channels[alert.channel].group_wait, CATCHING_UP)
    instant = not deliver_of(context, alert.watchlist).is_digest and not alert.held
    return flush and instant and alert.due_at <= now + waits


def _compose(
    context: AlertContext,
    group: Group,
    stories: Mapping[int, Sequence[Article]],
    names: Mapping[str, str],
    now: datetime,
) -> Delivery:
    key = _key(context, group)
    try:
        sections = _sections(context, group.told, stories, names, now)
        message = _message(context, key, group, sections, now)
    except Exception:
        # An article that cannot be shown must neither be lost nor hold up the others.
        log.exception("alert", status="told barely", id=key)
        return barely(context, group, now)
    return freeze(context, key, message, group.channel, group.recipient, group.watchlists, now)


def _key(context: AlertContext, group: Group) -> str:
    watchlists = ",".join(group.watchlists)
    subjects = [each.subject for each in group.told]
    return delivery_id(context.installation, group.channel, group.recipient, watchlists, subjects)


def barely(context: AlertContext, group: Group, now: datetime) -> Delivery:
    """A delivery with the same id that says the least it can."""
    key = _key(context, group)
    articles = {each.article.id: each.article for each in group.told}
    message = bare_message(key, group.watchlists, list(articles.values()), now)
    return freeze(context, key, message, group.channel, group.recipient, group.watchlists, now)


def bare_message(
    key: str, watchlists: Sequence[str], articles: Sequence[Article], now: datetime
) -> Message:
    """Titles and addresses and nothing else, which could fail."""
    lines = [f"{article.title}\n{article.url}" for article in articles[:MOST]]
    if len(articles) > MOST:
        lines.append(f"To list all {len(articles)}: {list_command(key)}")
    noun = "article" if len(articles) == 1 else "articles"
    subject = f"{', '.join(watchlists)}: {len(articles)} {noun}"
    urls = [storable(article.canonical_url) for article in articles[:MOST]]
    facts = {"delivery": key, "watchlist": ",".join(watchlists), "matches": [], "articles": urls}
    payload = event_payload("watchlist.matched", now, facts)
    return Message("alert", subject, storable("\n\n".join(lines) + "\n"), "", payload)


def _message(
    context: AlertContext, key: str, group: Group, sections: Sequence[Section], now: datetime
) -> Message:
    composer, heading = context.composer, heading_of(context, group)
    compose = composer.digest if group.deliver.is_digest else composer.alert
    return compose(key, sections, now, heading, group.part)


def _sections(
    context: AlertContext,
    told: Sequence[Told],
    stories: Mapping[int, Sequence[Article]],
    names: Mapping[str, str],
    now: datetime,
) -> list[Section]:
    """By watchlist; an article that several matched stands once, under all their names."""
    matched: dict[tuple[int, bool], list[Told]] = {}
    for each in told:
        matched.setdefault((each.match.article_id, each.change is not None), []).append(each)
    grouped: dict[tuple[str, ...], list[ArticleView]] = {}
    for members in matched.values():
        ids = tuple(sorted(each.match.watchlist for each in members))
        matches = [each.match for each in members]
        article = members[0].article
        view = article_view(article, matches, stories, names)
        first = (stories.get(article.story_id) or [article])[0]
        told_now = replace(
            view,
            change=change_view(members[0].change),
            record=members[0].record,
            late=late_words(article.published, article.published_precision, now, article.late),
            thread=story_thread(context.installation, first.canonical_url),
        )
        grouped.setdefault(ids, []).append(told_now)
    return [
        Section(ids, ", ".join(map(context.watchlist_name, ids)), tuple(views))
        for ids, views in sorted(grouped.items())
    ]
