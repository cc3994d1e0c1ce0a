"""What a page wrote goes out by every way as text: no header, markup, link, command or path."""

import csv
import email.policy
import gzip
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path

import pytest
from lxml import etree
from sqlmodel import Session
from warcio.archiveiterator import ArchiveIterator

from alerts.channels.apprise import AppriseConfig
from alerts.dispatch import Dispatcher
from alerts.outbox import Outbox
from crawler.urls import url_key
from service.archive import record_of
from service.serving import listening
from service.web import status_app
from store.articles import Article, ArticleUrl, Entry, Story
from store.deliveries import Alert, Attempt, Delivery, Match
from store.engine import Store
from store.http_client import guarded_client
from store.revisions import Evidence, add_revision, begin_chain, words_of
from store.schema import migrate
from store.sources import SourceState
from tests.alerts.world import make_world
from tests.service.commands import Run
from tests.service.stored import NOON
from tests.support.http import HttpServer, Response
from tests.support.running import run_command

EVIL = (
    "\x1b[31mRed\x1b[0m\x9b2J harbour\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>"
    "<img src=x onerror=alert(2)> =cmd|'/C calc'!A0 {{7*7}} ${7*7} ../../etc/passwd\x00 \u202egnp"
    '\u2028 %s%n " OR 1=1 -- NEAR(a b, 3) * title:'
)
LINK = "javascript:alert('harbour')"
HOSTILE_URL = 'https://press.example/"><script>alert(3)</script>'
CONFIG = """
[web]
listen = ""
[crawler]
allow_private = ["127.0.0.0/8"]
[source.press]
url = "http://127.0.0.9:8080/"
enabled = false
[watchlist.harbour]
any = ["harbour"]
[channel.inbox]
kind = "maildir"
path = "inbox"
group_wait = "0s"
[channel.ops]
kind = "webhook"
url = "{hook}"
secret = "whsec_c2l4dGVlbi1ieXRlcy1hcmUtdG9vLWZldy1mb3ItdGhpcw=="
group_wait = "0s"
"""
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What terminals obey."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def fill(folder: Path, evil: str = EVIL, before: str = "{number} ") -> None:
    """Rows as no border had ever cleaned them."""
    store = Store(f"sqlite:///{folder}/wirewatch.db")
    migrate(store)
    with store.writing() as session:
        session.add(
            SourceState(
                id="press", url="http://127.0.0.9:8080/", host="127.0.0.9", kind="auto",
                title=evil, last_visit=NOON, last_error=evil, state="failing",
            )
        )  # fmt: skip
        for number, url in enumerate((LINK, HOSTILE_URL)):
            story = Story(created_at=NOON)
            session.add(story)
            session.flush()
            session.add(
                Article(
                    url=url, canonical_url=url, url_key=f"press.example/{number}",
                    source_id="press", story_id=story.id,
                    title=before.format(number=number) + evil, body=evil,
                    standfirst=evil, authors=[evil], tags=[evil], section=evil, lang="en",
                    image=LINK, first_seen=NOON, published=NOON, published_precision="minute",
                )
            )  # fmt: skip
    store.close()


def tell_of_it(folder: Path, evil: str = EVIL) -> None:
    """What is stored beside the second article: its entry, a match, a message that failed."""
    store = Store(f"sqlite:///{folder}/wirewatch.db")
    with store.writing() as session:
        _tell_of_it(session, evil)
    store.close()


def _tell_of_it(session: Session, evil: str) -> None:
    key = url_key(HOSTILE_URL)
    session.add(ArticleUrl(url_key=key, article_id=2))
    session.add(
        Entry(
            source_id="press", url=HOSTILE_URL, url_key=key, host="press.example", title=evil,
            found_at=NOON, outcome="article", article_id=2, attempts=2, last_error=evil, late=evil,
        )
    )  # fmt: skip
    excerpt = {"field": "title", "text": evil, "highlights": [{"start": 0, "end": 3}]}
    session.add(
        Match(
            id=1, watchlist="harbour", article_id=2, story_id=2, matched_at=NOON,
            terms=[evil], excerpts=[excerpt],
        )
    )  # fmt: skip
    session.add(
        Delivery(
            id=1, key="k", channel="inbox", watchlists=["harbour"], subject=evil, text=evil,
            html=evil, state="dead", created_at=NOON, attempts=3, last_error=evil,
        )
    )  # fmt: skip
    session.flush()
    article = session.get_one(Article, 2)
    begin_chain(session, article, NOON)
    before, article.body = words_of(article), f"{evil}\n\nAnother {evil}"
    add_revision(session, article, before, NOON, "edit", evil)
    session.add(Attempt(delivery_id=1, number=1, at=NOON, outcome="permanent", error=evil))
    session.add(
        Alert(
            match_id=1,
            watchlist="harbour",
            channel="inbox",
            made_at=NOON,
            due_at=NOON,
            delivery_id=1,
        )
    )


