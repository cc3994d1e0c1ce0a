"""Tells people how the monitor itself fares: broken and recovered sources, gaps, the daily line.

What is worth telling is decided in `crawler.health`; here it is read, put into words and marked as
told. A message is queued before the mark is made, and its id is made of what it tells, so that a
crash between the two repeats nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func, select

from alerts.digest import Deliver, due_at, parse_deliver
from alerts.message import HealthEvent
from crawler.gap import in_words
from crawler.health import Condition, is_news, span
from service.config import Config
from service.status import configured, is_healthy, read_lines
from store.articles import Article
from store.deliveries import Match
from store.engine import Store
from store.http_client import guarded_client, httpx
from store.installation import fact
from store.integrity import ADVICE
from store.sources import (
    CrawlRun,
    Gap,
    Outage,
    SourceState,
    outages_since,
    source_states,
    unfilled_gaps,
)
from store.writer import Writer

log = structlog.get_logger("service")

Tell = Callable[[HealthEvent, Sequence[str]], Awaitable[int]]

WORTH_A_MESSAGE = timedelta(minutes=10)
"""A shorter outage of our network is over before anybody could look."""
GAPS_TOLD = timedelta(days=1)
"""Gaps given up longer ago were told."""
STILL_NEWS = timedelta(hours=6)
"""How late the line of coverage may be, after a time without service."""
PERIODS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(days=7)}
DAYLIGHT_SAVED = timedelta(hours=2)
"""At least what clocks jump by when summer begins or ends."""
HEARTBEAT = timedelta(minutes=5)
HEARTBEAT_TIMEOUT = 10.0
"""Seconds."""

_WORDS = {
    "failing": ("source.failing", "cannot be read"),
    "blocked": ("source.failing", "refuses us"),
    "gone": ("source.failing", "is gone"),
    "silent": ("source.silent", "has fallen silent"),
}
_ADVICE = {
    "failing": "It is tried again, at least once a day; one more message tells when it can be.",
    "blocked": "Ask the site to let the crawler in, or use another channel of it "
    "(wirewatch source doctor shows which there are).",
    "gone": "Its address answers 404 or 410. It is tried again for as long as it is configured; "
    "wirewatch source doctor finds where the site has moved its channels.",
    "silent": "It can be read and lists nothing new. wirewatch source doctor shows whether another "
    "channel of the site is alive.",
}


@dataclass(frozen=True, slots=True)
class _News:
    """An event, the subjects that make its id, and the mark to make once it is queued."""

    event: HealthEvent
    subjects: tuple[str, ...]
    mark: Callable[[Session], None]


class HealthWatch:
    """Looks at how sources fare and tells what is new about it; one caller at a time."""

    def __init__(
        self,
        config: Config,
        store: Store,
        writer: Writer,
        tell: Tell,
        clock: Callable[[], datetime],
    ) -> None:
        """`tell` queues a message to those whom `[health] notify` names."""
        self.config = config
        self._store, self._writer, self._tell, self._clock = store, writer, tell, clock
        self._told: set[tuple[str, ...]] = set()
        """What needs no mark because it is told once a run; its id keeps it from coming twice."""
        self._beat_at: datetime | None = None

    async def look(self) -> int:
        """Tells what is new; returns the number of messages queued. Raises StoreError."""
        now = self._clock()
        told = 0
        for news in await asyncio.to_thread(self._read, now):
            told += await self._tell(news.event, news.subjects)
            self._told.add(news.subjects)
            await self._writer.write(news.mark)
            log.info("health", status=news.event.type, title=news.event.title)
        return told

    def _read(self, now: datetime) -> list[_News]:
        with self._store.reading() as session:
            news = [
                *_damage(session, now),
                *_network(session, now),
                *_sources(session, self.config, now),
                *_gaps(session, self.config, now),
                *_coverage(session, self.config, now),
            ]
        return [each for each in news if each.subjects not in self._told]

    async def beat(self) -> None:
        """Fetches `[health] heartbeat` when all is well; silence then alarms whoever listens."""
        url, now = self.config.health.heartbeat, self._clock()
        # A clock that was set back makes the last one lie ahead: that is no reason for silence.
        if not url or (self._beat_at is not None and abs(now - self._beat_at) < HEARTBEAT):
            return
        if not await asyncio.to_thread(self._is_well, now):
            return
        self._beat_at = now
        try:
            code = await self._fetch(url)
            status = "ok" if code // 100 == 2 else f"HTTP {code}"
        except httpx.HTTPError as error:
            status = str(error) or type(error).__name__
        except TimeoutError:
            status = "no answer in time"
        log.info("heartbeat", status=status)

    async def _fetch(self, url: str) -> int:
        """The status of the answer, of whose body nothing is read."""
        allowed = self.config.crawler.allow_private
        async with (
            asyncio.timeout(HEARTBEAT_TIMEOUT),
            guarded_client(allowed, timeout=HEARTBEAT_TIMEOUT) as client,
            client.stream("GET", url) as answer,
        ):
            return answer.status_code

    def _is_well(self, now: datetime) -> bool:
        with self._store.reading() as session:
            offline = any(each.ended_at is None for each in outages_since(session, now))
        known = configured(self.config)
        return not offline and is_healthy(read_lines(self._store, now, known))


def _nothing(_session: Session) -> None:
    """What is told once a run needs no mark."""


def _damage(session: Session, now: datetime) -> Iterator[_News]:
    """One message a day while the database's file is known to be damaged."""
    if found := fact(session, "damage"):
        event = HealthEvent(
            "database.damaged",
            "the database is damaged",
            (
                f"{found}.",
                f"{ADVICE[0].upper()}{ADVICE[1:]}.",
                "wirewatch check --database says more.",
            ),
            {"found": found},
        )
        yield _News(event, ("database.damaged", now.date().isoformat()), _nothing)


