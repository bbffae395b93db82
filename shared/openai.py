"""OpenAI as a target of the outbox, for any flow: a `OneTimeEffect` of the flow's own asks it (`shared.vendors.openai`).

Light: flows import it. Optional: without OPENAI_API_KEY (`is_used`) nothing is requested.
"""

from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

TARGET = "openai"


def is_used() -> bool:
    """Whether a key is set up."""
    return get_settings().openai_api_key is not None


def policy() -> TargetPolicy:
    """Two at a time; an answer takes seconds, and nobody waits for it."""
    return TargetPolicy(slots=2, batches_per_second=1)
