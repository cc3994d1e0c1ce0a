"""Front pages and section pages: HTML to entries, without knowing the site.

Which links lead to articles is judged by three kinds of evidence that seldom fail together:

- what the link says: a headline is several words long, mostly set in a heading or a card;
- where it leads: addresses of articles hold a date, a number or a long slug, those of sections,
  tags, authors and service pages hold short words, many of them known (`_SERVICE`);
- where it stands: navigation, footers, menus and breadcrumbs link to sections.

Then the site itself is asked, twice. Links that stand in blocks built alike (the same elements with
the same classes around them), most of which hold headlines, speak for each other. And addresses of
the same shape (`/news/{number}/{slug}`) as several sure ones, or as articles that the site was seen
to publish, are articles too, even where the link is a picture or a short title.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from crawler.extraction.bounds import bounded
from crawler.extraction.encoding import decode
from crawler.items import DocumentError, DocumentItem, EntryItem
from crawler.sources.entries import language_of, title_of
from crawler.sources.markup import root_name, what_is
from crawler.urls import listed_url, same_site, url_key

_OTHER_DOCUMENTS = {"rss", "feed", "rdf", "urlset", "sitemapindex", "opml"}
_SURE = 5
"""Points from which a link is an article whatever the others are."""
_LIKELY = 2
"""Points that suffice when the address has the shape of sure ones."""
_ALMOST = 4
_LEARNT = -1
"""Points that suffice when the address has the shape of the site's own articles."""
_REPEATED = 4
"""Blocks built alike that make a list."""
_BLOCK = 4
"""Elements from the link upwards that tell how a block is built."""
_SEVERAL = 3
"""Links almost sure that make their shape, if part of it varies, one of the site's articles."""

_SECTION = re.compile(
    r"^(?:tags?|categor(?:y|ies)|kategorie|blog-category|rubrik|authors?|auteur|autor|users?|search"
    r"|comment-page-\d+|wp-content|wp-json|cdn-cgi)$",
    re.IGNORECASE,
)
"""Part of an address of a list or a file, never of an article."""
_SERVICE = re.compile(
    r"^(?:topics?|themen?|profile|members?|people|staff|suche|recherche|log-?in|sign-?in|sign-?up"
    r"|register|account|my-?account|subscribe|subscriptions?|abo|newsletters?|about|about-us|contact|contact-us"
    r"|privacy|privacy-policy|terms|terms-of-use|terms-and-conditions|cookies?|imprint|impressum"
    r"|advertise|advertising|careers?|jobs|help|faq|sitemap|archives?|page|feed|rss|wp-login\.php|cart"
    r"|shop|store|share|print|epaper|e-paper|apps?|podcasts?|livetv|live-tv|schedule|weather|games?"
    r"|crosswords?|horoscopes?|comments?|corrections?|accessibility|wp-admin)$",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"\.(?:jpe?g|png|gif|webp|svg|pdf|mp[34]|m4[av]|zip|xml|rss|json|css|js|ics|apk|docx?|xlsx?)$",
    re.I,
)
_DATE = re.compile(
    r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2]|[a-z]{3})(?:/|$)|(?:19|20)\d\d-?[01]\d-?[0-3]\d"
)
_ARTICLES = re.compile(
    r"articles?|story|stories|posts?|news|noticias?|haber|artikel", re.IGNORECASE
)
_YEAR = re.compile(r"/(?:19|20)\d\d/")
_ID = re.compile(r"(?:^|&)\w{0,10}id=\d{3,}|^p=\d")
_LONG_NUMBER = re.compile(r"(?<!\d)\d{4,}(?!\d)")
_NUMBER = re.compile(r"\d+")
_NAVIGATION = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|submenu|megamenu|breadcrumbs?|footer|foot|social|share"
    r"|sharing|tags?|tagcloud|pagination|pager|cookie|consent|language|lang|login|skip|byline|author"
    r"|sitemap|topbar|toolbar|drawer|offcanvas)(?:$|[\s_-])",
    re.IGNORECASE,
)
_CARD = re.compile(
    r"(?:^|[\s_-])(?:card|story|stories|post|article|teaser|item|headline|title|entry|news|lead|hero"
    r"|feature|media|block|tile|listing)s?(?:$|[\s_-])",
    re.IGNORECASE,
)
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_MORE = re.compile(
    r"^(?:read|view|see|show|load|learn|continue|more|all|weiter|mehr|lire|leer|ver|больше|читать|مزید"
    r"|نور|ادامه|بیشتر|المزيد|और|আরও|devam)\b.{0,30}$|^[\W\d]*$",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"^(?:next|next page|older|older posts|older entries|»|›|>|→|weiter|suivant|siguiente|вперёд"
    r"|далее|اگلا صفحہ|اگلا|بعدی|التالي|अगला|পরবর্তী|sonraki)\W*$",
    re.IGNORECASE,
)
_ABOVE = 6
"""How many elements above a link tell where it stands."""
_LOOKED_AT = 10_000
"""Characters of what a link shows; the words of a longer text would take sixty times its size."""
_LONGEST_HEADLINE = 300
_MOST_LINKS = 5_000
"""Links of one page that are looked at; more is an attack, or no front page."""


