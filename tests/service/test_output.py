"""What a page wrote goes out by every way as text: no header, markup, link, command or path."""

import email.policy
import json
import re
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from store.articles import Article, Story
from store.engine import Store
from store.schema import migrate
from store.sources import SourceState
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


def fill(folder: Path) -> None:
    """Rows as no border had ever cleaned them."""
    store = Store(f"sqlite:///{folder}/wirewatch.db")
    migrate(store)
    with store.writing() as session:
        session.add(
            SourceState(
                id="press", url="http://127.0.0.9:8080/", host="127.0.0.9", kind="auto",
                title=EVIL, last_visit=NOON, last_error=EVIL, state="failing",
            )
        )  # fmt: skip
        for number, url in enumerate((LINK, 'https://press.example/"><script>alert(3)</script>')):
            story = Story(created_at=NOON)
            session.add(story)
            session.flush()
            session.add(
                Article(
                    url=url, canonical_url=url, url_key=f"press.example/{number}",
                    source_id="press", story_id=story.id, title=f"{number} {EVIL}", body=EVIL,
                    standfirst=EVIL, authors=[EVIL], tags=[EVIL], section=EVIL, lang="en",
                    image=LINK, first_seen=NOON, published=NOON, published_precision="minute",
                )
            )  # fmt: skip
    store.close()


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


@pytest.mark.parametrize(
    "words",
    [
        ["articles"],
        ["articles", "--json"],
        ["search", "harbour"],
        ["search", "harbour", "--json"],
        ["search", EVIL.replace("\x00", "").replace("\u202e", "")],
        ["search", '"harbour" OR 1=1 --'],
        ["search", "title:harbour) OR (a*"],
        ["sources"],
        ["status"],
        ["status", "--json"],
    ],
    ids=lambda words: " ".join(words)[:30].encode("ascii", "ignore").decode().replace("\x1b", ""),
)
def test_no_command_shows_more_than_text(run: Run, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.format(hook="https://hook.example/"), "utf-8")
    fill(tmp_path)
    done = run(*words)
    assert done.status in (0, 1, 2)
    assert not CONTROLS.search(done.out + done.err), (done.out + done.err)[:2000]
    if "--json" in words:
        assert done.rows
