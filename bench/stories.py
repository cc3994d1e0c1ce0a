"""Stories: does the policy find edited copies and nothing else, and what does it cost?

    .venv/bin/python bench/stories.py quality DATA_FOLDER [--seed N] [--limit N]
    .venv/bin/python bench/stories.py cost DATA_FOLDER [--sizes 10000,100000] [--keep DIR]

DATA_FOLDER holds `pages/*/gold.jsonl`: rows with `url`, `title` and `text`.

quality   Every article of 40 words and more is edited in each of the ways below and filed as a page
          of another site, through the same door as a crawl's pages. Recall: the part of the edits
          that join their original's story. Precision: the part of all joins that are right, where
          the hard negatives are all the other articles, those of the same site among them, which
          are filed too.
cost      Articles are really stored, with texts made up word by word as those of the data follow
          one another; then the look-up and the whole filing of new articles and of copies are
          timed at each size, in time of the processor unless said otherwise. With `--keep` a later
          run goes on with the database of an earlier one.
"""

import argparse
import contextlib
import json
import random
import re
import resource
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlmodel import Session, SQLModel, func, select

from crawler.items import ArticleItem
from crawler.record import record_article
from crawler.shingles import shingles, sketch
from crawler.story_search import Searched, near_identical
from store.articles import Article, Entry
from store.engine import Store
from store.schema import migrate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENTENCE = re.compile(r"(?<=[.!?؟۔।])\s+|(?<=[。！？])|\n+")
AGENCY = "KABUL, 1 March (Agency) - "
FOOT = "\n\nReporting by our staff; editing by the night desk. Copyright of the agency."


@dataclass(frozen=True)
class Text:
    """An article of the data."""

    url: str
    title: str
    body: str


