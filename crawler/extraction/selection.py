"""A source's own CSS selectors, where the automatic way fails."""

from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from crawler.extraction.candidates import from_markup
from crawler.items import Select


@dataclass(frozen=True, slots=True)
class Selected:
    """What the selectors matched; empty where there is no selector or no match."""

    body: str = ""
    title: str = ""
    date: str = ""


def read_selected(text: str, select: Select) -> Selected:
    """The texts that a source's selectors choose in a page; a broken selector chooses nothing."""
    if not (select.body or select.title or select.date):
        return Selected()
    page = LexborHTMLParser(text)
    body, title, date = (_first(page, css) for css in (select.body, select.title, select.date))
    return Selected(
        from_markup(body.html or "") if body is not None else "",
        _line(title),
        (date.attributes.get("datetime") or date.attributes.get("content") or _line(date))
        if date is not None
        else "",
    )


def _first(page: LexborHTMLParser, css: str) -> LexborNode | None:
    if not css:
        return None
    try:
        return page.css_first(css)
    except (SelectolaxError, ValueError):
        return None


def _line(node: LexborNode | None) -> str:
    return " ".join(node.text(deep=True, separator=" ").split()) if node is not None else ""
