"""Named queries of the outbox: what waits to be told, and who is telling it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import CursorResult, Update, bindparam, case, exists, func, or_, update
from sqlalchemy.orm import defer
from sqlmodel import Session, SQLModel, col, select

from store.articles import Article, Entry
from store.deliveries import (
    Alert,
    Attempt,
    Change,
    ChannelState,
    Delivery,
    FirstVisit,
    Match,
    is_dead,
    is_waiting,
)
from store.sources import SourceState
from store.types import bound_lists


def changed(session: Session, statement: Update) -> int:
    """Runs an UPDATE; the number of rows it changed."""
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount


WITHOUT_TEXT = (defer(Article.body), defer(Article.captions))  # type: ignore[arg-type]
"""Messages show excerpts: the texts of ten thousand articles that wait would fill the memory."""


# Articles → matches, alerts


# Made once: to put these statements together takes longer than to run them, for every match.
_TAKE = (
    update(Article)
    .where(
        col(Article.id) == bindparam("article"),
        col(Article.matched_at).is_(None),
        col(Article.revision) == bindparam("of_revision"),
    )
    .values(matched_at=bindparam("now"), matched_revision=bindparam("of_revision"))
)
_TOLD = (
    select(Match.id)
    .where(
        Match.watchlist == bindparam("watchlist"),
        Match.story_id == bindparam("story"),
        Match.silent == "",
    )
    .limit(1)
)
_ALERTS = (
    select(func.count())
    .select_from(Alert)
    .where(
        Alert.watchlist == bindparam("watchlist"),
        Alert.channel == bindparam("channel"),
        Alert.recipient == bindparam("recipient"),
        col(Alert.made_at) >= bindparam("since"),
        col(Alert.revision) >= bindparam("revision"),
        col(Alert.held) != bindparam("without"),
    )
)


def take_article(session: Session, article_id: int, revision: int, now: datetime) -> bool:
    """Marks a revision as matched; False when somebody else has, or a newer one came meanwhile."""
    values = {"article": article_id, "of_revision": revision, "now": now}
    return session.connection().execute(_TAKE, values).rowcount == 1


def story_is_told(session: Session, watchlist: str, story_id: int) -> bool:
    """Whether an article of the story has made an alert for the watchlist."""
    session.flush()
    values = {"watchlist": watchlist, "story": story_id}
    return session.connection().execute(_TOLD, values).first() is not None


def count_alerts(
    session: Session,
    watchlist: str,
    channel: str,
    recipient: str,
    since: datetime,
    *,
    changes: bool = False,
    without: str = "quiet",
) -> int:
    """How many alerts of a watchlist arose for a destination since then.

    `changes`: those of changes only. `without`: not those that are held for this reason.
    """
    session.flush()
    values = {
        "watchlist": watchlist,
        "channel": channel,
        "recipient": recipient,
        "since": since,
        "revision": int(changes),
        "without": without,
    }
    return int(session.connection().execute(_ALERTS, values).scalar_one())


def next_gathering(
    session: Session, channel: str, recipient: str, begin: datetime, end: datetime
) -> datetime | None:
    """When the next alerts for a destination are due within that time."""
    query = select(func.min(Alert.due_at)).where(
        Alert.channel == channel,
        Alert.recipient == recipient,
        col(Alert.delivery_id).is_(None),
        col(Alert.due_at) > begin,
        col(Alert.due_at) <= end,
    )
    return session.exec(query).one()


def due_alerts(
    session: Session, until: datetime, channels: Collection[str]
) -> list[tuple[Alert, Match, Article]]:
    """Alerts that wait and are due by then, with what they tell, in the order they arose."""
    query = (
        select(Alert, Match, Article)
        .join(Match, col(Alert.match_id) == col(Match.id))
        .join(Article, col(Match.article_id) == col(Article.id))
        .where(
            col(Alert.delivery_id).is_(None),
            col(Alert.due_at) <= until,
            col(Alert.channel).in_(list(channels)),
        )
        .order_by(col(Alert.id))
        .options(*WITHOUT_TEXT)
    )
    return [(row[0], row[1], row[2]) for row in session.exec(query)]


def changes_told(session: Session, alerts: Sequence[Alert]) -> dict[int, Change]:
    """The change that each alert about one tells, by the alert's id."""
    matches = {alert.match_id for alert in alerts if alert.revision}
    found: dict[tuple[int, int], Change] = {}
    for part in bound_lists(sorted(matches)):
        for change in session.exec(select(Change).where(col(Change.match_id).in_(part))):
            found[change.match_id, change.revision] = change
    asked = [alert for alert in alerts if (alert.match_id, alert.revision) in found]
    return {alert.id or 0: found[alert.match_id, alert.revision] for alert in asked}


