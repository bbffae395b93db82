"""Variables that are known only when a message is sent (days left, places left): its flow adds them here. Light."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import flows

type Fill = Callable[[Mapping[str, Any], Mapping[str, Any], datetime], Mapping[str, Any] | None]
"""(context, variables, moment of the first try) -> all variables; None where the message is none of its own."""

_fills: dict[str, Fill] = {}


def on_filling(name: str, fill: Fill) -> None:
    """Have `fill` asked for the variables of each message that goes out. The same name again replaces it."""
    _fills[name] = fill


def filled(context: Mapping[str, Any], variables: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The variables of a message as its owner has them at `at`; those it was planned with where nobody has more to say."""
    for fill in (dict(flows.listeners("message.variables")) | _fills).values():
        if (known := fill(context, variables, at)) is not None:
            return dict(known)
    return dict(variables)