@dataclass(slots=True)
class _Target:
    """One address and all that its links say."""

    url: str
    shape: str
    address_points: int
    is_service: bool
    headline: str = ""
    link_points: int | None = None
    """Of its best link; None before the first."""
    block: str = ""
    """How the block around its best link is built."""
    block_points: int = 0

    @property
    def points(self) -> int:
        """All evidence together."""
        return self.address_points + (self.link_points or 0) + self.block_points


def parse_listing(
    body: bytes,
    url: str,
    *,
    links: str = "",
    content_type: str | None = None,
    known: Sequence[str] = (),
) -> DocumentItem:
    """The articles that a page links to, in its order, with the headlines it gives them.

    `links` is a CSS selector of the article links, or of elements around them; with it, every
    selected address counts and nothing is judged. `known` are addresses of articles that the
    site was seen to publish; theirs is the shape to look for. Raises DocumentError when the bytes
    are no HTML page, when the selector matches nothing, or when no link looks like an article.
    """
    text = decode(body, content_type)
    if (
        root_name(text) in {"rss", "feed", "rdf", "urlset", "sitemapindex", "opml"}
        or "<" not in text
    ):
        raise DocumentError(what_is(text))
    page = LexborHTMLParser(bounded(text))
    page.strip_tags(["style", "script", "noscript", "template", "svg"])
    base = _base(page, url)
    chosen = _selected(page, links) if links else None
    targets = _targets(page.css("a[href]") if chosen is None else chosen, base, url, bool(links))
    kept = list(targets) if links else _articles(targets, _shapes(map(_shape, known)))
    if not kept:
        what = what_is(text) if "<title" in text else "an HTML page"
        raise DocumentError(f"{what} with no links to articles")
    return DocumentItem(
        entries=tuple(EntryItem(url=found.url, title=title_of(found.headline)) for found in kept),
        older=_older(page, base, url),
        title=_site_name(page),
        lang=language_of(_attribute(page, "html[lang]", "lang")),
    )


def _attribute(page: LexborHTMLParser, selector: str, name: str) -> str:
    found = page.css_first(selector)
    return (found.attributes.get(name) or "") if found else ""


def _base(page: LexborHTMLParser, url: str) -> str:
    return listed_url(_attribute(page, "base[href]", "href") or url, url) or url


def _site_name(page: LexborHTMLParser) -> str | None:
    name = _attribute(page, 'meta[property="og:site_name"]', "content")
    head = page.css_first("title")
    return title_of(name) or title_of(head.text() if head else "")


def _selected(page: LexborHTMLParser, selector: str) -> list[LexborNode]:
    """The links that the selector names, or that stand inside what it names."""
    try:
        found = page.css(selector)
    except SelectolaxError as error:
        raise DocumentError(f"select.links = {selector!r} is no CSS selector: {error}") from error
    links = [
        link for node in found for link in ([node] if node.tag == "a" else node.css("a[href]"))
    ]
    if not links:
        raise DocumentError(f"an HTML page on which select.links = {selector!r} matches no link")
    return links


