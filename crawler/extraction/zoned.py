"""Every piece of a page's visible text with the zone it was put in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from crawler.extraction.blocks import Block
from crawler.extraction.lexicon import is_byline, is_service, points_elsewhere
from crawler.extraction.zones import Zones
from crawler.items import ArticleItem

Zone = Literal[
    "title", "standfirst", "body", "caption", "quote", "byline", "tags", "related", "comments",
    "service", "ad", "frame", "other",
]  # fmt: skip
"""related: other stories; service: share bars, newsletters, consent; frame: the site's own."""
ZONES: tuple[Zone, ...] = get_args(Zone)
_ZONE_OF_KIND: dict[str, Zone] = {
    "furniture": "related",
    "card": "related",
    "known": "related",
    "page": "frame",
    "service": "service",
    "consent": "service",
    "share": "service",
    "ad": "ad",
    "talk": "comments",
    "byline": "byline",
    "tags": "tags",
    "caption": "caption",
    "gallery": "caption",
    "quote": "quote",
}


@dataclass(frozen=True, slots=True)
class ZonedText:
    """A piece of text and its zone."""

    zone: Zone
    text: str


def zoned_texts(blocks: list[Block], zones: Zones) -> Iterator[ZonedText]:
    """The page's text in its order; what its style hides is left out."""
    body = set(zones.places)
    for n, block in enumerate(blocks):
        if n == zones.headline:
            yield ZonedText("title", block.text)
        elif n == zones.standfirst_at:
            yield ZonedText("standfirst", block.text)
        elif n in body:
            yield ZonedText("body", block.text)
        elif block.kind != "hidden":
            yield ZonedText(_ZONE_OF_KIND.get(block.kind) or _zone_of_rest(block), block.text)


def _zone_of_rest(block: Block) -> Zone:
    if block.link_share > 0.5 or points_elsewhere(block.text):
        return "related"
    if is_byline(block.text):
        return "byline"
    return "service" if is_service(block.text) else "other"


def texts_by_zone(article: ArticleItem, texts: tuple[ZonedText, ...]) -> dict[Zone, list[str]]:
    """The texts of each zone, those of the article as it is kept."""
    found: dict[Zone, list[str]] = {zone: [] for zone in ZONES}
    for piece in texts:
        found[piece.zone].append(piece.text)
    found["title"] = [article.title] if article.title else []
    found["standfirst"] = [article.standfirst] if article.standfirst else []
    found["body"] = article.body.split("\n\n") if article.body else []
    found["tags"] = list(article.tags) or found["tags"]
    return found
