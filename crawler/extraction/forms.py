"""What an article is: told as one text, as a running report, or by a film.

A live blog says so in its JSON-LD; a film is the page's own node, or `og:type`, with hardly any
text beside it (pages of text carry films too).
"""

from crawler.extraction.structured import Structured, types_of
from crawler.items import Form

_LITTLE = 1200  # characters of text below which a film is what the page is for


def find_form(claims: Structured, text: str) -> Form:
    """The form of the article that a page holds; `text` is its body."""
    types = types_of(claims.node)
    if "LiveBlogPosting" in types or claims.node.get("liveBlogUpdate"):
        return "live"
    says_film = "VideoObject" in types or claims.first("og:type").lower().startswith("video")
    return "video" if says_film and len(text) < _LITTLE else "article"