def _targets(links: list[LexborNode], base: str, url: str, chosen: bool) -> list[_Target]:
    """The addresses linked to, in the page's order, each with the evidence of all its links."""
    own = url_key(url)
    targets: dict[str, _Target] = {}
    for link in links[:_MOST_LINKS]:
        address = listed_url(link.attributes.get("href") or "", base)
        if address is None or (not chosen and not same_site(address, url)):
            continue
        key = url_key(address)
        if key == own:
            continue
        if key not in targets:
            targets[key] = _Target(
                address, _shape(address), _address_points(address), _is_service(address)
            )
        _add(link, targets[key])
    return list(targets.values())


def _articles(targets: list[_Target], learnt: set[str]) -> list[_Target]:
    """Those that are articles: sure by themselves, or likely and of the shape of sure ones.

    A shape learnt from the site's articles suffices alone, except in navigation.
    """
    candidates = [found for found in targets if not found.is_service]
    _judge_blocks(candidates)
    shapes = _shapes(found.shape for found in candidates if found.points >= _ALMOST)
    return [
        found
        for found in candidates
        if found.points >= _SURE
        or (found.points >= _LIKELY and found.shape in shapes)
        or (found.points >= _LEARNT and found.shape in learnt)
    ]


def _shapes(found: Iterable[str]) -> set[str]:
    """The shapes that several addresses have and of which a part varies."""
    counts = Counter(found)
    return {shape for shape, count in counts.items() if count >= _SEVERAL and "{" in shape}


def _judge_blocks(targets: list[_Target]) -> None:
    """Gives two points to the links of blocks built alike most of which hold headlines."""
    blocks: dict[str, list[_Target]] = {}
    for found in targets:
        if found.block:
            blocks.setdefault(found.block, []).append(found)
    for alike in blocks.values():
        headlines = sum(_words(found.headline) >= 4 for found in alike)
        if len(alike) >= _REPEATED and headlines * 3 >= len(alike) * 2:
            for found in alike:
                found.block_points = 2


# --- where a link leads --------------------------------------------------------------------------


def _segments(address: str) -> list[str]:
    return [unquote(part) for part in urlsplit(address).path.split("/") if part]


def _is_service(address: str) -> bool:
    """A section, tag, author or service page by its address, or a file that is no page."""
    segments = _segments(address)
    if not segments:
        return not re.search(r"(?:^|&)(?:p|id|story|article|news)\w*=\d", urlsplit(address).query)
    if _FILE.search(segments[-1]):
        return True
    if any(_SECTION.match(part) for part in segments):
        return True
    return any(_SERVICE.match(part) for part in segments[-3:]) and _slug_words(segments[-1]) < 5


def _slug_words(segment: str) -> int:
    """Words of a slug; a slug in a script without hyphens counts by its length."""
    stem = re.sub(r"\.\w{2,5}$", "", segment)
    words = [word for word in re.split(r"[-_ +.,]+", stem) if len(word) > 1 and not word.isdigit()]
    if len(words) < 3 and not stem.isascii():
        return len(stem) // 4
    return len(words)


def _address_points(address: str) -> int:
    """What the address alone says: -2 to 6."""
    parts = urlsplit(address)
    segments = _segments(address)
    points = 2 if _DATE.search(parts.path) else 1 if _YEAR.search(parts.path) else 0
    numbered = bool(_LONG_NUMBER.search(parts.path) or _ID.search(parts.query))
    words = max((_slug_words(segment) for segment in segments[-3:]), default=0)
    points += numbered + (2 if words >= 4 else 1 if words == 3 else 0)
    points += bool(numbered and any(_ARTICLES.fullmatch(segment) for segment in segments[:-1]))
    section = segments and words <= 1 and not numbered and not _NUMBER.search(segments[-1])
    return points - 2 if section else points


def _shape(address: str) -> str:
    """The address with its variable parts named: /news/{n}/{slug}, /story.php?id."""
    parts = urlsplit(address)
    shapes = [_segment_shape(segment) for segment in _segments(address)]
    if len(shapes) > 1 and "{" not in shapes[0]:
        shapes[0] = "*"  # sections differ, what follows does not
    names = sorted(part.partition("=")[0] for part in parts.query.split("&") if part)
    return "/".join([parts.hostname or "", *shapes]) + "?" + "&".join(names)


