"""The channels of a site as `source doctor` shows them."""

from collections.abc import Container, Iterator, Sequence
from datetime import timedelta, tzinfo

from crawler.examine import Examination
from crawler.sources.ranking import Measure
from crawler.urls import host_of, site_name
from service.cli.output import show_time

Use = str | None
"""main | second | spare; None for a channel that cannot be read."""


def channels_of(found: Examination) -> list[tuple[Measure, Use]]:
    """Every channel that was tried, best first, those that cannot be read last."""
    chosen: list[tuple[Measure, Use]] = [(one.measure, role) for one, role in found.search.chosen()]
    shown = {measure.url for measure, _ in chosen}
    # The usual paths are guesses: that nothing is there is no news.
    tried = (m for m in found.search.failed if m.url not in shown and m.error and m.is_named)
    return chosen + [(measure, None) for measure in tried]


def channel_rows(channels: Sequence[tuple[Measure, Use]], zone: tzinfo) -> Iterator[list[str]]:
    """The rows of the table: channel, use, items, span, newest, dates, text, note."""
    for measure, use in channels:
        yield [
            f"{measure.kind} {measure.url}",
            use or "-",
            str(measure.items) if not measure.error else "-",
            span_in_words(measure.span),
            show_time(measure.newest, zone),
            f"{measure.dated:.0%}" if measure.items else "-",
            _text(measure),
            _note(measure),
        ]


def _text(measure: Measure) -> str:
    if not measure.items or measure.kind in {"sitemap", "listing"}:
        return "-"
    return "full" if measure.full_text >= 0.5 else "summary"


def _note(measure: Measure) -> str:
    notes = [measure.error] if measure.error else []
    if measure.parts:
        notes.append(f"an index of {measure.parts}; its newest part was measured")
    if measure.scope == "own":
        notes.append("of this section")
    elif measure.scope == "part":
        notes.append("a part of the site")
    return "; ".join([*notes, *measure.notes])


def span_in_words(span: timedelta | None) -> str:
    """`45 min`, `6 h`, `12 d`, `3 y`; "-" for none."""
    if span is None:
        return "-"
    minutes = span / timedelta(minutes=1)
    for size, unit in ((525_600, "y"), (1440, "d"), (60, "h")):
        if minutes >= 2 * size:
            return f"{minutes / size:.0f} {unit}"
    return f"{minutes:.0f} min"


def site_id(url: str, taken: Container[str]) -> str:
    """An id for a source that is not taken: the site's name, `dawn` for www.dawn.com."""
    return numbered(site_word(url), taken)[0]


def site_word(url: str) -> str:
    """The word that a source's id is made of."""
    return site_name(url) or host_of(url).replace(":", "-").strip("[]") or "source"


def numbered(word: str, taken: Container[str], after: int = 0) -> tuple[str, int]:
    """The word, with a number where that is taken, and the number; `after`: beyond this one."""
    number = after + 1
    while (found := word if number == 1 else f"{word}-{number}") in taken:
        number += 1
    return found, number
