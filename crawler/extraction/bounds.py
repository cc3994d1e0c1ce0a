"""What a parser may be given.

HTML parsers take time quadratic in the attributes of one tag: a page of 350 kB can hold lxml or
lexbor for ten seconds, one of 3.5 MB for minutes, and nothing can interrupt them. Real start tags
end within 8 kB, but for images and styles written into an attribute; so the attributes of a longer
tag are cut out, and the page is read without them.
"""

import re

MAX_TAG = 8 * 1024  # bytes of one start tag
MAX_TEXT = 6 * 1024 * 1024  # code points of one page
_LONG_TAG = re.compile(rf"<([a-zA-Z][a-zA-Z0-9:-]{{0,30}})(?=[\s/])([^>]{{{MAX_TAG},}})>?")
_LONG_NAME = re.compile(rf"<[a-zA-Z][^\s/>]{{{MAX_TAG},}}>?")


def bounded(text: str) -> str:
    """The page without the attributes of huge start tags and without tags of huge names."""
    return _LONG_NAME.sub("", _LONG_TAG.sub(_short, text))


def _short(match: re.Match[str]) -> str:
    attributes = match[2]
    # One attribute with one huge quoted value (an inlined picture) is harmless and common, but
    # nothing in it is text; either way the tag itself stays.
    return f"<{match[1]}{' /' if attributes.endswith('/') else ''}>"
