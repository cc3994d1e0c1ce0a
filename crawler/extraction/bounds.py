"""What a parser may be given, and what is no text at all.

HTML parsers take time quadratic in the attributes of one tag: a page of 350 kB can hold lxml or
lexbor for ten seconds, one of 3.5 MB for minutes, and nothing can interrupt them. Real start tags
end within 8 kB, but for images and styles written into an attribute; so the attributes of a longer
tag are cut out, and the page is read without them.

They take time quadratic in the depth of nesting too: 50,000 <div>s, 250 kB, six seconds. Real pages
stay below 100; start tags nested deeper than 400 are cut out and their text stays.
"""

import re
from collections.abc import Iterator
from itertools import accumulate

MAX_TAG = 8 * 1024  # bytes of one start tag
MAX_DEPTH = 400  # elements in elements
MAX_TEXT = 6 * 1024 * 1024  # code points of one page
_LONG_TAG = re.compile(rf"<([a-zA-Z][a-zA-Z0-9:-]{{0,30}})(?=[\s/])([^>]{{{MAX_TAG},}})>?")
_LONG_NAME = re.compile(rf"<[a-zA-Z][^\s/>]{{{MAX_TAG},}}>?")
_LONG = re.compile(rf"<[a-zA-Z][^>]{{{MAX_TAG},}}")

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)[^>]*>?")
_TAG_START = re.compile(r"<(/?)[a-zA-Z]")
_STEPS = {"": 1, "/": -1}
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
    # A quick count first: it only errs upwards, by elements without end tags.
    steps = map(_STEPS.__getitem__, _TAG_START.findall(text))
    if max(accumulate(steps), default=0) <= MAX_DEPTH:
        return text
    return "".join(_shallow(text))


def _shallow(text: str) -> Iterator[str]:
    """The text without the start tags that stand too deep, and without their end tags."""
    open_tags, cut, end, self_closed = 0, 0, 0, 0
    for found in _TAG.finditer(text):
        if _SHALLOW.fullmatch(found[2]):
            continue
        if found[0].endswith("/>") and self_closed < _MOST_SELF_CLOSED:
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


def is_garbage(text: str) -> bool:
    """Whether a decoded text is the bytes of something else: full of control characters."""
    sample = text[:_GARBAGE_SAMPLE]
    return len(_GARBAGE.findall(sample)) > _GARBAGE_SHARE * len(sample)


def _short(match: re.Match[str]) -> str:
    attributes = match[2]
    # One attribute with one huge quoted value (an inlined picture) is harmless and common, but
    # nothing in it is text; either way the tag itself stays.
    return f"<{match[1]}{' /' if attributes.endswith('/') else ''}>"
