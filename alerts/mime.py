"""A delivery as a mail: headers that are the same in every attempt, text and HTML."""

import re
from base64 import encodebytes
from binascii import b2a_qp
from email.header import Header
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import lru_cache

from alerts.envelope import Envelope
from alerts.mail_address import mail_address

CRLF = "\r\n"
_CONTROLS = [*range(32), *range(127, 160), 0x2028, 0x2029]
_TURNS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SAFE = str.maketrans({**dict.fromkeys(_CONTROLS, " "), **dict.fromkeys(_TURNS, "")})


def mime_message(envelope: Envelope, sender: str, recipient: str) -> bytes:
    """The message's bytes, in CRLF lines; the same ones for the same arguments.

    They are ASCII but for addresses that need SMTPUTF8. `sender` and `recipient` come from the
    configuration. Page text cannot become a header: line breaks and controls in it turn into
    spaces. The email package folds the headers; the parts are put together here, because its
    generator costs several times more than sending does.
    """
    domain = _domain(sender)
    lines = [_address_header("From", sender)]
    if recipient:
        lines.append(_address_header("To", recipient))
    lines += [
        _subject(header_text(envelope.subject)),
        f"Date: {format_datetime(envelope.created_at)}\r\n",
        f"Message-ID: <{envelope.id}@{domain}>\r\n",
    ]
    if envelope.thread:
        # A root that was never sent: mail programs file all its answers under one conversation.
        root = f"<{envelope.thread}@{domain}>"
        lines += [f"In-Reply-To: {root}\r\n", f"References: {root}\r\n"]
    lines += [
        _header("List-Id", f"Wirewatch <{_list_label(envelope.watchlists)}.wirewatch.{domain}>"),
        "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n",
        f"X-Wirewatch-Delivery: {envelope.id}\r\n",
        _header("X-Wirewatch-Watchlist", ",".join(envelope.watchlists)),
        "MIME-Version: 1.0\r\n",
    ]
    return "".join(lines).encode() + _body(envelope)


def _body(envelope: Envelope) -> bytes:
    """What follows the headers of the message, content type included."""
    text = _part("plain", envelope.text)
    if not envelope.html:
        return text
    # No encoded line holds "=_", and no id is alike: the boundary stands nowhere in the parts.
    boundary = f"=_{envelope.id}".encode()
    begin = b"--" + boundary + b"\r\n"
    parts = b"".join(begin + part + b"\r\n" for part in (text, _part("html", envelope.html)))
    kind = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    return kind + parts + b"--" + boundary + b"--\r\n"


_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]")


def _part(subtype: str, text: str) -> bytes:
    """Quoted-printable stays readable for mostly Latin text; base64 is shorter for the rest."""
    # A mail reader in a terminal would obey what controls are left in an article of long ago.
    unix = _OBEYED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not unix.endswith("\n"):
        unix += "\n"
    raw = unix.replace("\n", "\r\n").encode("utf-8", "replace")
    latin = len(unix.encode("ascii", "ignore")) * 4 >= len(unix) * 3
    encoding = "quoted-printable" if latin else "base64"
    head = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    coded = b2a_qp(raw) if latin else encodebytes(raw).replace(b"\n", b"\r\n")
    return head.encode("ascii") + coded


@lru_cache(maxsize=1000)
def _header(name: str, value: str) -> str:
    """A header that is the same in many messages."""
    header: str = SMTP.header_factory(name, value).fold(policy=SMTP)
    return header


@lru_cache(maxsize=1000)
def _address_header(name: str, text: str) -> str:
    """An address; what stands before the @ is not encoded, for no server would decode it."""
    address = mail_address(text)
    policy = SMTPUTF8 if address.needs_utf8 else SMTP
    header: str = policy.header_factory(name, address.shown).fold(policy=policy)
    return header


def _subject(text: str) -> str:
    """Folded by `email.header`: the newer code loses the space between two encoded words."""
    charset = "us-ascii" if text.isascii() else "utf-8"
    folded = Header(text, charset, maxlinelen=76, header_name="Subject")
    return f"Subject: {folded.encode(linesep=CRLF)}{CRLF}"


def header_text(text: str) -> str:
    """The text on one line, fit for a header: no controls, direction turns or surrogates.

    What would be read as an encoded word (RFC 2047) is parted by a space.
    """
    clean = text.translate(_SAFE).encode("utf-8", "replace").decode("utf-8").replace("=?", "= ?")
    return " ".join(clean.split())


@lru_cache(maxsize=100)
def _domain(sender: str) -> str:
    return mail_address(sender).domain


def _list_label(watchlists: tuple[str, ...]) -> str:
    label = watchlists[0] if len(watchlists) == 1 else "alerts"
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in label)
    return kept.strip("-").lower() or "alerts"
