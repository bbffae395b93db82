"""What follows from a provider's reason for not delivering a message, whether it comes with the answer or in a later status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from shared.messages import consent, not_on_whatsapp

OPTED_OUT = frozenset({"twilio-opted-out"})
"""The provider knows of a STOP that has not come to us."""
MARKETING_STOPPED = frozenset({"meta-marketing-stopped"})
"""The person has told WhatsApp that they want no marketing from us."""
MARKET_LIMIT = frozenset({"meta-marketing-limit", "twilio-marketing-limit"})
"""WhatsApp spares the person more marketing, from whomever, for now."""
NO_FALLBACK = OPTED_OUT | MARKETING_STOPPED | MARKET_LIMIT
"""Another channel would be against the person's wish, or against the peace that the vendor keeps for them."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A message that was not delivered. `whose`: digests of its address, that of the message first where it is known.

    `vendor_id`: the provider's of the message, or a name that no other message has. `is_last_word`: no further status is known.
    """

    reason: str | None
    whose: Sequence[str]
    at: datetime
    provider: str
    vendor_id: str
    delivery_id: int | None = None
    is_last_word: bool = True


def heed(session: Session, refused: Refused) -> None:
    """Note what only the provider knows of the recipient: a wish, its own limit, or that they are not there. Twice is once."""
    reason, whose, at = refused.reason, refused.whose, refused.at
    if reason in OPTED_OUT:
        consent.suppress(session, consent.PHONE_CHANNELS, whose, "stop", at)
    elif reason in MARKETING_STOPPED:
        consent.suppress(session, ["whatsapp"], whose, "unsubscribed", at)
    elif reason in MARKET_LIMIT:
        consent.limited(session, whose, at)
    elif reason in not_on_whatsapp.REASONS and whose and refused.is_last_word:
        not_on_whatsapp.note(session, refused.provider, refused.vendor_id, whose[0], at, refused.delivery_id)
