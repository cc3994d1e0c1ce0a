"""Which alerts make one message.

A destination gets one message for everything that is due at one look, whatever the count: one for
what goes out at once and one for each kind of digest. There are two exceptions. The change of a
story is a reply in its thread; beyond REPLIES at once they are gathered as well. And a channel for
machines is told of one watchlist at a time, of every match, in as many parts as that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from alerts.context import AlertContext
from alerts.digest import Deliver, parse_deliver
from alerts.message import WHOLE, Count, Heading, Part, event_payload, told_day
from alerts.message_size import (
    PAYLOAD_LIMIT,
    Place,
    moment_of,
    newest_first,
    parts,
    size_of,
    trimmed,
)
from alerts.moments import in_zone
from alerts.records import match_record
from store.articles import Article
from store.deliveries import Alert, Change, Match

ABOVE = "max_per_day"
"""Why an alert is held that was beyond its watchlist's limit."""
QUIET = "quiet"
"""Why one is held that arose in quiet hours."""
REPLIES = 5
"""Changed stories that are told one by one; more of them are one message."""
SOURCES_NAMED = 10
"""In an event of the log about a message."""
_LONGEST_ID = "x" * 43
_LONGEST_MOMENT = datetime.max.replace(tzinfo=UTC)
_MANY = 10**6
"""Parts for whose number there is room."""


@dataclass(frozen=True)
class Told:
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
    def place(self) -> Place:
        """What it is sorted by."""
        article = self.article
        moment = moment_of(article.published, article.published_precision, article.first_seen)
        return Place(self.match.story_id, moment)

    @cached_property
    def record(self) -> dict[str, Any]:
        """As JSON; alone it fits into a message."""
        record = match_record(self.match, self.article)
        if self.change:
            record = {**record, "change": self.change.told}
        return trimmed(record, PAYLOAD_LIMIT - frame_size(self.match.watchlist))


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that make one message."""

    channel: str
    recipient: str
    deliver: Deliver
    told: tuple[Told, ...]
    part: Part = WHOLE

    @property
    def watchlists(self) -> tuple[str, ...]:
        """Their ids, in order."""
        return tuple(sorted({each.match.watchlist for each in self.told}))

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of those that their articles are from, in order."""
        return tuple(sorted({each.article.source_id for each in self.told}))


def frame_size(watchlist: str) -> int:
    """Bytes of a message's JSON without its matches."""
    facts = {"delivery": _LONGEST_ID, "watchlist": watchlist, "part": _MANY, "parts": _MANY}
    return size_of(event_payload("watchlist.matched", _LONGEST_MOMENT, {**facts, "matches": []}))


def deliver_of(context: AlertContext, watchlist: str) -> Deliver:
    """When a watchlist's alerts go out; at once for one that is no longer configured."""
    table = context.watchlists.get(watchlist)
    return parse_deliver(table.deliver) if table else Deliver("instant")


def groups(context: AlertContext, told: Sequence[Told]) -> Iterator[Group]:
    """The alerts that are due, by message."""
    replies = _replies(context, told)
    gathered: dict[tuple[str, str, Deliver, str, int], list[Told]] = {}
    for each in told:
        alert = each.alert
        alone = context.channels[alert.channel].one_watchlist
        watchlist = alert.watchlist if alone else ""
        story = each.match.story_id if alert.id in replies else 0
        deliver = deliver_of(context, alert.watchlist)
        key = (alert.channel, alert.recipient, deliver, watchlist, story)
        gathered.setdefault(key, []).append(each)
    for (channel, recipient, deliver, watchlist, _), members in gathered.items():
        group = Group(channel, recipient, deliver, tuple(members))
        yield from _in_parts(group, watchlist) if watchlist else (group,)


def _replies(context: AlertContext, told: Iterable[Told]) -> set[int | None]:
    """The alerts about changes that are replies in their threads, each by itself."""
    changes: dict[tuple[str, str], list[Told]] = {}
    for each in told:
        alert = each.alert
        at_once = not alert.held and not deliver_of(context, alert.watchlist).is_digest
        if alert.revision and at_once:
            changes.setdefault((alert.channel, alert.recipient), []).append(each)
    return {
        each.alert.id
        for members in changes.values()
        if len({each.match.story_id for each in members}) <= REPLIES
        for each in members
    }


def _in_parts(group: Group, watchlist: str) -> Iterator[Group]:
    """The group in messages that machines take, each within PAYLOAD_LIMIT."""
    ordered = newest_first(group.told, lambda each: each.place)
    room = PAYLOAD_LIMIT - frame_size(watchlist)
    cut = list(parts(ordered, lambda each: each.record, room))
    for number, members in enumerate(cut, 1):
        yield replace(group, told=tuple(members), part=Part(number, len(cut)))


def heading_of(context: AlertContext, group: Group) -> Heading:
    """What stands above: which digest it is, or why it comes now; and what it counts."""
    counts = _counts(context, group.told)
    if group.deliver.is_digest:
        return Heading(f"{group.deliver.every.capitalize()} digest", counts=counts)
    rest = [each.alert for each in group.told if each.alert.held == ABOVE]
    if not rest:
        return Heading(counts=counts)
    limit, days = _limit(context, rest), _days(context, rest)
    if len(rest) == len(group.told):
        title = f"Above max_per_day{limit}: the rest of {days}"
        return Heading(title, mark=f"The rest of {days}", counts=counts)
    note = f"Among them is the rest of {days}, above max_per_day{limit}."
    return Heading(note=note, counts=counts)


def _counts(context: AlertContext, told: Iterable[Told]) -> tuple[Count, ...]:
    """How many articles each watchlist matched, by its id."""
    articles: dict[str, set[tuple[int, bool]]] = {}
    for each in told:
        article = (each.match.article_id, each.change is not None)
        articles.setdefault(each.match.watchlist, set()).add(article)
    return tuple(
        Count(id_, context.watchlist_name(id_), len(found))
        for id_, found in sorted(articles.items())
    )


def _limit(context: AlertContext, alerts: Iterable[Alert]) -> str:
    """` (50)`; empty where the watchlists have different ones, or are not configured any more."""
    tables: Mapping[str, Any] = context.watchlists
    names = {alert.watchlist for alert in alerts}
    limits = {tables[name].max_per_day if name in tables else None for name in names}
    (only,) = limits if len(limits) == 1 else (None,)
    return "" if only is None else f" ({only})"


def _days(context: AlertContext, alerts: Iterable[Alert]) -> str:
    """`1 March 2026`, or the first and the last day, as people there reckon."""
    days = sorted(
        {in_zone(alert.made_at, context.zone).date() for alert in alerts if alert.made_at}
    )
    first, last = told_day(days[0]), told_day(days[-1])
    return first if first == last else f"{first} to {last}"
