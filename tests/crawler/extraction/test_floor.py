"""A floor under the extraction that no change may lower, over the pages of the fixtures.

The text of a page is the text of its expected paragraphs. A change that must lower a figure here
says why in its commit; figures on real pages are `bench.extraction --floor`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from statistics import fmean
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.extraction import extract
from crawler.items import ArticleItem, Hints
from tests.crawler.extraction.pages import FOLDER, PARAGRAPHS, article, fixture, page

NAMES = sorted(path.stem for path in FOLDER.glob("*.html"))
RULES = {name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in NAMES}
F1_FLOOR = 1.0
WEAR = {  # what time does to pages, and the floor of the mean F1 then
    "no class names": 0.957,
    "no machine-readable data": 0.99,
    "divs for paragraphs": 0.97,
    "renamed classes": 0.96,
}


def read(name: str, markup: str) -> ArticleItem:
    found = extract(page(markup, RULES[name]["url"]), Hints())
    assert isinstance(found, ArticleItem), f"{name}: {found}"
    return found


def markup_of(name: str) -> str:
    return fixture(name, RULES[name]["url"]).body.decode()


def shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(zip(*(words[n:] for n in range(4)), strict=False))


def f1(gold: str, text: str) -> float:
    wanted, found = shingles(gold), shingles(text)
    both = sum((wanted & found).values())
    return 2 * both / max(1, sum(wanted.values()) + sum(found.values()))


def gold(name: str) -> str:
    return str(RULES[name]["text"])


def worn(kind: str) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        markup = markup_of(name)
        if kind == "no class names":
            markup = re.sub(r"""\s(?:class|id)=("[^"]*"|'[^']*'|[^\s>]+)""", "", markup)
        elif kind == "no machine-readable data":
            markup = re.sub(
                r"(?s)<script[^>]*json.*?</script>|<meta[^>]*property=[^>]*>", "", markup
            )
        elif kind == "divs for paragraphs":
            markup = re.sub(r"<(/?)p\b", r"<\1div", markup)
        elif kind == "renamed classes":
            markup = re.sub(r'class="([^"]*)"', _renamed, markup)
        yield name, markup


def _renamed(found: re.Match[str]) -> str:
    """As build tools name classes: each name by a number of its own."""
    return f'class="{" ".join(f"c{crc32(name.encode()):x}" for name in found[1].split())}"'


def test_the_text_of_every_fixture_is_taken_and_nothing_else() -> None:
    scores = {name: f1(gold(name), read(name, markup_of(name)).body) for name in NAMES}
    assert {name: score for name, score in scores.items() if score < F1_FLOOR} == {}


def test_pages_that_lost_their_names_keep_their_text() -> None:
    for kind, floor in WEAR.items():
        scores = {name: f1(gold(name), read(name, markup).body) for name, markup in worn(kind)}
        assert fmean(scores.values()) >= floor, (kind, scores)


BODY = "\n\n".join(PARAGRAPHS)
WRAPPERS = st.sampled_from(
    [
        "<span>{}</span>", "<em>{}</em>", "<!-- a note -->{}", "{}<!-- > -->", "<b>{}</b>",
        "<span style='color:red'>{}</span>", "<font face=x>{}</font>", "{}\n\n", "<i><u>{}</u></i>",
        "<script>var a = '</p>'.length < 1</script>{}", "<style>p { top: 0 }</style>{}",
        "<a name='x'></a>{}", "{}<wbr>", "<mark data-x='\"'>{}</mark>", "{}<img src='a.png'>",
    ]
)  # fmt: skip
BOXES = st.sampled_from(
    [
        "<div>{}</div>", "<section>{}</section>", "<div class='x y-1'>{}</div>",
        "<article>{}</article>", "<div><div>{}</div></div>", "<main>{}</main>",
        "<table><tr><td>{}</td></tr></table>",
    ]
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.lists(WRAPPERS, min_size=3, max_size=3), st.lists(BOXES, max_size=3))
def test_markup_that_shows_nothing_changes_nothing(inside: list[str], around: list[str]) -> None:
    markup = article()
    for paragraph, wrapper in zip(PARAGRAPHS, inside, strict=True):
        markup = markup.replace(paragraph, wrapper.replace("{}", paragraph))
    head, _, body = markup.partition("<body>")
    inner = body.replace("</body></html>", "")
    for box in around:
        inner = box.replace("{}", inner)
    found = extract(page(f"{head}<body>{inner}</body></html>"), Hints())
    assert isinstance(found, ArticleItem)
    assert (found.title, found.body) == ("No agreement", BODY)
