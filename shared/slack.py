"""Slack as a target of the outbox, for any flow: a `OneTimeEffect` of the flow's own posts into the team's channel.

Light: flows import it. Optional: without SLACK_WEBHOOK_URL (`is_used`) nothing is requested.
"""

from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

TARGET = "slack"


def is_used() -> bool:
    """Whether a channel is set up."""
    return get_settings().slack_webhook_url is not None


def policy() -> TargetPolicy:
    """Slack takes one message a second in a channel."""
    return TargetPolicy(batches_per_second=1)
