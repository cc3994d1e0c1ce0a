"""Chat services through Apprise: Slack, Teams, Discord, Telegram, ntfy, Matrix and more; an extra.

Only services that are reached over HTTP are let in, because only their requests can be led through
the address guard (`alerts.channels.apprise_http`). This module needs no Apprise; the sending is
loaded when a channel of the kind is configured.
"""

import importlib
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from alerts.channels.apprise_pace import PACES
from alerts.channels.base import Channel, ChannelTable, Surroundings, minutes, read_network
from alerts.channels.webhook import address_secrets
from store.addresses import Network
from store.config import Secret

SCHEMAS = {
    "discord": "Discord",
    "gchat": "Google Chat",
    "gotify": "Gotify",
    "gotifys": "Gotify",
    "json": "JSON to a web address",
    "jsons": "JSON to a web address",
    "matrix": "Matrix",
    "matrixs": "Matrix",
    "mmost": "Mattermost",
    "mmosts": "Mattermost",
    "nctalk": "Nextcloud Talk",
    "nctalks": "Nextcloud Talk",
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "pover": "Pushover",
    "rocket": "Rocket.Chat",
    "rockets": "Rocket.Chat",
    "signal": "Signal",
    "signals": "Signal",
    "slack": "Slack",
    "tgram": "Telegram",
    "webex": "Webex",
    "workflows": "Microsoft Teams",
    "wxteams": "Webex",
    "zulip": "Zulip",
}
"""The schemas that may be used, and what they stand for. Others of Apprise's run programs, write
files or speak protocols that pass the guard by."""

_SENDING = "alerts.channels.apprise_sending"


def _check(url: Secret) -> Secret:
    schema, found, _ = url.get_secret_value().partition("://")
    if not found or schema.lower() not in SCHEMAS:
        # The address itself is not repeated: it is made of tokens.
        raise ValueError(f"not the address of a service that may be used: {', '.join(SCHEMAS)}")
    try:
        urlsplit(url.get_secret_value())
    except ValueError:
        raise ValueError("not an address: something in it is malformed") from None
    if find_spec("apprise") is None:
        raise ValueError(
            'a channel of kind "apprise" needs more installed: pip install "wirewatch[apprise]"'
        )
    importlib.import_module(_SENDING).check(url.get_secret_value())
    return url


class AppriseConfig(ChannelTable):
    """[channel.ID] of kind "apprise"."""

    kind: Literal["apprise"]
    url: Annotated[Secret, AfterValidator(_check)] = Field(
        description="the service's Apprise URL, e.g. slack://…, tgram://…, ntfys://…; never shown"
    )
    allow_private: tuple[Annotated[Network, BeforeValidator(read_network)], ...] = Field(
        (), description="address ranges that may be reached although private"
    )

    waits: ClassVar[tuple[timedelta, ...]] = minutes(0.5, 2, 5, 10, 20, 40, 60)

    def hidden(self) -> tuple[str, ...]:
        """Everything between the slashes: tokens stand where hosts do."""
        url = self.url.get_secret_value()
        parts = urlsplit(url)
        pieces = (part for part in (parts.netloc, *parts.path.split("/")) if len(part) >= 8)
        return (url.partition("://")[2], *pieces, *address_secrets(url))

    def open(self, around: Surroundings) -> Channel:
        """The channel of this table."""
        make: Callable[..., Any] = importlib.import_module(_SENDING).AppriseChannel
        url = self.url.get_secret_value()
        channel: Channel = make(
            url,
            (*around.allow_private, *self.allow_private),
            self.timeout.total_seconds(),
            pace=PACES[SCHEMAS[url.partition("://")[0].lower()]],
        )
        return channel
