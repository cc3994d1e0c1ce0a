"""Mail addresses as they stand in envelopes and headers. Pure.

What DNS knows of a domain beyond ASCII is its other spelling (`xn--…`, IDNA 2008). For what stands
before the `@` there is none: letters beyond ASCII there need a server that offers SMTPUTF8.
"""

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr

import idna

_BEYOND = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class MailAddress:
    """One address of the configuration, ready to be sent."""

    name: str
    """Shown before it, possibly empty."""
    local: str
    """What stands before the `@`."""
    domain: str
    """In ASCII."""

    @property
    def bare(self) -> str:
        """As the envelope has it."""
        return str(Address(username=self.local, domain=self.domain))

    @property
    def shown(self) -> str:
        """As a header has it, not yet folded or encoded."""
        return str(Address(self.name, self.local, self.domain))

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server that offers SMTPUTF8 can take it."""
        return not self.local.isascii()


def mail_address(text: str) -> MailAddress:
    """Reads a bare address or `Name <address>` that fits one header.

    Raises ValueError, in words, also for a domain that cannot be written in ASCII.
    """
    name, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    try:
        # Python's parser takes no letters beyond ASCII before the @; all else is judged by it.
        parsed = Address(addr_spec=f"{_BEYOND.sub('x', local)}@{domain}")
    except (HeaderParseError, ValueError, IndexError) as error:
        raise ValueError(f"{text!r} is not a mail address") from error
    whole = bool(parsed.username and parsed.domain) and address.isprintable()
    if not whole or any(ord(letter) < 32 for letter in text):
        raise ValueError(f"{text!r} is not a mail address")
    if local.isascii():
        return MailAddress(name, parsed.username, ascii_domain(parsed.domain))
    if '"' in local:
        raise ValueError(f"{text!r}: quotation marks and letters beyond ASCII do not go together")
    return MailAddress(name, local, ascii_domain(parsed.domain))


def ascii_domain(domain: str) -> str:
    """The domain as DNS knows it. Raises ValueError when there is no such spelling."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"{domain!r} cannot be a domain: {error}") from error
