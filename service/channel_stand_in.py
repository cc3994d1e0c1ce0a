"""Stands in for `alerts.channels.ChannelConfig` until it is there."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from alerts.config import Names
from store.config import Secret, Table


class MaildirConfig(Table):
    """Mail files in a folder."""

    kind: Literal["maildir"] = "maildir"
    path: Path


class EmailConfig(Table):
    """Mail."""

    kind: Literal["email"] = "email"
    to: Names
    from_: str = Field("", alias="from")
    smtp: Secret
    quiet: str = ""


class WebhookConfig(Table):
    """Signed JSON."""

    kind: Literal["webhook"] = "webhook"
    url: str
    secret: Secret


ChannelConfig = Annotated[MaildirConfig | EmailConfig | WebhookConfig, Field(discriminator="kind")]

CHANNEL_KINDS: dict[str, type[Table]] = {
    "email": EmailConfig,
    "webhook": WebhookConfig,
    "maildir": MaildirConfig,
}
