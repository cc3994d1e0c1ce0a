"""A mail server on loopback that keeps what it is given: the demonstration's inbox."""

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

OnMail = Callable[[EmailMessage], None]


class _Inbox:
    def __init__(self, on_mail: OnMail) -> None:
        self.on_mail = on_mail

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Takes one message."""
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.on_mail(message)
        return "250 2.0.0 kept"


@contextlib.asynccontextmanager
async def mailbox(on_mail: OnMail, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Accepts mail until the block ends, handing each message over; gives the port."""
    loop = asyncio.get_running_loop()
    inbox = _Inbox(on_mail)
    server = await loop.create_server(
        lambda: SMTP(inbox, hostname="mailbox.test", enable_SMTPUTF8=True, loop=loop), host, 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