def assert_harmless_mail(raw: bytes) -> None:
    message = message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    assert message["Bcc"] is None
    assert len(message.get_all("Subject", [])) == len(message.get_all("To", [])) == 1
    assert not CONTROLS.search(str(message["Subject"]))
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    written = text.get_content()
    assert not ACTING.search(written.replace("\r", ""))
    assert "{{7*7}}" in written
    assert "javascript:" not in re.findall(r"^\S+:\S+$", written, re.M)
    markup = html.get_content()
    assert "<script" not in markup
    assert "<img" not in markup
    assert "&lt;script&gt;" in markup
    assert all(
        link.startswith(("https://", "http://")) for link in re.findall('href="([^"]*)', markup)
    )
    assert not ACTING.search(markup.replace("\r", ""))


def names_in(folder: Path) -> set[str]:
    """What stands in a folder, without endings."""
    return {path.name.split(".")[0] for path in folder.iterdir()}


async def test_hostile_text_goes_out_as_text(tmp_path: Path) -> None:
    async with HttpServer() as server:
        hook = server.on("/hook", Response(204))
        config = tmp_path / "config.toml"
        config.write_text(CONFIG.format(hook=hook), "utf-8")
        fill(tmp_path)
        done = await run_command(config, "run", "--once")
    assert "Traceback" not in done.errors
    mails = [path for path in (tmp_path / "inbox").rglob("*") if path.is_file()]
    assert mails
    for path in mails:
        assert re.fullmatch(r"[\w.,=:@-]+", path.name)
        assert_harmless_mail(path.read_bytes())
    assert server.requests
    for request in server.requests:
        assert json.loads(request.body)["type"] == "watchlist.matched"
        assert not re.search(rb"[\x00-\x1f\x7f]", request.body)
        assert not CONTROLS.search("".join(request.headers.values()))
    said = done.output + done.errors
    assert not CONTROLS.search(said)
    assert names_in(tmp_path) <= {"wirewatch", "config", "inbox", "pages"}


PAGE = f"<html><title>{EVIL}</title><body><article><h1>{EVIL}</h1>{f'<p>{EVIL}</p>' * 9}"
ROW = json.dumps({"id": EVIL, "title": f"harbour {EVIL}", "body": EVIL})


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["articles"], ""),
        (["articles", "--json"], ""),
        (["matches"], ""),
        (["matches", "--json"], ""),
        (["deliveries"], ""),
        (["deliveries", "--json"], ""),
        (["search", "harbour"], ""),
        (["search", "harbour", "--json"], ""),
        (["source", "list"], ""),
        (["source", "list", "--json"], ""),
        (["status"], ""),
        (["status", "--json"], ""),
        (["explain", HOSTILE_URL], ""),
        (["explain", HOSTILE_URL, "--json"], ""),
        (["diff", HOSTILE_URL], ""),
        (["diff", HOSTILE_URL, "--json"], ""),
        (["try", "harbour"], ""),
        (["try", "harbour", "--json"], ""),
        (["suggest", "harbour"], ""),
        (["suggest", "harbour", "--json"], ""),
        (["extract", "-"], PAGE),
        (["extract", "-", "--json"], PAGE),
        (["match"], ROW),
        (["match", "--json"], ROW),
        (["export", "matches", "--csv"], ""),
        (["export", "articles"], ""),
        (["check"], ""),
    ],
    ids=lambda each: " ".join(each[:1] + each[-1:]) if isinstance(each, list) else "",
)
def test_no_command_shows_more_than_text(
    run: Run, tmp_path: Path, words: list[str], given: str
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.format(hook="https://hook.example/"), "utf-8")
    fill(tmp_path)
    tell_of_it(tmp_path)
    done = run(*words, given=given)
    assert done.status == 0, done.err
    # No other spelling stands in what is stored.
    assert done.out or words[0] == "suggest"
    assert not CONTROLS.search(done.out + done.err), (done.out + done.err)[:2000]
    if "--json" in words and words[0] != "suggest":
        assert done.rows


@pytest.mark.parametrize(
    "query",
    [
        EVIL.replace("\x00", "").replace("\u202e", ""),
        "title:harbour) OR (a*",
        '"harbour" OR 1=1 --',
    ],
)
def test_a_query_that_is_none_is_refused_in_text(run: Run, tmp_path: Path, query: str) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.format(hook="https://hook.example/"), "utf-8")
    fill(tmp_path)
    done = run("search", query)
    assert done.status == 2, done.err
    assert done.err
    assert "Traceback" not in done.err
    assert not CONTROLS.search(done.out + done.err)


