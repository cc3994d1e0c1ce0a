"""The main line from articles to deliveries: match what waits, gather what is due, freeze it.

Every step takes rows that wait and commits its result together with the next line's rows, so any
step may die at any moment and simply runs again. Nothing waits in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from alerts.changes import Told
from alerts.context import AlertContext
from alerts.dead_letters import due_reports
from alerts.digest import day_end, day_start, due_at, hold_until
from alerts.first_visits import sum_up
from alerts.following import changes_of, record_changes
from alerts.freezing import destinations, health_deliveries, keep
from alerts.gathering import CATCHING_UP, Gathered, barely, compose_due
from alerts.grouping import ABOVE, QUIET, REPLIES, SOURCES_NAMED, deliver_of
from alerts.matcher import Matcher
from alerts.message import HealthEvent
from alerts.records import excerpts_of, terms_of, text_of
from alerts.rules import Rule
from store.articles import Article, lock_unmatched, unmatched_articles
from store.deliveries import Alert, Delivery, FirstVisit, Match, matches_of_all
from store.errors import RefusedChangeError, StoreError, is_refusal
from store.outbox import (
    attach,
    count_alerts,
    delivery_with_key,
    keep_report,
    next_gathering,
    story_is_told,
    take_article,
)

log = structlog.get_logger("alerts")

BATCH = 50
"""Articles matched and committed at once: an alert never waits for a long line to be worked off."""


REPORTS = timedelta(minutes=5)
"""Between two looks for dead letters."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A watchlist's hit, ready to be stored."""

    watchlist: str
    terms: list[str]
    excerpts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Matched:
    """An article with what the watchlists make of it."""

    article: Article
    hits: Sequence[_Found]
    changes: Mapping[str, Told]
    """What an edit means for the watchlists that told of it."""


