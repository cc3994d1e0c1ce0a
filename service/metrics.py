"""Prometheus metrics: what happened is counted from the log's events, what waits is read on demand.

One event is one outcome, so the log and the counters cannot tell two stories. Labels are only our
own words and the configuration's ids; nothing that a site wrote becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlmodel import Session
from structlog.typing import EventDict, WrappedLogger

from service.status import lines
from store.articles import count_stored
from store.engine import Store
from store.sources import last_successes, states

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTED = ("visit", "page", "match", "alert", "delivery", "host", "job", "health", "config")
"""Events that are counted; `service` and the like happen once."""
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)


class Metrics:
    """Counters of one service; a step of the log that counts each event and passes it on."""

    def __init__(self) -> None:
        """All counters begin at nought, as Prometheus expects after a restart."""
        self.registry = CollectorRegistry()
        self._events = Counter(
            "wirewatch_events",
            "Outcomes since the start, by event, status and the source or channel they concern.",
            ("event", "status", "of"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "wirewatch_event_seconds",
            "How long what an event tells of took: a visit, a page, a delivery since its alert.",
            ("event",),
            buckets=BUCKETS,
            registry=self.registry,
        )

        self._articles = Histogram(
            "wirewatch_alert_seconds",
            "From the storing of an article to the acceptance of a message that tells of it.",
            ("channel",),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Counts the event."""
        name = event.get("event")
        if name in COUNTED:
            of = event.get("source") or event.get("channel") or ""
            self._events.labels(name, str(event.get("status", "")), str(of)).inc()
            seconds = event.get("seconds")
            if isinstance(seconds, int | float):
                self._seconds.labels(name).observe(seconds)
            since_article = event.get("article_seconds")
            if isinstance(since_article, int | float):
                self._articles.labels(str(of)).observe(since_article)
        return event

    def text(self, store: Store, now: Callable[[], datetime]) -> bytes:
        """Everything in Prometheus' text format. Raises StoreError."""
        reading = CollectorRegistry()
        with store.reading() as session:
            reading.register(_Waiting(session, now()))
        return self.counted() + generate_latest(reading)

    def counted(self) -> bytes:
        """What this process has counted, in the same format; asks no database."""
        return generate_latest(self.registry)


class _Waiting(Collector):
    """The lines, their ages and the sources, as the database shows them.

    Only columns that are shown are read: of 20,000 sources, whole rows take seconds.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._status = lines(session, now)
        self._articles, _ = count_stored(session)
        self._states = states(session)
        self._last_successes = last_successes(session)

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        status = self._status
        yield _family(
            "wirewatch_waiting",
            "Rows in each waiting line.",
            "line",
            {
                "entries": status.entries_waiting,
                "articles": status.articles_waiting,
                "deliveries": status.deliveries_waiting,
                "dead_letters": status.dead_letters,
            },
        )
        due = {
            "entries": status.oldest_due_entry,
            "articles": status.oldest_unmatched,
            "deliveries": status.oldest_due_delivery,
        }
        yield _family(
            "wirewatch_waiting_seconds",
            "Since when the oldest due row of each line waits; 0 when none does.",
            "line",
            {line: _age(status.at, since) for line, since in due.items()},
        )
        yield GaugeMetricFamily("wirewatch_articles", "Articles stored.", self._articles)
        yield from self._sources()

    def _sources(self) -> Iterator[Metric]:
        yield _family("wirewatch_sources", "Sources by state.", "state", self._states)
        yield _family(
            "wirewatch_source_last_success_seconds",
            "Unix time of each source's last successful visit.",
            "source",
            {source: at.timestamp() for source, at in self._last_successes.items()},
        )


def _family(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _age(now: datetime, since: datetime | None) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
