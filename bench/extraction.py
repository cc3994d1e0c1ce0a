"""Measures extraction on a folder of captured pages with gold answers.

    python -m bench.extraction DATA [--no-peers] [--no-mutations] [--repeat N] [--floor]

DATA holds `evaluate.py` and `pages/NAME/{gold.jsonl, pages/ID.html.gz}`. Four tables: the scores of
`evaluate.py` beside what is demanded; time beside other extractors, page by page in turn in one
process; how often a planted teaser reaches title, standfirst or body; how often today's date
printed in a header becomes the article's. With `--floor` only the scores are measured, and the exit
status is 1 when one is worse than FLOOR, which no change lowers without saying why.
"""

import argparse
import gc
import gzip
import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
from lxml import etree, html

from crawler.extraction import extract
from crawler.items import ArticleItem, Hints, Page

NOW = datetime.now(UTC)
DEMANDED = {
    "F1": (0.965, 1), "falseTopic": (0.045, -1), "missTopic": (0.055, -1), "low": (3, -1),
    "title": (0.84, 1), "date": (0.93, 1), "date_wrong": (0.02, -1), "authF1": (0.80, 1),
}  # fmt: skip
FLOOR = {
    "F1": (0.967, 1), "falseTopic": (0.0315, -1), "missTopic": (0.0475, -1), "low": (1, -1),
    "title": (0.844, 1), "date": (0.933, 1), "date_wrong": (0.0235, -1), "authF1": (0.815, 1),
}  # fmt: skip
"""What the last change reached on the captured pages."""
Row = dict[str, object]


def load(data: Path) -> list[tuple[Row, bytes]]:
    """Every gold row with the bytes of its page."""
    found = []
    for gold in sorted(data.glob("pages/*/gold.jsonl")):
        for line in gold.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            file = gold.parent / "pages" / f"{row['id']}.html.gz"
            found.append((row, gzip.decompress(file.read_bytes())))
    return found


def extracted(row: Row, body: bytes) -> ArticleItem | None:
    """The article of a page as fetched now; None when it is judged to hold none."""
    url = str(row.get("url") or "https://site.example/a")
    found = extract(Page(url, body, None, NOW), Hints())
    return found if isinstance(found, ArticleItem) else None


def prediction(row: Row, item: ArticleItem | None) -> Row:
    """A row as the scorer reads it; the day is the one that readers of the site saw."""
    if item is None:
        return {"id": row["id"]}
    at = item.published
    if at is not None and item.published_offset is not None:
        at += item.published_offset
    return {
        "id": row["id"],
        "title": item.title,
        "text": "\n".join(part for part in (item.standfirst, item.body) if part),
        "date": at.isoformat() if at else None,
        "authors": list(item.authors),
    }