class Outbox:
    """Matches articles and makes deliveries; one caller at a time."""

    def __init__(self, context: AlertContext) -> None:
        """Builds the matcher."""
        self._context = context
        self._rules = context.rules
        self._matcher = Matcher(self._rules)
        self._aside: set[int] = set()
        """Articles that cannot be matched or stored; none, as far as we know."""
        self._reported = datetime.min.replace(tzinfo=UTC)

    def reload(self, context: AlertContext) -> None:
        """Takes a new configuration for everything that has not been matched yet."""
        self._context = context

    async def match(self) -> int:
        """Matches the articles that wait; returns their number. Raises StoreError."""
        total, more = 0, True
        while more and (articles := await asyncio.to_thread(self._waiting)):
            # What comes in meanwhile is the next look's: what was found here must be told now.
            more = len(articles) >= BATCH
            context = self._context
            found = await asyncio.to_thread(self._find, context.rules, articles)
            try:
                total += await self._keep(context, found)
            except RefusedChangeError:
                # One that cannot be stored must not hold up the others.
                for one in found:
                    total += await self._keep_alone(context, one)
        return total

    async def match_claimed(self) -> int:
        """As `match`, beside other processes that do the same; none gets what another has in hand.

        Articles are locked while they are matched; a process that dies lets go of them.
        """
        total, more = 0, True
        while more:
            try:
                count = await asyncio.to_thread(self._match_locked, BATCH)
            except StoreError:
                # One that cannot be stored must not hold up the others.
                count = await asyncio.to_thread(self._match_one_by_one)
            total += count
            more = count >= BATCH
        return total

    def _match_locked(self, limit: int, only: int | None = None) -> int:
        context = self._context
        self._find(context.rules, ())  # a new configuration takes its time while nothing is locked
        with context.store.writing() as session:
            waiting = lock_unmatched(session, limit, self._aside, only)
            found = self._find(context.rules, waiting)
            done = _record(session, context, found, context.clock())
        return done.told()

    def _match_one_by_one(self) -> int:
        """Raises StoreError where even that is not possible for a reason of the database's."""
        matched = 0
        for article in self._waiting():
            assert article.id is not None
            try:
                matched += self._match_locked(1, article.id)
            except StoreError as error:
                if not is_refusal(error):
                    raise
                self._set_aside(article, error)
        return matched

    async def _keep(self, context: AlertContext, found: Sequence[_Matched]) -> int:
        now = context.clock()
        done = await context.writer.write(lambda session: _record(session, context, found, now))
        return done.told()

    async def _keep_alone(self, context: AlertContext, one: _Matched) -> int:
        try:
            return await self._keep(context, [one])
        except RefusedChangeError as error:
            self._set_aside(one.article, error)
            return 0

    def _find(self, rules: Mapping[str, Rule], articles: Iterable[Article]) -> list[_Matched]:
        # In this thread, where a new configuration may take its time, and one at a time.
        if rules is not self._rules:
            self._matcher, self._rules = self._matcher.updated(rules), rules
        matcher = self._matcher
        found = []
        for article in articles:
            try:
                found.append(self._look(matcher, article))
            except Exception as error:  # noqa: BLE001 - the article's edge: the others go on
                self._set_aside(article, error)
        return found

    def _look(self, matcher: Matcher, article: Article) -> _Matched:
        text = text_of(article)
        hits = matcher.match(text)
        changes: Mapping[str, Told] = {}
        if article.matched_revision:
            with self._context.store.reading() as session:
                changes = changes_of(session, self._context, matcher, article, hits)
        found = [_Found(h.watchlist, terms_of(h), excerpts_of(text, h)) for h in hits]
        return _Matched(article, found, changes)

    def _set_aside(self, article: Article, error: Exception) -> None:
        """Goes on waiting until the next start; /health turns red over it."""
        assert article.id is not None
        self._aside.add(article.id)
        log.error("match", status="failed", url=article.url, exc_info=error)

    async def gather(self, *, flush: bool = False) -> int:
        """Makes deliveries of the alerts that are due; returns their number. Raises StoreError.

        `flush` ends the wait for company, for a service that runs one round only.
        """
        context = self._context
        now = context.clock()
        made = await asyncio.to_thread(compose_due, context, now, flush)
        # Handed over together they share a commit; each is kept or undone by itself.
        writes = [self._keep_gathered(context, gathered, now) for gathered in made]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return len(made)

    async def _keep_gathered(
        self, context: AlertContext, gathered: Gathered, now: datetime
    ) -> None:
        """Stores one delivery; told barely where the database does not take it as it is."""
        delivery, alerts = gathered.delivery, gathered.alerts
        try:
            await context.writer.write(lambda session: _store(session, delivery, alerts))
        except (RefusedChangeError, ValueError) as error:
            # Refused once it would be refused at every look, and its articles never told.
            names = {"channel": delivery.channel, "id": delivery.key}
            log.error("alert", status="told barely", **names, exc_info=error)
            bare = barely(context, gathered.group, now)
            await context.writer.write(lambda session: _store(session, bare, alerts))
        log.info(
            "alert",
            status="made",
            of=len(alerts),
            channel=delivery.channel,
            id=delivery.key,
            sources=gathered.group.sources[:SOURCES_NAMED],
        )

    async def summarise_first_visits(self, *, flush: bool = False) -> int:
        """Makes the one message about what first visits found; returns the number of deliveries.

        It waits until no first visit is running any more, at most half an hour, so that thirty
        new sources are one message; `flush` does not wait. Raises StoreError.
        """
        context = self._context
        now = context.clock()
        done = await asyncio.to_thread(sum_up, context, now, flush)
        if done is None:
            return 0
        sources, deliveries = done

        def keep_all(session: Session) -> None:
            for source in sources:
                session.merge(FirstVisit(source_id=source, summarised_at=now))
            for delivery in deliveries:
                keep(session, delivery)

        await context.writer.write(keep_all)
        status = "summed up" if deliveries else "nobody to tell"
        log.info("first_visit", status=status, sources=len(sources), messages=len(deliveries))
        return len(deliveries)

    async def report_dead_letters(self) -> int:
        """Tells owners what could not be delivered; returns the number of deliveries made.

        Looks every five minutes, however often it is called. Raises StoreError.
        """
        context = self._context
        now = context.clock()
        if abs(now - self._reported) < REPORTS:
            return 0
        self._reported = now
        made = await asyncio.to_thread(due_reports, context, now)

        def keep_all(session: Session) -> None:
            for report in made:
                keep_report(session, report.channel, now)
                for delivery in report.deliveries:
                    keep(session, delivery)

        if made:
            await context.writer.write(keep_all)
        for report in made:
            log.warning("dead_letters", status="told", channel=report.channel)
        return sum(len(report.deliveries) for report in made)

    async def tell(self, event: HealthEvent, subjects: Sequence[str]) -> int:
        """Queues a health message, once for the same type and subjects; the number queued.

        It goes to the channels of `[health] notify`, in the thread of `event.outage` if it names
        one. Told again, it adds nothing and returns 0. Raises StoreError.
        """
        context = self._context
        deliveries = health_deliveries(context, event, subjects, context.clock())

        def keep_all(session: Session) -> int:
            new = [each for each in deliveries if delivery_with_key(session, each.key) is None]
            for delivery in new:
                keep(session, delivery)
            return len(new)

        queued = await context.writer.write(keep_all)
        log.info("health", status="told" if queued else "told before", type=event.type, of=queued)
        return queued

    def _waiting(self) -> Sequence[Article]:
        with self._context.store.reading() as session:
            waiting = unmatched_articles(session, BATCH + len(self._aside))
        return [article for article in waiting if article.id not in self._aside]


