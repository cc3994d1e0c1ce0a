"""The one message about what first visits found: stored, counted, not told article by article."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from alerts.context import AlertContext
from alerts.freezing import destinations, freeze
from alerts.message import Count, Message, delivery_id, event_payload
from alerts.message_size import PAYLOAD_LIMIT, fitting
from alerts.views import source_names
from store.deliveries import Delivery
from store.outbox import count_baseline, count_silent, first_visit_runs, unsummarised, unvisited

log = structlog.get_logger("alerts")

FIRST_VISITS_WAIT = timedelta(minutes=30)
"""The summary of first visits waits so long for the slowest source, so that it is one message."""


def sum_up(
    context: AlertContext, now: datetime, flush: bool
) -> tuple[list[str], list[Delivery]] | None:
    """The sources to sum up now and the deliveries that do it; None while it is too early."""
    with context.store.reading() as session:
        waiting = unsummarised(session)
        done = [source for source in waiting if not first_visit_runs(session, source.id)]
        if not done:
            return None
        began = min(source.baseline_at for source in done if source.baseline_at)
        early = len(done) < len(waiting) or unvisited(session)
        if early and not flush and now - began < FIRST_VISITS_WAIT:
            return None
        names = told_apart(source_names(context, {source.id: source for source in done}))
        found = {source.id: count_silent(session, source.id) for source in done}
        sources = [
            Count(
                source.id,
                names[source.id],
                count_baseline(session, source.id),
                sum(found[source.id].values()),
            )
            for source in done
        ]
    called = told_apart({id_: context.watchlist_name(id_) for id_ in context.watchlists})
    watchlists = [
        Count(id_, called[id_], 0, sum(each.get(id_, 0) for each in found.values()))
        for id_ in context.watchlists
    ]
    subjects = [f"{source.id} {source.url} {source.baseline_at}" for source in done]
    return [source.id for source in done], _summaries(context, subjects, sources, watchlists, now)


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """The names by id; two that are called alike have their ids beside them."""
    alike = Counter(name.casefold() for name in names.values())
    return {
        id_: name if alike[name.casefold()] == 1 or name == id_ else f"{name} ({id_})"
        for id_, name in names.items()
    }


def _message(
    context: AlertContext,
    key: str,
    sources: Sequence[Count],
    watchlists: Sequence[Count],
    now: datetime,
) -> Message:
    """The summary; a barer one if it cannot be composed, for it must not come up every second."""
    try:
        return context.composer.first_visit(key, sources, watchlists, now)
    except Exception:
        log.exception("first_visit", status="told barely", id=key)
    text = "".join(f"{count.id}: {count.articles}\n" for count in sources)
    named = fitting(({"source": count.id} for count in sources), PAYLOAD_LIMIT // 2)
    facts = {"delivery": key, "sources": named, "more_sources": len(sources) - len(named)}
    payload = event_payload("source.first_visit", now, facts)
    return Message("summary", f"Wirewatch now reads {len(sources)} more", text, "", payload)


def _summaries(
    context: AlertContext,
    subjects: Sequence[str],
    sources: Sequence[Count],
    watchlists: Sequence[Count],
    now: datetime,
) -> list[Delivery]:
    """One for everybody whom any watchlist tells."""
    channels = dict.fromkeys(
        channel for watchlist in context.watchlists for channel in context.notified(watchlist)
    )
    made = []
    for channel, recipient in destinations(context, list(channels)):
        key = delivery_id(context.installation, channel, recipient, "first visit", subjects)
        message = _message(context, key, sources, watchlists, now)
        made.append(freeze(context, key, message, channel, recipient, (), now))
    return made