async def test_chat_services_get_text(tmp_path: Path) -> None:
    """What `apprise` channels send: no escape sequence, no call of everybody, no masked link."""
    evil = f"{EVIL} @everyone <!channel> [bank](https://evil.example/)"
    with store_with(tmp_path, evil) as store, make_world(store, tmp_path) as world:
        async with HttpServer() as server:
            server.on("*", Response(200, b"{}"))
            host = f"127.0.0.1:{server.port}"
            urls = {"ntfy": f"ntfy://{host}/alerts", "json": f"json://{host}/room"}
            world.configure(
                watchlists={"harbour": {"any": ["harbour"]}},
                channels={name: chat(url) for name, url in urls.items()},
            )
            await Outbox(world.context).match()
            world.wait(minutes=5)
            await Outbox(world.context).gather(flush=True)
            await Dispatcher(world.context).send_due()
    assert {delivery.state for delivery in world.deliveries()} == {"delivered"}
    assert len(server.requests) >= len(urls)
    for request in server.requests:
        told = json.loads(request.body)
        assert not CONTROLS.search("".join(request.headers.values()) + request.target)
        for text in (told["title"], told["message"]):
            assert not CONTROLS.search(text)
            assert not re.search(r"@everyone|<!channel>|\]\(https://evil", text)
        assert not re.search(r"^javascript:", told["message"], re.M)


def chat(url: str) -> AppriseConfig:
    table = {"kind": "apprise", "url": url, "allow_private": ["127.0.0.0/8"], "group_wait": "0s"}
    return AppriseConfig.model_validate(table)


@contextmanager
def store_with(folder: Path, evil: str) -> Iterator[Store]:
    """A store with an article of such a title and text."""
    fill(folder, evil)
    store = Store(f"sqlite:///{folder}/wirewatch.db")
    yield store
    store.close()


async def test_the_status_page_shows_text(tmp_path: Path) -> None:
    with store_with(tmp_path, EVIL) as store:
        page = status_app(store, lambda: NOON)
        async with (
            listening(page, "127.0.0.1") as url,
            guarded_client([ip_network("127.0.0.0/8")], timeout=5) as client,
        ):
            answers = [await client.get(f"{url}{path}") for path in ("/", "/health", "/metrics")]
    html = answers[0].text
    assert "&lt;script&gt;alert(1)" in html
    tree = etree.fromstring(html, etree.HTMLParser())
    assert not tree.xpath("//script | //img | //iframe | //form | //@*[starts-with(name(), 'on')]")
    assert not [link for link in tree.xpath("//@href | //@src") if "javascript:" in str(link)]
    for answer in answers:
        assert not CONTROLS.search(answer.text)
        assert not CONTROLS.search("".join(answer.headers.values()))


@pytest.mark.parametrize("begin", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1"])
def test_no_cell_of_an_export_is_a_formula(run: Run, tmp_path: Path, begin: str) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.format(hook="https://hook.example/"), "utf-8")
    fill(tmp_path, f"{begin} {EVIL}", before="")
    done = run("export", "articles", "--csv")
    assert done.status == 0
    assert not CONTROLS.search(done.out)
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == 2
    for row in rows:
        assert "harbour" in row["title"]
        assert "\\x1b[31mRed" in row["title"]
        for cell in row.values():
            assert not re.match(r"\s*[=+@-]|[\t\r\n]", cell)
        assert None not in row


@pytest.mark.parametrize("evil", [EVIL, f"a\r\n\r\n{EVIL}", "x\r\nWARC-Type: request"])
def test_a_kept_page_adds_no_header_to_its_record(evil: str) -> None:
    headers = [("Server", evil), (f"X-{evil}", "1"), ("Content-Length", "99999")]
    evidence = Evidence(
        article_id=1, revision=1, url=f"https://press.example/{evil}", fetched_at=NOON, status=200,
        headers=headers, page_sha256="",
    )  # fmt: skip
    written = record_of(evidence, b"the page")
    record = next(iter(ArchiveIterator(io.BytesIO(written))))
    assert record.rec_type == "response"
    names = [name.lower() for name, _ in record.rec_headers.headers]
    assert len(names) == len(set(names))
    assert "bcc" not in names
    assert [name for name, _ in record.http_headers.headers if name.lower() == "bcc"] == []
    assert record.content_stream().read() == b"the page"
    block = gzip.decompress(written)
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", block)
