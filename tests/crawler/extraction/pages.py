"""Pages for the tests: made of fixtures and of short markup."""

from datetime import UTC, datetime
from pathlib import Path

from crawler.items import Page

FOLDER = Path(__file__).parents[2] / "fixtures" / "pages"
FETCHED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def page(markup: str, url: str = "https://site.example/news/story-1", kind: str = "") -> Page:
    return Page(url, markup.encode(), kind or "text/html; charset=utf-8", FETCHED)


def fixture(name: str, url: str) -> Page:
    """A page of the fixtures; where its theme prints today's date, it is the day of fetching."""
    markup = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    markup = markup.replace("{{TODAY_LONG}}", FETCHED.strftime("%A, %B %d, %Y"))
    return page(markup.replace("{{TODAY_ISO}}", FETCHED.date().isoformat()), url)


PARAGRAPHS = (
    "The council met for six hours on Tuesday and agreed on nothing but its next meeting.",
    "Two members left early, one of them through a window that the caretaker had opened for air.",
    "A report of ninety pages, written over the summer, was neither read nor put to the vote.",
)


def article(
    head: str = "", top: str = "", below: str = "", tail: str = "", title: str = "No agreement"
) -> str:
    """A plain article page: markup in the head, above and below the headline, and at the end."""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    return (
        f"<html><head><title>{title}</title>{head}</head><body>{top}"
        f"<article><h1>{title}</h1>{below}<div>{text}</div></article>{tail}</body></html>"
    )