@dataclass
class _Done:
    """What one change did: told once it is committed, for it may be undone, and made anew."""

    taken: int = 0
    """Articles."""
    _events: list[dict[str, Any]] = field(default_factory=list)

    def note(self, article: Article, **what: Any) -> None:
        """A match, for the log."""
        self._events.append({**what, "source": article.source_id, "url": article.url})

    def told(self) -> int:
        """Tells the log; the number of articles."""
        for event in self._events:
            log.info("match", **event)
        return self.taken


def _record(
    session: Session,
    context: AlertContext,
    found: Sequence[_Matched],
    now: datetime,
) -> _Done:
    """Stores matches and alerts of articles that nobody else has taken."""
    done = _Done()
    dues = _Dues(session, context, now)
    earlier = matches_of_all(session, (one.article.id or 0 for one in found if one.hits))
    for one in found:
        article, hits = one.article, one.hits
        assert article.id is not None
        if not take_article(session, article.id, article.revision, now):
            continue
        done.taken += 1
        known = {match.watchlist: match for match in earlier.get(article.id, ())}
        for match in record_changes(session, article, one.changes, now):
            done.note(article, status="changed", watchlist=match.watchlist)
            _alert(session, context, match, article, dues, article.revision)
        for hit in hits:
            if hit.watchlist not in known:
                _record_match(session, context, article, hit, now, dues, done)
            elif article.revision > 1:
                # Their offsets are those of the text as it stands.
                known[hit.watchlist].terms = hit.terms
                known[hit.watchlist].excerpts = hit.excerpts
    return done


def _record_match(
    session: Session,
    context: AlertContext,
    article: Article,
    hit: _Found,
    now: datetime,
    dues: _Dues,
    done: _Done,
) -> None:
    """One match, and an alert for everybody who is to be told.

    What a first visit finds is told in one summary; a copy of a story that was told is shown as
    "also in" and not told again. A copy of something that was itself silent is news, and so is
    what an edit brings into an article of a first visit.
    """
    silent = "first_visit" if article.baseline and article.matched_revision == 0 else ""
    if not silent and story_is_told(session, hit.watchlist, article.story_id):
        silent = "story"
    match = _match_row(article, hit, now, silent)
    try:
        with session.begin_nested():
            session.add(match)
    except IntegrityError:
        # Another process has told the story at this very moment.
        silent = "story"
        match = _match_row(article, hit, now, silent)
        session.add(match)
        session.flush()
    seconds = _seconds(article, now)
    done.note(article, status=silent or "alert", watchlist=hit.watchlist, **seconds)
    if not silent:
        _alert(session, context, match, article, dues)


def _seconds(article: Article, now: datetime) -> dict[str, float]:
    """How long a new article waited to be matched; an edit of an old one says nothing of that."""
    if article.first_seen is None or article.matched_revision:
        return {}
    return {"seconds": round((now - article.first_seen).total_seconds(), 3)}


