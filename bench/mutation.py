"""Broken documents made of whole ones: cut, doubled, swapped, joined, and peppered with traps.

What is made depends on a number only, so that a finding can be made again from it.
"""

import random
from collections.abc import Callable, Sequence

LONGEST = 150_000
"""Bytes of what is made; a real page of that size takes a parser a tenth of a second."""

TRAPS = [
    *(text.encode("utf-8", "surrogatepass") for text in (
        "<", ">", "/>", "</", "<!--", "-->", "<![CDATA[", "]]>", "<?xml?>", "<!DOCTYPE x [",
        "<!DOCTYPE x [<!ENTITY a 'b'>]>", "<!DOCTYPE x SYSTEM 'file:///etc/hostname'>", "&a;",
        "&#0;", "&#x110000;", "&#xD800;", "&#99999999999;", "&amp;amp;lt;",
        "<xi:include href='/'/>",
        "<script>", "</script>", "<template>", "<svg>", "<math>", "<table>", "<plaintext>",
        "<base href='http://[::1'>", "<base href='javascript:1'>", "<a href='http://[x'>y</a>",
        "http://[::1", "http://a:99999/", "//", "javascript:alert(1)", "data:,", "http://\ud800/",
        "9999-12-31T23:59:59-12:00", "0000-00-00", "1601-01-01T00:00:00Z", "Thu, 01 Jan 1601",
        "Mon, 31 Feb 2026 25:61:61 +9999", "١٤٤٥", "-1", "9" * 400, "1e999", "NaN", "null", "{}",
        "[]", '{"@graph":', '{"@type":["NewsArticle"],"datePublished":{}}', "[" * 2000,
        "{\"a\":" * 2000,
        "\u202e", "\u2066", "\u200b", "\ufeff", "\x1b[2J", "\r\n", "\x85", "\u2028", "\x00",
        "\ud800",
        "\U000e0041", "\u0300" * 300, "ﷺ", "İ", "ß", "ſ", "𝔘", "👩‍👩‍👧", "\ufdd0", "\uffff",
        "AND", "OR NOT", "NEAR/99999", "NEAR/", "ONEAR/0", "((((", "))))", '"', "“", "@a", "@", "*",
        "title:", "title:title:", "/(a+)+$/", "/[/", "/\\p{L}{1000}/", "/(?R)/", "=\"", "\\",
        "${HOME}", "${", "${A:-${B}}", "[[source]]", "[source.\"\"]", "include = [\"*\"]", "'''",
        '"""',
        "= 1979-05-27T07:32:60Z", "0x", "inf", "\\uD800", "\\U00110000", "a.b.c.d.e",
        "Content-Type: text/html; charset=utf-7", "charset=utf-32", "<meta charset=utf-16>",
    )),
    b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x80", b"\xc0\x80", b"\xed\xa0\x80",
    b"\x1f\x8b\x08",
    b"\x1b$B", b"\x00\x00\xfe\xff", b"~{", b"\xf4\x90\x80\x80",]  # fmt: skip
"""What parsers were seen to stumble over."""
ENCODINGS = ("utf-16", "utf-32", "latin-1", "cp1251", "shift_jis", "gb18030", "utf-7")

Step = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def _span(chance: random.Random, body: bytes) -> tuple[int, int]:
    start = chance.randrange(len(body) + 1)
    return start, min(len(body), start + int(chance.expovariate(1 / 200)))


def _cut(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + body[end:]


def _end(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _repeat(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, body)
    times = chance.choice((2, 5, 50, 1000))
    return body[:start] + (body[start:end] * times)[: LONGEST // 2] + body[end:]


def _trap(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(body) + 1)
    times = chance.choice((1, 1, 1, 1, 30, 3000))
    return body[:at] + (chance.choice(TRAPS) * times)[: LONGEST // 2] + body[at:]


def _replace(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + chance.choice(TRAPS) + body[end:]


def _flip(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(body)
    for _time in range(min(len(body), chance.choice((1, 4, 40)))):
        changed[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(changed)


def _join(chance: random.Random, body: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    start, end = _span(chance, body)
    return body[:start] + other[chance.randrange(len(other) + 1) :][:20_000] + body[end:]


def _encode(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    return body.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")


def _swap(chance: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    """Exchanges the contents of two elements, quotes or lines: the grammar stays, sense goes."""
    mark = chance.choice((b">", b'"', b"\n", b" "))
    parts = body.split(mark)
    if len(parts) > 3:
        one, two = chance.randrange(len(parts)), chance.randrange(len(parts))
        parts[one], parts[two] = parts[two], parts[one]
    return mark.join(parts)


_STEPS: tuple[Step, ...] = (
    _cut, _cut, _end, _repeat, _trap, _trap, _trap, _replace, _replace, _flip, _join, _encode,
    _swap, _swap,
)  # fmt: skip


def broken(number: int, seed: int, whole: Sequence[bytes]) -> bytes:
    """The document of that number: one of `whole`, changed one to six times."""
    chance = random.Random(f"{seed}/{number}")
    body = chance.choice(whole)[:LONGEST]
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        body = chance.choice(_STEPS)(chance, body, whole)[:LONGEST]
    return body
