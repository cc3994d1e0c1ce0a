"""Mail in a folder: complete or absent, once however often it is written."""

import mailbox
import os
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.channels.maildir import MaildirChannel, MaildirConfig
from tests.alerts.envelopes import NOON, PLAIN, envelope


@pytest.fixture
def channel(tmp_path: Path) -> MaildirChannel:
    config = MaildirConfig.model_validate({"kind": "maildir", "path": "in"})
    return MaildirChannel(config, tmp_path)


async def test_a_mail_program_finds_the_message(channel: MaildirChannel, tmp_path: Path) -> None:
    await channel.send(PLAIN, now=NOON, attempt=1)
    box = mailbox.Maildir(tmp_path / "in", create=False)
    (message,) = box
    assert message["X-Wirewatch-Delivery"] == PLAIN.id
    assert message["Message-ID"] == f"<{PLAIN.id}@localhost>"
    assert list((tmp_path / "in" / "tmp").iterdir()) == []


async def test_a_repeat_writes_nothing_new(channel: MaildirChannel, tmp_path: Path) -> None:
    await channel.send(PLAIN, now=NOON, attempt=1)
    receipt = await channel.send(PLAIN, now=NOON + timedelta(days=1), attempt=2)
    assert receipt.reply == "was there already"
    assert len(mailbox.Maildir(tmp_path / "in", create=False)) == 1


async def test_a_repeat_recognises_what_a_person_has_read(
    channel: MaildirChannel, tmp_path: Path
) -> None:
    await channel.send(PLAIN, now=NOON, attempt=1)
    (fresh,) = (tmp_path / "in" / "new").iterdir()
    fresh.rename(tmp_path / "in" / "cur" / f"{fresh.name}:2,S")
    await channel.send(PLAIN, now=NOON, attempt=2)
    assert len(mailbox.Maildir(tmp_path / "in", create=False)) == 1


async def test_a_half_written_draft_of_a_crash_is_replaced(
    channel: MaildirChannel, tmp_path: Path
) -> None:
    await channel.send(PLAIN, now=NOON, attempt=1)
    (fresh,) = (tmp_path / "in" / "new").iterdir()
    whole = fresh.read_bytes()
    os.replace(fresh, tmp_path / "in" / "tmp" / fresh.name)
    (tmp_path / "in" / "tmp" / fresh.name).write_bytes(whole[:20])
    await channel.send(PLAIN, now=NOON, attempt=2)
    assert fresh.read_bytes() == whole


async def test_only_its_owner_can_read_it(channel: MaildirChannel, tmp_path: Path) -> None:
    await channel.send(PLAIN, now=NOON, attempt=1)
    assert (tmp_path / "in" / "new").stat().st_mode & 0o077 == 0


async def test_messages_sort_in_the_order_they_were_made(
    channel: MaildirChannel, tmp_path: Path
) -> None:
    for minute, name in enumerate("cab"):
        made = NOON + timedelta(minutes=minute)
        await channel.send(envelope(id=name, created_at=made), now=NOON, attempt=1)
    names = sorted(path.name for path in (tmp_path / "in" / "new").iterdir())
    assert [name.split(".")[1] for name in names] == ["c", "a", "b"]
