"""When is an article's page asked for again? Rules, each with its reason:

- Edits come soon: the first look is half an hour after an article was first seen, and each wait is
  about as long as the article is old (30 min, 1 h, 2 h, 4 h … 5 days). So an edit is found after
  at most as much time again as it took to come, at nine requests an article.
- A site that edits much is looked at more often, one that hardly ever does less: the wait is
  stretched or shrunk by up to two, after the share of looks that found an edit. A tenth is usual
  (`USUAL`); until a hundred looks have been had, it counts for most of what is believed.
- After a fortnight it ends (`LONGEST`); articles that were older when first seen are not visited
  again. What changes later is found when the site says so.
- A feed or sitemap that gives a later `modified` than it gave before is believed, though not more
  often than every ten minutes. Some write the time of day into every answer: a document that says
  so of more than five articles and more than a tenth of those it lists is not believed, and neither
  is one about an article that was looked at ten times without finding an edit.
- A page that is not there (404) is looked for again after an hour before it counts as removed:
  sites lose pages while they publish. 410 counts at once.
- Jitter, up to a tenth of the wait, keeps the articles of one morning from falling due together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SOONEST = timedelta(minutes=30)
LONGEST = timedelta(days=14)
USUAL = 0.1
"""Part of the looks that find an edit."""
LOOKS_BELIEVED = 100
MOST_STRETCH = 2.0
JITTER = 0.1
HASTE = timedelta(minutes=10)
CLAIMS_BELIEVED = 5
SHARE_BELIEVED = 0.1
LOOKS_IN_VAIN = 10
LOOK_FOR_MISSING = timedelta(hours=1)
MISSING_TWICE = 2


@dataclass(frozen=True, slots=True)
class Habit:
    """How often looks at a source's articles found an edit."""

    looks: int = 0
    edits: int = 0


def next_revisit(born: datetime, habit: Habit, now: datetime, jitter: float) -> datetime | None:
    """When to look again; None for never. `jitter` is a random number in [0, 1).

    `born` is when the article was published, or first seen where that is unknown.
    """
    age = max(now - born, timedelta())
    if age > LONGEST:
        return None
    wait = max(SOONEST, age * _stretch(habit))
    return now + wait * (1 + JITTER * jitter)


def _stretch(habit: Habit) -> float:
    share = (habit.edits + USUAL * LOOKS_BELIEVED) / (habit.looks + LOOKS_BELIEVED)
    return min(max(USUAL / share, 1 / MOST_STRETCH), MOST_STRETCH)


def is_removed(status: int | None, missing: int) -> bool:
    """Whether a page is gone for good, after it was not there `missing` times in a row."""
    return status == 410 or missing >= MISSING_TWICE


@dataclass(frozen=True, slots=True)
class Looks:
    """What came of the looks at one article so far."""

    last: datetime
    count: int = 0
    edits: int = 0


def are_believed(claims: int, listed: int) -> bool:
    """Whether a document that says that `claims` of `listed` articles changed can mean it."""
    return claims <= max(CLAIMS_BELIEVED, listed * SHARE_BELIEVED)


def hastened(modified: datetime, looks: Looks, now: datetime) -> datetime | None:
    """When to look at an article that its source says was modified; None: as planned."""
    if modified <= looks.last or modified > now + HASTE:
        return None
    if looks.edits == 0 and looks.count >= LOOKS_IN_VAIN:
        return None
    return max(now, looks.last + HASTE)
