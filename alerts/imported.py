"""What watchlists make of imported articles: matches that alert nobody, told in one summary.

The matches are stored in the transaction that files the article, as waiting for their summary; it
is made once the import is done, of all that wait, in the transaction that marks them as told. So an
import that is killed loses none: the next one tells what it left.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select, update

from alerts.backfill import SILENT, Backfilled, Past, summaries
from alerts.context import AlertContext
from alerts.freezing import keep
from alerts.matcher import Matcher
from alerts.message_size import MOST
from alerts.records import excerpts_of, terms_of, text_of
from store.articles import Article
from store.deliveries import Match, matches_of

WAITING = "import"
"""`Match.silent` of a match whose summary is not made yet."""


def match_imported(
    session: Session, matcher: Matcher, article_id: int, now: datetime, *, only_known: bool
) -> None:
    """Matches an article that was imported, or got another text by import.

    `only_known`: no match is added; those that there are point to the text as it stands.
    """
    article = session.get_one(Article, article_id)
    known = {match.watchlist: match for match in matches_of(session, article_id)}
    if only_known and not known:
        return
    text = text_of(article)
    for hit in matcher.match(text):
        match = known.get(hit.watchlist)
        if match is None and only_known:
            continue
        match = match or Match(
            watchlist=hit.watchlist,
            article_id=article_id,
            story_id=article.story_id,
            matched_at=now,
            silent=WAITING,
        )
        match.terms, match.excerpts = terms_of(hit), excerpts_of(text, hit)
        session.add(match)


def sum_up_imported(context: AlertContext) -> Backfilled:
    """Makes one delivery for each watchlist and destination of all matches that wait for it.

    Raises StoreError when nothing was kept.
    """
    now = context.clock()
    with context.store.writing() as session:
        query = select(Match.watchlist, func.count()).where(Match.silent == WAITING)
        found = session.exec(query.group_by(Match.watchlist).order_by(Match.watchlist)).all()
        made = 0
        for watchlist, count in found:
            if watchlist not in context.watchlists:  # it is configured no more
                continue
            past = Past(watchlist, count, _latest(session, watchlist), since=None)
            for delivery in summaries(context, session, past, now):
                keep(session, delivery)
                made += 1
        told = update(Match).where(col(Match.silent) == WAITING).values(silent=SILENT)
        session.execute(told.execution_options(synchronize_session=False))
    return Backfilled(sum(count for _, count in found), made)


def _latest(session: Session, watchlist: str) -> list[Match]:
    query = select(Match).where(Match.watchlist == watchlist, Match.silent == WAITING)
    return list(session.exec(query.order_by(col(Match.article_id).desc()).limit(MOST)))
