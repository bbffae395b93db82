"""Contacts, their channels and their phone numbers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import contact_profiles, facts, takeover
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.readers import email, name_key, phone
from shared.settings import get_settings
from shared.store.dialect import added, insert_if_absent, locked
from shared.store.journey_models import PERSON_LENGTH
from shared.store.models import Channel, Contact, Opportunity
from shared.store.types import key_of

WHATSAPP = "WhatsApp"
IDENTIFYING = frozenset({"phone", "email", "channel_id"})

# Put together once: that would cost more, for every event, than running them.
_CONTACT = locked(select(Contact).where(Contact.manychat_id == bindparam("manychat_id")), Contact)
_CHANNELS = select(Channel).where(Channel.key.in_(bindparam("keys", expanding=True))).order_by(Channel.id)

_IN_ODOO = (
    select(Contact.phone, Contact.odoo_id.label("partner"), Opportunity.odoo_id.label("lead"))
    .outerjoin(Opportunity, Opportunity.contact_id == Contact.id)
    .where(Contact.manychat_id == bindparam("manychat_id"))
)


def e164(text: Any, region: str, channel: phone.Channel = "form") -> str | None:
    """A phone number in E.164 (`+525512345678`), or None where it is none. `region` counts without a country code.

    With `channel="whatsapp"` a text of digits alone is an id of WhatsApp's: a full international number without its plus.
    """
    digits = channel == "whatsapp" and str(text).strip().isdecimal()
    return phone.e164_or_none(text, default=region, channel="whatsapp" if digits else "form")


def locked_contact(session: Session, manychat_id: str) -> Contact:
    """The contact of that ManyChat id, made if it is new, held against other writers until the transaction ends."""
    contact = _known_or_added(session, manychat_id)
    session.flush()
    return contact


@dataclass(frozen=True)
class Merged:
    """A contact as an event leaves it: whether it made them, the names of the facts that changed, whether any was newer."""

    contact: Contact
    is_new: bool
    changed: set[str]
    is_newer: bool


def merged_contact(session: Session, manychat_id: str, at: datetime, event_key: str, **values: Any) -> Merged:
    """The contact of that ManyChat id, made if it is new and held as by `locked_contact`, with an event's facts merged.

    `values` are those of `merge_person`. Where the id is new and the number is proven, since they write by WhatsApp, whoever
    was added by that number alone is no second contact: they get the id (`shared.crm.takeover`).
    """
    number = _proven(values.get("phone"), values.get("channel"))
    contact = _known_or_added(session, manychat_id, number)
    is_new, known = contact.last_event_at is None, contact.fact_times
    is_alone = number is not None and contact.id is None  # nobody else was added by that number alone
    changed = _merge(session, contact, at, event_key, values, is_alone=is_alone)
    return Merged(contact, is_new, changed, is_newer=contact.fact_times != known)


def _known_or_added(session: Session, manychat_id: str, proven: str | None = None) -> Contact:
    """The contact, locked; a new one is written with the next flush."""
    named = {"manychat_id": manychat_id}
    contact = session.scalars(_CONTACT, named).one_or_none()
    if contact is None and proven is not None and takeover.by_number(session, manychat_id, proven):
        contact = session.scalars(_CONTACT, named).one()
    return contact or added(session, Contact, named)


def _proven(written: str | None, channel: str | None) -> str | None:
    """The number that WhatsApp itself names, in E.164."""
    if written is None or channel is None or channel_key(channel) != channel_key(WHATSAPP):
        return None
    return e164(written, get_settings().default_phone_region, "whatsapp")


def channel_key(name: str) -> str:
    """The key of a channel: the same for every spelling that people read as one name."""
    return key_of(name_key.key(name) or name.strip().casefold())


def channel_id(session: Session, name: str) -> int:
    """The number of the channel of that name, made on first mention."""
    return channel_named(session, name).id


def channel_named(session: Session, name: str) -> Channel:
    """The channel of that name, made on first mention."""
    found = known_channel(session, name)
    if found is None:
        insert_if_absent(session, Channel, "key", {"key": channel_key(name), "name": name.strip()})
        found = session.scalars(select(Channel).where(Channel.key == channel_key(name))).one()
    return found


def known_channel_id(session: Session, name: str) -> int | None:
    """The number of the channel of that name, if there is one."""
    found = known_channel(session, name)
    return found.id if found is not None else None


def known_channel(session: Session, name: str) -> Channel | None:
    """The channel of that name, if there is one; one that was stored under an earlier release's key counts as well."""
    keys = sorted({channel_key(name), key_of(name.strip().casefold())})
    return session.scalars(_CHANNELS, {"keys": keys}).first()


