"""A delivery as a mail: headers that are the same in every attempt, text and HTML."""

from email.header import Header
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import parseaddr

from alerts.envelope import Envelope

_CONTROLS = [*range(32), *range(127, 160), 0x2028, 0x2029]
_TURNS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SAFE = str.maketrans({**dict.fromkeys(_CONTROLS, " "), **dict.fromkeys(_TURNS, "")})


class _Subject(UniqueUnstructuredHeader):
    """Folded by `email.header`: the newer code loses the space between two encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """The header with its line breaks."""
        charset = "us-ascii" if self.isascii() else "utf-8"
        text = Header(str(self), charset, maxlinelen=76, header_name="Subject")
        return f"Subject: {text.encode(linesep=policy.linesep)}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)  # type: ignore[arg-type] # as it wants them
_POLICY = SMTP.clone(header_factory=_HEADERS)


def mime_message(envelope: Envelope, sender: str, recipient: str) -> bytes:
    """The message's bytes, in CRLF lines of ASCII; the same ones for the same arguments.

    `sender` and `recipient` come from the configuration. Page text cannot become a header: line
    breaks and controls in it turn into spaces.
    """
    domain = _domain(sender)
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    if recipient:
        message["To"] = recipient
    message["Subject"] = header_text(envelope.subject)
    message["Date"] = envelope.created_at
    message["Message-ID"] = f"<{envelope.id}@{domain}>"
    if envelope.thread:
        # A root that was never sent: mail programs file all its answers under one conversation.
        root = f"<story-{envelope.thread}@{domain}>"
        message["In-Reply-To"] = root
        message["References"] = root
    message["List-Id"] = f"Wirewatch <{_list_label(envelope.watchlists)}.wirewatch.{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Wirewatch-Delivery"] = envelope.id
    message["X-Wirewatch-Watchlist"] = ",".join(envelope.watchlists)
    message.set_content(_unix(envelope.text), cte=_encoding(envelope.text))
    if envelope.html:
        message.add_alternative(_unix(envelope.html), subtype="html", cte=_encoding(envelope.html))
        message.set_boundary(f"=_{envelope.id}")
    return message.as_bytes()


def header_text(text: str) -> str:
    """The text on one line, fit for a header: no controls, direction turns or surrogates.

    What would be read as an encoded word (RFC 2047) is parted by a space.
    """
    clean = text.translate(_SAFE).encode("utf-8", "replace").decode("utf-8").replace("=?", "= ?")
    return " ".join(clean.split())


def _unix(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _encoding(text: str) -> str:
    """Quoted-printable stays readable for mostly Latin text; base64 is shorter for the rest."""
    latin = sum(letter < "\x80" for letter in text)
    return "quoted-printable" if latin * 4 >= len(text) * 3 else "base64"


def _domain(sender: str) -> str:
    domain = Address(addr_spec=parseaddr(sender)[1]).domain
    return domain.encode("idna").decode("ascii") if not domain.isascii() else domain


def _list_label(watchlists: tuple[str, ...]) -> str:
    label = watchlists[0] if len(watchlists) == 1 else "alerts"
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in label)
    return kept.strip("-").lower() or "alerts"