def load(folder: Path) -> list[Text]:
    """The data's articles of 40 words and more, each text once."""
    found: dict[str, Text] = {}
    for path in sorted(folder.glob("pages/*/gold.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            body = row.get("text") or ""
            if row.get("url") and shingles("", body).words >= 40:
                found.setdefault(body[:300], Text(row["url"], row.get("title") or "", body))
    return list(found.values())


Edit = Callable[[Text, random.Random, Sequence[Text]], Text]


def dropped(part: float) -> Edit:
    """So much of the sentences left out, anywhere."""

    def edit(text: Text, chance: random.Random, _: Sequence[Text]) -> Text:
        sentences = [s for s in SENTENCE.split(text.body) if s.strip()]
        keep = set(chance.sample(range(len(sentences)), round(len(sentences) * (1 - part))))
        return Text(
            text.url, text.title, "\n".join(s for n, s in enumerate(sentences) if n in keep)
        )

    return edit


def headline(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
    """Another headline and byline."""
    return Text(text.url, chance.choice(others).title, "By Our Correspondent\n" + text.body)


def agency(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
    """An agency line above, its foot below."""
    return Text(text.url, text.title, AGENCY + text.body + FOOT)


def reordered(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
    """The paragraphs in another order."""
    paragraphs = [p for p in text.body.split("\n") if p.strip()]
    chance.shuffle(paragraphs)
    return Text(text.url, text.title, "\n".join(paragraphs))


def added(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
    """A paragraph of another article."""
    other = chance.choice(others).body.split("\n")[0][:600]
    return Text(text.url, text.title, f"{text.body}\n{other}")


def words_changed(part: float) -> Edit:
    """So much of the words replaced by others, evenly: the worst that can happen to shingles."""

    def edit(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
        words = text.body.split(" ")
        strange = [w for w in chance.choice(others).body.split(" ") if len(w) < 20] or ["x"]
        changed = [chance.choice(strange) if chance.random() < part else w for w in words]
        return Text(text.url, text.title, " ".join(changed))

    return edit


def rewritten(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
    """As a desk makes an agency's report its own: words, sentences, headline, first and last."""
    shorter = dropped(0.2)(text, chance, others)
    return agency(words_changed(0.15)(shorter, chance, others), chance, others)


EDITS: dict[str, Edit] = {
    "headline and byline": headline,
    "agency line and foot": agency,
    "paragraphs reordered": reordered,
    "a paragraph added": added,
    "5 % of sentences dropped": dropped(0.05),
    "10 % of sentences dropped": dropped(0.10),
    "20 % of sentences dropped": dropped(0.20),
    "30 % of sentences dropped": dropped(0.30),
    "50 % of sentences dropped": dropped(0.50),
    "5 % of words changed": words_changed(0.05),
    "10 % of words changed": words_changed(0.10),
    "20 % of words changed": words_changed(0.20),
    "25 % of words changed": words_changed(0.25),
    "rewritten: 15 % of words, 20 % of sentences": rewritten,
}
LATER = "half of it a later report"


def later_report(text: Text, chance: random.Random, others: Sequence[Text]) -> Text:
    """Another report that ends with half of this one, as its background: no copy.

    The new half is made of single sentences, so that it is nobody else's copy either.
    """
    words = text.body.split()
    half, fresh = len(words) // 2, list[str]()
    while len(fresh) < half:
        fresh += chance.choice(SENTENCE.split(chance.choice(others).body)).split()
    return Text(text.url, chance.choice(others).title, " ".join([*fresh, *words[half:]]))


def new_store(folder: str) -> Store:
    """An empty database."""
    store = Store(f"sqlite:///{folder}/wirewatch.db")
    migrate(store)
    return store


def file_article(session: Session, text: Text, host: str, at: datetime) -> Article:
    """Files a page as a crawl does."""
    number = session.info["number"] = session.info.get("number", 0) + 1
    url = f"https://{host}/{number}"
    entry = Entry(source_id=host, url=url, url_key=f"{host}/{number}", host=host, found_at=at)
    session.add(entry)
    session.flush()
    item = ArticleItem(url, url, text.title, "", text.body)
    filed = record_article(session, entry.id or 0, item, "", at)
    return session.get_one(Article, filed.article_id)


def quality(folder: Path, seed: int, limit: int) -> None:
    """Recall and precision, printed."""
    chance = random.Random(seed)
    texts = load(folder)[:limit]
    sites = Counter(urlsplit(text.url).hostname for text in texts)
    with tempfile.TemporaryDirectory() as place:
        store = new_store(place)
        with store.writing() as session:
            found, wrong = _file_all(session, texts, chance)
        store.close()
    print(
        f"{len(texts)} articles of {len(sites)} sites, {len(texts) * len(EDITS)} edits, seed {seed}"
    )
    print(f"{'edit':<46}{'recall':>8}{'missed':>8}{'wrong':>8}")
    joined = wrong["originals"]
    for name in EDITS:
        joined += found[name] + wrong[name]
        recall = found[name] / len(texts)
        print(f"{name:<46}{recall:>8.4f}{len(texts) - found[name]:>8}{wrong[name]:>8}")
    print(f"{LATER}: {found[LATER]} of {len(texts)} taken for copies")
    errors = sum(wrong.values())
    print(f"originals joined to one another: {wrong['originals']}")
    print(f"precision {1 - errors / joined:.4f} ({errors} wrong of {joined} joins)")


def _file_all(
    session: Session, texts: Sequence[Text], chance: random.Random
) -> tuple[Counter[str], Counter[str]]:
    """Originals first, then the edits mixed, so that copies compete with copies of others."""
    found: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    story: dict[int, int] = {}
    for number, text in enumerate(texts):
        host = urlsplit(text.url).hostname or "x"
        filed = file_article(session, text, host, NOON)
        if filed.story_id in story.values():
            wrong["originals"] += 1
            print("joined:", text.url, "|", filed.title)
        story[number] = filed.story_id
    owner = {story_id: number for number, story_id in story.items()}
    edits = {**EDITS, LATER: later_report}
    work = [(number, name) for number in range(len(texts)) for name in edits]
    chance.shuffle(work)
    for turn, (number, name) in enumerate(work):
        edited = edits[name](texts[number], chance, texts)
        host = f"copy{turn % 997}.example"
        at = NOON + timedelta(minutes=turn % 1440)
        filed = file_article(session, edited, host, at)
        if filed.story_id == story[number]:
            found[name] += 1
        elif filed.story_id in owner:
            wrong[name] += 1
            print("wrong:", name, texts[number].url, "->", texts[owner[filed.story_id]].url)
    return found, wrong


def cost(folder: Path, sizes: Sequence[int], seed: int, keep: Path | None) -> None:
    """Times at each size, printed."""
    chance = random.Random(seed)
    chain = Chain(load(folder), chance)
    with contextlib.ExitStack() as stack:
        place = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = new_store(str(place))
        with store.reading() as session:
            stored = session.exec(select(func.max(Article.id))).one() or 0
        for size in sizes:
            began = time.monotonic()
            if size > stored:
                chance.seed(stored)
                _store_many(store, stored, size, chain, chance)
                stored = size
            chance.seed(seed)
            _measure(store, stored, chain, chance, time.monotonic() - began)
            file = Path(place, "wirewatch.db")
            print(f"{'':>10}database {file.stat().st_size / 2**20:.0f} MB", flush=True)
        store.close()


LEAP = 0.37
"""Part of the words that follow no other: then texts of 1,000 words share as many runs of three
words with 302 others as those of the data do (0.08 of them; 0.28 without any leap)."""


class Chain:
    """Makes texts up as the data's words follow one another, so that they share runs as news do."""

    def __init__(self, texts: Sequence[Text], chance: random.Random) -> None:
        """Reads the data."""
        self.chance = chance
        words = [word for text in texts for word in text.body.split() if len(word) < 30]
        self.words = words
        after: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(words[:-1]):
            after[word].append(place + 1)
        self.after = [after.get(word, [0]) for word in words]

    def text(self, length: int = 300) -> str:
        """So many words."""
        words, after, random_ = self.words, self.after, self.chance.random
        place, made = int(random_() * len(words)), []
        for _ in range(length):
            if random_() < LEAP:
                place = int(random_() * len(words))
            else:
                places = after[place]
                place = places[int(random_() * len(places))]
            made.append(words[place])
        return " ".join(made)


def _store_many(store: Store, first: int, last: int, chain: Chain, chance: random.Random) -> None:
    """Rows in bulk; all first seen within the week that a look-up spans: the worst case."""
    columns = [column.name for column in SQLModel.metadata.tables["article"].columns]
    row = f"({', '.join('?' * len(columns))})"
    for start in range(first, last, 2000):
        rows, sketches = [], []
        for number in range(start + 1, min(start + 2000, last) + 1):
            at = NOON - timedelta(minutes=chance.randrange(7 * 1440))
            body = chain.text(100)
            hour = int(at.timestamp() // 3600)
            rows.append(_article_row(number, body, at, columns))
            sketches += [(hash_, hour, number) for hash_ in sketch(shingles("", body))]
        with store.writing() as session:
            connection = session.connection()
            connection.exec_driver_sql(
                "INSERT INTO story (id, created_at) VALUES (?, ?)",
                [(each[0], str(NOON.replace(tzinfo=None))) for each in rows],
            )
            connection.exec_driver_sql(f"INSERT INTO article VALUES {row}", rows)
            connection.exec_driver_sql(
                "INSERT INTO sketch (hash, hour, article_id) VALUES (?, ?, ?)", sketches
            )


def _article_row(
    number: int, body: str, at: datetime, columns: Sequence[str]
) -> tuple[object, ...]:
    url = f"https://site{number % 5000}.example/{number}"
    seen = str(at.replace(tzinfo=None, microsecond=0)) + ".000000"
    told = {
        "id": number,
        "source_id": f"site{number % 5000}",
        "story_id": number,
        "title": body[:60],
        "body": body,
        "first_seen": seen,
        "matched_at": seen,
        "url": url,
        "canonical_url": url,
        "url_key": url,
    }
    return tuple(told.get(name, _EMPTY.get(name)) for name in columns)


_EMPTY: dict[str, object] = {
    **dict.fromkeys(("standfirst", "captions", "fingerprint", "page_sha256", "extractor"), ""),
    **dict.fromkeys(("authors", "tags", "candidates"), "[]"),
    **dict.fromkeys(("published_precision", "published_from"), "unknown"),
    **dict.fromkeys(("paywalled", "confidence", "baseline"), 0),
    "form": "article",
    "revision": 1,
    "matched_revision": 1,
}


def _measure(store: Store, size: int, chain: Chain, chance: random.Random, took: float) -> None:
    looks, files, copies, walls = [], [], [], []
    found = 0
    with store.writing() as session:
        for turn in range(300):
            body = chain.text()
            searched = Searched("https://new.example/", "new", shingles("", body), NOON)
            wall, began = time.perf_counter(), time.process_time()
            near_identical(session, searched)
            looks.append(time.process_time() - began)
            walls.append(time.perf_counter() - wall)
            session.info["number"] = size + turn
            began = time.process_time()
            file_article(session, Text("", f"News {turn}", body), f"new{turn}.example", NOON)
            files.append(time.process_time() - began)
            original = session.get_one(Article, chance.randrange(1, size))
            searched = Searched(
                "https://copy.example/", "copy", shingles("", original.body + FOOT), NOON
            )
            began = time.process_time()
            alike = near_identical(session, searched)
            copies.append(time.process_time() - began)
            found += bool(alike) and alike[0].id == original.id
        session.rollback()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{size:>10,} stored ({took:.0f} s): look-up {_told(looks)}, by the clock {_told(walls)}; "
        f"of a copy {_told(copies)}, {found} of {len(copies)} found; "
        f"whole filing {_told(files)}; process {memory:.0f} MB"
    )


def _told(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    late = ordered[int(len(ordered) * 0.95)]
    return f"{statistics.median(ordered) * 1000:.2f} ms (95 %: {late * 1000:.2f})"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="see the head of the file")
    parser.add_argument("what", choices=("quality", "cost"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=1_000_000)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--keep", type=Path, help="a folder whose database is used and kept")
    asked = parser.parse_args()
    if asked.what == "quality":
        quality(asked.folder, asked.seed, asked.limit)
    else:
        cost(asked.folder, [int(size) for size in asked.sizes.split(",")], asked.seed, asked.keep)


if __name__ == "__main__":
    main()
