"""How long one article takes against 10 to 100,000 watchlists, beside the raw scan alone.

    python -m bench.matching DATA_FOLDER [--articles 5000] [--sizes 10,1000,10000,100000]

DATA_FOLDER holds pages/*/gold.jsonl with rows {"title", "text"}. Their paragraphs are put
together to articles of about 2.3 KB; names in them, and names made of their parts, are the terms.
Half of the watchlists are one name, 10 % NEAR, 10 % a star, 20 % AND, 10 % AND NOT.
"""

import argparse
import gc
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import daachorse
import psutil

from alerts.matcher import Matcher, Rule, Text
from alerts.query import parse
from store.folding import fold

ARTICLE_BYTES = 2300
_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]{2,}(?: [^\W\d_a-z][^\W\d_]{2,}){1,2}")
_OPERATORS = {"And", "The", "For", "But", "From", "With", "This", "That"}


def articles(folder: Path, count: int, chance: random.Random) -> list[Text]:
    """Articles of about 2.3 KB, each from paragraphs of one page on."""
    pages: list[tuple[str, list[str]]] = []
    for path in sorted(folder.glob("pages/*/gold.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            paragraphs = [part for part in (row.get("text") or "").split("\n") if len(part) > 40]
            if paragraphs:
                pages.append((row.get("title") or paragraphs[0][:80], paragraphs))
    made = []
    while len(made) < count:
        title, paragraphs = chance.choice(pages)
        at, body = chance.randrange(len(paragraphs)), ""
        while len(body.encode()) < ARTICLE_BYTES:
            if at == len(paragraphs):
                _, paragraphs = chance.choice(pages)
                at = 0
            body += paragraphs[at] + "\n\n"
            at += 1
        body = body.encode()[:ARTICLE_BYTES].decode(errors="ignore")
        made.append(Text({"title": title, "body": body}, "en", "bench"))
    return made


def names(texts: Sequence[Text]) -> list[str]:
    """Names of two or three words, as they stand in the articles."""
    found = {name for text in texts for name in _NAME.findall(text.fields["body"])}
    return sorted(name for name in found if not _OPERATORS & set(name.split()))


class Terms:
    """Draws names: some that stand in articles, most made of the parts of such names."""

    def __init__(self, known: Sequence[str], real: float, chance: random.Random) -> None:
        """`real` is the share of names that stand in an article."""
        self.known = known
        self.real = real
        self.chance = chance

    def one(self) -> str:
        if self.chance.random() < self.real:
            return self.chance.choice(self.known)
        first = self.chance.choice(self.known).split()[0]
        return f"{first} {self.chance.choice(self.known).split()[-1]}"


def query(number: int, terms: Terms) -> str:
    """The query of one watchlist; its number decides the kind."""
    first, second = terms.one(), terms.one()
    kind = number % 10
    if kind == 0:
        return f'"{first}" NEAR/20 "{second.split()[0]}"'
    if kind == 1:
        return f'"{first}*"'
    if kind in (2, 3):
        return f'"{first}" AND "{second.split()[-1]}"'
    if kind == 4:
        return f'"{first}" AND NOT "{second}"'
    return f'"{first}"'


def mixed(size: int, terms: Terms) -> Iterator[str]:
    """One name, NEAR, a star, AND, AND NOT."""
    for number in range(size):
        yield query(number, terms)


def popular(size: int, terms: Terms) -> Iterator[str]:
    """A name that stands in many articles in a third of the watchlists."""
    for number in range(size):
        rule = query(number, terms)
        yield f"President AND ({rule})" if number % 3 == 0 else rule


def lists(size: int, terms: Terms) -> Iterator[str]:
    """`any` lists of 50 to 200 names."""
    for _ in range(size):
        spellings = {terms.one() for _ in range(terms.chance.randint(50, 200))}
        yield " OR ".join(f'"{name}"' for name in sorted(spellings))


ROUNDS = 5


def timed(texts: Sequence[Text], *calls: Callable[[Text], object]) -> list[list[float]]:
    """Microseconds of processor time of each article under each call, the best of all rounds.

    The calls take turns in each round, so that a busy machine is no better to one than another.
    """
    best = [[float("inf")] * len(texts) for _ in calls]
    for _ in range(ROUNDS):
        for call, times in zip(calls, best, strict=True):
            for index, text in enumerate(texts):
                start = time.thread_time()
                call(text)
                times[index] = min(times[index], (time.thread_time() - start) * 1e6)
    return best


def mean(times: Sequence[float]) -> float:
    """The arithmetic mean."""
    return statistics.fmean(times)


def measure(label: str, queries: Sequence[str], texts: Sequence[Text]) -> None:
    """Build the matcher, match every article, print one line."""
    rules = {f"w{number}": Rule(parse(text)) for number, text in enumerate(queries)}
    gc.collect()
    process = psutil.Process()
    memory, start = process.memory_info().rss, time.thread_time()
    matcher = Matcher(rules)
    matcher.match(texts[0])
    built = time.thread_time() - start
    memory = process.memory_info().rss - memory
    gc.collect()
    gc.freeze()
    matched = mean([len(matcher.match(text)) for text in texts])
    encoded = {id(text): [fold(part).encoded for part in text.fields.values()] for text in texts}
    keys = [matcher._automaton.key(number).encode() for number in range(len(matcher._automaton))]
    library = daachorse.DoubleArrayAhoCorasick(keys)
    whole, reading, folding, scans = timed(
        texts,
        matcher.match,
        matcher.read,
        lambda text: [fold(content) for content in text.fields.values()],
        lambda text: [library.find_overlapping(part) for part in encoded[id(text)]],
    )
    raw = mean(scans)
    middle, last = statistics.median(whole), sorted(whole)[int(len(whole) * 0.99)]
    allowed = 5 * raw + 4 * matched
    print(
        f"{label:>18} {mean(whole):7.0f} {middle:7.0f} {last:7.0f} {last / middle:5.1f} {raw:7.1f} "
        f"{matched:7.1f} {allowed:7.0f} {'yes' if mean(whole) <= allowed else 'NO':>4}   "
        f"{mean(folding):5.0f} {mean(reading) - mean(folding) - raw:6.0f} "
        f"{mean(whole) - mean(reading):6.0f}   {built:6.2f} {memory / 2**20:7.0f}"
    )
    added = []
    for number in range(200):
        start = time.thread_time()
        matcher.add(f"new{number}", Rule(parse(f'"Wholly New {number}"')))
        matcher.match(Text({"body": "short"}))
        added.append((time.thread_time() - start) * 1e3)
    print(f"{'':>18} one more in force after {statistics.median(added):.1f} ms, at most "
          f"{max(added):.1f} ms")  # fmt: skip
    gc.unfreeze()


def regexes(queries: Sequence[str], texts: Sequence[Text]) -> float:
    """One compiled pattern for each watchlist, its first name as a whole word."""
    compiled = [
        re.compile(r"\b" + r"\W+".join(map(re.escape, text.split('"')[1].split())), re.I)
        for text in queries
    ]
    (times,) = timed(texts, lambda text: [c.search(text.fields["body"]) for c in compiled])
    return mean(times)


def token_index(queries: Sequence[str], texts: Sequence[Text]) -> float:
    """Each watchlist under the rarest word of its first name, then a search for the name."""
    keys = [fold(text.split('"')[1].rstrip("*")).text for text in queries]
    uses: dict[str, int] = {}
    for key in keys:
        for word in key.split():
            uses[word] = uses.get(word, 0) + 1
    index: dict[str, list[str]] = {}
    for key in keys:
        index.setdefault(min(key.split(), key=uses.__getitem__), []).append(key)

    def found(text: Text) -> list[str]:
        folded = fold(text.fields["body"]).text
        words = set(folded.split())
        return [key for word in words & index.keys() for key in index[word] if key in folded]

    (times,) = timed(texts, found)
    return mean(times)


def main() -> None:
    """Every size, then the profiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--articles", type=int, default=5000)
    parser.add_argument("--sizes", default="10,1000,10000,100000")
    chosen = parser.parse_args()
    chance = random.Random(20)
    texts = articles(chosen.folder, chosen.articles, chance)
    known = names(texts)
    size = mean([sum(len(part.encode()) for part in text.fields.values()) for text in texts])
    print(f"{len(texts)} articles of {size:.0f} bytes, {len(known)} names")
    print("µs of processor time an article; group: hits by key; decide: booleans, NEAR, places")
    print(f"{'watchlists':>18} {'mean':>7} {'median':>7} {'p99':>7} {'ratio':>5} {'scan':>7} "
          f"{'matched':>7} {'allowed':>7} {'ok':>4}   {'fold':>5} {'group':>6} {'decide':>6}   "
          f"{'build s':>6} {'MB':>7}")  # fmt: skip
    sizes = [int(size) for size in chosen.sizes.split(",")]
    for size in sizes:
        queries = list(mixed(size, Terms(known, 0.25, chance)))
        measure(f"{size:,}", queries, texts)
        if size <= 1000:
            print(f"{'':>18} one regex each: {regexes(queries, texts[:20]):,.0f}")
        print(f"{'':>18} token index: {token_index(queries, texts[:500]):,.0f}")
    largest = max(sizes)
    measure(f"{largest:,} few", list(mixed(largest, Terms(known, 0.002, chance))), texts)
    measure(f"{largest:,} popular", list(popular(largest, Terms(known, 0.25, chance))), texts)
    some = max(10, largest // 100)
    measure(f"{some:,} lists", list(lists(some, Terms(known, 0.1, chance))), texts)


if __name__ == "__main__":
    main()
