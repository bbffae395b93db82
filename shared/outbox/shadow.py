"""What becomes of a delivery whose target SHADOW covers: it is described and recorded, and nobody is called."""

import logging
import traceback

from shared.errors import DeferredError, PuenteError, RetryableError
from shared.outbox import effects
from shared.outbox.actions import Action, Claimed, Outcome, Shadowed, Skip

log = logging.getLogger("puente.outbox")

ASKED_AGAIN_SECONDS = 3600


def outcome(action: Action, delivery: Claimed) -> Outcome:
    """The outcome of a delivery that is not carried out: what would have been sent, or why it could not have been sent.

    A message that may have gone out before SHADOW was set waits: whether it did can be asked only once the target is called
    again.
    """
    if delivery.unknown_before:
        why = "it may have been sent before SHADOW covered its target; it waits until it does not"
        return DeferredError(why, after_seconds=ASKED_AGAIN_SECONDS)
    try:
        described = action.describe(delivery)
    except PuenteError as error:
        return error
    except Exception as error:  # noqa: BLE001  # a mistake of ours costs this delivery an attempt, and no other one
        trace = "".join(traceback.format_exception(error))
        log.error("%s.%s cannot say what it would do:\n%s", action.target, action.name, trace)  # noqa: TRY400
        return RetryableError(f"what it would do cannot be said: {type(error).__name__}")
    return described if isinstance(described, Skip) else Shadowed(effects.of(action, described))
