"""The onboarding of a customer: once for each payment, whichever of the website and Stripe reports it first."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas import begin, kinds, notion_sync, people
from functions.christmas.settings import CampaignSettings
from functions.christmas.tables import MailSequence, SequenceContact
from shared.settings import settings_of

RENEWALS = frozenset(("subscription_cycle", "subscription_update", "subscription_threshold"))
NEAR = timedelta(days=1)
"""The website and Stripe may see a payment on two days: they have their own zones, and a transfer takes a night."""


def become_customer(session: Session, contact: SequenceContact, at: datetime, event_key: str) -> None:
    """Note that they have paid; their row is locked."""
    people.learn(contact, at, event_key, phase=people.ONBOARDING_PHASE)
    people.reach(contact, kinds.PAID, at)
    notion_sync.ask_contact(session, contact)


def begin_by_website(session: Session, contact: SequenceContact, start: begin.Start, day: date, event_key: str) -> str:
    """Begin it for a payment that the website reports, unless Stripe has reported that one: "duplicate-sequence" then."""
    for row in _of(session, contact):
        known = row.facts.get("website")
        if "payment_id" in row.facts and known in (None, start.source) and abs(_day(row) - day) <= NEAR:
            row.facts = dict(row.facts) | {"website": start.source}
            return begin.DUPLICATE
    return begin.begin(session, contact, start, event_key)[0]


def begin_by_payment(session: Session, payment: Mapping[str, Any], event_key: str) -> None:
    """Begin it for a payment that Stripe reports, unless the website has reported that one. Renewals begin nothing.

    ONBOARDING_ON_PAYMENT says for whom: nobody, people whom the campaign knows, or everybody.
    """
    wanted, email = settings_of(CampaignSettings).onboarding_on_payment, payment.get("email")
    if wanted == "never" or not email or payment.get("billing_reason") in RENEWALS:
        return
    query = select(SequenceContact.id).where(SequenceContact.email == email)
    if wanted == "known" and session.scalars(query).first() is None:
        return
    contact, at = people.locked_contact(session, email), datetime.fromisoformat(payment["paid_at"])
    contact.campaign_status = contact.campaign_status or people.SIGNED_UP
    if name := payment.get("name"):
        people.learn(contact, at, event_key, first_name=contact.first_name or name.split()[0])
    become_customer(session, contact, at, event_key)
    _begin_by_payment(session, contact, payment, at, event_key)


def _begin_by_payment(
    session: Session, contact: SequenceContact, payment: Mapping[str, Any], at: datetime, event_key: str
) -> None:
    number, day = payment["payment_id"], date.fromisoformat(payment["paid_on"])
    for row in _of(session, contact):
        if row.facts.get("payment_id") == number:
            return
        if "payment_id" not in row.facts and abs(_day(row) - day) <= NEAR:
            row.facts = dict(row.facts) | {"payment_id": number}
            return
    facts = {"payment_id": number, "paid_on": payment["paid_on"], "payment_amount": payment["amount"]}
    facts |= {"payment_currency": payment["currency"]}
    begin.begin(session, contact, begin.Start(kind=kinds.ONBOARDING, source=number, at=at, facts=facts), event_key)


def _of(session: Session, contact: SequenceContact) -> list[MailSequence]:
    session.flush()
    theirs = (MailSequence.contact_id == contact.id, MailSequence.type == kinds.ONBOARDING.type)
    return list(session.scalars(select(MailSequence).where(*theirs).order_by(MailSequence.id)))


def _day(row: MailSequence) -> date:
    """The day of the payment, as whoever reported it first has it; without one that on which it was reported."""
    if text := row.facts.get("paid_on") or row.facts.get("payment_date"):
        return datetime.fromisoformat(text).date()
    return row.started_at.date()
