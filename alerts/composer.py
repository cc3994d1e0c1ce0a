"""Turns what is to be told into messages, with templates that a person may replace."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from traceback import extract_tb
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alerts.message import (
    WHOLE,
    Count,
    Heading,
    HealthEvent,
    Kind,
    Message,
    Part,
    Section,
    alert_subject,
    event_payload,
    list_command,
    matched_payload,
    one_line,
    outage_thread,
    published_line,
    quoted,
    rfc3339,
    storable,
    thread_of,
    told_time,
)
from alerts.message_size import (
    PAYLOAD_LIMIT,
    fitting,
    newest_first,
    place_of,
    shown,
    size_of,
)

BUILT_IN = Path(__file__).parent / "templates"
RENDERED_LIMIT = 256 * 1024
"""Characters of one rendered part; beyond it the HTML is left out and the text is cut."""

BARE = Heading()

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

    def alert(
        self,
        delivery: str,
        sections: Sequence[Section],
        now: datetime,
        heading: Heading = BARE,
        part: Part = WHOLE,
    ) -> Message:
        """A message about articles that matched just now; at least one section with one."""
        return self._articles("alert", delivery, sections, now, heading, part)

    def digest(
        self,
        delivery: str,
        sections: Sequence[Section],
        now: datetime,
        heading: Heading,
        part: Part = WHOLE,
    ) -> Message:
        """What a period brought."""
        return self._articles("digest", delivery, sections, now, heading, part)

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
        facts = _first_visit_facts(delivery, sources, watchlists, now)
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
        latest, (watchlist,) = len(section.articles), section.watchlists
        note = "None of them is sent by itself."
        if latest < found:
            note = f"The latest {latest} of them; to read all: wirewatch matches --watchlist "
            note += watchlist
        origin = f"since {told_time(since, self._zone)}" if since else "came by import"
        title = f"{found} {noun} {origin}"
        facts: dict[str, Any] = {
            "delivery": delivery,
            "watchlist": watchlist,
            "since": rfc3339(since) if since else None,
            "found": found,
            "matches": [],
        }
        room = PAYLOAD_LIMIT - size_of(event_payload("watchlist.past", now, facts))
        facts["matches"] = fitting((dict(each.record) for each in section.articles), room)
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
        part: Part,
    ) -> Message:
        """Sections in order, articles newest first; of too many the newest, and the counts."""
        ids = tuple(dict.fromkeys(id_ for section in sections for id_ in section.watchlists))
        ordered = [
            replace(section, articles=tuple(newest_first(section.articles, place_of)))
            for section in sections
        ]
        told = shown(ordered)
        subject = alert_subject(told)
        if mark := heading.mark or heading.title:
            subject = f"{mark}: {subject}"
        if part.of > 1:
            subject = f"{subject} ({part.number} of {part.of})"
        payload = matched_payload(delivery, ids, told, now, part)
        values = {
            "sections": [section for section in told if section.articles or section.named],
            "heading": _heading(heading, told, delivery),
            "subject": subject,
        }
        return self._message(kind, subject, "articles", values, payload, thread_of(told))

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
        text, html = storable(text), storable(html)
        if len(html) > RENDERED_LIMIT:
            html = ""
        if len(text) > RENDERED_LIMIT:
            text = text[:RENDERED_LIMIT] + "\n…\n"
        problems = tuple(dict.fromkeys(filter(None, (bad_text, bad_html))))
        return Message(kind, storable(subject), text, html, payload, thread, problems)

    def _render(self, name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """The rendered template and what was wrong with the operator's own, if anything."""
        if self._own is self._plain:
            return self._plain.get_template(name).render(values), ""
        try:
            return _bounded(self._own.get_template(name), values), ""
        except Exception as error:  # noqa: BLE001 - an own template may do anything but stop alerts
            plain = self._plain.get_template(name).render(values)
            return plain, _place_in(error, name)


def _place_in(error: Exception, name: str) -> str:
    """`articles.txt:3: UndefinedError: 'x' is undefined`: the last place in a template."""
    place = name
    if isinstance(error, TemplateSyntaxError):
        place = f"{error.name or name}:{error.lineno}"
    else:
        for frame in extract_tb(error.__traceback__):
            if Path(frame.filename).suffix in {".txt", ".html"}:
                place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"{place}: {type(error).__name__}: {error}"


def _bounded(template: Template, values: Mapping[str, Any]) -> str:
    """What a template of somebody else's prints. Raises ValueError when that is out of bounds."""
    pieces, size = [], 0
    for piece in template.generate(values):
        size += len(piece)
        if size > OWN_LIMIT:
            raise ValueError(f"prints more than {OWN_LIMIT // 1024} thousand characters")
        pieces.append(piece)
    return "".join(pieces)


def _heading(heading: Heading, told: Sequence[Section], delivery: str) -> Heading:
    """What stands above the articles; where not all are shown, it counts and says how to see them.

    An operator's own template that prints title and note says it as well.
    """
    total = sum(section.count for section in told)
    here = sum(len(section.articles) for section in told)
    if here == total:
        return replace(heading, counts=())
    which = "The newest" if len(told) == 1 else "The newest of each watchlist"
    note = f"{which} are shown, {here} of {total}. To list all: {list_command(delivery)}"
    return replace(
        heading,
        title=heading.title or f"{total} articles",
        note=f"{heading.note} {note}".strip(),
    )


def _first_visit_facts(
    delivery: str, sources: Sequence[Count], watchlists: Sequence[Count], now: datetime
) -> dict[str, Any]:
    """What fits into one payload: of many the first sources, and the watchlists that match most."""
    frame = {"delivery": delivery, "sources": [], "watchlists": []}
    rest = {"more_sources": len(sources), "more_watchlists": len(watchlists)}
    room = PAYLOAD_LIMIT - size_of(event_payload("source.first_visit", now, {**frame, **rest}))
    matched = sorted(watchlists, key=lambda count: -count.matches)
    told = fitting((_counted("watchlist", count) for count in matched), room // 2)
    kept = {each["watchlist"] for each in told}
    ordered = [_counted("watchlist", count) for count in watchlists if count.id in kept]
    read = fitting((_counted("source", count) for count in sources), room - size_of(ordered))
    return {
        "delivery": delivery,
        "sources": read,
        "more_sources": len(sources) - len(read),
        "watchlists": ordered,
        "more_watchlists": len(watchlists) - len(ordered),
    }


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
    environment.filters["one_line"] = one_line
    environment.filters["quoted"] = quoted
    environment.filters["moment"] = lambda moment: told_time(moment, zone)
    return environment