def merge_person(session: Session, contact: Contact, at: datetime, event_key: str, **values: Any) -> set[str]:
    """Merge an event's facts of a person, newer ones replacing older ones; returns the names of the facts that changed.

    `values` are facts of `contacts`, and `phone` and `channel` as people write them. A phone that is no possible number is kept
    as it was written, and does not replace a good one.
    """
    return _merge(session, contact, at, event_key, values, is_alone=False)


def _merge(
    session: Session, contact: Contact, at: datetime, event_key: str, values: dict[str, Any], *, is_alone: bool
) -> set[str]:
    written, channel = values.pop("phone", None), values.pop("channel", None)
    if written is not None:
        values |= {"phone_original": written, "phone": e164(written, get_settings().default_phone_region, "whatsapp")}
    if channel is not None:
        known = contact.channel  # it came with the contact; while we hold it, the session does not read it again
        if known is None or known.key != channel_key(channel):
            with session.no_autoflush:  # a new contact is written once, with its facts
                known = channel_named(session, channel)
        values["channel_id"] = known.id
    is_new = contact.last_event_at is None
    contact.last_event_at = max(contact.last_event_at or at, at)
    changed = facts.merge(contact, values, at, event_key)
    if is_new or changed & IDENTIFYING:
        session.flush()  # a new contact gets their number
        if not is_alone and writes_by_phone(session, contact):
            takeover.take_in(session, contact)
        observe(session, contact, at)
    return changed


def writes_by_phone(session: Session, contact: Contact) -> bool:
    """Whether ManyChat knows the contact by WhatsApp, which names their number."""
    channel = session.get(Channel, contact.channel_id) if contact.channel_id else None
    return channel is not None and channel.key == channel_key(WHATSAPP)


def observe(session: Session, contact: Contact, at: datetime) -> int | None:
    """Note by which identities a contact is known; the number of the person.

    The number is proven where the person writes to us by WhatsApp, which names it; elsewhere somebody typed it, as the e-mail
    address always. Whom ManyChat does not know is known by the number alone.
    """
    has_manychat = contact_profiles.shown_manychat_id(contact.manychat_id) is not None
    is_proven = not has_manychat or writes_by_phone(session, contact)
    phone_number, address = kinds.identities(phone=contact.phone), kinds.identities(email=contact.email)
    proven = (*identities_of(contact), *(phone_number if is_proven and has_manychat else ()))
    typed = (*address, *(() if is_proven else phone_number))
    if not proven:  # a person without ManyChat whose number was taken away
        return None
    source = "manychat" if has_manychat else "hand"
    return observing.observe(session, Seen(source=source, at=at, proven=proven, typed=typed))


def identities_of(contact: Contact) -> tuple[Identity, ...]:
    """By what a contact is known for sure: ManyChat's id, or the number of a person whom ManyChat does not know."""
    return _proven_of(contact.manychat_id, contact.phone)


def _proven_of(manychat_id: str, number: str | None) -> tuple[Identity, ...]:
    known = contact_profiles.shown_manychat_id(manychat_id)
    return kinds.identities(phone=number) if known is None else kinds.identities(manychat=known)


def observe_in_odoo(session: Session, manychat_id: str) -> None:
    """Note by which of Odoo's ids a contact is known, of their partner and their lead, once there are any.

    Odoo's records carry ManyChat's id, so their own ids are proven. What Odoo has merged or made anew leads to the same person
    by its old and its new id. A second run adds nothing.
    """
    found = session.execute(_IN_ODOO, {"manychat_id": manychat_id}).one_or_none()
    if found is None or not (ours := _proven_of(manychat_id, found.phone)):
        return
    theirs = kinds.identities(odoo_partner=found.partner, odoo_lead=found.lead)
    known = ours[0]
    if theirs and not observing.are_linked(session, known, theirs):
        observing.observe(session, Seen(source="odoo", at=clock.now(), proven=(known, *theirs)))


def _observe_stored(session: Session, contact: Contact) -> int | None:
    number = observe(session, contact, contact.last_event_at or contact.created_at)
    observe_in_odoo(session, contact.manychat_id)
    return number


CONTACTS = Source("contacts", Contact, _observe_stored)


def email_name(address: str) -> str:
    """The name by which journeys know whoever has this address, whatever its spelling; a digest where that is too long."""
    name = f"email:{email.key(address)}"
    return name if len(name.encode("utf-16-le")) // 2 <= PERSON_LENGTH else f"email:{key_of(name)}"
