"""How fast messages may follow one another at a chat service. Pure.

Apprise has rates of its own, which are not those of the services: for Telegram it waits a
thousandth of a second, where twenty messages a minute are allowed in a group.
"""

from collections.abc import Mapping

PACES: Mapping[str, float] = {
    # One for each webhook a second; what is left is told by headers, which Apprise reads:
    # discord.com/developers/docs/topics/rate-limits
    "Discord": 1,
    # One write a second in a space: developers.google.com/workspace/chat/limits
    "Google Chat": 1,
    # One's own server; it sets no limit.
    "Gotify": 0,
    # One's own receiver; it says 429 if it wants less.
    "JSON to a web address": 0,
    # Synapse as it comes, rc_message: 0.2 a second:
    # element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html
    "Matrix": 5,
    # Ten requests a second when a limit is turned on: docs.mattermost.com, rate limiting settings
    "Mattermost": 1,
    # Four requests a second: learn.microsoft.com, "Rate limiting for connectors"
    "Microsoft Teams": 1,
    # None is told.
    "Nextcloud Talk": 1,
    # A request of a visitor comes back every five seconds: docs.ntfy.sh/config/#rate-limiting
    "ntfy": 5,
    # Two connections at a time: pushover.net/api#friendly
    "Pushover": 1,
    # Ten calls of an endpoint a minute as it comes: docs.rocket.chat/docs/rate-limiter
    "Rocket.Chat": 6,
    # None is told.
    "Signal": 1,
    # One message a second in a channel: docs.slack.dev/apis/web-api/rate-limits
    "Slack": 1,
    # Twenty messages a minute in a group: core.telegram.org/bots/faq
    "Telegram": 3,
    # None is told but by Retry-After: developer.webex.com/docs/basics, rate limiting
    "Webex": 1,
    # Two hundred requests a minute: zulip.com/api/http-headers
    "Zulip": 1,
}
"""Seconds between two messages to one destination, by the service's name."""
