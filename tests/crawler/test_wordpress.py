import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import DocumentError, EntryItem
from crawler.sources.wordpress import POSTS_A_PAGE, parse_wordpress, posts_address

URL = posts_address("https://example.org/wp-json/")


def post(**fields: object) -> dict[str, object]:
    return {
        "id": 7,
        "guid": {"rendered": "https://example.org/?p=7"},
        "link": "https://example.org/2021/03/12/shelling-at-torkham/",
        "date": "2021-03-12T15:30:00",
        "date_gmt": "2021-03-12T10:30:00",
        "modified_gmt": "2021-03-13T08:00:00",
        "title": {"rendered": "Shelling at Torkham &#8211; again"},
        "excerpt": {"rendered": "<p>Short.</p>", "protected": False},
        "content": {"rendered": "<p>Long.</p>", "protected": False},
        "yoast_head_json": {"author": "A. Reporter"},
        **fields,
    }


def test_a_post_gives_everything_it_says() -> None:
    document = parse_wordpress(json.dumps([post()]).encode(), URL)
    assert document.entries == (
        EntryItem(
            url="https://example.org/2021/03/12/shelling-at-torkham/",
            guid="https://example.org/?p=7",
            title="Shelling at Torkham – again",
            summary="Short.",
            content="<p>Long.</p>",
            authors=("A. Reporter",),
            published=datetime(2021, 3, 12, 10, 30, tzinfo=UTC),
            published_precision="minute",
            published_from="api",
            modified=datetime(2021, 3, 13, 8, 0, tzinfo=UTC),
            post=7,
        ),
    )
    assert (document.older, document.warnings) == (None, ())


def test_without_gmt_the_zone_of_the_source_counts() -> None:
    body = json.dumps([post(date_gmt=None)]).encode()
    (entry,) = parse_wordpress(body, URL, timezone="Asia/Karachi").entries
    assert entry.published == datetime(2021, 3, 12, 10, 30, tzinfo=UTC)


def test_a_protected_text_is_no_text() -> None:
    body = json.dumps([post(content={"rendered": "<p>Password:</p>", "protected": True})]).encode()
    assert parse_wordpress(body, URL).entries[0].content is None


def test_a_full_page_leads_to_the_next() -> None:
    posts = [post(link=f"https://example.org/{number}") for number in range(POSTS_A_PAGE)]
    older = parse_wordpress(json.dumps(posts).encode(), URL).older
    assert older == URL.replace("&page=1", "&page=2")
    assert parse_wordpress(json.dumps(posts).encode(), older or "").older == URL.replace(
        "&page=1", "&page=3"
    )


def test_the_api_may_be_at_a_path_or_in_the_query() -> None:
    assert urlsplit(URL).path == "/wp-json/wp/v2/posts"
    query = parse_qs(urlsplit(posts_address("https://example.org/?rest_route=/")).query)
    assert query["rest_route"] == ["/wp/v2/posts"]
    assert query["per_page"] == ["100"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "an empty answer"),
        (b"<html><title>Blocked</title></html>", "an HTML page titled “Blocked”"),
        (b"[{", "a broken JSON document"),
        (b"[" * 100_000, "a broken JSON document"),
        (b"[1, 2]", "holds no WordPress posts"),
        (b'{"a": 1}', "holds no WordPress posts"),
        (
            b'{"code": "rest_no_route", "message": "No route was <b>found</b>", "data": {}}',
            r"WordPress refuses \(rest_no_route\): No route was found",
        ),
    ],
)
def test_what_holds_no_posts_is_called_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        parse_wordpress(body, URL)


def test_posts_without_an_address_are_counted_not_hidden() -> None:
    document = parse_wordpress(json.dumps([post(), post(link=5), None]).encode(), URL)
    assert len(document.entries) == 1
    assert document.warnings == ("2 posts without an address were left out",)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["link", "rendered"]), inner, max_size=2),
    ),
    max_leaves=4,
)


@given(st.lists(st.dictionaries(st.sampled_from(list(post())), _JSON, max_size=4), max_size=3))
def test_any_posts_give_entries_or_a_document_error(posts: list[object]) -> None:
    try:
        document = parse_wordpress(json.dumps(posts).encode(), URL)
    except DocumentError:
        return
    assert document.entries or document.warnings
