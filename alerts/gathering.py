"""Alerts that are due, gathered by destination and composed into deliveries. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from alerts.channels.base import ChannelTable
from alerts.context import AlertContext
from alerts.digest import Deliver, parse_deliver
from alerts.freezing import freeze
from alerts.message import (
    ArticleView,
    ChangeView,
    CopyView,
    DiffPiece,
    ExcerptView,
    Heading,
    Message,
    Section,
    delivery_id,
    event_payload,
    late_words,
    story_thread,
)
from alerts.records import match_record, why_line
from store.articles import Article
from store.deliveries import Alert, Change, Delivery, Match
from store.outbox import articles_of_stories, changes_told, due_alerts
from store.sources import SourceState, source_states

log = structlog.get_logger("alerts")

MOST = 50
"""Articles of one message; what goes beyond it follows in another one."""
PAYLOAD_LIMIT = 20_000
"""Bytes of JSON of one webhook (Standard Webhooks asks for less than 20 kB)."""


@dataclass(frozen=True, slots=True)
class _Told:
    """An alert that is due, with what it tells."""

    alert: Alert
    match: Match
    article: Article
    change: Change | None = None
    """Of an alert about an edit."""

    @property
    def subject(self) -> str:
        """What it tells, for the delivery's id."""
        edit = f"#revision-{self.alert.revision}" if self.alert.revision else ""
        return self.article.canonical_url + edit

    @property
    def record(self) -> dict[str, Any]:
        """As JSON."""
        record = match_record(self.match, self.article)
        return {**record, "change": self.change.told} if self.change else record


@dataclass(frozen=True, slots=True)
class _Group:
    """Alerts that make one message."""

    channel: str
    recipient: str
    deliver: Deliver
    told: tuple[_Told, ...]

    @property
    def watchlists(self) -> tuple[str, ...]:
        return tuple(sorted({each.match.watchlist for each in self.told}))


def deliver_of(context: AlertContext, watchlist: str) -> Deliver:
    """When a watchlist's alerts go out; at once for one that is no longer configured."""
    table = context.watchlists.get(watchlist)
    return parse_deliver(table.deliver) if table else Deliver("instant")


def compose_due(
    context: AlertContext, now: datetime, flush: bool
) -> list[tuple[Delivery, list[int]]]:
    """Deliveries for what is due, each with the ids of its alerts. Raises StoreError.

    `flush`: instant alerts that still wait for company are due.
    """
    longest = max((table.group_wait for table in context.channels.values()), default=timedelta())
    with context.store.reading() as session:
        rows = due_alerts(session, now + longest if flush else now, list(context.channels))
        due = [row for row in rows if _is_due(context, row[0], now, flush)]
        changes = changes_told(session, [row[0] for row in due])
        told = [_Told(*row, changes.get(row[0].id or 0)) for row in due]
        if not told:
            return []
        groups = list(_groups(context, told))
        stories = articles_of_stories(session, {each.match.story_id for each in told})
        names = source_names(context, source_states(session))
    made = []
    for group in groups:
        delivery = _compose(context, group, stories, names, now)
        made.append((delivery, [each.alert.id or 0 for each in group.told]))
    return made


def _is_due(context: AlertContext, alert: Alert, now: datetime, flush: bool) -> bool:
    assert alert.due_at is not None
    if alert.due_at <= now:
        return True
    waits = context.channels[alert.channel].group_wait
    instant = not deliver_of(context, alert.watchlist).is_digest
    return flush and instant and alert.due_at <= now + waits


def _groups(context: AlertContext, told: Iterable[_Told]) -> Iterator[_Group]:
    """Alerts for one destination that go out together, in messages of bearable size."""
    groups: dict[tuple[str, str, Deliver, str, int], list[_Told]] = {}
    for each in told:
        alert = each.alert
        alone = context.channels[alert.channel].one_watchlist
        deliver = deliver_of(context, alert.watchlist)
        # The change of a story is a reply in its thread, so it goes by itself.
        story = each.match.story_id if alert.revision and not deliver.is_digest else 0
        key = (alert.channel, alert.recipient, deliver, alert.watchlist if alone else "", story)
        groups.setdefault(key, []).append(each)
    for (channel, recipient, deliver, _, _), members in groups.items():
        for part in _parts(members, context.channels[channel]):
            yield _Group(channel, recipient, deliver, tuple(part))


