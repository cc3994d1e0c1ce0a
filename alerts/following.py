"""What edits of articles mean for the watchlists that told of them: finding it, keeping it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from alerts.changes import Event, Told, change_of
from alerts.context import AlertContext
from alerts.matcher import Matcher
from alerts.records import text_of
from alerts.rules import Hit, Text
from store.articles import Article
from store.deliveries import Change, Match, matches_of
from store.revisions import Revision, Words, revisions_of, words_at

_OF_THE_WHOLE = {"removed", "retracted", "restored"}


def changes_of(
    session: Session,
    context: AlertContext,
    matcher: Matcher,
    article: Article,
    hits: Sequence[Hit],
) -> dict[str, Told]:
    """What is to be told of the article since it was matched last, by watchlist. Reads only."""
    told = {match.watchlist for match in matches_of(session, article.id or 0) if not match.silent}
    wanted = {name for name in told if _wants_changes(context, name)}
    before = words_at(session, article, article.matched_revision) if wanted else None
    if before is None:
        return {}
    was_text, text = _with(text_of(article), before), text_of(article)
    was = {hit.watchlist: hit for hit in matcher.match(was_text)}
    is_ = {hit.watchlist: hit for hit in hits}
    event = _event(revisions_of(session, article.id or 0), article.matched_revision)
    found = {}
    for name in sorted(wanted):
        told_now = change_of(was_text, was.get(name), text, is_.get(name), event)
        if told_now is not None:
            found[name] = told_now
    return found


def _wants_changes(context: AlertContext, watchlist: str) -> bool:
    table = context.watchlists.get(watchlist)
    return table is not None and table.updates == "changes"


def _with(text: Text, words: Words) -> Text:
    """The text with other words; where it stands and who wrote it is as it is now."""
    said = {
        "title": words.title,
        "standfirst": words.standfirst,
        "body": words.body,
        "caption": words.captions,
    }
    rest = {name: content for name, content in text.fields.items() if name not in said}
    return replace(text, fields={**{n: c for n, c in said.items() if c}, **rest})


def _event(revisions: Sequence[Revision], since: int) -> Event:
    """The last thing that happened to the article as a whole since then."""
    later = [revision for revision in revisions if revision.number > since]
    for revision in reversed(later):
        if revision.kind in _OF_THE_WHOLE:
            return Event(revision.kind, revision.note)
    return Event("edit")


def record_changes(
    session: Session, article: Article, told: Mapping[str, Told], now: datetime
) -> list[Match]:
    """Keeps the changes; the matches whose change is to be told."""
    if not told:
        return []
    changed = []
    for match in matches_of(session, article.id or 0):
        if match.silent or match.watchlist not in told:
            continue
        session.add(
            Change(
                match_id=match.id or 0,
                revision=article.revision,
                at=now,
                told=told[match.watchlist].as_object(),
            )
        )
        changed.append(match)
    session.flush()
    return changed
