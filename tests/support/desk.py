"""A whole desk on loopback: a site, a mail server and a config.toml that joins them."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.site import Site
from tests.support.smtp import SmtpSink

CONFIG = """\
[service]
database = "{database}"

[web]
listen = "{listen}"

[crawler]
every = "1s"
delay = "0s"
allow_private = ["127.0.0.0/8"]

[source.times]
url = "{feed}"
kind = "feed"

[watchlist.border]
any = ['"Durand Line"']

[channel.desk]
kind = "email"
to = ["desk@example.org"]
from = "Wirewatch <alerts@example.org>"
smtp = "smtp://{login}127.0.0.1:{port}"
group_wait = "0s"
longest_wait = "1s"
"""


@dataclass
class Desk:
    """Where a test sits: what it publishes, what it receives, what it configures."""

    folder: Path
    site: Site
    sink: SmtpSink
    values: dict[str, str] = field(default_factory=dict)
    """What stands in config.toml instead of the usual."""

    @property
    def config(self) -> Path:
        """config.toml."""
        return self.folder / "config.toml"

    def configure(self, more: str = "", **values: str) -> Path:
        """Writes config.toml with other values from now on, and with more text at its end."""
        self.values |= values
        usual = {"database": "sqlite:///wirewatch.db", "listen": "", "login": ""}
        places = {"feed": self.site.feed_url, "port": str(self.sink.port)}
        # Written under another name first, as editors do: a reload must not read half a file.
        draft = self.config.with_suffix(".draft")
        draft.write_text(CONFIG.format(**usual | places | self.values) + more, "utf-8")
        draft.replace(self.config)
        return self.config

    async def first_visit(self, within: float = 110) -> None:
        """Waits until the feed is asked for twice more: a visit has begun and ended since."""
        asked = self.site.asked("/feed.xml")
        await until(lambda: self.site.asked("/feed.xml") > asked + 1, within)

    def links(self) -> list[str]:
        """The article addresses in the mails, in the order of arrival, repeats included."""
        found: list[str] = []
        for mail in self.sink.messages:
            body = mail.message.get_body(("plain",))
            assert body
            text = body.get_content()
            found += [link for link in _addresses(text) if link.startswith(self.site.url)]
        return found

    async def alerted(self, *urls: str, within: float = 110) -> None:
        """Waits until mails have named all the articles."""
        await until(lambda: set(urls) <= set(self.links()), within)


async def until(holds: Callable[[], bool], within: float) -> None:
    """Waits for something that no event tells of. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.05)


def _addresses(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"https?://[^\s<>\"')\]]+", text)))
