"""Draws the mails in docs/pictures/ with a real browser, in light and dark, on a phone and a desk.

    .venv/bin/python -m scripts.mail_pictures [FOLDER]

Needs a Chromium. Nothing is fetched: a mail holds all that it shows.
"""

import asyncio
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.async_api import Browser, ViewportSize, async_playwright

from alerts.composer import Composer
from alerts.message import (
    ArticleView,
    ChangeView,
    CopyView,
    Count,
    DiffPiece,
    ExcerptView,
    Heading,
    HealthEvent,
    Message,
    Section,
    late_words,
)

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WIDTHS = {"phone": 320, "desktop": 720}
PICTURES = (
    ("alert", "phone", "light"),
    ("alert", "phone", "dark"),
    ("alert", "desktop", "light"),
    ("change", "phone", "light"),
    ("change", "phone", "dark"),
    ("change", "desktop", "light"),
    ("rest", "phone", "dark"),
    ("rest", "desktop", "light"),
    ("digest", "phone", "light"),
    ("digest", "desktop", "dark"),
    ("summary", "phone", "light"),
    ("health", "phone", "dark"),
    ("hostile", "phone", "light"),
    ("hostile", "desktop", "dark"),
)
HIGHEST = 1400
"""Pixels of a picture; the rest of a long mail is like its beginning."""
COMPOSER = Composer(ZoneInfo("Asia/Karachi"))


def article(title: str, source: str, body: str, words: str, **more: object) -> ArticleView:
    """An article with one excerpt in which `words` are marked wherever they stand."""
    marks, at = [], body.find(words)
    while at >= 0:
        marks.append((at, at + len(words)))
        at = body.find(words, at + len(words))
    minutes = int(str(more.pop("minutes", 25)))
    published = NOW - timedelta(minutes=minutes)
    values = {
        "url": "https://news.example/2026/03/01/story",
        "source_id": source.lower(),
        "published": published,
        "precision": "minute",
        "excerpts": (ExcerptView(body, tuple(marks)),),
        "why": f'Matched: "{words}" (title, body)',
        "late": late_words(published, "minute", NOW),
        "thread": title,
    }
    return ArticleView(title=title, source_name=source, **{**values, **more})  # type: ignore[arg-type]


FENCE = article(
    "Kabul protests new fence along the Durand Line",
    "Dawn",
    "Villagers on both sides of the Durand Line said the new fence cuts through fields that their "
    "families have tilled for generations. Officials in Kabul called the work at the Durand Line "
    "a breach of last year's understanding.",
    "Durand Line",
    also_in=(
        CopyView("TOLOnews", "https://tolo.example/1"),
        CopyView("Geo", "https://geo.example"),
    ),
)
CHANGED = replace(
    FENCE,
    also_in=(),
    change=ChangeView(
        ("The headline was: Kabul welcomes new fence along the Durand Line", "A sentence changed"),
        (
            DiffPiece("same", "Officials in Kabul called the work at the Durand Line "),
            DiffPiece("gone", "a welcome step "),
            DiffPiece("new", "a breach of last year's understanding"),
            DiffPiece("same", " and asked for talks."),
        ),
    ),
)
URDU = article(
    "ڈیورنڈ لائن پر نئی باڑ کے خلاف کابل کا احتجاج",
    "ایکسپریس",
    "سرحدی دیہات کے لوگوں نے کہا کہ ڈیورنڈ لائن پر باڑ ان کے کھیتوں کے بیچ سے گزرتی ہے۔",
    "ڈیورنڈ لائن",
    minutes=400,
)
PASHTO = article(
    "د ډیورنډ کرښې په اوږدو کې نوې اغزن تار",
    "پژواک",
    "ځايي خلک وايي چې د ډیورنډ کرښې دواړو خواوو ته د دوی ځمکې دي.",
    "ډیورنډ کرښې",
    minutes=95,
)
HOSTILE = article(
    '"><script>alert(1)</script> ' + "Donaudampfschifffahrtsgesellschaft" * 4,
    "<img src=x onerror=alert(1)>",
    "</p><style>*{color:red}</style> " + "W" * 300,
    "style",
    url="https://example.org/" + "long" * 80,
)


def mails() -> dict[str, Message]:
    """The mails to draw, by the name of their picture."""
    durand = Section(("durand-line",), "Durand Line", (FENCE, URDU, PASHTO))
    torkham = Section(("torkham",), "Torkham crossing", (FENCE,))
    sources = [Count("dawn", "Dawn", 33, 2), Count("tolo", "TOLOnews", 18, 1)]
    silent = HealthEvent(
        "source.failing",
        "Dawn has not been readable since 08:00",
        ("The site answers 403.", "Wirewatch goes on trying and tells you when it can be read."),
    )
    changed = Section(("durand-line",), "Durand Line", (CHANGED,))
    one = Section(("durand-line",), "Durand Line", (FENCE,))
    bad = Section(("durand-line",), "Durand Line", (HOSTILE,))
    return {
        "alert": COMPOSER.alert("id", [one], NOW),
        "change": COMPOSER.alert("id", [changed], NOW),
        "rest": rest(),
        "digest": COMPOSER.digest("id", [durand, torkham], NOW, Heading("Daily digest")),
        "summary": COMPOSER.first_visit("id", sources, [Count("d", "Durand Line", 0, 3)], NOW),
        "health": COMPOSER.health("id", silent, NOW),
        "hostile": COMPOSER.alert("id", [bad], NOW),
    }


def rest() -> Message:
    """What was above `max_per_day`, cut short after the first articles: a picture has an end."""
    names = {"durand-line": "Durand Line", "ttp": "TTP", "torkham": "Torkham crossing"}
    kinds = (FENCE, PASHTO, URDU)
    sizes = {"durand-line": 124, "ttp": 61, "torkham": 3}
    sections = [
        Section(
            (id_,), names[id_], tuple(replace(kinds[n % 3], story=n) for n in range(sizes[id_]))
        )
        for id_ in names
    ]
    counts = tuple(Count(id_, names[id_], sizes[id_]) for id_ in names)
    title = "Above max_per_day (50): the rest of 1 March 2026"
    heading = Heading(title, mark="The rest of 1 March 2026", counts=counts)
    return COMPOSER.alert("Qm9yZGVyIG9mIHR3byB2YWxsZXlzLCBhIGZlbmNlIG8", sections, NOW, heading)


async def draw(browser: Browser, message: Message, device: str, scheme: str, file: Path) -> None:
    """One picture; tells how wide the mail came out."""
    page = await browser.new_page(
        viewport=ViewportSize(width=WIDTHS[device], height=200),
        color_scheme="dark" if scheme == "dark" else "light",
    )
    await page.set_content(message.html)
    wide = await page.evaluate("document.scrollingElement.scrollWidth")
    height = await page.evaluate("document.scrollingElement.scrollHeight")
    shown = {"x": 0, "y": 0, "width": WIDTHS[device], "height": min(height, HIGHEST)}
    await page.screenshot(path=file, full_page=True, clip=shown)
    await page.close()
    print(f"{file.stem}: {wide} of {WIDTHS[device]} px")


async def main(folder: Path) -> None:
    """Draws them all into a folder that is there."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--disable-gpu", "--proxy-server=http://127.0.0.1:9"],
        )
        drawn = mails()
        for name, device, scheme in PICTURES:
            file = folder / f"{name}-{device}-{scheme}.png"
            await draw(browser, drawn[name], device, scheme, file)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "pictures"))
