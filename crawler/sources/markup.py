"""Bytes of a feed or sitemap to a tree, and markup to plain text; nothing is ever fetched.

Document types are cut out before parsing and the parser resolves no entity, so none can be
declared, expanded or loaded. What is not well-formed is repaired as feeds need it (bare ampersands,
HTML's named characters, control characters) and parsed leniently.
"""

import codecs
import html
import re
import zlib
from collections.abc import Callable, Iterator
from html.entities import html5
from io import BytesIO
from typing import BinaryIO

from lxml import etree
from w3lib.encoding import resolve_encoding

from crawler.extraction.bounds import bounded_xml
from crawler.items import DocumentError
from crawler.text import clean_line

LONGEST_DOCUMENT = 52_428_800
"""Bytes after decompression: the limit of sitemaps.org for one file."""
LONGEST_WHOLE = 10_485_760
"""Bytes after decompression of what is not read in pieces, since parsers take several times that;
as many as an answer may have at most unless `max_size` says otherwise."""
CHUNK = 65_536
"""Bytes or characters that are looked at together where a document is read in pieces."""
_GZIP = b"\x1f\x8b"
_HEAD = 2_000
_SAMPLE = 100_000
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITHOUT_BOM = (
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00<\x00", "utf-16-be"),
    (b"<\x00?\x00", "utf-16-le"),
    (b"<\x00", "utf-16-le"),
)
_DECLARED = re.compile(rb"""^[^>]{0,200}?<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)""", re.I)
_HEADER = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>", re.IGNORECASE)
_DOCTYPE = re.compile(
    r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE[^>\[]*+(?:\[.*?\]\s*+)?>", re.IGNORECASE | re.DOTALL
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_BAD_REFERENCE = re.compile(
    r"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|d[89a-f]..|fff[ef])|0*(?:[0-8]));", re.I
)
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_BARE = re.compile(r"&(?!(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_START = re.compile(r"<(?:\?xml|rss|feed|rdf:RDF|channel|urlset|sitemapindex)[\s>]", re.IGNORECASE)
_HTML_START = re.compile(
    r"^\s*(?:<!--.*?-->\s*+)*+<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


def decompressed(body: bytes) -> bytes:
    """The bytes inside gzip, or as they are. Raises DocumentError if too long or broken."""
    if not body.startswith(_GZIP):
        return body
    # Counted first: of a bomb nothing is kept.
    length = sum(map(len, _unpacked(BytesIO(body), LONGEST_WHOLE)))
    content, end = bytearray(length), 0
    for piece in _unpacked(BytesIO(body), LONGEST_WHOLE):
        content[end : end + len(piece)] = piece
        end += len(piece)
    return bytes(content)


def inflated(source: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file in pieces, unpacked where it is gzip. Raises DocumentError like
    `decompressed`.
    """
    source.seek(0)
    head = source.read(len(_GZIP))
    source.seek(0)
    if head == _GZIP:
        yield from _unpacked(source, LONGEST_DOCUMENT)
        return
    while piece := source.read(CHUNK):
        yield piece


def _unpacked(source: BinaryIO, longest: int) -> Iterator[bytes]:
    inflate, length = zlib.decompressobj(wbits=31), 0
    packed = source.read(CHUNK)
    while packed and not inflate.eof:
        try:
            piece = inflate.decompress(packed, CHUNK)
        except zlib.error as error:
            raise DocumentError(f"not a whole gzip file: {error}") from error
        length += len(piece)
        if length > longest:
            raise DocumentError(f"longer than {longest // 2**20} MB when unpacked")
        yield piece
        packed = inflate.unconsumed_tail or source.read(CHUNK)


def texts(source: BinaryIO, content_type: str | None = None) -> Iterator[str]:
    """The text of a document in pieces: as it stands while it is UTF-8, else as `decoded` gives
    it, in one. Raises DocumentError like `decompressed`.
    """
    if not _is_utf8(source, content_type):
        source.seek(0)
        yield decoded(decompressed(source.read()), content_type)
        return
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    for piece in inflated(source):
        yield decoder.decode(piece)


def _is_utf8(source: BinaryIO, content_type: str | None) -> bool:
    decoder, first = codecs.getincrementaldecoder("utf-8")(), True
    try:
        for piece in inflated(source):
            if first and _may_be_another(piece, content_type):
                return False
            decoder.decode(piece)
            first = False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _may_be_another(head: bytes, content_type: str | None) -> bool:
    """Whether a document that is valid UTF-8 as far as bytes go says that it is something else."""
    marks = [mark for mark, name in _BOMS if not name.startswith("utf-8")]
    if head.startswith((*marks, *(pattern for pattern, _ in _WITHOUT_BOM))):
        return True
    return any(
        name.startswith(("iso2022", "hz")) for name in _claimed_encodings(head, content_type)
    )


def decoded(body: bytes, content_type: str | None = None) -> str:
    """The text of an XML or JSON document; never fails.

    A byte order mark wins; then UTF-8 where the bytes are valid UTF-8, since other encodings
    hardly ever are by chance; then the header's charset, the XML declaration, detection.
    Labels are read as browsers read them ("iso-8859-1" means windows-1252).
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for pattern, name in _WITHOUT_BOM:
        if body.startswith(pattern):
            return body.decode(name, "replace")
    claims = _claimed_encodings(body, content_type)
    seven_bit = [name for name in claims if name.startswith(("iso2022", "hz"))]
    for name in (*seven_bit, "utf-8", *claims):
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    # A few broken bytes in a document of good UTF-8: only they are lost.
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    good = sum(1 for character in text if character > "\x7f") - broken
    return (
        text if broken <= good // 20 else body.decode(claims[0] if claims else "cp1252", "replace")
    )


def _claimed_encodings(body: bytes, content_type: str | None) -> list[str]:
    header = _HEADER.search(content_type or "")
    declared = _DECLARED.match(body[:_HEAD])
    labels = [header[1]] if header else []
    labels += [declared[1].decode("ascii", "replace")] if declared else []
    names = [resolve_encoding(label) for label in labels]
    return [name for name in names if name and not name.startswith(("utf-16", "utf-32"))]


def parse_xml(
    text: str, url: str, bound: Callable[[str], str] = bounded_xml
) -> tuple[etree._Element, str | None]:
    """The root of the document, and what was wrong with it and was survived, in words.

    `bound` takes out of the text what no parser may be given. Raises DocumentError when there is
    no XML document in the text; the message says what there is.
    """
    text, warning = document_in(text)
    # libxml2 too takes time quadratic in the attributes of a tag.
    text = bound(text)
    try:
        return _parsed(text, url, lenient=False), warning
    except etree.XMLSyntaxError as error:
        fault = f"line {error.lineno}: {error.msg}"
    try:
        root = _parsed(repaired(text), url, lenient=True)
    except etree.XMLSyntaxError as error:
        raise DocumentError(f"not a document that can be read: {error.msg}") from error
    if root is None:
        raise DocumentError(what_is(text))
    return root, f"not well-formed: {fault}"


def document_in(text: str) -> tuple[str, str | None]:
    """The text from its first element on, and what junk stood before it, in words.

    Raises DocumentError when the text is empty or an HTML page.
    """
    if not text.strip():
        raise DocumentError("an empty answer")
    if _HTML_START.match(text):
        raise DocumentError(what_is(text))
    start = _START.search(text[:8192])
    junk = text[: start.start()].strip("\ufeff \t\r\n") if start else ""
    warning = None
    if start and junk and not junk.startswith("<"):
        text = text[start.start() :]
        warning = f"{len(junk)} characters before the document were skipped"
    text = text.lstrip("\ufeff \t\r\n")
    text = _DECLARATION.sub("", text, count=1)
    doctype = _DOCTYPE.match(text)
    return text[doctype.end() if doctype else 0 :].strip(), warning


def root_name(text: str) -> str:
    """The local name of the first element, in lower case; empty when there is none."""
    tag = _FIRST_TAG.search(_PROLOG.sub("", text[:_LONGEST_PROLOG]))
    return tag[1].rpartition(":")[2].lower() if tag else ""


def _parsed(text: str, url: str, *, lenient: bool) -> etree._Element:
    parser = etree.XMLParser(
        recover=lenient,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    # Depth and size limits of libxml2 stay on (huge_tree=False): deeper text is dropped by it.
    return etree.fromstring(text.encode("utf-8", "replace"), parser, base_url=url)


def repaired(text: str) -> str:
    """The text without forbidden characters, and with every ampersand the start of a reference."""
    text = _BAD_REFERENCE.sub("", _FORBIDDEN.sub("", text))
    return _BARE.sub("&amp;", _NAMED.sub(_named_character, text))


def _named_character(reference: re.Match[str]) -> str:
    name = reference[1]
    if name in _XML_NAMES:
        return reference[0]
    return html5.get(f"{name};", reference[0])


_TITLE = re.compile(r"<title[^>]*>(.{0,500}?)</title", re.IGNORECASE | re.DOTALL)
_LONGEST_PROLOG = 20_000
_PROLOG = re.compile(r"<!--.*?-->|<\?.*?\?>", re.DOTALL)
_FIRST_TAG = re.compile(r"<([A-Za-z][\w:.-]{0,40})")
_KINDS = {
    "urlset": "a sitemap",
    "sitemapindex": "an index of sitemaps",
    "opml": "an OPML list",
    "rss": "an RSS document",
    "feed": "an Atom feed",
    "rdf": "an RDF document",
    "error": "an error message in XML",
}


def what_is(text: str) -> str:
    """What a document is, in words for a person: "an HTML page titled …"."""
    head = text.lstrip("\ufeff \t\r\n")[:100_000]
    if not head:
        return "an empty answer"
    if _HTML_START.match(head) or re.search(r"<(?:html|body|div|p)\b", head[:5000], re.IGNORECASE):
        title = _TITLE.search(head)
        name = clean_line(plain_text(title[1]), 120) if title else ""
        return f"an HTML page titled “{name}”" if name else "an HTML page"
    if head[0] in "{[":
        return "a JSON document"
    tag = _FIRST_TAG.search(head)
    if tag and head[0] == "<":
        local = tag[1].rpartition(":")[2].lower()
        return _KINDS.get(local, f"an XML document <{clean_line(tag[1], 40)}>")
    return f"a text that begins “{clean_line(head, 60)}”"


_INVISIBLE = re.compile(r"<(script|style|noscript|template|svg)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>", re.DOTALL)
_BREAK = re.compile(
    r"</?(?:p|br|div|li|ul|ol|h[1-6]|tr|td|th|table|blockquote|section|article|figure|figcaption|hr"
    r"|dd|dt|pre)\b[^>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\s]*")


def plain_text(markup: str) -> str:
    """The text of a piece of HTML: a line for each block, characters instead of references."""
    if "<" in markup:
        markup = _INVISIBLE.sub(" ", _COMMENT.sub("", markup))
        markup = _TAG.sub("", _BREAK.sub("\n", markup))
    return _LINES.sub("\n", _SPACES.sub(" ", html.unescape(markup))).strip()
