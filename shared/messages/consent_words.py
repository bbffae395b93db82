"""Statements of consent that come with messages: STOP and START, the link in a mail, what a vendor reports of a recipient."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from shared.messages import consent_history
from shared.messages.consent import PHONE_CHANNELS
from shared.messages.consent_history import MARKETING, Statement
from shared.messages.events import InboundMessage
from shared.people import kinds
from shared.store.models import Delivery


def of_reply(session: Session, payload: InboundMessage, at: datetime) -> int:
    """Keep what somebody wrote as a clear wish, with their words; how many statements are new."""
    if payload.wish is None or payload.sender is None:
        return 0
    statement = Statement(
        channels=PHONE_CHANNELS,
        purpose=MARKETING,
        word="withdrawn" if payload.wish == "stop" else "granted",
        source=f"{payload.provider}.message",
        is_proven=True,
        said_at=at,
        text=payload.text,
        evidence={"vendor_id": payload.vendor_id, "channel": payload.channel},
    )
    return sum(consent_history.record(session, who, statement) for who in kinds.identities(phone=payload.sender))


def of_mail(session: Session, delivery: Delivery, source: str, at: datetime, evidence: Mapping[str, Any]) -> int:
    """Keep that the recipient of a mail wants no more marketing by e-mail; how many statements are new."""
    payload: Any = delivery.payload or {}
    statement = Statement(
        channels=("email",),
        purpose=MARKETING,
        word="withdrawn",
        source=source,
        is_proven=True,
        said_at=at,
        evidence=evidence,
    )
    return sum(consent_history.record(session, who, statement) for who in kinds.identities(email=payload.get("to")))
