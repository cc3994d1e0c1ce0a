"""What `extract` shows people: a page's zones in colour, in the terminal and as HTML."""

from html import escape

from rich.text import Text

from crawler.extraction import Dissection
from crawler.extraction.encoding import decode
from crawler.extraction.zoned import Zone, ZonedText
from crawler.items import ArticleItem, NotArticle, Page
from service.cli.output import console, plain, say

_STYLES: dict[Zone, str] = {
    "title": "bold",
    "standfirst": "bold cyan",
    "body": "",
    "caption": "green",
    "quote": "magenta",
    "byline": "yellow",
    "tags": "blue",
}
"""Zones of the article; the others are dimmed."""
_LONGEST_SHOWN = 100
"""Characters of a text that is no part of the article."""
_CSS = """
body{margin:0;display:grid;grid-template-columns:1fr 1fr;height:100vh;font:15px/1.5 sans-serif}
iframe{width:100%;height:100%;border:0;border-right:1px solid #999}
main{overflow:auto;padding:0 1rem}h1{font-size:1rem}
p{margin:.4rem 0;padding:.1rem .5rem;border-left:.4rem solid #ccc;color:#777}
p b{font-weight:normal;font-size:.75rem;float:right;color:#555}
.title{border-color:#000;color:#000;font-weight:bold}.standfirst{border-color:#0aa;color:#000}
.body{border-color:#2a2;color:#000}.caption{border-color:#8a0;color:#333}
.quote{border-color:#a0a;color:#333}.byline{border-color:#ca0;color:#333}
.tags{border-color:#06c;color:#333}.related,.ad{border-color:#c33}.comments{border-color:#e90}
"""


def show_zones(article: ArticleItem, texts: tuple[ZonedText, ...]) -> None:
    """The zones in the page's order; what is no part of the article is dimmed and cut short.

    Text that is not printed on the page (a feed's, JSON-LD's, further pages) follows.
    """
    if not console().is_terminal:
        say(article.body)
        return
    printed = {piece.text for piece in texts if piece.zone == "body"}
    for piece in texts:
        say(_line(piece))
    for paragraph in article.body.split("\n\n"):
        if paragraph not in printed:
            say(_line(ZonedText("body", paragraph)))


def _line(piece: ZonedText) -> Text:
    style = _STYLES.get(piece.zone, "dim")
    text = piece.text
    if piece.zone not in _STYLES and len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]} …"
    line = Text().append(f"{piece.zone:<11}", style="dim")
    shown = plain(text)
    shown.stylize(style)
    return line.append_text(shown)


def html_view(page: Page, found: Dissection) -> str:
    """The page beside its zones, as one HTML file that runs and fetches nothing.

    The page stands in a sandboxed frame, and the policy forbids scripts and whatever lies
    elsewhere, pictures too.
    """
    outcome = found.outcome
    if isinstance(outcome, NotArticle):
        told = f"no article: {outcome.reason} ({outcome.detail})"
    else:
        told = f"{outcome.canonical_url} · {outcome.extractor} · {outcome.confidence:.2f}"
    rows = "\n".join(
        f'<p class="{piece.zone}"><b>{piece.zone}</b>{escape(piece.text)}</p>'
        for piece in found.texts
    )
    source = escape(decode(page.body, page.content_type))
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(told)}</title><style>{_CSS}</style></head><body>"
        f'<iframe sandbox="" srcdoc="{source}" title="the page"></iframe>'
        f"<main><h1>{escape(told)}</h1>\n{rows}\n</main></body></html>\n"
    )