def _match_row(article: Article, hit: _Found, now: datetime, silent: str) -> Match:
    return Match(
        watchlist=hit.watchlist,
        article_id=article.id or 0,
        story_id=article.story_id,
        matched_at=now,
        terms=hit.terms,
        excerpts=hit.excerpts,
        silent=silent,
    )


def _alert(
    session: Session,
    context: AlertContext,
    match: Match,
    article: Article,
    dues: _Dues,
    revision: int = 0,
) -> None:
    """An alert for everybody who is to be told; `revision`: of its change, 0 of the match."""
    for channel, recipient in destinations(context, context.notified(match.watchlist)):
        to = _Destination(match.watchlist, channel, recipient)
        due = dues.of_change(to) if revision else dues.of(to, late=article.late is not None)
        session.add(
            Alert(
                match_id=match.id or 0,
                watchlist=match.watchlist,
                channel=channel,
                recipient=recipient,
                revision=revision,
                made_at=dues.now,
                held=due.held,
                due_at=due.at,
            )
        )


class _Destination(NamedTuple):
    """Whom a watchlist tells."""

    watchlist: str
    channel: str
    recipient: str


class _Due(NamedTuple):
    """When an alert is told."""

    at: datetime
    held: str = ""


class _Dues:
    """When alerts that arise at one moment are told; asks the store once for each destination."""

    def __init__(self, session: Session, context: AlertContext, now: datetime) -> None:
        self.now = now
        self._session, self._context = session, context
        self._made: dict[_Destination, int] = {}
        """Alerts of the day."""
        self._changes: dict[_Destination, int] = {}
        """Alerts of changes within CATCHING_UP."""
        self._next: dict[tuple[str, str, datetime], datetime] = {}

    def of_change(self, to: _Destination) -> _Due:
        """As `of`; a site that edits everything it has makes few replies, and then a summary."""
        if to not in self._changes:
            since = self.now - CATCHING_UP
            self._changes[to] = count_alerts(self._session, *to, since, changes=True)
        self._changes[to] += 1
        return self.of(to, late=self._changes[to] > REPLIES)

    def of(self, to: _Destination, *, late: bool) -> _Due:
        """With what waits already, or as configured; it counts as one more alert of the day.

        Beyond `max_per_day` the rest of the day arrives as one summary, when the day is over. What
        arises in quiet hours is one message in the morning anyway, so it does not count.
        `late`: it is no news of this minute and may wait for more of its kind.
        """
        context, now = self._context, self.now
        table, config = context.watchlists.get(to.watchlist), context.channels[to.channel]
        deliver = deliver_of(context, to.watchlist)
        wait = max(config.group_wait, CATCHING_UP) if late else config.group_wait
        due = due_at(deliver, now, timezone=context.zone, group_wait=wait)
        if (morning := hold_until(config.quiet, due, context.zone)) is not None:
            return _Due(morning, QUIET)
        if deliver.is_digest:
            return _Due(due)
        if table and self._count(to) >= table.max_per_day:
            midnight = day_end(now, context.zone)
            return _Due(hold_until(config.quiet, midnight, context.zone) or midnight, ABOVE)
        return _Due(self._with_company(to, due))

    def _count(self, to: _Destination) -> int:
        if to not in self._made:
            day = day_start(self.now, self._context.zone)
            self._made[to] = count_alerts(self._session, *to, day)
        self._made[to] += 1
        return self._made[to] - 1

    def _with_company(self, to: _Destination, due: datetime) -> datetime:
        key = (to.channel, to.recipient, due)
        if due > self.now and key not in self._next:
            waiting = next_gathering(self._session, to.channel, to.recipient, self.now, due)
            self._next[key] = waiting or due
        return self._next.get(key, due)


def _store(session: Session, delivery: Delivery, alerts: Sequence[int]) -> None:
    """The delivery together with the mark on its alerts; all or nothing."""
    kept = keep(session, delivery)
    assert kept.id is not None
    if attach(session, alerts, kept.id) != len(alerts):
        raise RuntimeError("the alerts of a delivery were gathered by somebody else")