def articles_of_stories(session: Session, stories: Iterable[int]) -> dict[int, list[Article]]:
    """The articles of each story, first seen first."""
    found: dict[int, list[Article]] = {}
    for part in bound_lists(sorted(set(stories))):
        query = select(Article).where(col(Article.story_id).in_(part)).order_by(col(Article.id))
        for article in session.exec(query.options(*WITHOUT_TEXT)):
            found.setdefault(article.story_id, []).append(article)
    return found


def attach(session: Session, alerts: Iterable[int], delivery_id: int) -> int:
    """Says which delivery carries the alerts; the number of those that still waited."""
    total = 0
    for part in bound_lists(list(alerts)):
        waiting = update(Alert).where(col(Alert.id).in_(part), col(Alert.delivery_id).is_(None))
        total += changed(session, waiting.values(delivery_id=delivery_id))
    return total


def delivery_with_key(session: Session, key: str) -> Delivery | None:
    """The delivery of that id."""
    return session.exec(select(Delivery).where(Delivery.key == key)).first()


# First visits


def unsummarised(session: Session) -> list[SourceState]:
    """Sources that were visited and whose first visit has not been summed up."""
    query = select(SourceState).where(
        col(SourceState.baseline_at).is_not(None),
        # A source under a new address has a first visit again.
        ~exists().where(
            col(FirstVisit.source_id) == col(SourceState.id),
            col(FirstVisit.summarised_at) >= col(SourceState.baseline_at),
        ),
    )
    return list(session.exec(query))


def unvisited(session: Session) -> bool:
    """Whether a source is still before its first visit, and has not failed at it either."""
    query = select(SourceState.id).where(
        col(SourceState.baseline_at).is_(None), SourceState.failures == 0
    )
    return session.exec(query.limit(1)).first() is not None


def first_visit_runs(session: Session, source_id: str) -> bool:
    """Whether what a first visit listed is still being read or matched."""
    fresh = select(Entry.id).where(
        Entry.source_id == source_id,
        col(Entry.baseline),
        col(Entry.outcome).is_(None),
        Entry.attempts == 0,
    )
    unmatched = select(Article.id).where(
        Article.source_id == source_id, col(Article.baseline), col(Article.matched_at).is_(None)
    )
    return any(session.exec(query.limit(1)).first() is not None for query in (fresh, unmatched))


def count_baseline(session: Session, source_id: str) -> int:
    """How many articles a first visit found."""
    query = select(func.count()).where(Article.source_id == source_id, col(Article.baseline))
    return session.exec(query).one()


def count_silent(session: Session, source_id: str) -> dict[str, int]:
    """How many of them each watchlist matched."""
    query = (
        select(Match.watchlist, func.count())
        .join(Article, col(Match.article_id) == col(Article.id))
        .where(Article.source_id == source_id, Match.silent == "first_visit")
        .group_by(Match.watchlist)
    )
    return {row[0]: row[1] for row in session.exec(query)}


# Deliveries → attempts


