"""Variables that are known only when a message is sent (days left, places left): its flow adds them here. Light."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import flows

type Fill = Callable[[Mapping[str, Any], Mapping[str, Any], datetime], Mapping[str, Any] | None]
"""(context, variables, moment of the first try) -> all variables; None where the message is none of its own."""


def filled(context: Mapping[str, Any], variables: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The variables of a message as its owner has them at `at`; those it was planned with where nobody has more to say."""
    for _flow, fill in flows.listeners("message.variables"):
        if (known := fill(context, variables, at)) is not None:
            return dict(known)
    return dict(variables)
