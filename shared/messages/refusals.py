"""What follows from a provider's reason for not delivering a message, whether it comes with the answer or in a later status."""

from datetime import datetime

from sqlalchemy.orm import Session

from shared.messages import consent

OPTED_OUT = frozenset({"twilio-opted-out"})
"""The provider knows of a STOP that has not come to us."""
MARKETING_STOPPED = frozenset({"meta-marketing-stopped"})
"""The person has told WhatsApp that they want no marketing from us."""
NO_FALLBACK = OPTED_OUT | MARKETING_STOPPED | {"meta-marketing-limit"}
"""Another channel would be against the person's wish, or against the peace that the vendor keeps for them."""


def heed(session: Session, reason: str | None, who: str, at: datetime) -> None:
    """Note a wish of the recipient (a digest) that only the provider knows of. A second run changes nothing."""
    if reason in OPTED_OUT:
        consent.suppress(session, consent.PHONE_CHANNELS, [who], "stop", at)
    elif reason in MARKETING_STOPPED:
        consent.suppress(session, ["whatsapp"], [who], "unsubscribed", at)
