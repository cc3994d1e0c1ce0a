"""Who wrote it: persons, or an agency.

Claims are read in order of trust: JSON-LD of this article, author metas, microdata and rel=author,
then bylines by class name near the headline. A name is kept when it looks like one; roles, mail
addresses, "Admin", "Staff Reporter" and the site's own name are not authors.
"""

import re
from collections.abc import Iterator

from crawler.extraction.blocks import Block
from crawler.extraction.lexicon import any_of, kind_of, names, starts
from crawler.extraction.structured import Structured, item_value, strings
from crawler.extraction.tree import Element, Tree
from crawler.text import clean_line

_PREFIX = starts(
    r"""
    (?:by|von|par|por|di|da|door|av|af|przez|от|text|texte|words|author|autor(?:in|a|es)?)\s*[: ]\s*
    (?:written by|reported by|posted by|posté par|publié par|publicado por|scritto da)\s*:?\s+
    ein (?:kommentar|gastbeitrag) von\s+ | eine analyse von\s+ | (?:reporting|story) by\s+
    (?:автор|interview|文|取材・文|著者|記者|نوشته|از|تحریر|بقلم|كتب|لیکوال)\s*[:：／/ ]\s*
    """
)
_SPLIT = re.compile(
    r"\s*(?:[,;/|•·\n、，،]|\s(?:&|and|und|et|y|e|en|och|og|i|и|ve|dan|–|—|-|with|mit)\s)\s*",
    re.IGNORECASE,
)
_ROLES = any_of(
    r"""
    admin(?:istrator)? | staff | editor(?:s|ial)? | desk | team | news ?room | webdesk | bureau
    redaktion\w* | redacción | redacao | redação | rédaction | redazione | redakcja | redaktör\w*
    correspondent | reporters? | journalist | contributors? | guest | author | writer | columnist
    agency | agencies | producer | photographer | manager | director | chief | head of | senior
    associate | online | webmaster | unknown | anonymous | user | special to | follow | twitter
    min(?:utes?)? read | updated | published | posted | view (?:all|profile) | facebook | e-?mail
    https? | www | copyright | newsletter | subscribe | about | none | null | undefined | n/a
    korrespondent\w* | redakteur\w* | leiter\w* | chef\w* | volontär\w* | reporterin | autorin
    freie[rn]? | politik | wirtschaft | sport | kultur | press | media | magazine | daily | times
    post | news | herald | tribune | gazette | zeitung | journal | agenturen | name | says | von
    nachrichten | group | inc | ltd | gmbh | ag | illustration by | personal finance | lifestyle
    """
)
_NOT_A_PERSON = re.compile(rf"\b{_ROLES}\b|\.com\b|@|\d|編集|部$|社$|取材班", re.IGNORECASE)
_AGENCY_NAMES = (
    "AFP", "dpa", "Reuters", "AP", "Associated Press", "The Associated Press", "PTI", "ANI",
    "IANS", "APA", "SID", "Xinhua", "EFE", "ANSA", "Anadolu Agency", "APP", "Bloomberg",
    "Agence France-Presse", "Press Trust of India", "Pajhwok", "epd", "KNA", "NTB", "TT", "Ritzau",
)  # fmt: skip
_AGENCIES = {name.casefold(): name for name in _AGENCY_NAMES}
_PARTICLE = re.compile(
    r"(?:d[aeio]|do?s|del|della|van|von|de[rn]|te[nr]|l[ae]|[ae]l|bin|ben|ibn|zum?|[yeo]|a[fv]|st)$"
)
_MAX_AUTHORS = 20
_TRIED = 6  # printed bylines that are looked at, the nearest to the headline first
_IN_NAMES = re.compile(rf"{_PARTICLE.pattern}|.*['’]")
_AFTER_NAME = re.compile(
    r"\s*(?:\d|@|\bam\b|\bon\b|\bin\b|\bat\b|\ble\b|\bUpdated\b|\bPublished\b|\bLast\b|"
    r"\b(?:Jan|Feb|Mar|Mär|Apr|May|Mai|Jun|Jul|Aug|Sep|Sept|Oct|Okt|Nov|Dec|Dez)\w*\.? \d|"
    r"\b(?:Mon|Tues?|Wed|Thu|Thurs|Fri|Sat|Sun)(?:day)?,).*$"
)
_NOT_HERE = frozenset({"talk", "furniture"})
_BYLINE = names(
    r"""
    by-line | by-line-name | authors? | autor | autoren | author-name | post-author | writer
    article-author | entry-author | verfasser | auteur | autore | firma | signature
    """
)
_METAS = (
    "author", "article:author", "parsely-author", "sailthru.author", "dc.creator", "byl",
    "dcterms.creator", "dc.creator.name", "cxenseparse:author",
)  # fmt: skip


