"""What an alert's mail says: read back from the message, as its reader sees it. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from html import unescape

_BLOCK = re.compile(r"</?(?:p|div|li|ul|td|tr|table|h[1-6]|blockquote|br|head|body)\b[^>]*>")
_MARK = re.compile(r"<mark\b[^>]*>(.*?)</mark>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"\s+")
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an excerpt; the words that matched are marked."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail of the service."""

    subject: str
    watchlists: tuple[str, ...]
    links: tuple[str, ...]
    excerpts: tuple[tuple[Piece, ...], ...]


def read_letter(message: EmailMessage) -> Letter:
    """The parts of a mail that the demonstration shows and counts."""
    text = message.get_body(("plain",))
    marked = message.get_body(("html",))
    names = str(message.get("X-Wirewatch-Watchlist", ""))
    return Letter(
        subject=str(message["Subject"]),
        watchlists=tuple(name.strip() for name in names.split(",") if name.strip()),
        links=tuple(dict.fromkeys(_LINK.findall(text.get_content()))) if text else (),
        excerpts=tuple(_excerpts(marked.get_content())) if marked else (),
    )


def _excerpts(source: str) -> Iterator[tuple[Piece, ...]]:
    """The blocks that hold marked words. The mail is our own, so a few patterns read it."""
    for block in _BLOCK.split(source):
        if "<mark" in block:
            # The pattern has one group, so every second part is what stood between the marks.
            parts = [_plain(part) for part in _MARK.split(block)]
            yield tuple(Piece(part, number % 2 == 1) for number, part in enumerate(parts) if part)


def _plain(fragment: str) -> str:
    return unescape(_SPACE.sub(" ", _TAG.sub("", fragment)))
