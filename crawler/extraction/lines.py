"""What a page has in common with others of its site: its lines, and which of them are known.

A line is a block of text, a sentence of one, the address a block links to, or a date of
publication, each as one number. Pages hand out the numbers of what stands where teasers and notices
stand; `crawler.site_memory` counts them, and hands back those that are furniture.

What a background paragraph and a notice have in common is that they are repeated. So running text
that shares two words or more with the headline stays, however often it was seen: it speaks of the
same subject, and an article of that subject is the one a reader waits for. And what is known is not
believed of running text where it would take more than a third of it: then it is the articles of the
site that are alike, and no furniture.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urljoin

from crawler.extraction.blocks import Block, ends_sentence
from crawler.urls import url_key

MOST_LINES = 48
"""Of one page: its first and last blocks before those between."""
PROSE, LINE, LINK, DATE = range(4)
"""Sorts of line; the last two bits of its number."""
_KEY_BYTES = 8
_SHORTEST = 15
_SHORTEST_SENTENCE = 30
_LONGEST_LINKED = 600
_POINTS = 0.3  # share of link from which a block's targets are lines of their own
_EDGE = 3  # blocks at the end whose sentences are lines
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？؟۔।])\s*")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_CONTENT_WORD = 4  # letters
_SHARED = 2
_MOST_TAKEN = 1 / 3

Known = frozenset[int]


def sort_of(key: int) -> int:
    """PROSE, LINE, LINK or DATE."""
    return key & 3


def packed(keys: Iterable[int]) -> bytes:
    """Numbers of lines as bytes, to be handed to a worker."""
    return b"".join(key.to_bytes(_KEY_BYTES, "big") for key in keys)


def unpacked(keys: bytes) -> Known:
    """The numbers that `packed` wrote."""
    steps = range(0, len(keys) - _KEY_BYTES + 1, _KEY_BYTES)
    return frozenset(int.from_bytes(keys[at : at + _KEY_BYTES], "big") for at in steps)


def line_key(text: str, sort: int) -> int:
    """The number of a line, whatever its case and white space."""
    folded = " ".join(text.casefold().split()).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(folded, digest_size=_KEY_BYTES).digest()
    return int.from_bytes(digest, "big") & ~3 | sort


def date_key(at: datetime, origin: str) -> int:
    """The number of a date of publication as a page tells it."""
    return line_key(f"{origin} {at.isoformat()}", DATE)


def block_key(block: Block) -> int:
    """The number of a whole block."""
    return line_key(block.text, PROSE if _runs(block) else LINE)


def _runs(block: Block) -> bool:
    """Whether it is running text: prose, or a sentence in a paragraph."""
    sentence = block.size >= _SHORTEST_SENTENCE and ends_sentence(block.text)
    return block.link_share < _POINTS and (
        block.is_prose or (sentence and not block.is_heading and block.element.tag != "li")
    )


def mark_known(blocks: list[Block], known: Known, title: str, url: str) -> None:
    """Marks the blocks that stand on many pages of the site as furniture."""
    if not known:
        return
    free = [
        block
        for block in blocks
        if not block.kind and block.size >= _SHORTEST and block.element.tag != "h1"
    ]
    running = [block for block in free if _runs(block)]
    seen = [b for b in running if block_key(b) in known and not speaks_of(title, b.text)]
    if sum(b.size for b in seen) <= _MOST_TAKEN * sum(b.size for b in running):
        for block in seen:
            block.kind = "known"
    for block in free:
        if not _runs(block) and (
            block_key(block) in known
            or (block.link_share >= _POINTS and _all_known(link_keys(block, url), known))
        ):
            block.kind = "known"


def _all_known(keys: list[int], known: Known) -> bool:
    return bool(keys) and known.issuperset(keys)


def link_keys(block: Block, url: str) -> list[int]:
    """The numbers of the addresses that a block leads to."""
    if block.element.chars + block.element.link_chars > _LONGEST_LINKED:
        return []
    links = (one.get("href") for one in block.element.elements() if one.tag == "a")
    return [line_key(url_key(_joined(url, link)), LINK) for link in links if link]


def _joined(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        return link


def speaks_of(title: str, text: str) -> bool:
    """Whether two or more content words of the headline are in the text."""
    return len(_content(title) & _content(text)) >= _SHARED


def _content(text: str) -> set[str]:
    words = {word for word in _WORD.findall(text.casefold()) if len(word) >= _CONTENT_WORD}
    unspaced = "".join(_UNSPACED.findall(text))
    return words | {unspaced[n : n + 3] for n in range(len(unspaced) - 2)}


def without_known(texts: Iterable[str], known: Known, title: str) -> list[str]:
    """The texts of blocks without those whose every sentence stands on many pages of the site.

    A known sentence among others stays: what is written into a paragraph was meant for its readers,
    and a sentence that agencies repeat in each report of a subject is what a watchlist waits for.
    """
    whole = list(texts)
    if not known:
        return whole
    kept = [text for text in whole if not _is_known_throughout(text, known, title)]
    taken = sum(map(len, whole)) - sum(map(len, kept))
    return whole if taken > _MOST_TAKEN * sum(map(len, whole)) else kept


def _is_known_throughout(text: str, known: Known, title: str) -> bool:
    sentences = [s for s in _SENTENCE.split(text) if len(s) >= _SHORTEST_SENTENCE]
    return bool(sentences) and not any(
        line_key(sentence, PROSE) not in known or speaks_of(title, sentence)
        for sentence in sentences
    )


def lines_of(blocks: list[Block], places: list[int], url: str) -> tuple[int, ...]:
    """The numbers of what this page may have in common with others; at most MOST_LINES.

    `places` are the positions of the blocks that are the article, and of those known before.
    """
    keys: dict[int, None] = {}
    for n in _outside_in(places):
        for key in _keys_of(blocks[n], url, n in places[-_EDGE:] or n in places[:1]):
            if len(keys) < MOST_LINES:
                keys[key] = None
    return tuple(keys)


def _outside_in(places: list[int]) -> Iterator[int]:
    """Known lines apart, what teasers are among stands at the end and at the start."""
    left, right = 0, len(places) - 1
    while left <= right:
        yield places[right]
        right -= 1
        if left <= right:
            yield places[left]
            left += 1


def _keys_of(block: Block, url: str, is_edge: bool) -> Iterator[int]:
    if block.size < _SHORTEST:
        return
    yield block_key(block)
    if block.link_share >= _POINTS:
        yield from link_keys(block, url)
    elif is_edge:
        sentences = _SENTENCE.split(block.text)
        if len(sentences) > 1:
            yield from (line_key(s, PROSE) for s in sentences if len(s) >= _SHORTEST_SENTENCE)
