"""Who has opened a message: a person, or a machine on the way that opens every link.

A mail gateway fetches all links of a mail within seconds of its delivery. What it does is kept with the message's events, and
counts for nobody: not for a comparison of texts, not for journeys. Of SMS and WhatsApp a person alone says that it was read.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

MACHINE_SECONDS = timedelta(seconds=15)
"""What is opened or clicked so soon after the delivery of a mail was opened by a machine."""
MAIL = "email"
CLICKED, OPENED = ("clicked",), ("opened", "clicked")


def by_a_person(
    history: Iterable[Mapping[str, Any]], words: tuple[str, ...], channel: str, sent_at: datetime | None = None
) -> datetime | None:
    """The first of these events that a person has brought about, by all that the provider has reported; None: there is none.

    `sent_at` counts as the delivery where the provider has reported neither that nor the sending.
    """
    events = [(str(entry.get("status")), datetime.fromisoformat(str(entry.get("at")))) for entry in history]
    arrived = _last(events, "delivered") or _last(events, "sent") or sent_at
    if channel != MAIL:
        arrived = None
    seen = (at for word, at in events if word in words)
    return min((at for at in seen if arrived is None or at - arrived > MACHINE_SECONDS), default=None)


def _last(events: Iterable[tuple[str, datetime]], wanted: str) -> datetime | None:
    return max((at for word, at in events if word == wanted), default=None)
