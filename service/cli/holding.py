"""Why a message is held for as long as nobody acts: its channel is not there, or was stopped."""

from collections.abc import Mapping

from service.config import Config
from store.deliveries import ChannelState


def why_held(channel: str, config: Config, stopped: Mapping[str, ChannelState]) -> str:
    """What keeps everything that waits for the channel; empty when nothing does."""
    if channel not in config.channels:
        return f"channel {channel} is not in the configuration"
    if channel in stopped:
        reason = stopped[channel].reason
        return f"channel {channel} was told to stop" + (f": {reason}" if reason else "")
    return ""
