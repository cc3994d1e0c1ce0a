"""How much one message holds, and which articles it shows of more. Pure."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from alerts.message import ArticleView, Section

MOST = 50
"""Articles that one message shows; further ones it names, and of more it tells the number."""
NAMED = 150
"""Articles of which it tells title, source and address only."""
_NAMED_ROOM = 60_000
"""Code points of the titles and addresses of those: the HTML of a message has a limit."""
PAYLOAD_LIMIT = 20_000
"""Bytes of the JSON of one message (Standard Webhooks asks for less than 20 kB)."""
_CUT_TEXT = 500
"""Code points left of a text in a record that is larger than a message."""

_SHORTEST_TEXT = 60

T = TypeVar("T")


class Place(NamedTuple):
    """What an article is sorted by."""

    story: int | None
    moment: float
    """Seconds since 1970, as exactly as known."""


def moment_of(published: datetime | None, precision: str, first_seen: datetime | None) -> float:
    """When it was published, or first seen where that is not known to the minute."""
    known = published if precision == "minute" else first_seen
    known = known or published
    return known.timestamp() if known else 0.0


def place_of(article: ArticleView) -> Place:
    """What an article that is told is sorted by."""
    moment = moment_of(article.published, article.precision, article.first_seen)
    return Place(article.story, moment)


def newest_first(items: Sequence[T], place: Callable[[T], Place]) -> list[T]:
    """The newest story first; what belongs to one story stays together, the newest first."""
    places = [place(item) for item in items]
    newest: dict[int | None, float] = {}
    for story, moment in places:
        newest[story] = max(newest.get(story, 0.0), moment)

    def key(number: int) -> tuple[float, int, float, int]:
        story, moment = places[number]
        return -newest[story], story or 0, -moment, number

    return [items[number] for number in sorted(range(len(items)), key=key)]


def shares(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each group are shown, `most` in all: small groups wholly, large ones alike."""
    given = [0] * len(sizes)
    left = most
    smallest_first = sorted(range(len(sizes)), key=lambda number: sizes[number])
    for done, number in enumerate(smallest_first):
        given[number] = min(sizes[number], -(-left // (len(sizes) - done)))
        left -= given[number]
    return given


def shown(sections: Sequence[Section]) -> list[Section]:
    """The sections with the first articles of each, MOST in all, and the names of the next, NAMED
    in all; each counts what it leaves out.

    A section of which nothing can be shown is still there, for the counts.
    """
    kept = shares([len(section.articles) for section in sections], MOST)
    left = [section.articles[count:] for section, count in zip(sections, kept, strict=True)]
    named = shares([len(articles) for articles in left], NAMED)
    told, room = [], _NAMED_ROOM
    for section, count, rest, number in zip(sections, kept, left, named, strict=True):
        names = []
        for article in rest[:number]:
            room -= len(article.title) + len(article.url)
            if room < 0:
                break
            names.append(article)
        more = len(rest) - len(names)
        told.append(
            replace(section, articles=section.articles[:count], named=tuple(names), more=more)
        )
    return told


def size_of(value: object) -> int:
    """Bytes of its JSON as it is sent."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "replace"))


def fitting(records: Iterable[T], room: int) -> list[T]:
    """The first of the records: as many as fit into so many bytes of JSON."""
    kept: list[T] = []
    for record in records:
        room -= size_of(record) + 1
        if room < 0:
            break
        kept.append(record)
    return kept


def parts(items: Sequence[T], record: Callable[[T], object], room: int) -> Iterator[list[T]]:
    """The items in runs whose records fit into so many bytes, each run of MOST at most."""
    part: list[T] = []
    left = room
    for item in items:
        size = size_of(record(item)) + 1
        if part and (len(part) >= MOST or size > left):
            yield part
            part, left = [], room
        part.append(item)
        left -= size
    if part:
        yield part


def trimmed(record: Mapping[str, Any], room: int) -> dict[str, Any]:
    """A match as JSON that fits into so many bytes.

    Excerpts go first, the last one first, then the words of a change, then what an article has in
    lists; in the end its texts are cut.
    """
    cut = dict(record)
    while size_of(cut) > room and cut.get("excerpts"):
        cut["excerpts"] = cut["excerpts"][:-1]
    if size_of(cut) > room and cut.get("change"):
        cut["change"] = {**cut["change"], "diff": []}
    if size_of(cut) > room:
        cut["terms"] = fitting(cut["terms"], room // 4)
        cut["article"] = _cut_article(cut["article"], _CUT_TEXT)
    if size_of(cut) > room and cut.get("change"):
        cut["change"] = {name: fitting(value, room // 8) for name, value in cut["change"].items()}
    most = _CUT_TEXT
    while size_of(cut) > room and most > _SHORTEST_TEXT:
        most //= 2  # letters of four bytes
        cut["article"] = _cut_article(cut["article"], most)
    return cut


def _cut_article(article: Mapping[str, Any], most: int) -> dict[str, Any]:
    cut = {**article, "authors": [], "tags": []}
    for name in ("title", "standfirst", "section", "image", "late"):
        if isinstance(cut.get(name), str):
            cut[name] = cut[name][:most]
    return cut
