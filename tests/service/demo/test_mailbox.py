"""The demonstration's mail server keeps what it accepts."""

from email.message import EmailMessage

import aiosmtplib

from service.demo.mailbox import mailbox


async def test_a_message_arrives_as_it_was_sent() -> None:
    kept: list[EmailMessage] = []
    message = EmailMessage()
    message["From"] = "a@example.org"
    message["To"] = "b@example.org"
    message["Subject"] = "خط دیورند"
    message.set_content("ڈیورنڈ لائن\n.\nend\n")
    async with mailbox(kept.append) as port:
        await aiosmtplib.send(message, hostname="127.0.0.1", port=port, start_tls=False)
    assert [str(one["Subject"]) for one in kept] == ["خط دیورند"]
    assert kept[0].get_content().splitlines() == ["ڈیورنڈ لائن", ".", "end"]
