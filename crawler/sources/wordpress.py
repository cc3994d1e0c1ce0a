"""The REST API of WordPress: answers of /wp/v2/posts to entries with their texts.

A post comes with its publication in GMT, its last change and its whole content, so its page need
not be fetched. Sites may switch the API off or wall it off; then DocumentError says so.
"""

import json
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.dates import parse_date
from crawler.items import DocumentError, DocumentItem, EntryItem
from crawler.sources.entries import (
    LONGEST_GUID,
    content_of,
    names_of,
    refuse_too_many,
    summary_of,
    title_of,
)
from crawler.sources.markup import decoded, decompressed, plain_text, what_is
from crawler.text import clean_line
from crawler.urls import listed_url

POSTS_A_PAGE = 100
"""The most that WordPress gives at once."""
_FIELDS = (
    "id", "guid", "link", "date", "date_gmt", "modified_gmt", "title", "excerpt", "content",
    "yoast_head_json.author",
)  # fmt: skip
LARGEST_NUMBER = 2**63
_CHOOSING = frozenset({
    "orderby", "order", "page", "offset", "after", "before", "modified_after", "modified_before",
    "include", "_fields",
})  # fmt: skip
"""What an address of posts says on which of them it lists."""
_PAGE = re.compile(r"(?<=[?&]page=)\d{1,6}")


def posts_address(root: str) -> str:
    """The address of the newest posts. `root` is the API's own: …/wp-json/ or …/?rest_route=/."""
    query = urlencode(
        {
            "per_page": POSTS_A_PAGE,
            "orderby": "date",
            "page": 1,
            "_fields": ",".join(_FIELDS),
        },
        safe=",",
    )
    parts = urlsplit(root)
    if "rest_route=" in parts.query:
        route = parts.query.rstrip("/") + "/wp/v2/posts"
        return urlunsplit(parts._replace(query=f"{route}&{query}"))
    path = parts.path.rstrip("/") + "/wp/v2/posts"
    return urlunsplit(parts._replace(path=path, query=query))


def edited_address(posts: str, after: datetime, page: int) -> str:
    """The address of a page of the posts that were edited after a moment, the earliest edit first.

    `posts` is an address of posts; what else it asks for (a category) goes on to count.
    """
    parts = urlsplit(posts)
    asked = {
        "per_page": str(POSTS_A_PAGE),
        "_fields": ",".join(_FIELDS),
        **dict(parse_qsl(parts.query, keep_blank_values=True)),
        "orderby": "modified",
        "order": "asc",
        "page": str(page),
        "modified_after": after.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return urlunsplit(parts._replace(query=urlencode(asked, safe=",/:")))


def numbered_address(posts: str, numbers: Iterable[int]) -> str:
    """The address that tells which of these posts there are. `posts` is an address of posts."""
    parts = urlsplit(posts)
    told = parse_qsl(parts.query, keep_blank_values=True)
    asked = {
        **{name: value for name, value in told if name not in _CHOOSING},
        "per_page": str(POSTS_A_PAGE),
        "include": ",".join(map(str, numbers)),
        "_fields": "id,modified_gmt,link,status",
    }
    return urlunsplit(parts._replace(query=urlencode(asked, safe=",/:")))


def parse_numbers(answer: object, asked: Collection[int]) -> set[int]:
    """The posts, among those asked for by number, that an answer lists as published.

    Raises DocumentError when it is no list of them.
    """
    if not isinstance(answer, list):
        raise DocumentError(_complaint(answer))
    posts = [post for post in answer if isinstance(post, dict)]
    numbers = {number_of(post) for post in posts}
    if len(posts) < len(answer) or not numbers <= set(asked):
        raise DocumentError("it lists posts that were not asked for: include is not heeded")
    return {
        number
        for post in posts
        if (number := number_of(post)) and post.get("status", "publish") == "publish"
    }


def parse_wordpress(
    body: bytes, url: str, content_type: str | None = None, *, timezone: str = "UTC"
) -> DocumentItem:
    """The posts of an answer, newest first; `older` leads to the next page of a full one.

    `timezone` is for posts whose time is told without GMT. Raises DocumentError when the answer
    holds no posts, saying what it is or what WordPress says.
    """
    text = decoded(decompressed(body), content_type).lstrip("\ufeff \t\r\n")
    if text[:1] not in {"[", "{"}:
        raise DocumentError(what_is(text))
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"a broken JSON document: {str(error)[:100]}") from error
    if not isinstance(answer, list):
        raise DocumentError(_complaint(answer))
    refuse_too_many(len(answer))
    entries = [_entry(post, url, timezone) for post in answer if isinstance(post, dict)]
    kept = tuple(entry for entry in entries if entry)
    if answer and not kept:
        raise DocumentError("a JSON document that holds no WordPress posts")
    warnings = (f"{len(answer) - len(kept)} posts without an address were left out",)
    return DocumentItem(
        entries=kept,
        older=_next_page(url) if len(answer) >= POSTS_A_PAGE else None,
        warnings=warnings if len(kept) < len(answer) else () if kept else ("it lists no posts",),
    )


def _complaint(answer: object) -> str:
    """What an answer that is no list says, in WordPress's own words if it has any."""
    code, message = (_string(answer, key) for key in ("code", "message"))
    if code and message:
        return f"WordPress refuses ({clean_line(code, 60)}): {clean_line(plain_text(message), 200)}"
    return "a JSON document that holds no WordPress posts"


def _next_page(url: str) -> str | None:
    return _PAGE.sub(lambda page: str(int(page[0]) + 1), url) if _PAGE.search(url) else None


def _member(table: object, key: str) -> object:
    return table.get(key) if isinstance(table, dict) else None


def _string(table: object, key: str) -> str:
    value = _member(table, key)
    return value if isinstance(value, str) else ""


def _rendered(post: dict[str, object], key: str) -> str:
    """A field's HTML; nothing of what a password protects."""
    field = post.get(key)
    return "" if _member(field, "protected") is True else _string(field, "rendered")


def _entry(post: dict[str, object], url: str, timezone: str) -> EntryItem | None:
    address = listed_url(_string(post, "link"), url) if _string(post, "link") else None
    if address is None:
        return None
    published = parse_date(_string(post, "date_gmt")) or parse_date(
        _string(post, "date"), timezone=timezone
    )
    modified = parse_date(_string(post, "modified_gmt"))
    return EntryItem(
        url=address,
        guid=clean_line(_rendered(post, "guid"), LONGEST_GUID) or None,
        title=title_of(_rendered(post, "title")),
        summary=summary_of(_rendered(post, "excerpt")),
        content=content_of(_rendered(post, "content")),
        authors=names_of([_string(post.get("yoast_head_json"), "author")]),
        published=published.at if published else None,
        published_precision=published.precision if published else "unknown",
        published_from="api" if published else "unknown",
        modified=modified.at if modified else None,
        post=number_of(post),
    )


def number_of(post: dict[str, object]) -> int | None:
    """A post's number."""
    number = post.get("id")
    return number if type(number) is int and 0 < number < LARGEST_NUMBER else None