def _segment_shape(segment: str) -> str:
    if segment.isdigit():
        return "{n}"
    if _slug_words(segment) >= 3 or len(segment) > 30:
        ending = re.search(r"\.\w{2,5}$", segment)
        return "{slug}" + (ending[0] if ending else "")
    if segment.isalnum() and len(_NUMBER.findall(segment)) > 1:
        return "{id}"
    return _NUMBER.sub("{n}", segment) if _NUMBER.search(segment) else "*"


# --- what a link says and where it stands --------------------------------------------------------


def _add(link: LexborNode, target: _Target) -> None:
    """Adds the evidence of one link; the best headline and the best place count."""
    headline, in_heading = _headline(link)
    words = _words(headline)
    nothing = 0 if target.address_points >= _ALMOST else -1
    points = 3 if words >= 5 else 2 if words >= 4 else 0 if words >= 2 else nothing
    points += (2 if in_heading and words >= 2 else 0) + _place_points(link)
    known = target.link_points
    if known is None or points > known:
        target.link_points, target.block = points, _block(link)
    if _words(headline) > _words(target.headline):
        target.headline = headline


def _block(link: LexborNode) -> str:
    """How the elements around a link are built; empty in navigation or for bare links."""
    parts = []
    above: LexborNode | None = link
    for _ in range(_BLOCK):
        if above is None or above.tag in {"body", "html"}:
            break
        parts.append(f"{above.tag}.{above.attributes.get('class') or ''}")
        above = above.parent
    built = len(parts) > 1 and any("." in part[:-1] or part[0] in "ahl" for part in parts[1:])
    return ">".join(parts) if built else ""


def _headline(link: LexborNode) -> tuple[str, bool]:
    """The text a link shows as headline, and whether it is set as a heading."""
    heading = link.css_first("h1, h2, h3, h4, h5, h6")
    text = " ".join((heading or link).text(separator=" ")[:_LOOKED_AT].split())
    if not text or _MORE.match(text):
        picture = link.css_first("img[alt]")
        told = link.attributes.get("title") or link.attributes.get("aria-label") or ""
        text = " ".join((told or (picture.attributes.get("alt") if picture else "") or "").split())
    above = link.parent
    for _ in range(3):
        if heading is None and above is not None and above.tag in _HEADINGS:
            heading = above
        above = above.parent if above is not None else None
    return text[:_LONGEST_HEADLINE], heading is not None


def _words(text: str) -> int:
    """Words of a text; in scripts without spaces every three letters count as one."""
    if not text or _MORE.match(text):
        return 0
    dense = sum(
        1 for character in text if "\u0e00" <= character <= "\u0eff" or character > "\u2e7f"
    )
    if " " not in text and _slug_words(text) >= 4:  # some front pages print slugs for titles
        return _slug_words(text)
    return len(text.split()) + (dense // 3 if dense * 2 > len(text) else 0)


def _place_points(link: LexborNode) -> int:
    """Where the link stands: -3 in navigation, up to +1 in an article card."""
    points = 0
    above: LexborNode | None = link
    for _ in range(_ABOVE):
        if above is None or above.tag in {"body", "html"}:
            break
        label = f"{above.attributes.get('class') or ''} {above.attributes.get('id') or ''}"
        if above.tag in {"nav", "footer"} or _NAVIGATION.search(label):
            return -3
        if above.tag == "article" or _CARD.search(label):
            points = 1
        above = above.parent
    return points


def _older(page: LexborHTMLParser, base: str, url: str) -> str | None:
    """The next page of the list, if it names one."""
    links = [*page.css('link[rel="next"]'), *page.css('a[rel~="next"]')]
    links += [link for link in page.css("a[href]") if _NEXT.match(link.text().strip())]
    addresses = (listed_url(link.attributes.get("href") or "", base) for link in links)
    return next(
        (
            found
            for found in addresses
            if found and same_site(found, url) and url_key(found) != url_key(url)
        ),
        None,
    )
