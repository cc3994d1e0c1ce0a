"""Turns what is to be told into messages, with templates that a person may replace."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alerts.message import (
    ArticleView,
    Count,
    Heading,
    HealthEvent,
    Kind,
    Message,
    Section,
    alert_subject,
    event_payload,
    matched_payload,
    outage_thread,
    published_line,
    rfc3339,
    thread_of,
    told_time,
)

BUILT_IN = Path(__file__).parent / "templates"
RENDERED_LIMIT = 256 * 1024
"""Characters of one rendered part; beyond it the HTML is left out and the text is cut."""

OWN_LIMIT = 8 * RENDERED_LIMIT
"""Characters after which an operator's template is stopped: it may loop without end."""


class Composer:
    """Composes messages in one time zone."""

    def __init__(self, zone: tzinfo, folder: Path | None = None) -> None:
        """`folder` may hold templates that replace ours, file by file."""
        self._zone = zone
        self._plain = _environment(FileSystemLoader(BUILT_IN), zone)
        self._own = self._plain
        if folder is not None and folder.is_dir():
            loader = ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(BUILT_IN)])
            self._own = _environment(loader, zone)

    def alert(self, delivery: str, sections: Sequence[Section], now: datetime) -> Message:
        """A message about articles that matched just now; at least one section with one."""
        return self._articles("alert", delivery, sections, now, Heading(""))

    def digest(
        self, delivery: str, sections: Sequence[Section], now: datetime, heading: Heading
    ) -> Message:
        """What a period brought; sections in order, articles newest first."""
        ordered = [
            Section(section.watchlists, section.name, tuple(newest_first(section.articles)))
            for section in sections
        ]
        return self._articles("digest", delivery, ordered, now, heading)

    def first_visit(
        self,
        delivery: str,
        sources: Sequence[Count],
        watchlists: Sequence[Count],
        now: datetime,
    ) -> Message:
        """What was there when sources were visited first; it is stored and not told one by one."""
        matches = sum(count.matches for count in watchlists)
        noun = "source" if len(sources) == 1 else "sources"
        subject = (
            f"Wirewatch now reads {len(sources)} {noun}: "
            f"{matches} past {'match' if matches == 1 else 'matches'}"
        )
        facts = {
            "delivery": delivery,
            "sources": [_counted("source", count) for count in sources],
            "watchlists": [_counted("watchlist", count) for count in watchlists],
        }
        values = {"sources": sources, "watchlists": watchlists, "matches": matches}
        payload = event_payload("source.first_visit", now, facts)
        return self._message("summary", subject, "summary", values, payload)

    def past(
        self, delivery: str, section: Section, found: int, since: datetime | None, now: datetime
    ) -> Message:
        """What a watchlist matched in the past; `section` has the latest of it.

        `since` is where the past begins that was looked through; None: it came by import.
        """
        noun = "article" if found == 1 else "articles"
        subject = f"{section.name}: {found} past {noun}"
        shown, (watchlist,) = len(section.articles), section.watchlists
        note = "None of them is sent by itself."
        if shown < found:
            note = f"The latest {shown} of them; to read all: wirewatch matches --watchlist "
            note += watchlist
        origin = f"since {told_time(since, self._zone)}" if since else "came by import"
        title = f"{found} {noun} {origin}"
        facts = {
            "delivery": delivery,
            "watchlist": watchlist,
            "since": rfc3339(since) if since else None,
            "found": found,
            "matches": [dict(article.record) for article in section.articles],
        }
        values = {"sections": [section], "heading": Heading(title, note), "subject": subject}
        payload = event_payload("watchlist.past", now, facts)
        return self._message("summary", subject, "articles", values, payload)

    def health(self, delivery: str, event: HealthEvent, now: datetime) -> Message:
        """A line about the monitor itself."""
        payload = event_payload(event.type, now, {"delivery": delivery, **event.facts})
        values = {"event": event, "now": now}
        subject = f"Wirewatch: {event.title}"
        thread = outage_thread(event)
        return self._message("health", subject, "health", values, payload, thread)

    def _articles(
        self,
        kind: Kind,
        delivery: str,
        sections: Sequence[Section],
        now: datetime,
        heading: Heading,
    ) -> Message:
        ids = tuple(dict.fromkeys(id_ for section in sections for id_ in section.watchlists))
        subject = alert_subject(sections)
        if heading.title:
            subject = f"{heading.title}: {subject}"
        payload = matched_payload(delivery, ids, sections, now)
        values = {"sections": sections, "heading": heading, "subject": subject}
        return self._message(kind, subject, "articles", values, payload, thread_of(sections))

    def _message(
        self,
        kind: Kind,
        subject: str,
        template: str,
        values: Mapping[str, Any],
        payload: dict[str, Any],
        thread: str | None = None,
    ) -> Message:
        text, bad_text = self._render(f"{template}.txt", values)
        html, bad_html = self._render(f"{template}.html", values)
        if len(html) > RENDERED_LIMIT:
            html = ""
        if len(text) > RENDERED_LIMIT:
            text = text[:RENDERED_LIMIT] + "\n…\n"
        return Message(kind, subject, text, html, payload, thread, bad_text or bad_html)

    def _render(self, name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """The rendered template and what was wrong with the operator's own, if anything."""
        if self._own is self._plain:
            return self._plain.get_template(name).render(values), ""
        try:
            return _bounded(self._own.get_template(name), values), ""
        except Exception as error:  # noqa: BLE001 - an own template may do anything but stop alerts
            plain = self._plain.get_template(name).render(values)
            return plain, f"{name}: {type(error).__name__}: {error}"


def _bounded(template: Template, values: Mapping[str, Any]) -> str:
    """What a template of somebody else's prints. Raises ValueError when that is out of bounds."""
    pieces, size = [], 0
    for piece in template.generate(values):
        size += len(piece)
        if size > OWN_LIMIT:
            raise ValueError(f"prints more than {OWN_LIMIT // 1024} thousand characters")
        pieces.append(piece)
    return "".join(pieces)


def newest_first(articles: Sequence[ArticleView]) -> list[ArticleView]:
    """By publication, or by first sight where that is unknown; copies follow with their story."""

    def moment(article: ArticleView) -> float:
        known = article.published if article.precision == "minute" else article.first_seen
        known = known or article.published
        return known.timestamp() if known else 0.0

    newest: dict[int | None, float] = {}
    for article in articles:
        newest[article.story] = max(newest.get(article.story, 0.0), moment(article))
    return sorted(
        articles,
        key=lambda article: (-newest[article.story], article.story or 0, -moment(article)),
    )


def _counted(name: str, count: Count) -> dict[str, Any]:
    return {name: count.id, "articles": count.articles, "matches": count.matches}


def _environment(loader: BaseLoader, zone: tzinfo) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=lambda name: name is None or not name.endswith(".txt"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["published"] = lambda article: published_line(article, zone)
    environment.filters["moment"] = lambda moment: told_time(moment, zone)
    return environment
