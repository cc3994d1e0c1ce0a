"""What a visit leaves in its source's row: how it fares, its rhythm, when to come back.

Each function is a part of one change for the single writer; the rules are those of
`crawler.health`, `crawler.rhythm` and `crawler.schedule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session, col, select

from crawler.gap import in_words
from crawler.health import Fare, PageTally, is_refusal, judge, silence
from crawler.rhythm import ATTRIBUTED, Rhythm, from_json, to_json, watched
from crawler.schedule import VisitOutcome, next_pace, next_visit
from crawler.visit import Visit
from crawler.windows import has_open_gap, published_of
from store.articles import Entry
from store.sources import Document, Gap, HostState, SourceState

log = structlog.get_logger("crawler")

WEEK = timedelta(days=7)
SEEN_AT_FIRST = 200
"""Entries of a first visit from whose dates the rhythm is guessed."""


def record_visit(
    session: Session,
    visit: Visit,
    every: timedelta,
    now: datetime,
    chance: float,
    *,
    offline: bool = False,
) -> None:
    """Records what came of a visit. `every`: the longest wait; `chance`: for jitter, in [0, 1).

    `offline`: our own network is down, so that a failure is not the source's.
    """
    visit.recorded = True
    state = session.get(SourceState, visit.source_id)
    if state is None or state.url != visit.source.url:
        return  # the source moved to another address meanwhile
    state.last_visit = now
    state.title = visit.title or state.title
    if visit.succeeded:
        _succeed(session, state, visit, now)
    else:
        _fail(state, visit, now, offline=offline)
    state.remarks = [*visit.remarks, *_missing(session, state.id, now)]
    _judge(state, visit, now)
    outcome = _outcome(session, state, visit, every, offline=offline)
    state.next_visit = _not_before(session, state, next_visit(outcome, now, chance))
    session.add(state)
    log.info(
        "visit",
        source=visit.source_id,
        status="ok" if visit.succeeded else "error",
        new=visit.new_entries + visit.filling.new_entries,
        seconds=round((now - visit.started).total_seconds(), 3),
        first=visit.first,
        error=state.last_error,
        next_visit=state.next_visit,
    )


def _missing(session: Session, source_id: str, now: datetime) -> list[str]:
    """Gaps of the last week that could not be filled."""
    query = select(Gap).where(
        Gap.source_id == source_id, Gap.state == "unfilled", col(Gap.closed_at) > now - WEEK
    )
    return [in_words(gap.after, gap.before) for gap in session.exec(query)]


def _succeed(session: Session, state: SourceState, visit: Visit, now: datetime) -> None:
    state.failures, state.last_error, state.failing_since = 0, None, None
    state.last_success = now
    state.baseline_at = state.baseline_at or now
    if not visit.first and visit.new_entries + visit.filling.new_entries:
        state.last_new_article = now
    rhythm = watched(from_json(state.rhythm), _times(session, visit, now), now)
    state.rhythm = to_json(rhythm)
    state.articles_per_day = a_day(rhythm, state.baseline_at, now)


def _fail(state: SourceState, visit: Visit, now: datetime, *, offline: bool) -> None:
    error = "; ".join(visit.errors)[:1000] or "the visit was interrupted"
    if offline:
        state.last_error = f"our own network seems to be down ({error})"[:1000]
        return
    state.failures += 1
    state.failing_since = state.failing_since or now
    state.last_error = error


def _times(session: Session, visit: Visit, now: datetime) -> list[datetime]:
    """When the articles appeared that the visit found: their own dates, else now.

    Of what a first visit finds only dates count: they tell a first guess of the rhythm.
    """
    if not visit.first and not visit.new_entries + visit.filling.new_entries:
        return []
    query = (
        select(Entry.item)
        .where(
            Entry.source_id == visit.source_id,
            col(Entry.found_at) >= visit.started,
            col(Entry.baseline) == visit.first,
        )
        .limit(SEEN_AT_FIRST if visit.first else None)
    )
    dates = [published_of(item) for item in session.exec(query)]
    if visit.first:
        return [at for at in dates if at is not None and now - ATTRIBUTED <= at <= now]
    return [at or now for at in dates]


def a_day(rhythm: Rhythm, known_since: datetime, now: datetime) -> float:
    """Mean number of new articles a day over the last week."""
    known_for = min(max(now - known_since, timedelta(days=1)), WEEK)
    first = (now - known_for).date()
    count = sum(n for day, n in rhythm.days.items() if day > first or known_for < WEEK)
    return count / (known_for / timedelta(days=1))


def _judge(state: SourceState, visit: Visit, now: datetime) -> None:
    configured = visit.source.silent_after
    quiet = silence(
        from_json(state.rhythm).days,
        state.baseline_at,
        state.last_new_article,
        now,
        None if configured == "auto" else configured,
    )
    settle(state, visit.blocked, visit.gone, quiet, now)


def settle(state: SourceState, blocked: bool, gone: bool, quiet: str | None, now: datetime) -> None:
    """Gives a source the state that it deserves, and remembers since when."""
    verdict = judge(
        Fare(
            failures=state.failures,
            last_error=state.last_error,
            blocked=blocked,
            gone=gone,
            pages_failed=state.pages_failed,
            page_error=state.page_error,
            pages_blocked=is_refusal(state.page_error),
            silence=quiet,
            remarks=(*([state.suspicion] if state.suspicion else []), *state.remarks),
        )
    )
    if verdict.state != state.state or state.state_since is None:
        state.state_since = now
    state.state, state.reason = verdict.state, verdict.reason


def _outcome(
    session: Session, state: SourceState, visit: Visit, every: timedelta, *, offline: bool
) -> VisitOutcome:
    windows = _windows(session, visit)
    overlaps = [document.overlap for document in windows if document.overlap is not None]
    if not visit.spells and not visit.first:
        # After an outage the window has moved on by no fault of the pace.
        state.pace = next_pace(state.pace, min(overlaps, default=None))
    return VisitOutcome(
        every=every,
        failures=state.failures,
        gone=visit.gone,
        rhythm=from_json(state.rhythm),
        window=min((document.entries for document in windows), default=0),
        pace=state.pace,
        wish=max((w for w in (visit.refresh_asked, visit.max_age) if w is not None), default=None),
        crawl_delay=visit.crawl_delay,
        offline=offline and not visit.succeeded,
        filling=has_open_gap(session, visit.source_id),
    )


def _windows(session: Session, visit: Visit) -> Sequence[Document]:
    """The main documents that this visit read and that list something."""
    query = select(Document).where(
        Document.source_id == visit.source_id,
        Document.role == "main",
        Document.entries > 0,
        col(Document.fetched_at) >= visit.started,
    )
    return session.exec(query).all()


def _not_before(session: Session, state: SourceState, at: datetime) -> datetime:
    """Not sooner than the host wishes to be asked again."""
    held = session.get(HostState, state.host)
    return max(at, held.not_before) if held and held.not_before else at


def record_pages(session: Session, pages: PageTally, now: datetime) -> None:
    """Records how the pages of a crawl went; a site may show its list and refuse its articles."""
    for source_id, failed in pages.run.items():
        state = session.get(SourceState, source_id)
        if state is None:
            continue
        before = 0 if source_id in pages.any_had else state.pages_failed
        state.pages_failed = before + failed
        state.page_error = pages.errors.get(source_id, state.page_error) if failed else None
        if not state.failures:
            quiet = state.reason if state.state == "silent" else None
            settle(state, blocked=False, gone=False, quiet=quiet, now=now)
        session.add(state)


def rest(session: Session, host: str, now: datetime, spacing: timedelta | None = None) -> None:
    """Nothing is asked of a host until `spacing` has passed; None: as long as the last time."""
    state = session.get(HostState, host) or HostState(host=host)
    if spacing is not None:
        state.spacing = spacing.total_seconds()
    state.rests_until = now + timedelta(seconds=state.spacing)
    session.add(state)