def scores(data: Path, pages: list[tuple[Row, bytes]]) -> bool:
    """Runs the scorer of the data folder and prints what it says beside what is demanded.

    Whether nothing is worse than the floor.
    """
    with tempfile.TemporaryDirectory() as folder:
        predictions, result = Path(folder, "predictions.jsonl"), Path(folder, "scores.json")
        rows = [prediction(row, extracted(row, body)) for row, body in pages]
        predictions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        command = [sys.executable, str(data / "evaluate.py"), "--gold", str(data / "pages")]
        subprocess.run(
            [*command, "--pred", str(predictions), "--json", str(result)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        overall = json.loads(result.read_text(encoding="utf-8"))["ALL"]
    print(f"{'measure':12}{'here':>8}{'demanded':>10}{'floor':>8}")
    held = True
    for name, (limit, sign) in DEMANDED.items():
        met, above = (sign * overall[name] >= sign * at for at in (limit, FLOOR[name][0]))
        held &= above
        remark = ("" if met else "   not met") + ("" if above else "   below the floor")
        print(f"{name:12}{overall[name]:8.4f}{limit:10}{FLOOR[name][0]:8}{remark}")
    print(f"precision {overall['P']:.3f}, recall {overall['R']:.3f}, pages {overall['pages']}")
    return held


def peers() -> dict[str, Callable[[str, bytes], object]]:
    """The other extractors that are installed."""
    found: dict[str, Callable[[str, bytes], object]] = {}
    if importlib.util.find_spec("trafilatura"):
        trafilatura = importlib.import_module("trafilatura")
        found["trafilatura"] = lambda url, body: trafilatura.bare_extraction(
            body, url=url, with_metadata=True, include_comments=False
        )
    if importlib.util.find_spec("newspaper"):
        newspaper = importlib.import_module("newspaper")
        found["newspaper4k"] = lambda url, body: newspaper.article(
            url, input_html=body.decode("utf-8", "replace")
        )
    if importlib.util.find_spec("newsplease"):
        newsplease = importlib.import_module("newsplease").NewsPlease
        found["news-please"] = lambda url, body: newsplease.from_html(
            body.decode("utf-8", "replace"), url
        )
    return found


def speed(
    pages: list[tuple[Row, bytes]], others: dict[str, Callable[[str, bytes], object]]
) -> None:
    """Processor time a page, all extractors in turn on each page; memory from pass to pass."""
    tools = {"wirewatch": lambda url, body: extract(Page(url, body, None, NOW), Hints()), **others}
    times: dict[str, list[float]] = {name: [] for name in tools}
    for tool in tools.values():
        tool(str(pages[0][0]["url"]), pages[0][1])  # models and tables are loaded on first use
    gc.collect()
    gc.freeze()  # or each tool would pay for walking the other's tables
    for row, body in pages:
        for name, tool in tools.items():
            start = time.process_time()
            tool(str(row.get("url") or ""), body)
            times[name].append(time.process_time() - start)
    mine = statistics.fmean(times["wirewatch"])
    print(f"\n{'tool':14}{'pages/s':>9}{'ms a page':>11}{'slowest ms':>12}{'times ours':>12}")
    for name, taken in times.items():
        mean = statistics.fmean(taken)
        print(
            f"{name:14}{1 / mean:9.1f}{mean * 1e3:11.1f}{max(taken) * 1e3:12.0f}{mean / mine:12.1f}"
        )


def memory(pages: list[tuple[Row, bytes]], repeat: int) -> None:
    """Growth of the process from the end of the first pass to the end of the last."""
    process = psutil.Process()
    sizes = []
    for _ in range(repeat):
        for row, body in pages:
            extracted(row, body)
        gc.collect()
        sizes.append(process.memory_info().rss / 2**20)
    print(f"memory: {sizes[0]:.0f} MB after one pass, {sizes[-1]:.0f} MB after {repeat}")


TOPIC = "Durand Line"
ALSO = (
    "Also read: ", "Read more: ", "Lesen Sie auch: ", "Lire aussi : ", "Lea también: ",
    "Leia também: ", "Leggi anche: ", "Lees ook: ", "Czytaj też: ", "Читайте также: ",
    "مزید پڑھیں: ", "بیشتر بخوانید: ", "اقرأ أيضا: ", "यह भी पढ़ें: ", "関連記事：", "",
)  # fmt: skip
LINES = (
    f"Three killed as {TOPIC} clashes enter second week",
    f"Why the {TOPIC} was never settled",
    f"{TOPIC}: traders count their losses",
)


def _links(tag: str = "li") -> str:
    return "".join(f'<{tag}><a href="/news/{n}">{line}</a></{tag}>' for n, line in enumerate(LINES))


def _cards(tag: str, name: str = "") -> str:
    return "".join(
        f'<{tag}{name}><h3><a href="/news/{n}">{line}</a></h3><p>Elders from six villages met on'
        f" Friday and called for calm along the {TOPIC} after a night of shelling.</p></{tag}>"
        for n, line in enumerate(LINES)
    )


TEASERS: dict[str, tuple[str, str]] = {
    # name: where (middle of the text, after it, end of the page), markup; {also} is replaced
    "sidebar list of links": ("end", f"<aside><h4>Latest</h4><ul>{_links()}</ul></aside>"),
    "named related list": ("middle", f'<div class="related-posts"><ul>{_links()}</ul></div>'),
    "unnamed list of links": ("middle", f"<ul>{_links()}</ul>"),
    "also read, in 15 languages": ("middle", f'<p>{{also}}<a href="/n/1">{LINES[0]}</a></p>'),
    "bold link paragraph": ("middle", f'<p><a href="/n/1"><strong>{LINES[0]}</strong></a></p>'),
    "linked heading": ("middle", f'<h3><a href="/n/1">{LINES[0]}</a></h3>'),
    "unlinked also read": ("middle", f"<p><strong>Also read: {LINES[1]}</strong></p>"),
    "embedded post": (
        "middle",
        f'<blockquote class="wp-embedded-content"><a href="/n/1">{LINES[1]}</a></blockquote>',
    ),
    "newsletter box": (
        "middle",
        '<div class="newsletter-box"><h3>Sign up</h3><p>Each morning one long letter about the'
        f" {TOPIC} and what happens on both sides of it, free of charge.</p></div>",
    ),
    "sentence that is a link": ("middle", f'<p>In other news, <a href="/n/1">{LINES[0]}</a>.</p>'),
    "one card, linked line and blurb": (
        "middle",
        f'<div><a href="/n/1">{LINES[0]}</a><p>Elders from six villages met on Friday and called'
        f" for calm along the {TOPIC} before the winter.</p></div>",
    ),
    "linked lines, blurbs below": (
        "after",
        "".join(
            f'<p><a href="/n/{n}">{line}</a><br>Elders from six villages met on Friday and called'
            " for calm along the line.</p>"
            for n, line in enumerate(LINES)
        ),
    ),
    "heading and unlinked list": (
        "after",
        f"<h3>More on this story</h3><ul>{''.join(f'<li>{line}</li>' for line in LINES)}</ul>",
    ),
    "a second article": (
        "after",
        f"<article><h1>{LINES[1]}</h1><p>Elders from six villages met on Friday and called for"
        f" calm along the {TOPIC} after a night of shelling that killed three.</p></article>",
    ),
    "unnamed cards after the text": ("after", f"<div>{_cards('div')}</div>"),
    "article cards after the text": ("after", _cards("article")),
    "unnamed cards at the end": ("end", f"<div>{_cards('div')}</div>"),
}


def paragraphs(tree: html.HtmlElement, text: str) -> list[html.HtmlElement]:
    """The <p> elements whose text the gold text holds."""
    flat = " ".join(text.split())
    return [
        element
        for element in tree.iter("p")
        if len(element.text_content()) > 60
        and " ".join(element.text_content().split())[:60] in flat
    ]


def planted(tree: html.HtmlElement, text: str, where: str, markup: str) -> bool:
    """Plants the markup; False when the page has no place for it."""
    body = tree.find(".//body")
    found = paragraphs(tree, text)
    if body is None or (where != "end" and len(found) < 3):
        return False
    new = html.fragment_fromstring(markup, create_parent="div")
    pieces = list(new)
    if where == "end":
        body.extend(pieces)
        return True
    anchor = found[len(found) // 2] if where == "middle" else found[-1]
    for piece in reversed(pieces):
        piece.tail = None
        tail, anchor.tail = anchor.tail, None
        anchor.addnext(piece)
        piece.tail = tail
    return True


def _tree(body: bytes) -> html.HtmlElement | None:
    try:
        return html.document_fromstring(body.decode("utf-8", "replace").encode(), parser=PARSER)
    except (etree.ParserError, ValueError):
        return None


PARSER = html.HTMLParser(encoding="utf-8", huge_tree=True)


def topic_mutations(pages: list[tuple[Row, bytes]]) -> None:
    """How often a planted teaser's topic is found in title, standfirst or body."""
    print(f"\n{'planted teaser':32}{'pages':>7}{'leaks':>7}{'share':>8}")
    total = leaks = 0
    control = f"<p>The {TOPIC} is named in this sentence to see that planting works.</p>"
    usable = [(r, b) for r, b in pages if r.get("text") and TOPIC.encode() not in b]
    for name, (where, markup) in {"(plain text)": ("middle", control), **TEASERS}.items():
        tried = leaked = 0
        for number, (row, body) in enumerate(usable):
            tree = _tree(body)
            also = ALSO[number % len(ALSO)]
            if tree is None or not planted(
                tree, str(row["text"]), where, markup.replace("{also}", also)
            ):
                continue
            tried += 1
            item = extracted(row, etree.tostring(tree, method="html", encoding="utf-8"))
            if item and TOPIC in f"{item.title}\n{item.standfirst}\n{item.body}":
                leaked += 1
        if name in TEASERS:
            total, leaks = total + tried, leaks + leaked
        print(f"{name:32}{tried:7}{leaked:7}{leaked / max(1, tried):8.1%}")
    print(f"{'all':32}{total:7}{leaks:7}{leaks / max(1, total):8.1%}")


HEADERS = {
    "long date, named": f'<div class="date">{NOW:%A, %B %d, %Y}</div>',
    "long date, unnamed": f"<div>{NOW:%A, %B %d, %Y}</div>",
    "ISO date": f'<span id="todaydate">{NOW:%Y-%m-%d}</span>',
    "<time> in a header": f'<header><time datetime="{NOW:%Y-%m-%dT%H:%M:%SZ}">now</time></header>',
    "dated teasers": "".join(
        f'<div><a href="/n/{n}">{line}</a> <time datetime="{NOW:%Y-%m-%d}">today</time></div>'
        for n, line in enumerate(LINES)
    ),
    "day first, German": f'<p class="datum">{NOW:%d.%m.%Y}</p>',
}
_DATED = ("publish", "date", "time", "modified", "updated")


def without_machine_dates(tree: html.HtmlElement) -> None:
    """Takes out JSON-LD, date metas, itemprops and <time datetime>."""
    for script in list(tree.iter("script")):
        if "json" in (script.get("type") or ""):
            script.drop_tree()
    for meta in list(tree.iter("meta")):
        name = f"{meta.get('property') or ''} {meta.get('name') or ''} {meta.get('itemprop') or ''}"
        if any(word in name.lower() for word in _DATED):
            meta.drop_tree()
    for element in tree.iter():
        if isinstance(element.tag, str):
            element.attrib.pop("itemprop", None)
            element.attrib.pop("datetime", None)


def date_mutations(pages: list[tuple[Row, bytes]]) -> None:
    """How often today's date in the header is taken for the date of publication."""
    columns = f"{'planted date':28}{'pages':>7}{'right':>8}{'fooled':>8}"
    print(f"\n{columns}   without machine-readable dates: right, fooled")
    dated = [(row, body) for row, body in pages if row.get("date")]
    for name, markup in [("none", ""), *HEADERS.items()]:
        results: list[tuple[float, float]] = []
        for strip in (False, True):
            verdicts = list(_dated_verdicts(dated, markup, strip))
            results.append(
                (
                    statistics.fmean(verdict == "right" for verdict in verdicts),
                    statistics.fmean(verdict == "fooled" for verdict in verdicts),
                )
            )
        (right, fooled), (right_2, fooled_2) = results
        print(f"{name:28}{len(dated):7}{right:8.1%}{fooled:8.1%}{right_2:20.1%}{fooled_2:8.1%}")


def _dated_verdicts(dated: list[tuple[Row, bytes]], markup: str, strip: bool) -> Iterator[str]:
    for row, body in dated:
        tree = _tree(body)
        top = tree.find(".//body") if tree is not None else None
        if tree is None or top is None:
            continue
        if strip:
            without_machine_dates(tree)
        if markup:
            top.insert(0, html.fragment_fromstring(markup, create_parent="div"))
        item = extracted(row, etree.tostring(tree, method="html", encoding="utf-8"))
        day = str(prediction(row, item).get("date") or "")[:10]
        yield (
            "fooled" if day == NOW.date().isoformat() else
            "right" if day == str(row["date"])[:10] else "other"
        )  # fmt: skip


def main() -> None:
    """Prints the four tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--no-peers", action="store_true", help="leave the others out")
    parser.add_argument("--no-mutations", action="store_true")
    parser.add_argument("--repeat", type=int, default=3, help="passes of the memory test")
    parser.add_argument("--floor", action="store_true", help="scores only; 1 if one fell")
    options = parser.parse_args()
    pages = load(options.data)
    held = scores(options.data, pages)
    if options.floor:
        sys.exit(0 if held else 1)
    speed(pages, {} if options.no_peers else peers())
    memory(pages, options.repeat)
    if not options.no_mutations:
        topic_mutations(pages)
        date_mutations(pages)


if __name__ == "__main__":
    main()
