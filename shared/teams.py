"""Microsoft Teams as a target of the outbox, for any flow: a `OneTimeEffect` of the flow's own posts a card into the channel.

Light: flows import it. Optional: without TEAMS_WEBHOOK_URL (`is_used`) nothing is requested.
"""

from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

TARGET = "teams"


def is_used() -> bool:
    """Whether a workflow is set up."""
    return get_settings().teams_webhook_url is not None


def policy() -> TargetPolicy:
    """A workflow takes four messages a second at most, and a team's channel is read by people."""
    return TargetPolicy(batches_per_second=1)
