"""The variables of a message at the moment of sending."""

from datetime import datetime
from typing import Any

from shared import clock
from shared.messages import plain_names, verdict
from shared.messages.filling import filled
from shared.messages.message import Message
from shared.settings import get_settings


def variables_of(message: Message, at: datetime | None = None) -> dict[str, Any]:
    """The message's variables as its owner has them at `at` (now), and `time_zone`: that of the person, for dates in the text.

    `at` is the first try, so that a second one says the same: a vendor that takes our key refuses another text under it.
    Names are as a message may say them, whoever gave them (`plain_names`).
    """
    given = {"time_zone": verdict.window_of(message, get_settings()).zone.key} | dict(message.variables)
    return plain_names.in_message(filled(message.context, given, at or clock.now()), message.locale)
