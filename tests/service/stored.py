"""A database with a little of everything, for the commands that show what is stored."""

from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from store.articles import Article, ArticleUrl, Entry, Story
from store.deliveries import Alert, Delivery, Match
from store.engine import Store
from store.sources import SourceState

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
URL = "https://dawn.example/torkham"
COPY = "https://copy.example/torkham"
CONFIG = """
    [service]
    timezone = "Asia/Kabul"
    [source.dawn]
    url = "https://dawn.example/"
    [source.tolo]
    url = "https://tolo.example/"
    kind = "feed"
    name = "TOLOnews"
    [source.off]
    url = "https://off.example/"
    enabled = false
    [channel.inbox]
    kind = "maildir"
    path = "inbox"
    [watchlist.durand-line]
    any = ['"Durand Line"']
    [watchlist.ttp]
    any = ["=TTP"]
"""


def on_store(store: Store, config: str) -> str:
    """A configuration whose [service] names that store."""
    url = store.url.render_as_string(hide_password=False)
    if "[service]" not in config:
        return f'[service]\ndatabase = "{url}"\n{config}'
    return config.replace("[service]\n", f'[service]\ndatabase = "{url}"\n', 1)


def fill(store: Store) -> None:
    """Two articles of one story, one match, a delivered and a dead message, three sources."""
    with store.writing() as session:
        _fill(session)


def _fill(session: Session) -> None:
    session.add(Story(id=7, created_at=NOON))
    session.flush()
    session.add(_article(1, "dawn", URL, NOON))
    session.add(_article(2, "copy", COPY, NOON + timedelta(hours=1)))
    session.flush()
    session.add(ArticleUrl(url_key="dawn.example/torkham", article_id=1))
    session.add(ArticleUrl(url_key="copy.example/torkham", article_id=2))
    session.add(_entry(1, URL, outcome="article", article_id=1, attempts=1))
    session.add(_entry(2, "https://dawn.example/later", attempts=2, last_error="503 from the site"))
    session.add(
        Match(
            id=5,
            watchlist="durand-line",
            article_id=1,
            story_id=7,
            matched_at=NOON + timedelta(minutes=1),
            terms=['"Durand Line"'],
            excerpts=[
                {
                    "field": "body",
                    "text": "along the Durand Line near",
                    "start": 16,
                    "end": 42,
                    "highlights": [{"start": 10, "end": 21}],
                }
            ],
        )
    )
    session.add(_delivery(1, "aa11", "delivered", delivered_at=NOON + timedelta(minutes=3)))
    session.add(_delivery(2, "bb22", "dead", last_error="550 no such user", attempts=9))
    session.flush()
    for number, channel in ((1, "inbox"), (2, "desk")):
        session.add(
            Alert(
                match_id=5,
                watchlist="durand-line",
                channel=channel,
                made_at=NOON,
                due_at=NOON,
                delivery_id=number,
            )
        )
    session.add(
        SourceState(
            id="dawn",
            url="https://dawn.example/",
            host="dawn.example",
            kind="auto",
            title="Dawn",
            last_visit=NOON,
            next_visit=NOON + timedelta(minutes=15),
            last_new_article=NOON,
            articles_per_day=12.345,
        )
    )
    session.add(
        SourceState(
            id="gone",
            url="https://gone.example/",
            host="gone.example",
            kind="feed",
            state="failing",
            last_visit=NOON - timedelta(days=1),
            last_error="timed out",
        )
    )


def _article(number: int, source: str, url: str, seen: datetime) -> Article:
    return Article(
        id=number,
        url=url,
        canonical_url=url,
        url_key=url.removeprefix("https://"),
        source_id=source,
        story_id=7,
        title="Clashes at \x1b[31mTorkham [bold]",
        standfirst="Two dead.",
        body="Shots were fired along the Durand Line near Torkham.",
        captions="A soldier.",
        authors=["Amina Khan"],
        section="World",
        tags=["Afghanistan"],
        lang="en",
        image="https://dawn.example/torkham.jpg",
        published=datetime(2026, 3, 1, 11, 30, tzinfo=UTC),
        published_precision="minute",
        published_from="json_ld",
        first_seen=seen,
        extractor="structured data",
        matched_at=seen,
    )


def _entry(number: int, url: str, **more: object) -> Entry:
    return Entry(
        id=number,
        source_id="dawn",
        url=url,
        url_key=url.removeprefix("https://"),
        host="dawn.example",
        found_at=NOON,
        next_attempt_at=NOON + timedelta(hours=1),
        **more,
    )


def _delivery(number: int, key: str, state: str, **more: object) -> Delivery:
    return Delivery(
        id=number,
        key=key,
        channel="inbox" if state == "delivered" else "desk",
        watchlists=["durand-line"],
        subject="Clashes at Torkham",
        text="…",
        state=state,
        created_at=NOON + timedelta(minutes=2),
        next_attempt_at=NOON + timedelta(minutes=2),
        **more,
    )
