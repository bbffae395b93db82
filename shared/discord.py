"""Discord as a target of the outbox, for any flow: a `OneTimeEffect` of the flow's own posts into the team's channel.

Light: flows import it. Optional: without DISCORD_WEBHOOK_URL (`is_used`) nothing is requested.
"""

from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

TARGET = "discord"


def is_used() -> bool:
    """Whether a channel is set up."""
    return get_settings().discord_webhook_url is not None


def policy() -> TargetPolicy:
    """Discord takes 30 messages a minute in a channel."""
    return TargetPolicy(batches_per_second=0.5)
