"""Posts that the API of WordPress gave whole: are they still there?

Their pages are not fetched, and a list of what was edited does not name what is gone. So while an
article is young, at the intervals at which pages are visited again, the API is asked by number for
all such posts that are due: one request a visit, of a few bytes a post.

The API is never believed alone, for a plugin may hide or limit what it lists. The page of a post
that is missing from a whole answer is looked at, and the rules for pages hold: 404 twice or 410 is
a removal, a notice that it was withdrawn is a retraction, and anything else leaves the article as
it is. Where the API is walled off or does not heed the question, the pages are looked at instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlmodel import Session

from crawler.answer import Answer
from crawler.context import CrawlContext
from crawler.items import DocumentError
from crawler.revisions import record_standing
from crawler.sources.wordpress import POSTS_A_PAGE, numbered_address, parse_numbers
from store.articles import Entry
from store.revisions import due_questions

log = structlog.get_logger("crawler")

LONGEST_ANSWER = 256 * 1024
"""Of a hundred posts told in four fields; more is no answer to the question."""


class StandingPosts:
    """The posts that one visit asks for by number."""

    def __init__(self, source_id: str, context: CrawlContext) -> None:
        """Nothing is asked for before `address`."""
        self._source_id = source_id
        self._context = context
        self._has_asked = False
        self._posts: dict[int, int] = {}
        """Articles, by the number of their post."""

    def address(self) -> str | None:
        """What to ask for; None when no post is due, or when this visit has asked."""
        if self._has_asked:
            return None
        self._has_asked = True
        now = self._context.clock()
        with self._context.store.reading() as session:
            due = due_questions(session, self._source_id, now, POSTS_A_PAGE)
        return self._question(due)

    def _question(self, due: Sequence[tuple[int, Entry]]) -> str | None:
        """About the posts of one API; those of another are asked for at the next visit."""
        api = ""
        for article_id, entry in due:
            number = entry.item.get("post")
            if entry.given_by is None or number is None:
                continue
            found = numbered_address(entry.given_by["url"], ())
            api = api or found
            if found == api:
                self._posts[number] = article_id
        return numbered_address(api, self._posts) if api else None

    async def take(self, answer: Answer) -> None:
        """The pages of those that are missing are looked at."""
        if _is_for_now(answer):
            return
        try:
            listed = _listed(answer, self._posts)
        except DocumentError as error:
            log.info("posts", source=self._source_id, status="refused", why=str(error))
            listed = set()
        now, jitter = self._context.clock(), self._context.chance()
        told = [(article, number in listed) for number, article in self._posts.items()]
        await self._context.writer.write(lambda session: _record(session, told, now, jitter))


def _record(
    session: Session, told: Sequence[tuple[int, bool]], now: datetime, jitter: float
) -> None:
    for article_id, is_listed in told:
        record_standing(session, article_id, now, jitter, is_listed=is_listed)


def _is_for_now(answer: Answer) -> bool:
    """Whether it says nothing: the same is asked at the next visit."""
    return answer.status is None or answer.host_is_busy or answer.status >= 500


def _listed(answer: Answer, asked: dict[int, int]) -> set[int]:
    """Raises DocumentError, saying why the answer tells nothing about the posts."""
    if answer.error is not None or answer.status != 200:
        raise DocumentError(answer.error or f"HTTP {answer.status}")
    if len(answer.body) > LONGEST_ANSWER:
        raise DocumentError("the answer is too long for what was asked")
    try:
        return parse_numbers(json.loads(answer.body), asked)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"a broken JSON document: {str(error)[:100]}") from error
