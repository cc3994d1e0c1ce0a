"""Articles to tell of in tests: our own writing, in several scripts, and a hostile one."""

from datetime import UTC, datetime
from typing import Any

from alerts.message import ArticleView, CopyView, ExcerptView, Section

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def excerpt(text: str, *words: str) -> ExcerptView:
    """The text with the first place of each word marked."""
    places = sorted((text.index(word), text.index(word) + len(word)) for word in words)
    return ExcerptView(text, tuple(places))


def article(**changes: Any) -> ArticleView:
    """A story about the Durand Line, with changes."""
    values: dict[str, Any] = {
        "title": "Kabul protests new fence on the Durand Line",
        "url": "https://www.dawn.example/news/1?a=1&b=2",
        "source_id": "dawn",
        "source_name": "Dawn",
        "published": datetime(2026, 3, 1, 11, 45, tzinfo=UTC),
        "precision": "minute",
        "first_seen": NOON,
        "excerpts": (
            excerpt("Villagers along the Durand Line said it cuts fields.", "Durand Line"),
        ),
        "why": 'Matched: "Durand Line" (title, body)',
        "also_in": (CopyView("TOLOnews", "https://tolo.example/2"),),
        "story": 42,
        "thread": "story-42",
        "record": {"id": 1, "watchlist": "durand-line"},
    }
    return ArticleView(**{**values, **changes})


URDU = article(
    title="ڈیورنڈ لائن پر نئی باڑ کے خلاف کابل کا احتجاج",
    source_name="اخبار",
    excerpts=(
        excerpt(
            "سرحدی دیہات کے لوگوں نے کہا کہ ڈیورنڈ لائن پر باڑ لگائی جا رہی ہے۔", "ڈیورنڈ لائن"
        ),
    ),
    story=43,
)

HOSTILE = article(
    title='"><script>alert(1)</script>\r\nBcc: all@example.org \u202egnp.exe',
    url="javascript:alert(1)",
    source_name="<img src=https://evil.example/p.gif onerror=alert(1)>",
    excerpts=(
        excerpt("</p><style>*{color:red}</style> {{ 7*7 }} <iframe src=//evil>", "iframe"),
        ExcerptView("W" * 900),
    ),
    why="<b onmouseover=alert(1)>why</b>",
    also_in=(
        CopyView("data", "data:text/html,<script>alert(1)</script>"),
        CopyView("quote", 'https://evil.example/"onclick="alert(1)'),
        CopyView("fine", "https://example.org/" + "long" * 60),
    ),
    story=44,
)


def section(*articles: ArticleView, name: str = "Durand Line") -> Section:
    """The articles as one watchlist's."""
    return Section((name.lower().replace(" ", "-"),), name, articles)
