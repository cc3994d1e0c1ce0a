"""New article, or one we have? The policy, in order; the first that holds decides.

1. *Address*: a known article has one of the page's addresses (as listed, where redirects ended,
   the canonical one; each as `crawler.urls.url_key` sees it, so without scheme, www, tracking
   parameters, AMP and print forms). Duplicate.
2. *GUID*: an article of the same source was listed under the same GUID **and** has the same
   headline. Duplicate. A GUID alone proves nothing: feeds give one GUID to several articles, and
   build new ones each time.
3. *Text on the same site*: an article of the same registrable domain has exactly the same
   normalised text. Duplicate: a second address, a print page, a moved section.
4. *Text on another site*: a copy. A new article of the same story.
5. *Nearly the same text*, anywhere: a new article of the same story (`crawler.stories`).
6. Otherwise a new article of a new story.

How false duplicates are avoided: fingerprints exist only for texts of at least 40 words
(`crawler.extraction.fingerprint`), so that stubs, captions and "subscribe to read" pages never
equal each other; canonical addresses are taken only where believable
(`crawler.urls.believable_canonical`), so that a site whose pages all claim the front page keeps its
articles apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Known:
    """An article we have, as far as the decision needs it."""

    id: int
    story_id: int
    same_site: bool
    """Whether its registrable domain is the page's."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the store knows that speaks for a duplicate; each oldest first but the last."""

    at_address: Sequence[Known] = ()
    same_guid_and_title: Sequence[Known] = ()
    same_text: Sequence[Known] = ()
    near_text: Sequence[Known] = ()
    """Near-identical ones, the most alike first."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It is an article we have."""

    article_id: int
    reason: Literal["address", "guid", "text"]


@dataclass(frozen=True, slots=True)
class New:
    """It is an article we do not have; `story_id` is None where its story is new too."""

    story_id: int | None


def decide(evidence: Evidence) -> Duplicate | New:
    """Applies the policy above."""
    if evidence.at_address:
        return Duplicate(evidence.at_address[0].id, "address")
    if evidence.same_guid_and_title:
        return Duplicate(evidence.same_guid_and_title[0].id, "guid")
    for known in evidence.same_text:
        if known.same_site:
            return Duplicate(known.id, "text")
    alike = [*evidence.same_text, *evidence.near_text]
    return New(alike[0].story_id if alike else None)