def channels_due(
    session: Session, now: datetime, channels: Collection[str], without: Collection[int] = ()
) -> list[str]:
    """Those of the channels that have a delivery to attempt and were not told to stop.

    `without` are ids that must not be taken.
    """
    stopped = select(ChannelState.id).where(col(ChannelState.stopped_at).is_not(None))
    query = (
        select(Delivery.channel)
        .where(*_free(now), col(Delivery.channel).in_(list(channels)))
        .where(col(Delivery.id).not_in(list(without)))
        .where(col(Delivery.channel).not_in(stopped))
        .distinct()
    )
    return list(session.exec(query))


_MADE = col(Delivery.attempts) - case((col(Delivery.claim).is_not(None), 1), else_=0)
"""Attempts whose outcome is kept: a claim counts one before it is made."""
_UNCLAIMED = {"claim": None, "claimed_until": None, "attempts": _MADE}


def claim(
    session: Session,
    channel: str,
    token: str,
    now: datetime,
    until: datetime,
    limit: int,
    without: Collection[int] = (),
) -> list[Delivery]:
    """Reserves the oldest due deliveries of a channel for one dispatcher and counts an attempt.

    Nobody else attempts them before `until`. `without` are ids that must not be taken. The attempt
    that an expired claim counted is this one: of what its dispatcher did nothing is known.
    """
    oldest = (
        select(Delivery.id)
        .where(*_free(now), Delivery.channel == channel)
        .where(col(Delivery.id).not_in(list(without)))
        .order_by(col(Delivery.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    mine = (
        update(Delivery)
        .where(col(Delivery.id).in_(oldest))
        .values(claim=token, claimed_until=until, attempts=_MADE + 1)
        .returning(Delivery)
        .execution_options(synchronize_session=False)
    )
    claimed = sorted(session.scalars(mine), key=lambda delivery: delivery.id or 0)
    session.expunge_all()
    return claimed


def _free(now: datetime) -> Sequence[Any]:
    return (
        is_waiting(),
        col(Delivery.next_attempt_at) <= now,
        or_(col(Delivery.claim).is_(None), col(Delivery.claimed_until) <= now),
    )


def renew(session: Session, token: str, until: datetime, ids: Collection[int]) -> int:
    """Prolongs those claims of a dispatcher; one that it has lost sight of expires."""
    total = 0
    for part in bound_lists(list(ids)):
        mine = update(Delivery).where(col(Delivery.id).in_(part), col(Delivery.claim) == token)
        total += changed(session, mine.values(claimed_until=until))
    return total


def release(session: Session, token: str, ids: Iterable[int]) -> int:
    """Gives back claims that were not used; their attempt is not counted."""
    total = 0
    for part in bound_lists(list(ids)):
        mine = update(Delivery).where(col(Delivery.id).in_(part), col(Delivery.claim) == token)
        total += changed(session, mine.values(**_UNCLAIMED))
    return total


def free_all(session: Session) -> int:
    """Frees every claim, for a service that knows it is alone with the store.

    Their attempts are not counted: hundreds are claimed at once, and nearly all were not begun.
    """
    claimed = update(Delivery).where(is_waiting(), col(Delivery.claim).is_not(None))
    return changed(session, claimed.values(**_UNCLAIMED))


def hold(session: Session, channel: str, now: datetime, until: datetime) -> int:
    """Holds what a channel would attempt now until quiet hours end."""
    waiting = update(Delivery).where(*_free(now), col(Delivery.channel) == channel)
    return changed(session, waiting.values(state="held", next_attempt_at=until))


def set_clock_right(
    session: Session,
    now: datetime,
    slack: timedelta,
    farthest: timedelta,
    without: Collection[int] = (),
) -> int:
    """Makes due what a clock that was ahead put off; the number of rows that changed.

    What was made or attempted later than `slack` from now was written while the clock was ahead, so
    its times mean nothing; nor does any wait beyond `farthest`. `without` are ids of deliveries
    that are being sent.
    """
    ahead = now + slack
    # Asked whether there is one later, PostgreSQL may look for all such attempts there are.
    last = select(func.max(Attempt.at)).where(col(Attempt.delivery_id) == col(Delivery.id))
    foretold = last.correlate(Delivery).scalar_subquery() > ahead
    late = update(Delivery).where(
        is_waiting(),
        col(Delivery.next_attempt_at) > now,
        col(Delivery.id).not_in(list(without)),
        or_(
            col(Delivery.created_at) > ahead,
            col(Delivery.next_attempt_at) > now + farthest,
            foretold,
        ),
    )
    alerts = update(Alert).where(
        col(Alert.delivery_id).is_(None),
        col(Alert.due_at) > now,
        col(Alert.made_at) > ahead,
    )
    return changed(session, late.values(next_attempt_at=now, **_UNCLAIMED)) + changed(
        session, alerts.values(due_at=now)
    )


def hold_stranded(session: Session, channels: Collection[str]) -> int:
    """Holds what waits for a channel that is not among `channels` or was told to stop.

    Only a person sets it going; the line as a whole is not stuck for it.
    """
    stopped = select(ChannelState.id).where(col(ChannelState.stopped_at).is_not(None))
    stranded = update(Delivery).where(
        is_waiting(),
        col(Delivery.state) == "pending",
        col(Delivery.claim).is_(None),
        or_(col(Delivery.channel).not_in(list(channels)), col(Delivery.channel).in_(stopped)),
    )
    return changed(session, stranded.values(state="held"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one claim ended: what the delivery becomes, and the attempt to keep."""

    delivery_id: int
    delivery: Mapping[str, Any]
    attempt: Mapping[str, Any]


def settle(session: Session, token: str, outcomes: Sequence[Outcome]) -> set[int]:
    """Ends claims with their outcomes; the ids of those that were still their dispatcher's.

    In bulk and below the object layer: time spent here is taken from the sending loop.
    """
    mine: set[int] = set()
    for part in bound_lists([each.delivery_id for each in outcomes]):
        query = select(Delivery.id).where(col(Delivery.id).in_(part), Delivery.claim == token)
        mine.update(id_ for id_ in session.exec(query.with_for_update()) if id_ is not None)
    kept = [each for each in outcomes if each.delivery_id in mine]
    if not kept:
        return mine
    columns = ("state", "last_error", "next_attempt_at", "delivered_at")
    table = SQLModel.metadata.tables["delivery"]
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    ended = (
        table.update()
        .where(table.c.id == bindparam("of"))
        .values(claim=None, claimed_until=None, **values)
    )
    rows = [
        {"of": each.delivery_id} | {f"new_{name}": each.delivery[name] for name in columns}
        for each in kept
    ]
    session.connection().execute(ended, rows)
    attempts = [{"delivery_id": each.delivery_id, **each.attempt} for each in kept]
    session.connection().execute(SQLModel.metadata.tables["attempt"].insert(), attempts)
    return mine


def series_of(session: Session, delivery_id: int) -> list[datetime]:
    """When the attempts of the present series were made; numbers begin anew after a replay."""
    query = select(Attempt).where(Attempt.delivery_id == delivery_id)
    series: list[datetime] = []
    last = None
    for attempt in session.exec(query.order_by(col(Attempt.id).desc())):
        if last is not None and attempt.number >= last:
            break
        assert attempt.at is not None
        series.insert(0, attempt.at)
        last = attempt.number
    return series


def stop_channel(session: Session, channel: str, now: datetime, reason: str) -> None:
    """Nothing is attempted over the channel from now on."""
    state = session.get(ChannelState, channel) or ChannelState(id=channel)
    state.stopped_at, state.reason = now, reason
    session.add(state)


def resume_channel(session: Session, channel: str) -> None:
    """The channel's deliveries are attempted again."""
    stopped = update(ChannelState).where(col(ChannelState.id) == channel)
    changed(session, stopped.values(stopped_at=None, reason=None))


def stopped_channels(session: Session) -> dict[str, ChannelState]:
    """The channels that were told to stop."""
    query = select(ChannelState).where(col(ChannelState.stopped_at).is_not(None))
    return {state.id: state for state in session.exec(query)}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages are still to be sent or were given up, and since when one should be."""

    waiting: int
    dead: int
    oldest_due: datetime | None


def count_deliveries(session: Session, now: datetime) -> Counts:
    """Counts what waits and what was given up, by the indexes that hold nothing else."""
    number = select(func.count()).select_from(Delivery)
    oldest = select(func.min(Delivery.next_attempt_at)).where(
        is_waiting(), col(Delivery.state) == "pending", col(Delivery.next_attempt_at) <= now
    )
    return Counts(
        waiting=session.exec(number.where(is_waiting())).one(),
        dead=session.exec(number.where(is_dead())).one(),
        oldest_due=session.exec(oldest).one(),
    )


def count_held(session: Session) -> int:
    """How many messages are held until quiet hours end, or until a person sets them going."""
    query = select(func.count()).where(is_waiting(), col(Delivery.state) == "held")
    return session.exec(query).one()


def oldest_due_alert(
    session: Session, now: datetime, channels: Collection[str] | None
) -> datetime | None:
    """Since when the alert waits that has been due longest, of those for these channels."""
    query = select(func.min(Alert.due_at)).where(
        col(Alert.delivery_id).is_(None), col(Alert.due_at) <= now
    )
    if channels is not None:
        query = query.where(col(Alert.channel).in_(list(channels)))
    return session.exec(query).one()


def gathering(session: Session) -> tuple[int, datetime | None]:
    """How many alerts are gathered for company, a digest or the morning; when the next is due."""
    waits = col(Alert.delivery_id).is_(None)
    count = session.exec(select(func.count()).where(waits)).one()
    return count, session.exec(select(func.min(Alert.due_at)).where(waits)).one()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up, and when."""

    key: str
    channel: str
    reason: str
    died_at: datetime


def dead_letters(session: Session) -> list[DeadLetter]:
    """All dead letters, in the order in which they were made."""
    last = select(func.max(Attempt.at)).where(col(Attempt.delivery_id) == col(Delivery.id))
    died = func.coalesce(last.scalar_subquery(), Delivery.created_at)
    table = SQLModel.metadata.tables["delivery"]
    columns = (table.c.id, table.c.key, table.c.channel, table.c.last_error, died)
    query = sqlalchemy.select(*columns).where(is_dead())
    # Ordered here: asked for the order, SQLite would read every delivery there ever was.
    rows = sorted(session.connection().execute(query), key=lambda row: row[0])
    return [DeadLetter(row[1], row[2], row[3] or "", row[4]) for row in rows]


def reports(session: Session) -> dict[str, datetime]:
    """When the owners of channels were last told of dead letters."""
    states = session.exec(select(ChannelState))
    return {state.id: state.reported_at for state in states if state.reported_at is not None}


def keep_report(session: Session, channel: str, now: datetime) -> None:
    """Notes that a channel's dead letters up to now have been told of."""
    state = session.get(ChannelState, channel) or ChannelState(id=channel)
    state.reported_at = now
    session.add(state)


def replay(session: Session, deliveries: Iterable[Delivery], now: datetime) -> int:
    """Makes dead, held or waiting deliveries due now, with a new series of attempts.

    A channel that had been told to stop is resumed. Delivered ones are left alone.
    """
    count = 0
    for delivery in deliveries:
        if delivery.state == "delivered":
            continue
        delivery.state, delivery.next_attempt_at = "pending", now
        # What is being sent at this moment has counted its attempt, and may take it back.
        delivery.attempts = 0 if delivery.claim is None else 1
        session.add(delivery)
        resume_channel(session, delivery.channel)
        count += 1
    session.flush()
    return count
