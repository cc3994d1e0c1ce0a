"""What a parser may be given, and what is no text at all.

HTML parsers take time quadratic in the attributes of one tag: a page of 350 kB can hold lxml or
lexbor for ten seconds, one of 3.5 MB for minutes, and nothing can interrupt them. Real start tags
end within 8 kB, but for images and styles written into an attribute; so the attributes of a longer
tag are cut out, and the page is read without them.

They take time quadratic in the depth of nesting too: 50,000 <div>s, 250 kB, six seconds. Real pages
stay below 100; start tags nested deeper than 400 are cut out and their text stays.

In XML a tag that closes itself never opens anything, and CDATA holds no tags of the document, only
text that may be HTML. A feed of 400 entries has thousands of either; taken for nesting, they would
cost it its later entries.
"""

import re
from collections.abc import Iterator
from itertools import accumulate
from operator import sub

MAX_TAG = 8 * 1024  # bytes of one start tag
MAX_DEPTH = 400  # elements in elements
MAX_TEXT = 6 * 1024 * 1024  # code points of one page
_LONG_TAG = re.compile(rf"<([a-zA-Z][a-zA-Z0-9:-]{{0,30}})(?=[\s/])([^>]{{{MAX_TAG},}})>?")
_LONG_NAME = re.compile(rf"<[a-zA-Z][^\s/>]{{{MAX_TAG},}}>?")
_LONG = re.compile(rf"<[a-zA-Z][^>]{{{MAX_TAG},}}")

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)[^>]*>?")
_TAG_START = re.compile(r"<(/?)[a-zA-Z]")
_STEPS = {"": 1, "/": -1}
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_SHALLOW = re.compile(
    r"area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|"
    r"p|li|dd|dt|option|tr|td|th|thead|tbody|tfoot",
    re.IGNORECASE,
)
"""Elements that have no children, or end where the next of their kind begins."""
_MOST_SELF_CLOSED = 2000
"""<use/> and its kin end themselves inside a drawing, and only there."""
_GARBAGE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff]")
_GARBAGE_SAMPLE = 20_000
_GARBAGE_SHARE = 0.02  # of a text; pages with a damaged encoding stay below


def short_tags(text: str) -> str:
    """The text without the attributes of huge start tags, and without tags of huge names."""
    return _LONG_NAME.sub("", _LONG_TAG.sub(_short, text)) if _LONG.search(text) else text


def bounded(text: str) -> str:
    """The page without the attributes of huge start tags, tags of huge names and deep nesting."""
    text = short_tags(text)
    return text if _deepest(text) <= MAX_DEPTH else "".join(_shallow(text, _MOST_SELF_CLOSED))


def bounded_xml(text: str) -> str:
    """As `bounded`, for an XML document; what stands in CDATA is bounded by itself, as HTML."""
    text = short_tags(text)
    if _deepest(text) <= MAX_DEPTH:
        return text
    # The depth outside is counted through: CDATA ends no element and begins none.
    text = _CDATA.sub(lambda found: bounded(found[0]), text)
    return "".join(_shallow(text, len(text), skip=_CDATA))


def _deepest(text: str) -> int:
    """A quick count of the depth; it only errs upwards, by elements without end tags."""
    depths = list(accumulate(map(_STEPS.__getitem__, _TAG_START.findall(text)), initial=0))
    # An end tag of nothing closes nothing, so depth counts from the lowest point before.
    deepest: int = max(map(sub, depths, accumulate(depths, min)))
    return deepest


def _shallow(text: str, self_closing: int, skip: re.Pattern[str] | None = None) -> Iterator[str]:
    """The text without the start tags that stand too deep, and without their end tags.

    `self_closing`: so many of those that end in a slash open nothing. `skip`: what holds no tags.
    """
    open_tags, cut, end, self_closed = 0, 0, 0, 0
    for found in _tags(text, skip):
        if _SHALLOW.fullmatch(found[2]):
            continue
        if found[0].endswith("/>") and self_closed < self_closing:
            self_closed += 1
            continue
        if not found[1] and open_tags < MAX_DEPTH:
            open_tags += 1
        elif not found[1]:
            cut += 1
            yield text[end : found.start()]
            end = found.end()
        elif cut:
            cut -= 1
            yield text[end : found.start()]
            end = found.end()
        else:
            open_tags = max(0, open_tags - 1)
    yield text[end:]


def _tags(text: str, skip: re.Pattern[str] | None) -> Iterator[re.Match[str]]:
    start = 0
    for left_out in skip.finditer(text) if skip else ():
        yield from _TAG.finditer(text, start, left_out.start())
        start = left_out.end()
    yield from _TAG.finditer(text, start)


def is_garbage(text: str) -> bool:
    """Whether a decoded text is the bytes of something else: full of control characters."""
    sample = text[:_GARBAGE_SAMPLE]
    return len(_GARBAGE.findall(sample)) > _GARBAGE_SHARE * len(sample)


def _short(match: re.Match[str]) -> str:
    attributes = match[2]
    # One attribute with one huge quoted value (an inlined picture) is harmless and common, but
    # nothing in it is text; either way the tag itself stays.
    return f"<{match[1]}{' /' if attributes.endswith('/') else ''}>"
