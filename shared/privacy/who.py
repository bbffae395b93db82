"""Whom an erasure is about: what was asked for, and every name by which our record knows that person."""

from dataclasses import dataclass, replace

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking, BookingUid
from functions.leads.tables import Lead
from shared.store.journey_models import PERSON_LENGTH
from shared.store.models import Contact
from shared.store.types import key_of

SUBJECT_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who wants to be forgotten. `pseudonym` takes their place, and tells nobody who they were.

    `manychat_ids`, `emails` (in lower case) and `lead_ids` begin with what was asked for; `known` adds what our record says.
    """

    pseudonym: str
    manychat_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    lead_ids: tuple[int, ...] = ()
    booking_ids: tuple[int, ...] = ()
    uids: tuple[str, ...] = ()

    @property
    def subjects(self) -> list[str]:
        """By what journeys, events, deliveries and the action log name them."""
        of_manychat = [name for number in self.manychat_ids for name in (number, f"manychat:{number}")]
        of_mail = [name for mail in self.emails for name in (mail[:SUBJECT_LENGTH], email_key(mail))]
        of_uids = [f"booking:{uid}"[:SUBJECT_LENGTH] for uid in self.uids]
        return [*of_manychat, *of_mail, *(f"lead:{number}" for number in self.lead_ids), *of_uids]

    @property
    def quoted(self) -> list[str]:
        """How they stand in JSON text: ids and addresses, between quotes, our numbers without."""
        return [f'"{name}"' for name in (*self.manychat_ids, *self.emails)] + [str(number) for number in self.lead_ids]


def email_key(email: str) -> str:
    """The name of an address among people in journeys (see `functions.leads.persons`)."""
    name = f"email:{email}"
    return name if len(name.encode("utf-16-le")) // 2 <= PERSON_LENGTH else f"email:{key_of(name)}"


def known(session: Session, asked: Person) -> Person:
    """The person with every name that our record has for them.

    Who is asked for by address or lead is everybody of that address: contact, leads, bookings. Who is asked for by ManyChat's
    id is that contact alone, since relatives share addresses in ManyChat, with the leads and bookings of its address.
    """
    emails, manychat_ids = set(asked.emails), list(asked.manychat_ids)
    by_address = not asked.manychat_ids
    if asked.lead_ids:
        emails |= {mail.lower() for mail in session.scalars(select(Lead.email).where(Lead.id.in_(asked.lead_ids)))}
    if by_address and emails:
        manychat_ids = list(session.scalars(select(Contact.manychat_id).where(func.lower(Contact.email).in_(emails))))
    of_contacts = select(Contact.email).where(Contact.manychat_id.in_(manychat_ids), Contact.email.is_not(None))
    emails |= {mail.strip().lower() for mail in session.scalars(of_contacts) if mail}
    lead_ids = {*asked.lead_ids, *session.scalars(select(Lead.id).where(Lead.email.in_(emails)))}
    theirs = or_(Booking.lead_id.in_(lead_ids), func.lower(Booking.email).in_(emails))
    bookings = list(session.scalars(select(Booking.id).where(theirs)))
    uids = session.scalars(select(BookingUid.uid).where(BookingUid.booking_id.in_(bookings)))
    return replace(
        asked,
        manychat_ids=tuple(manychat_ids),
        emails=tuple(sorted(emails)),
        lead_ids=tuple(sorted(lead_ids)),
        booking_ids=tuple(bookings),
        uids=tuple(uids),
    )
