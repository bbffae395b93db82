"""Times as a person or a test gives them to an action."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def start_of(given: Mapping[str, Any], name: str = "start") -> datetime | None:
    """The instant under `name`, in UTC where it names no zone; None where there is none. Raises ValueError."""
    text = given.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"{name} must be an ISO 8601 time; it is {text!r}")  # noqa: TRY004  # to the caller a wrong value
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
