"""What a message says, whatever the channel: subject, plain text, HTML and JSON. Pure.

Text from pages is hostile. It reaches the HTML through autoescaping only, links through
`safe_link`, and headers through `alerts.mime`, which lets no control character pass.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from alerts.moments import in_zone, shifted

Kind = Literal["alert", "digest", "summary", "health"]

TITLE_LIMIT = 160
"""Code points of a headline in a subject; mail programs show fewer."""

ID_SHOWN = 12
"""Characters of an id by which a person names a message: 72 bits."""
NAMED = 5
"""Watchlists that a subject names with their counts."""

# Written out: strftime would follow the locale of whoever starts the service.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
LATE = timedelta(hours=3)
"""An article that is told so long after its publication says so."""
_MIDNIGHT = timedelta(hours=13)
_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""What mail programs may show as the end of a line."""


class Piece(NamedTuple):
    """A run of an excerpt's text."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class ExcerptView:
    """A piece of the article around a match."""

    text: str
    highlights: tuple[tuple[int, int], ...] = ()
    """Start and end of the marked parts, in code points of `text`; in order, not overlapping."""

    @property
    def pieces(self) -> list[Piece]:
        """The text in runs, marked and unmarked in turn."""
        runs, at = [], 0
        for start, end in self.highlights:
            runs += [Piece(self.text[at:start], False), Piece(self.text[start:end], True)]
            at = end
        runs.append(Piece(self.text[at:], False))
        return [run for run in runs if run.text]


@dataclass(frozen=True, slots=True)
class CopyView:
    """The same story at another source."""

    source_name: str
    url: str

    @property
    def link(self) -> str:
        """The address if it may stand in a link, else empty."""
        return safe_link(self.url)


class DiffPiece(NamedTuple):
    """A run of words of a diff."""

    mark: str
    """same | gone | new"""
    text: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What changed in an article that was told before."""

    lines: tuple[str, ...]
    """One thing that happened a line."""
    diff: tuple[DiffPiece, ...] = ()
    removed: bool = False
    """Whether the article is no more."""


@dataclass(frozen=True, slots=True)
class ArticleView:
    """One article as it is told."""

    title: str
    url: str
    source_id: str
    source_name: str
    published: datetime | None = None
    precision: str = "unknown"
    """minute | day | unknown"""
    offset: timedelta | None = None
    """The article's own zone, as its date names it: ahead of UTC; None where it names none."""
    first_seen: datetime | None = None
    excerpts: tuple[ExcerptView, ...] = ()
    why: str = ""
    """One line: which words, where."""
    late: str = ""
    """`published 6 h ago; the service was down`, when it is told long after; else empty."""
    also_in: tuple[CopyView, ...] = ()
    change: ChangeView | None = None
    """Of an article that was told before: what changed in it."""
    story: int | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    """The match as JSON, for machines."""
    thread: str = ""
    """The conversation of its story (`story_thread`)."""

    @property
    def link(self) -> str:
        """The address if it may stand in a link, else empty."""
        return safe_link(self.url)


@dataclass(frozen=True, slots=True)
class Section:
    """The articles of one watchlist, or of several that matched the same ones."""

    watchlists: tuple[str, ...]
    name: str
    articles: tuple[ArticleView, ...]
    named: tuple[ArticleView, ...] = ()
    """Further articles of it, of which the message tells title, source and address only."""
    more: int = 0
    """Articles of it that the message only counts."""

    @property
    def count(self) -> int:
        """Articles of it, shown, named or counted."""
        return len(self.articles) + len(self.named) + self.more


@dataclass(frozen=True, slots=True)
class Count:
    """A line of a summary."""

    id: str
    name: str
    articles: int
    matches: int = 0


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """Something to tell about the monitor itself."""

    type: str
    """source.failing | source.silent | source.recovered | channel.stopped | channel.test | …"""
    title: str
    """One line: what happened to whom."""
    lines: tuple[str, ...] = ()
    """What it means and what to do about it."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The same for machines."""
    outage: str = ""
    """What joins the messages of one outage into a thread: `dawn 2026-03-01T08:00:00Z`."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the articles of a message."""

    title: str = ""
    """"Daily digest"."""
    note: str = ""
    mark: str = ""
    """What the subject begins with, where that is not the title."""
    counts: tuple[Count, ...] = ()
    """The articles of each watchlist, where not all are shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which of several messages that tell one thing."""

    number: int = 1
    of: int = 1


WHOLE = Part()
"""The only one."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to be frozen into a delivery."""

    kind: Kind
    subject: str
    text: str
    html: str
    payload: dict[str, Any]
    thread: str | None = None
    """What it shares with the messages of one conversation: a story, an outage."""
    problems: tuple[str, ...] = ()
    """What was wrong with an operator's templates, which were therefore not used."""


