"""The people of the campaign: one row for each address, whose facts end the same in whatever order their events come."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas import kinds
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.crm import facts
from shared.messages.consent import MARKETING_ONLY
from shared.messages.digests import digest_of_address, stored
from shared.people import kinds as identity_kinds
from shared.people import observing
from shared.people.backfill import Source
from shared.people.observing import Seen
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import Suppression
from shared.store.types import CENT

SIGNED_UP, NURTURED, BEFORE_CALL = "Signed Up", "Nurture Sequence", "Pre-Call Prep"
NOT_BOOKED, BOOKED, COMPLETED, NO_SHOW = "Not Booked", "Booked", "Completed", "No-Show"
ONBOARDING_PHASE = "Phase 1"
_BOOKED_OR_PAST = (kinds.BOOKED, kinds.POST_CALL.event, kinds.PAID)


def locked_contact(session: Session, email: str) -> SequenceContact:
    """The person with that address (in lower case), inserted if new, locked until the transaction ends.

    Whoever changes something of a person locks this row first, so their events are applied one after another.
    """
    insert_if_absent(session, SequenceContact, "email", {"email": email, "who": digest_of_address(email)})
    return session.scalars(locked(select(SequenceContact).where(SequenceContact.email == email), SequenceContact)).one()


def observe(session: Session, contact: SequenceContact) -> int | None:
    """Note by which identities somebody in the campaign is known; the number of the person. Forms gave the address."""
    proven, typed = identity_kinds.identities(campaign=contact.id), identity_kinds.identities(email=contact.email)
    seen = Seen(source="campaign", at=clock.as_utc(contact.created_at), proven=proven, typed=typed)
    return observing.observe(session, seen)


CONTACTS = Source("campaign", SequenceContact, observe)


def learn(contact: SequenceContact, at: datetime, event_key: str, **payload: Any) -> None:
    """Merge an event's facts of a person, true from `at`: newer ones replace older ones, None changes nothing."""
    facts.merge(contact, payload, at, event_key)


def exact(score: float | None) -> Decimal | None:
    """A score as it is kept: with two decimals."""
    return None if score is None else Decimal(str(score)).quantize(CENT)


def reach(contact: SequenceContact, stage: str, at: datetime) -> None:
    """They have reached a stage, as a report of it says; the newest time counts."""
    known = moment_of(contact, stage)
    if known is None or at > known:
        contact.stages = dict(contact.stages or {}) | {stage: clock.as_utc(at).isoformat()}
    contact.campaign_status = _status(contact)


def follow_stages(contact: SequenceContact, moments: Mapping[str, datetime | None]) -> None:
    """Set stages that follow from the present state of something else, when each was reached; None: they are not there."""
    reached = {stage: clock.as_utc(at).isoformat() for stage, at in moments.items() if at is not None}
    kept = {stage: at for stage, at in (contact.stages or {}).items() if stage not in moments}
    if kept | reached != contact.stages:
        contact.stages = kept | reached
    contact.campaign_status = _status(contact)


def moment_of(contact: SequenceContact, stage: str) -> datetime | None:
    """When they reached a stage; None where they are not there."""
    text = (contact.stages or {}).get(stage)
    return datetime.fromisoformat(text) if text else None


def is_unsubscribed(session: Session, row: SequenceContact) -> bool:
    """Whether they want no more marketing by e-mail, as far as we know now."""
    query = select(Suppression.id).where(
        Suppression.who.in_((row.who, stored(row.who))),
        Suppression.channel == "email",
        Suppression.cause.in_(sorted(MARKETING_ONLY)),
        ~Suppression.lifted,
    )
    return session.scalars(query.limit(1)).first() is not None


def _status(contact: SequenceContact) -> str:
    """How far they are, by the stages they have reached and not by which event came last."""
    reached = contact.stages or {}
    if _missed_a_call(contact) or any(stage in reached for stage in _BOOKED_OR_PAST):
        return BEFORE_CALL
    return NURTURED if kinds.FIVE_DAY.event in reached else SIGNED_UP


def _missed_a_call(contact: SequenceContact) -> bool:
    """Whether they stayed away from a call, by our own form or a calendar, and no later one took place."""
    missed = [at for stage in (kinds.NO_SHOW.event, kinds.MISSED) if (at := moment_of(contact, stage)) is not None]
    held = moment_of(contact, kinds.NO_SHOW_TAKEN_BACK)
    return bool(missed) and (held is None or held < max(missed))
