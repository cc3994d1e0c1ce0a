"""The headline, without the site's name.

A page states its headline up to five times, and they often differ: heads are written for search
engines and social networks, the printed one may carry a kicker. Each claim has a weight, equal
claims add theirs up, the heaviest text wins. The weights were fitted on 328 pages with a known
headline; their order is what matters: a printed heading beats a lone claim of the head, two claims
of the head that agree beat the heading.
"""

import re

from crawler.extraction.body import folded
from crawler.extraction.structured import Structured, item_value, string
from crawler.extraction.tree import Tree
from crawler.text import clean_line
from crawler.urls import host_of

_SEPARATOR = re.compile(r"\s+[|·•–—»«:\-/~]+\s+|\s*[|｜]\s*|\s+::\s+|:: ")
_QUOTES = {ord(old): new for old, new in zip("‘’‚“”„«»–—", '\'\'\'"""""--', strict=True)}
_LETTERS = re.compile(r"[^\W\d_]")
_LOOKED_AT = 10_000
"""Characters; a longer text is no headline, and its words would take sixty times its size."""


_JSON_LD, _ITEM, _LONE_H1, _PRINTED, _OG, _TAG, _OTHER = 3.0, 3.0, 4.0, 2.5, 1.0, 0.7, 0.01


def find_title(tree: Tree, claims: Structured, url: str) -> str:
    """The headline; empty when the page has none at all."""
    site = site_name(claims)
    title_tag = next((element.text() for element in tree.all("title")), "")
    item = next(iter(claims.items.get("headline", ())), None)
    heads = [
        (_JSON_LD, string(claims.node.get("headline"))),
        (_OG, claims.first("og:title")),
        (_TAG, title_tag),
        (_ITEM, item_value(item) if item is not None else ""),
        (_OTHER, claims.first("twitter:title", "title", "dc.title", "sailthru.title")),
        (_OTHER, string(claims.node.get("name"))),
    ]
    claimed = [(weight, without_site(text, site, url)) for weight, text in heads if text.strip()]
    votes: dict[str, float] = {}
    texts: dict[str, str] = {}
    for weight, text in [_heading(tree, [text for _, text in claimed[:4]]), *claimed]:
        votes[_voted(text)] = votes.get(_voted(text), 0.0) + weight
        texts.setdefault(_voted(text), text)
    votes.pop("", None)
    return clean_line(texts[max(votes, key=lambda text: votes[text])]) if votes else ""


def _voted(text: str) -> str:
    return text.translate(_QUOTES).replace("\u00ad", "").strip()


def site_name(claims: Structured) -> str:
    """The publication's name as the page states it; empty when it does not."""
    publisher = claims.node.get("publisher")
    return (
        claims.first("og:site_name", "application-name", "al:android:app_name")
        or (string(publisher) if isinstance(publisher, dict) and publisher.get("name") else "")
        or next(
            (
                string(node.get("name"))
                for node in claims.nodes
                if node.get("@type") in ("WebSite", "NewsMediaOrganization")
            ),
            "",
        )
    )


def _heading(tree: Tree, heads: list[str]) -> tuple[float, str]:
    """The printed headline with its weight: the heading most like a claim, else a lone <h1>."""
    known = [set(folded(head).split()) for head in heads]
    best, best_score = "", 0.0
    for element in tree.all("h1", "h2", "h3"):
        if element.tag != "h1" and "title" not in element.label.lower():
            continue
        text = element.text()
        if not _LETTERS.search(text) or len(text) > 300:
            continue
        words = set(folded(text).split())
        score = max((_likeness(words, head) for head in known), default=0.0)
        if score > best_score:
            best, best_score = text, score
    if best_score >= 0.5:
        return _PRINTED, best
    headings = [element.text() for element in tree.all("h1")]
    return _LONE_H1, next((text for text in headings if 12 < len(text) < 250), "")


def _likeness(one: set[str], other: set[str]) -> float:
    """Share of common words, 0 to 1."""
    return len(one & other) / max(1, len(one | other))


def without_site(title: str, site: str, url: str) -> str:
    """The title without the publication's name before or after a separator."""
    title = " ".join(title[:_LOOKED_AT].split())
    for _ in range(3):
        shorter = _without_end(title, site, url)
        if shorter == title:
            break
        title = shorter
    return title


def _without_end(title: str, site: str, url: str) -> str:
    found = list(_SEPARATOR.finditer(title))
    if not found:
        return title
    last, first = found[-1], found[0]
    if _is_site(title[last.end() :], site, url):
        return title[: last.start()].strip() or title
    if _is_site(title[: first.start()], site, url):
        return title[first.end() :].strip() or title
    return title


def _is_site(part: str, site: str, url: str) -> bool:
    name, known = _squeezed(part), _squeezed(site)
    if not name or len(part) > 60:
        return False
    if known and (
        name == known or (len(name) > 3 and (known.startswith(name) or name.startswith(known)))
    ):
        return True
    host = host_of(url)
    labels = [
        _squeezed(label) for label in host.split(".")[:-1] if label not in {"www", "co", "com"}
    ]
    return (
        any(
            name == label or (len(label) > 3 and len(name) > 3 and (label in name or name in label))
            for label in labels
        )
        or name == _squeezed(host)
        or name == _squeezed(host.removeprefix("www."))
    )


def _squeezed(text: str) -> str:
    return "".join(re.findall(r"\w", text.casefold()))