def delivery_id(
    installation: str, channel: str, recipient: str, watchlist: str, subjects: Iterable[str]
) -> str:
    """The id of a delivery: the same whenever the same is told to the same destination.

    `subjects` are the canonical URLs of the articles, in any order. It survives a crash, a restart
    and a database restored from a backup. 43 characters of A-Z a-z 0-9 - _: no full stop, which
    would be ambiguous in what a webhook signs.
    """
    told = [installation, channel, recipient, watchlist, *sorted(subjects)]
    digest = hashlib.sha256(json.dumps(told).encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def list_command(delivery: str) -> str:
    """What lists everything that a message tells of; the beginning of its id is enough."""
    return f"wirewatch matches --delivery {delivery[:ID_SHOWN]}"


def safe_link(url: str) -> str:
    """The address if it is http(s) with a host and nothing odd in it, else empty."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    odd = any(letter.isspace() or ord(letter) < 32 or letter in '<>"\\`' for letter in url)
    return url if usable and not odd and url.isprintable() else ""


def told_time(moment: datetime, zone: tzinfo) -> str:
    """`1 March 2026, 17:05 (Asia/Karachi)`."""
    local = in_zone(moment, zone)
    return f"{told_day(local.date())}, {local:%H:%M} ({local.tzinfo})"


def published_line(article: ArticleView, zone: tzinfo) -> str:
    """When it was published, no more exactly than known; else when it was first seen."""
    if article.published is not None and article.precision == "minute":
        return told_time(article.published, zone)
    if article.published is not None and article.precision == "day":
        # Midnight in the source's zone, kept in UTC. Where the zone is not known, 13 hours later
        # it is the same day in UTC for every zone from -10 to +13, where nearly all press lives.
        later = _MIDNIGHT if article.offset is None else article.offset
        return told_day(shifted(article.published, later).date())
    seen = f", first seen {told_time(article.first_seen, zone)}" if article.first_seen else ""
    return f"date unknown{seen}"


def late_words(
    published: datetime | None, precision: str, now: datetime, reason: str | None = None
) -> str:
    """`published 6 h ago; the service was down`: its age when it is old, and why; else empty.

    A site may list late, a digest gathers, the service may have stood still: whoever reads the
    alert must not take it for news of this minute. A day is told as such only when it is surely
    over in every zone.
    """
    age = _age(published, precision, now)
    if reason is None:
        return age
    return f"{age or 'found late'}; {reason}"


def _age(published: datetime | None, precision: str, now: datetime) -> str:
    if published is None or precision not in {"minute", "day"}:
        return ""
    age = now - published
    if precision == "minute" and LATE <= age < timedelta(days=2):
        return f"published {age // timedelta(hours=1)} h ago"
    return f"published {age.days} days ago" if age >= timedelta(days=2) else ""


def told_day(day: date) -> str:
    """`1 March 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def alert_subject(sections: Sequence[Section]) -> str:
    """`Durand Line: Kabul protests new fence — Dawn`, or counts for several articles."""
    articles = [article for section in sections for article in section.articles]
    total = sum(section.count for section in sections)
    if total == len(articles) == 1:
        (article,) = articles
        (name,) = (section.name for section in sections if section.articles)
        changed = "removed: " if article.change and article.change.removed else "changed: "
        mark = changed if article.change else ""
        return f"{name}: {mark}{_cut(article.title)} — {article.source_name}"
    what = "changed articles" if all(article.change for article in articles) else "articles"
    if len(sections) == 1:
        return f"{sections[0].name}: {total} {what}"
    return f"{total} {what}: {_counted(sections)}"


def _counted(sections: Sequence[Section]) -> str:
    """`Durand Line (2), TTP (1)`; of many the largest, and the number of the others."""
    by_size = sorted(range(len(sections)), key=lambda number: -sections[number].count)
    told = [sections[number] for number in sorted(by_size[:NAMED])]
    counts = ", ".join(f"{section.name} ({section.count})" for section in told)
    rest = len(sections) - len(told)
    return f"{counts} and {rest} more" if rest else counts


def thread_of(sections: Sequence[Section]) -> str | None:
    """The conversation of the story that a message is about, if it is one only."""
    threads = {article.thread for section in sections for article in section.articles}
    (thread,) = threads if len(threads) == 1 else ("",)
    return thread or None


def story_thread(installation: str, first_url: str) -> str:
    """The conversation of a story, from the canonical URL of its first article.

    A story's number would join strangers: another installation, or a database begun anew, has a
    story of the same number.
    """
    return f"story-{_short_hash(installation, first_url)}"


def _short_hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def outage_thread(event: HealthEvent) -> str | None:
    """The conversation that tells of one outage from its beginning to its end."""
    if not event.outage:
        return None
    return f"outage-{_short_hash(event.outage)}"


def _cut(title: str) -> str:
    line = one_line(title)
    return line if len(line) <= TITLE_LIMIT else line[: TITLE_LIMIT - 1].rstrip() + "…"


def matched_payload(
    delivery: str,
    watchlists: Sequence[str],
    sections: Sequence[Section],
    now: datetime,
    part: Part,
) -> dict[str, Any]:
    """The JSON of an alert or digest, as the manual describes it."""
    records = [dict(article.record) for section in sections for article in section.articles]
    told = {
        "delivery": delivery,
        "watchlist": ",".join(watchlists),
        "part": part.number,
        "parts": part.of,
        "matches": records,
    }
    changed = [article.change for section in sections for article in section.articles]
    kind = "watchlist.changed" if changed and all(changed) else "watchlist.matched"
    return event_payload(kind, now, told)


def event_payload(type_: str, now: datetime, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope that all JSON messages share."""
    return {"type": type_, "timestamp": rfc3339(now), "data": dict(facts)}


def storable(text: str) -> str:
    """The text without what a database refuses: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """The text without line breaks of any kind: it cannot begin a line of its own."""
    return " ".join(text.split())


def quoted(text: str) -> str:
    """The text with every further line quoted, whatever breaks it: none passes for ours."""
    return _BREAK.sub("\n> ", text)


def rfc3339(moment: datetime) -> str:
    """`2026-03-01T12:00:00Z`, with fractions only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
