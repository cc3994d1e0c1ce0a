"""Bytes to text: which of the claimed encodings is true?

Order: byte order mark; UTF-8 when the bytes are valid UTF-8 and hold more than ASCII (other
encodings form valid multi-byte UTF-8 by chance about never); the header's charset; the page's own
<meta> or XML declaration; detection. Labels are read as browsers read them (WHATWG Encoding:
"iso-8859-1" means windows-1252, "gb2312" means gb18030), and a claim that cannot decode the bytes
is passed over.
"""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.I)
_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)", re.I)
_PRESCAN = 8192  # browsers look at 1,024 bytes; real pages put the tag as late as this

# Where Python's codec of the browser's name is narrower than what pages hold.
_WIDER = {
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "windows-949": "cp949",
    "big5": "big5hkscs",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "x-mac-cyrillic": "mac_cyrillic",
    "macintosh": "mac_roman",
}
_LIKE_ASCII = ("utf-16", "iso2022")
_SNIFF = 256
_SAMPLE = 100_000


def decode(body: bytes, content_type: str | None) -> str:
    """The page's text. Never fails: what cannot be decoded becomes U+FFFD."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    claims = _claims(body, content_type)
    # Two families look like plain ASCII: there the claim comes first.
    hidden = [name for name in claims if name.startswith(_LIKE_ASCII)]
    hidden = hidden if b"\x00" in body[:_SNIFF] or b"\x1b$" in body else []
    for name in [*hidden, "utf-8", *claims]:
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    return _least_damaged(body, ["utf-8", *claims, _detected(body)])


def _claims(body: bytes, content_type: str | None) -> list[str]:
    head = body[:_PRESCAN]
    labels = [match[1] for match in [_HEADER.search(content_type or "")] if match]
    labels += [
        match[1].decode("ascii", "ignore")
        for match in (_META.search(head), _XML.match(head))
        if match
    ]
    names = [_codec(label) for label in labels]
    return [name for name in names if name]


def _codec(label: str) -> str | None:
    """Python's name of the encoding that browsers take the label for; None when there is none."""
    name = (map_encoding_to_html5(label, False) or label).lower()
    name = _WIDER.get(name, name)
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _detected(body: bytes) -> str:
    return _codec(detect_encoding(body[:_SAMPLE], _SAMPLE) or "") or "cp1252"


def _least_damaged(body: bytes, names: list[str]) -> str:
    """The decoding with the fewest replacement characters; the earlier one where equal."""
    texts = [body.decode(name, "replace") for name in dict.fromkeys(names)]
    return min(texts, key=lambda text: text.count("\ufffd"))