def _network(session: Session, now: datetime) -> Iterator[_News]:
    """One message when our own network goes down, one when it is back."""
    for outage in outages_since(session, now - timedelta(days=30)):
        began = outage.began_at or now
        if outage.kind != "network" or outage.told == "ended":
            continue
        lasted = (outage.ended_at or now) - began
        if outage.ended_at is None and outage.told == "" and lasted >= WORTH_A_MESSAGE:
            title = f"most sources cannot be reached since {began:%Y-%m-%d %H:%M} UTC"
            lines = ("They failed together, so it is probably this machine's network, not theirs.",)
            yield _network_news("network.failing", title, lines, outage, began)
        elif outage.ended_at is not None and outage.told == "began":
            title = f"sources can be reached again, after {span(lasted)}"
            lines = ("What they published meanwhile is being caught up with.",)
            yield _network_news("network.recovered", title, lines, outage, began)


def _network_news(
    kind: str, title: str, lines: tuple[str, ...], outage: Outage, began: datetime
) -> _News:
    number, told = outage.id, "began" if kind == "network.failing" else "ended"

    def mark(session: Session) -> None:
        row = session.get_one(Outage, number)
        row.told = told
        session.add(row)

    facts = {"since": began.isoformat()}
    event = HealthEvent(kind, title, lines, facts, outage=f"network {began.isoformat()}")
    return _News(event, (kind, began.isoformat()), mark)


def _sources(session: Session, config: Config, now: datetime) -> Iterator[_News]:
    """One message for each outage of a source and one at its end."""
    if any(o.kind == "network" and o.ended_at is None for o in outages_since(session, now)):
        return  # it is not their fault, and they are told of when the network is back
    query = select(SourceState).where(SourceState.state != SourceState.told_state)
    for state in session.exec(query):
        source = config.sources.get(state.id)
        if source is None or not source.enabled:
            continue
        what = is_news(Condition(state.id, state.state, state.told_state, state.failures))
        if what is not None:
            yield _source_news(state, source.name or state.title or state.id, what, now)


def _source_news(state: SourceState, name: str, what: str, now: datetime) -> _News:
    since = state.state_since or now
    if what == "broken":
        kind, words = _WORDS[state.state]
        lines = [f"{state.reason or 'For no known reason'}.", _ADVICE[state.state]]
        title = f"{name} {words}"
    else:
        kind, title = "source.recovered", f"{name} can be read again"
        if state.told_state == "silent":
            title = f"{name} publishes again"
        lines = [f"It was {state.told_state}."]
    source_id, told = state.id, state.state
    # What is told of one outage stands in one conversation: it began with the first message.
    began = state.told_since or since

    def mark(session: Session) -> None:
        row = session.get(SourceState, source_id)
        if row is not None:
            row.told_state = told
            row.told_since = began if what == "broken" else None
            session.add(row)

    facts = {
        "source": state.id,
        "url": state.url,
        "state": state.state,
        "reason": state.reason,
        "since": since.isoformat(),
    }
    outage = f"{state.id} {began.isoformat()}"
    event = HealthEvent(kind, title, tuple(lines), facts, outage=outage)
    return _News(event, (kind, state.id, since.isoformat()), mark)


