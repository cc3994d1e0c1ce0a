"""Where an article that is printed on several pages goes on.

Only the second page's own form of this page's address is believed (…/2/, ?page=2, …-2.html and
their kin): `rel=next` also leads to the next article, and pagers also count comments and lists.
The link must say so itself, by `rel=next` or by its text, which is the number or a word for "next".
"""

import re
from dataclasses import replace
from urllib.parse import parse_qsl, urljoin, urlsplit

from crawler.extraction.lexicon import any_of
from crawler.extraction.tree import Element, Tree
from crawler.items import ArticleItem
from crawler.urls import clean_url

_NEXT = re.compile(
    any_of(
        r"""
        next(?: page)?\W* | page suivante\W* | suivante?\W* | siguiente\W* | página siguiente\W*
        nächste(?: seite)?\W* | weiter\W* | successiva?\W* | pagina successiva\W* | próxima\W*
        volgende\W* | następna\W* | далее\W* | следующая\W* | sonraki\W* | اگلا صفحہ\W*
        صفحه بعد\W* | الصفحة التالية\W* | التالي\W* | 次(?:へ|のページ)\W* | 下一[页頁]\W* | [»›>→]+
        """
    ),
    re.IGNORECASE,
)
_NUMBER_AT_END = re.compile(
    r"^(?P<stem>.*?)(?:/(?:page|seite|pagina|p)?/?|[-_,.](?:page|seite|pagina|p)?[-_]?)"
    r"(?P<number>\d{1,2})(?P<end>(?:\.\w{2,5})?/?)$",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(?P<end>(?:\.\w{2,5})?/?)$")
_COUNTERS = frozenset({"page", "p", "seite", "pagina", "pg", "pagenum", "pageno", "paged"})
_LONGEST = 24  # characters of a pager's link
MOST_PAGES = 10
"""Of one article."""


def find_next_page(tree: Tree, url: str) -> str | None:
    """The address of the page on which the article goes on; None where it ends here."""
    number = (page_number(url, url) or 1) + 1
    written = str(number)
    for element in tree.all("link", "a"):
        href = element.get("href")
        if written in href and _says_next(element, written):
            address = _joined(url, href)
            if address and page_number(address, url) == number:
                return address
    return None


def _says_next(element: Element, number: str) -> bool:
    if "rel" in element.attrs and "next" in element.get("rel").lower().split():
        return True
    if element.tag == "link" or not 0 < element.chars + element.link_chars <= _LONGEST:
        return False
    text = element.text()
    return text == number or bool(_NEXT.fullmatch(text))


def _joined(url: str, href: str) -> str | None:
    try:
        return clean_url(urljoin(url, href))
    except ValueError:
        return None


def page_number(address: str, first: str) -> int | None:
    """Which page of the article at `first` an address is; None when it is no page of it.

    `first` may be any of its pages.
    """
    stem, ending, number = _parts(address)
    other, other_ending, other_number = _parts(first)
    if (stem, ending) != (other, other_ending):
        # `first` may itself be without a number: its whole path is the stem.
        return None
    if number is None:
        return 1 if other_number is not None else None
    return number


def _parts(address: str) -> tuple[str, str, int | None]:
    """An address without its page number, its ending, and the number where it has one."""
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True)
    counted = [value for name, value in query if name.lower() in _COUNTERS and value.isdecimal()]
    rest = "&".join(f"{n}={v}" for n, v in query if n.lower() not in _COUNTERS)
    host = (parts.hostname or "").removeprefix("www.")
    if counted:
        path, ending = _split(parts.path)
        return f"{host}{path}?{rest}", ending, int(counted[-1][:3])
    found = _NUMBER_AT_END.match(parts.path)
    if found and 1 < int(found["number"]) <= MOST_PAGES:
        return f"{host}{found['stem']}?{rest}", found["end"].rstrip("/"), int(found["number"])
    path, ending = _split(parts.path)
    return f"{host}{path}?{rest}", ending, None


def _split(path: str) -> tuple[str, str]:
    found = _ENDING.search(path)
    assert found is not None  # the pattern matches at every end
    return path[: found.start()], found["end"].rstrip("/")


def is_continued(article: ArticleItem) -> bool:
    """Whether further pages are to be joined: the first has no whole text of another origin."""
    return bool(article.next_page) and article.extractor in {"blocks", "select"}


def joined(first: ArticleItem, others: list[ArticleItem]) -> ArticleItem:
    """The article of several pages: the first with the paragraphs that the others add."""
    if not others:
        return replace(first, next_page=None)
    paragraphs = list(dict.fromkeys(_paragraphs(first.body)))
    captions = list(dict.fromkeys(first.captions.split("\n")))
    standfirst = {first.standfirst}
    for other in others:
        added = [text for text in _paragraphs(other.body) if text not in standfirst]
        paragraphs += [text for text in dict.fromkeys(added) if text not in set(paragraphs)]
        captions += [text for text in other.captions.split("\n") if text not in captions]
    return replace(
        first,
        body="\n\n".join(paragraphs),
        captions="\n".join(caption for caption in captions if caption),
        extractor=f"{first.extractor}: {len(others) + 1} pages",
        next_page=None,
        further_pages=tuple(other.url for other in others),
    )


def _paragraphs(body: str) -> list[str]:
    return body.split("\n\n") if body else []
