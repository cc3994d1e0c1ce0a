"""The mail's headers, read back as a mail program reads them."""

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.envelope import Envelope
from alerts.mime import header_text, mime_message

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def subject_read_back(subject: str) -> str:
    envelope = Envelope(
        id="abc", created_at=NOON, subject=subject, text="t", html="", payload={}, watchlists=("w",)
    )
    sent = mime_message(envelope, "Wirewatch <alerts@example.org>", "desk@example.org")
    assert all(len(line) <= 78 for line in sent.split(b"\r\n\r\n")[0].split(b"\r\n"))
    return str(email.message_from_bytes(sent, policy=email.policy.default)["Subject"])


@pytest.mark.parametrize(
    "subject",
    [
        "Durand Line: سرحدی تجارت کے لیے نیا دفتر کھل گیا — Frontier Chronicle",
        "Durand Line: کتابخانهٔ سیار به دره‌های دوردست رسید — Frontier Chronicle",
        "TTP: د خبرو نوی پړاو د راتلونکې اوونۍ لپاره وټاکل شو — Frontier Chronicle",
        "A plain subject that is a good deal longer than one line of a mail header may be at most",
        "=?utf-8?q?not_encoded?= by us",
        "杜兰线：" + "喀布尔抗议新围栏" * 12,
    ],
)
def test_a_subject_arrives_with_every_space(subject: str) -> None:
    assert subject_read_back(subject) == header_text(subject)


@given(st.text(st.sampled_from("ab ڈ۔ل یے—ü😀‌喀")))
def test_any_subject_arrives_as_it_was_written(subject: str) -> None:
    assert subject_read_back(subject) == header_text(subject)
