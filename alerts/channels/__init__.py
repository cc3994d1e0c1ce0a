"""Destinations of alerts: one module a kind, registered here."""

from typing import Annotated

from pydantic import Field

from alerts.channels.apprise import AppriseConfig
from alerts.channels.base import ChannelTable
from alerts.channels.email import EmailConfig
from alerts.channels.maildir import MaildirConfig
from alerts.channels.webhook import WebhookConfig

ChannelConfig = Annotated[
    EmailConfig | WebhookConfig | AppriseConfig | MaildirConfig,
    Field(discriminator="kind"),
]
"""[channel.ID], whatever its kind."""

CHANNEL_KINDS: dict[str, type[ChannelTable]] = {
    "email": EmailConfig,
    "webhook": WebhookConfig,
    "apprise": AppriseConfig,
    "maildir": MaildirConfig,
}
