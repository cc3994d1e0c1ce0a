"""The headline, without the site's name.

A page states its headline up to five times: <h1>, JSON-LD headline, og:title, twitter:title and
<title>. The printed one (<h1>) is taken when another claim confirms it, since heads are often
written for search engines; else the claims in that order. A site's name is cut off a claim where it
stands after or before a separator and is known to be one.
"""

import re

from crawler.extraction.structured import Structured, item_value, string
from crawler.extraction.tree import Tree
from crawler.extraction.zones import folded
from crawler.text import clean_line
from crawler.urls import host_of

_SEPARATOR = re.compile(r"\s+[|·•–—»«:\-/~]+\s+|\s*[|｜]\s*|\s+::\s+|:: ")
_LETTERS = re.compile(r"[^\W\d_]")


def find_title(tree: Tree, claims: Structured, url: str) -> str:
    """The headline; empty when the page has none at all."""
    site = site_name(claims)
    title_tag = next((element.text() for element in tree.all("title")), "")
    heads = [
        string(claims.node.get("headline")),
        claims.first("og:title"),
        *[item_value(item) for item in claims.items.get("headline", [])[:1]],
        claims.first("twitter:title", "title", "dc.title", "sailthru.title", "parsely-title"),
        string(claims.node.get("name")),
        title_tag,
    ]
    heads = [without_site(head, site, url) for head in heads if head.strip()]
    printed = _printed(tree, heads)
    return clean_line(printed or next(iter(heads), ""), 500)


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


def _printed(tree: Tree, heads: list[str]) -> str:
    """The heading that a claim of the head confirms; a lone <h1> needs no confirmation."""
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
        return best
    headings = [element.text() for element in tree.all("h1")]
    return headings[0] if not heads and len(headings) == 1 else ""


def _likeness(one: set[str], other: set[str]) -> float:
    """Share of common words, 0 to 1."""
    return len(one & other) / max(1, len(one | other))


def without_site(title: str, site: str, url: str) -> str:
    """The title without the publication's name before or after a separator."""
    title = " ".join(title.split())
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