def _parts(told: Sequence[_Told], config: ChannelTable) -> Iterator[list[_Told]]:
    part: list[_Told] = []
    size = 0
    for each in told:
        record = each.record if config.one_watchlist else None
        bytes_ = len(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
        if part and (len(part) >= MOST or size + bytes_ > PAYLOAD_LIMIT):
            yield part
            part, size = [], 0
        part.append(each)
        size += bytes_
    if part:
        yield part


def _compose(
    context: AlertContext,
    group: _Group,
    stories: Mapping[int, Sequence[Article]],
    names: Mapping[str, str],
    now: datetime,
) -> Delivery:
    urls = [each.subject for each in group.told]
    watchlists = group.watchlists
    key = delivery_id(
        context.installation, group.channel, group.recipient, ",".join(watchlists), urls
    )
    try:
        sections = _sections(context, group.told, stories, names, now)
        message = _message(context, key, group.deliver, sections, now)
    except Exception:
        # An article that cannot be shown must neither be lost nor hold up the others.
        log.exception("alert", status="told barely", id=key)
        message = bare_message(key, watchlists, [each.article for each in group.told], now)
    if message.problem:
        log.warning("template", status="not used", why=message.problem)
    return freeze(context, key, message, group.channel, group.recipient, watchlists, now)


def bare_message(
    key: str, watchlists: Sequence[str], articles: Sequence[Article], now: datetime
) -> Message:
    """Titles and addresses and nothing else, which could fail."""
    text = "\n\n".join(f"{article.title}\n{article.url}" for article in articles) + "\n"
    noun = "article" if len(articles) == 1 else "articles"
    subject = f"{', '.join(watchlists)}: {len(articles)} {noun}"
    urls = [article.canonical_url for article in articles]
    facts = {"delivery": key, "watchlist": ",".join(watchlists), "matches": [], "articles": urls}
    return Message("alert", subject, text, "", event_payload("watchlist.matched", now, facts))


def _message(
    context: AlertContext,
    key: str,
    deliver: Deliver,
    sections: Sequence[Section],
    now: datetime,
) -> Message:
    if not deliver.is_digest:
        return context.composer.alert(key, sections, now)
    heading = Heading(f"{deliver.every.capitalize()} digest")
    return context.composer.digest(key, sections, now, heading)


def _sections(
    context: AlertContext,
    told: Sequence[_Told],
    stories: Mapping[int, Sequence[Article]],
    names: Mapping[str, str],
    now: datetime,
) -> list[Section]:
    """By watchlist; an article that several matched stands once, under all their names."""
    matched: dict[tuple[int, bool], list[_Told]] = {}
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
            change=_change_view(members[0].change),
            record=members[0].record,
            late=late_words(article.published, article.published_precision, now, article.late),
            thread=story_thread(context.installation, first.canonical_url),
        )
        grouped.setdefault(ids, []).append(told_now)
    return [
        Section(ids, ", ".join(map(context.watchlist_name, ids)), tuple(views))
        for ids, views in sorted(grouped.items())
    ]


def _change_view(change: Change | None) -> ChangeView | None:
    if change is None:
        return None
    pieces = tuple(DiffPiece(piece["mark"], piece["text"]) for piece in change.told["diff"])
    return ChangeView(tuple(change.told["lines"]), pieces, "removed" in change.told["kinds"])


def article_view(
    article: Article,
    matches: Sequence[Match],
    stories: Mapping[int, Sequence[Article]],
    names: Mapping[str, str],
) -> ArticleView:
    """One article as told; its excerpts are those of its first watchlist."""
    match = matches[0]
    terms = list(dict.fromkeys(term for each in matches for term in each.terms))
    fields = [excerpt["field"] for each in matches for excerpt in each.excerpts]
    return ArticleView(
        title=article.title,
        url=article.url,
        source_id=article.source_id,
        source_name=names.get(article.source_id, article.source_id),
        published=article.published,
        precision=article.published_precision,
        offset=_offset(article),
        first_seen=article.first_seen,
        excerpts=tuple(_excerpt(excerpt) for excerpt in match.excerpts),
        why=why_line(terms, fields),
        also_in=tuple(_copies(article, stories.get(article.story_id, ()), names)),
        story=article.story_id,
        record=match_record(match, article),
    )


def _offset(article: Article) -> timedelta | None:
    minutes = article.published_offset
    return None if minutes is None else timedelta(minutes=minutes)


def _excerpt(excerpt: Mapping[str, Any]) -> ExcerptView:
    marks = tuple((mark["start"], mark["end"]) for mark in excerpt["highlights"])
    return ExcerptView(excerpt["text"], marks)


def _copies(
    article: Article, story: Sequence[Article], names: Mapping[str, str]
) -> Iterator[CopyView]:
    for other in story:
        if other.id != article.id:
            yield CopyView(names.get(other.source_id, other.source_id), other.url)


def source_names(context: AlertContext, states: Mapping[str, SourceState]) -> dict[str, str]:
    """What each source is called: as configured, else as it calls itself, else its id."""
    names = {id_: state.title or id_ for id_, state in states.items()}
    return names | {id_: name for id_, name in context.source_names.items() if name}