def _gaps(session: Session, config: Config, now: datetime) -> Iterator[_News]:
    """One message for each gap that could not be filled."""
    for gap in unfilled_gaps(session, now - GAPS_TOLD):
        source = config.sources.get(gap.source_id)
        if source is not None and source.enabled:
            yield _gap_news(gap, source.name or gap.source_id)


def _gap_news(gap: Gap, name: str) -> _News:
    what = in_words(gap.after, gap.before)
    event = HealthEvent(
        "source.gap",
        f"{name}: {what}",
        (
            "Between two visits everything that it shows at once was replaced, and no other "
            "channel of it reaches back far enough.",
            "A shorter `every` for this source, or a second channel, keeps that from happening.",
        ),
        {
            "source": gap.source_id,
            "after": gap.after.isoformat() if gap.after else None,
            "before": gap.before.isoformat() if gap.before else None,
        },
    )
    return _News(event, (gap.source_id, f"gap {gap.id} {gap.opened_at}"), _nothing)


def _coverage(session: Session, config: Config, now: datetime) -> Iterator[_News]:
    """The line that comes even when nothing matched, when its time has come."""
    if not config.health.coverage:
        return
    deliver = parse_deliver(config.health.coverage)
    period = PERIODS.get(deliver.every)
    if period is None:
        return
    zone = ZoneInfo(config.service.timezone)
    since, moment = _last_moments(deliver, now, period, zone)
    if not moment <= now < moment + STILL_NEWS or not _ran_before(session, moment):
        return
    line = coverage_line(session, config, since, moment)
    facts = {"since": since.isoformat(), "until": moment.isoformat()}
    event = HealthEvent("monitor.coverage", line, (), facts)
    yield _News(event, ("coverage", moment.isoformat()), _nothing)


def _last_moments(
    deliver: Deliver, now: datetime, period: timedelta, zone: tzinfo
) -> tuple[datetime, datetime]:
    """The last two of its times that have come; a day on which clocks change is shorter or longer.

    Local times are counted, not hours: where clocks went forward, 24 hours ago lies before
    yesterday's time.
    """
    begin = now - 2 * period - DAYLIGHT_SAVED
    moments = [due_at(deliver, begin, timezone=zone, group_wait=timedelta())]
    while (after := due_at(deliver, moments[-1], timezone=zone, group_wait=timedelta())) <= now:
        moments.append(after)
    return moments[-2], moments[-1]


def _ran_before(session: Session, moment: datetime) -> bool:
    query = select(CrawlRun.id).where(col(CrawlRun.started_at) < moment)
    return session.exec(query.limit(1)).first() is not None


def coverage_line(session: Session, config: Config, since: datetime, until: datetime) -> str:
    """`0 matches; 41 of 43 sources read, 2 silent (a, b), 1,204 articles scanned`."""
    enabled = [name for name, source in config.sources.items() if source.enabled]
    states = source_states(session)
    read = [n for n in enabled if (at := _last_success(states, n)) is not None and at > since]
    parts = [f"{len(read)} of {len(enabled)} sources read"]
    for word in ("failing", "blocked", "gone", "silent"):
        names = [name for name in enabled if name in states and states[name].state == word]
        if names:
            parts.append(f"{len(names)} {word} ({', '.join(names)})")
    matches = _count(session, col(Match.matched_at), since, until)
    articles = _count(session, col(Article.first_seen), since, until)
    parts.append(f"{articles:,} {'article' if articles == 1 else 'articles'} scanned")
    return f"{matches:,} {'match' if matches == 1 else 'matches'}; {', '.join(parts)}"


def _last_success(states: Mapping[str, SourceState], name: str) -> datetime | None:
    return states[name].last_success if name in states else None


def _count(session: Session, at: Mapped[datetime | None], since: datetime, until: datetime) -> int:
    query = select(func.count()).where(at > since, at <= until)
    return session.exec(query).one()
