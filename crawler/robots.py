"""What a robots.txt allows (RFC 9309), for the answer that came when it was asked for.

2xx: its first 500 KiB count. 4xx but 429: there is none, all is allowed. 5xx, 429 or no answer at
all: everything is forbidden until it can be had again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from protego import Protego

MOST_BYTES = 500 * 1024
LARGE = 50_000
"""Bytes from which reading one, and asking it, may take long: hundreds of kilobytes of patterns
take a second or two to read, and half a second for each long address."""
LONGEST_DELAY = timedelta(seconds=60)
"""Crawl-delay is obeyed up to this; some files ask for a day between two pages."""


@dataclass(frozen=True, slots=True)
class RobotRules:
    """The rules of one host for our user agent."""

    crawl_delay: timedelta | None
    sitemaps: tuple[str, ...]
    refusal: str
    """What to say of a forbidden address."""
    temporary: bool
    """Whether the refusal is only for want of an answer: then it is worth another try."""
    is_large: bool
    """Whether asking it may take so long that nothing else should wait for it."""
    _agent: str
    _parsed: Protego | None = field(repr=False)
    """None: one answer for every address."""
    _otherwise: bool = True

    def allows(self, url: str) -> bool:
        """Whether the address may be fetched."""
        return self._otherwise if self._parsed is None else self._parsed.can_fetch(url, self._agent)


def rules_from(status: int | None, body: bytes, agent: str) -> RobotRules:
    """The rules that an answer to robots.txt means; `status` None when no answer came."""
    if status is None or status >= 500 or status == 429:
        said = "could not be had" if status is None else f"answers HTTP {status}"
        why = f"robots.txt {said}; until it can be read, everything counts as forbidden (RFC 9309)"
        return RobotRules(None, (), why, True, False, agent, None, _otherwise=False)
    if not 200 <= status < 300:
        return RobotRules(None, (), "", False, False, agent, None)
    parsed = Protego.parse(body[:MOST_BYTES].decode("utf-8", "replace"))
    delay = parsed.crawl_delay(agent)
    return RobotRules(
        crawl_delay=None if delay is None else _bounded(delay),
        sitemaps=tuple(parsed.sitemaps),
        refusal="robots.txt forbids it",
        temporary=False,
        is_large=len(body) > LARGE,
        _agent=agent,
        _parsed=parsed,
    )


def _bounded(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST_DELAY.total_seconds()))