def find_authors(
    tree: Tree, claims: Structured, blocks: list[Block], site: str, headline: int, first: int
) -> tuple[str, ...]:
    """The authors' names in the page's order.

    `headline` and `first` are the positions of the headline's and the first paragraph's blocks.
    """
    for source in _claimed_names(tree, claims, blocks, headline, first):
        authors = clean_authors(source, site)
        if authors:
            return authors
    return ()


def _claimed_names(
    tree: Tree, claims: Structured, blocks: list[Block], headline: int, first: int
) -> Iterator[list[str]]:
    yield _people(claims, "author") or _people(claims, "creator")
    yield [name for key in _METAS for name in claims.meta.get(key, ())]
    yield [_item_name(item) for item in claims.items.get("author", ())]
    start = blocks[headline].element.index if headline >= 0 else -1
    for text in _bylines(tree, start):
        yield [_byline_name(text)]
    for text in _signed_lines(blocks, headline, first):
        yield [_byline_name(text)]


def _people(claims: Structured, role: str) -> list[str]:
    """The names a JSON-LD node gives a role, references to other nodes resolved."""
    value = claims.node.get(role)
    people = value if isinstance(value, list) else [value]
    found: list[str] = []
    for person in people[:_MAX_AUTHORS]:
        named = person
        if isinstance(person, dict) and not person.get("name") and person.get("@id"):
            same = (node for node in claims.nodes if node.get("@id") == person["@id"])
            named = next((node.get("name") for node in same if node.get("name")), None)
        found += strings(named)
    return found


def clean_authors(raw: list[str], site: str = "") -> tuple[str, ...]:
    """The persons and agencies among some raw author strings, each once, in order."""
    found: dict[str, str] = {}
    for text in raw:
        for part in _parts(clean_line(text, 300)):
            name = _person(part, site)
            if name:
                found.setdefault(name.casefold(), name)
    return tuple(found.values())[:_MAX_AUTHORS]


def _parts(text: str) -> list[str]:
    if text.startswith(("http://", "https://")) or "www." in text:
        return []
    text = _PREFIX.sub("", _PREFIX.sub("", re.sub(r"\([^)]*\)", " ", text)))
    return [part for part in _SPLIT.split(text) if part]


def _person(text: str, site: str) -> str:
    name = _PREFIX.sub("", text).strip(" .,:;-–—|\"'“”*")
    agency = _AGENCIES.get(name.casefold())
    if agency:
        return agency
    words = name.split()
    if not 2 <= len(name) <= 60 or len(words) > 6 or _NOT_A_PERSON.search(name):
        return ""
    if site and name.casefold() in site.casefold() and len(words) not in {2, 3}:
        return ""  # a blog may bear its author's name, a newspaper's is one word or many
    if name.islower() and len(words) in {2, 3}:
        return name.title()
    if any(word[0].islower() and not _IN_NAMES.match(word) for word in words):
        return ""
    return name.title() if name.isupper() and len(words) > 1 else name


def _item_name(item: Element) -> str:
    for inner in item.elements():
        if inner is not item and "name" in inner.get("itemprop").lower().split():
            return item_value(inner)
    return "" if item.get("href") and item.tag in {"link", "meta"} else item_value(item)


def _bylines(tree: Tree, start: int) -> list[str]:
    """Texts of elements named as bylines, the nearest to the headline first; no commentators."""
    near: list[tuple[int, str]] = []
    for element in tree.elements:
        if not element.attrs:
            continue
        is_rel = "rel" in element.attrs and "author" in element.get("rel").split()
        if not is_rel and not (element.label and _BYLINE.stand_in(element.label)):
            continue
        if any(kind_of(above.label) in _NOT_HERE for above in element.ancestors() if above.attrs):
            continue
        text = element.text() if element.chars + element.link_chars < 150 else ""
        if 2 < len(text) < 120:
            distance = abs(element.index - start)
            near.append((distance if is_rel else distance + 10, text))
    near.sort(key=lambda found: found[0])
    return [text for _, text in near[:_TRIED]]


def _signed_lines(blocks: list[Block], headline: int, first: int) -> list[str]:
    """Short lines between headline and text that start as bylines do."""
    if headline < 0:
        return []
    lines = [block.text for block in blocks[headline + 1 : max(first, headline + 6)]]
    return [line for line in lines if len(line) < 120 and _PREFIX.match(line)]


def _byline_name(text: str) -> str:
    """A printed byline without what follows the names: dates, places, addresses, counts."""
    text = _PREFIX.sub("", text)
    cut = _AFTER_NAME.search(text)
    if cut is None:
        return text
    return "" if cut.start() < 4 else text[: cut.start()]
