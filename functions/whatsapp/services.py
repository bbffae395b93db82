"""Apply what Meta's webhooks say. All of it may come late, twice and in any order."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from functions.whatsapp.payloads import MetaEvents, Preference
from shared.messages import consent, replies, statuses

log = logging.getLogger("puente.whatsapp")


def take(session: Session, payload: MetaEvents, at: datetime) -> str:
    """Apply a request: "applied", or "ignored" where it says nothing of ours. What has no time of its own happened at `at`.

    Messages come first: whether a window is open, or a person wants no more, counts for whatever follows.
    """
    for message in payload.messages:
        replies.take(session, message, message.sent_at or at)
    for preference in payload.preferences:
        _prefer(session, preference, at)
    words = [statuses.status(session, one if one.at else one.model_copy(update={"at": at})) for one in payload.statuses]
    for one in payload.unread:
        log.warning("a part of Meta's webhook could not be read: %s %s", one.get("what"), one.get("why"))
    is_ours = payload.messages or payload.preferences or any(word != "ignored" for word in words)
    return "applied" if is_ours else "ignored"


def _prefer(session: Session, preference: Preference, at: datetime) -> None:
    """A stop here is one of marketing by WhatsApp; `resume` lifts that alone, and never a BAJA that somebody wrote."""
    change = consent.suppress if preference.stops else consent.lift
    change(session, ["whatsapp"], preference.recipient_digests, "unsubscribed", preference.at or at)
