"""`explain URL`: why an address did or did not lead to an alert, step by step."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlmodel import Session

from alerts.grouping import ABOVE
from alerts.matcher import Matcher
from alerts.records import text_of
from alerts.rules import compile_rule
from alerts.why_not import why_not
from crawler.urls import url_key
from service.cli.context import Context
from service.cli.history import History, history_of
from service.cli.holding import why_held
from service.cli.listing import published
from service.cli.output import counted, json_option, print_json, say, show_time
from service.cli.stored import stored
from service.config import Config
from service.json_objects import article_object, moment
from store.articles import Article, Entry
from store.deliveries import Attempt, Delivery, Match, matches_of
from store.listing import Telling, article_at, entries_at, entries_of, tellings
from store.outbox import stopped_channels


@click.command()
@click.argument("url")
@json_option
@click.pass_obj
def explain(context: Context, /, url: str, as_json: bool) -> int:
    """Tell how an address was found, what became of it, and what each watchlist makes of it."""
    if not url.strip():
        raise click.UsageError("which address? Write wirewatch explain https://…")
    config = context.load_quietly()
    with stored(config) as session:
        if session is None:
            return 1
        keys = [url_key(url)]
        entries = list(entries_at(session, keys))
        article = article_at(session, keys) or _article_of(session, entries)
        if article is None and not entries:
            say(f"{url}: no source has listed this address")
            return 1
        steps = _Explanation(config, session, entries, article)
        if as_json:
            print_json({"url": url, **steps.as_object()})
        else:
            steps.tell()
    return 0


def _article_of(session: Session, entries: Sequence[Entry]) -> Article | None:
    """The article that an entry became, perhaps under another address."""
    found = next((entry.article_id for entry in entries if entry.article_id), None)
    return session.get(Article, found) if found else None


class _Explanation:
    """One address with everything that is stored of it."""

    def __init__(
        self, config: Config, session: Session, entries: list[Entry], article: Article | None
    ) -> None:
        self.config = config
        self.article = article
        self.entries = entries
        self.history = History((), (), (), None)
        self.matches: dict[str, Match] = {}
        self.told: dict[str, list[Telling]] = {}
        self.stopped = stopped_channels(session)
        if article is not None and article.id is not None:
            self.entries = entries or list(entries_of(session, article.id))
            self.history = history_of(session, article)
            self.matches = {match.watchlist: match for match in matches_of(session, article.id)}
            self.told = {
                name: tellings(session, match.id or 0) for name, match in self.matches.items()
            }
        self.zone = ZoneInfo(config.service.timezone)

    def as_object(self) -> dict[str, Any]:
        """What `tell` tells, for programs."""
        return {
            "entries": [_entry_object(entry) for entry in self.entries],
            "article": article_object(self.article) if self.article else None,
            "extractor": self.article.extractor if self.article else None,
            "extraction": _extraction_object(self.article) if self.article else None,
            **self.history.as_object(),
            "watchlists": [
                {
                    "watchlist": name,
                    "matched": reason == "",
                    "why_not": reason or None,
                    "told": [
                        _telling_object(each, self.why_held(each))
                        for each in self.told.get(name, ())
                    ],
                }
                for name, reason in self.verdicts()
            ],
        }

    def tell(self) -> None:
        """The steps in the order they happened."""
        for entry in self.entries:
            self.tell_entry(entry)
        if self.article is None:
            if any(entry.outcome == "article" for entry in self.entries):
                say("article    forgotten: it is older than [service] retention")
            return
        self.tell_article(self.article)
        for line in self.history.lines(self.zone):
            say(line)
        for name, reason in self.verdicts():
            say(f"watchlist  {name}: " + (f"no match: {reason}" if reason else self.matched(name)))
            for telling in self.told.get(name, ()):
                say(f"told       {self.telling(telling)}")

    def tell_entry(self, entry: Entry) -> None:
        first = ", on its first visit" if entry.baseline else ""
        if is_imported(entry):
            first = ", by import"
        say(f"found by   {entry.source_id} at {show_time(entry.found_at, self.zone)}{first}")
        say(f"           {entry.url}")
        say(f"fetched    {self.fetching(entry)}")

    def fetching(self, entry: Entry) -> str:
        """What became of an entry."""
        error = f": {entry.last_error}" if entry.last_error else ""
        if entry.outcome is None:
            tried = counted(entry.attempts, "attempt")
            after = f"after {tried}, " if entry.attempts else ""
            return f"not yet; {after}next {show_time(entry.next_attempt_at, self.zone)}{error}"
        words = {
            "article": "yes, it holds an article",
            "duplicate": "yes; its article is known under another address",
            "not_article": "yes, but it holds no article",
            "refused": "no, the site or our rules refuse it",
            "failed": f"no, given up after {counted(entry.attempts, 'attempt')}",
        }
        if is_imported(entry):
            return "no, its text was imported"
        return words.get(entry.outcome, entry.outcome) + error

    def tell_article(self, article: Article) -> None:
        say(f"article    {article.title}")
        if article.canonical_url != article.url:
            say(f"           filed under {article.canonical_url}")
        size = f"{len(article.body)} characters, revision {article.revision}"
        say(f"text       {size}, {article.lang or 'language unknown'}; by {article.extractor}")
        if len(article.candidates) > 1:
            say(f"           confidence {article.confidence:.2f}; {candidates_line(article)}")
        origin = article.published_from.replace("_", " ")
        say(f"published  {published(article, self.zone)} (from {origin})")

    def matched(self, name: str) -> str:
        """How a watchlist matched, and what came of it."""
        match = self.matches.get(name)
        if match is None:
            return "would match now; it did not when the article was stored"
        terms = ", ".join(dict.fromkeys(match.terms))
        silent = {
            "first_visit": "; no alert of its own: the source's first visit",
            "story": "; no alert of its own: its story was told before",
            "backfill": "; no alert of its own: told in a summary of the past",
            "import": "; no alert of its own: it came by import, and its summary is not made yet",
        }.get(match.silent, "")
        return f"matched at {show_time(match.matched_at, self.zone)}: {terms}{silent}"

    def telling(self, telling: Telling) -> str:
        """Where an alert went, or what it waits for."""
        channel, delivery = telling.alert.channel, telling.delivery
        why = self.why_held(telling)
        if delivery is None:
            if why:
                return f"{channel}: held: {why}"
            above = ", above max_per_day" if telling.alert.held == ABOVE else ""
            return f"{channel}: gathered until {show_time(telling.alert.due_at, self.zone)}{above}"
        when = show_time(delivery.delivered_at or delivery.next_attempt_at, self.zone)
        words = {
            "delivered": f"delivered at {when}",
            "dead": f"dead letter: {delivery.last_error}",
            "held": f"held: {why}" if why else f"held until {when}",
            "pending": f"held: {why}" if why else f"to be sent, next at {when}",
        }
        met = delivery.last_error if _waits(delivery) and not why else ""
        error = f": {met}" if met else ""
        tried = f", {counted(len(telling.attempts), 'attempt')}" if telling.attempts else ""
        return f"{channel}: {words[delivery.state]}{error}{tried} ({delivery.key})"

    def why_held(self, telling: Telling) -> str:
        """What keeps an alert for as long as nobody acts; empty when nothing does."""
        if telling.delivery is not None and not _waits(telling.delivery):
            return ""
        return why_held(telling.alert.channel, self.config, self.stopped)

    def verdicts(self) -> list[tuple[str, str]]:
        """Each watchlist and why it does not match; empty when it does, or did."""
        if self.article is None:
            return []
        text = text_of(self.article)
        found = []
        for name, watchlist in self.config.watchlists.items():
            rule = compile_rule(watchlist, self.config.variants)
            hit = name in self.matches or Matcher({name: rule}).match(text)
            found.append((name, "" if hit else why_not(rule, text)))
        return found


def is_imported(entry: Entry) -> bool:
    """Whether the entry was made for an article that came by import: nothing was ever fetched."""
    return entry.outcome == "article" and entry.attempts == 0


def _waits(delivery: Delivery) -> bool:
    return delivery.state in {"pending", "held"}


def _telling_object(telling: Telling, why_held: str) -> dict[str, Any]:
    delivery = telling.delivery
    waits = (delivery is None or _waits(delivery)) and not why_held
    due = telling.alert.due_at if delivery is None else delivery.next_attempt_at
    return {
        "channel": telling.alert.channel,
        "delivery": delivery.key if delivery else None,
        "state": delivery.state if delivery else "held",
        "next_attempt_at": moment(due) if waits else None,
        "held_because": why_held or None,
        "delivered_at": moment(delivery.delivered_at) if delivery else None,
        "attempts": [_attempt_object(attempt) for attempt in telling.attempts],
    }


def _attempt_object(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": moment(attempt.at),
        "outcome": attempt.outcome,
        "code": attempt.code,
        "reply": attempt.reply.decode("utf-8", "replace"),
        "error": attempt.error,
    }


def candidates_line(article: Article) -> str:
    """`blocks 512 words, json_ld 498 (0.97 alike)`."""
    first, *others = article.candidates
    told = [f"{first['name']} {first['words']} words"]
    told += [f"{each['name']} {each['words']} ({each['agreement']:.2f} alike)" for each in others]
    return ", ".join(told)


def _extraction_object(article: Article) -> dict[str, Any]:
    return {
        "extractor": article.extractor,
        "confidence": round(article.confidence, 3),
        "candidates": article.candidates,
        "form": article.form,
        "published_offset": article.published_offset,
    }


def _entry_object(entry: Entry) -> dict[str, Any]:
    return {
        "source": entry.source_id,
        "url": entry.url,
        "title": entry.title,
        "found_at": moment(entry.found_at),
        "first_visit": entry.baseline,
        "attempts": entry.attempts,
        "next_attempt_at": moment(entry.next_attempt_at) if entry.outcome is None else None,
        "outcome": entry.outcome,
        "last_error": entry.last_error,
    }
