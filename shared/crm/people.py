"""Contacts, their channels and their phone numbers."""

import re
from datetime import datetime
from typing import Any

import phonenumbers
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared.crm import facts
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import Channel, Contact
from shared.store.types import key_of

MEXICAN_WITH_ONE = len("5215512345678")
# Put together once: that would cost more, for every event, than running them.
_CONTACT = locked(select(Contact).where(Contact.manychat_id == bindparam("manychat_id")), Contact)
_CHANNEL_ID = select(Channel.id).where(Channel.key == bindparam("key"))


def e164(phone: str, region: str) -> str | None:
    """`phone` in E.164 (`+525512345678`), or None where it is no possible number. `region` counts without a country code.

    WhatsApp writes full international numbers without a plus; a number that is not possible in `region` is read so as well.
    A local number without its area code is none: there is no telling where it would ring.
    """
    plain = _without_mexican_one(phone)
    for text, where in ((plain, region), (_international(plain), None)):
        try:
            number = phonenumbers.parse(text, where)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE:
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _without_mexican_one(phone: str) -> str:
    """WhatsApp still writes Mexican mobiles with the 1 after the country code that Mexico gave up in 2019."""
    digits = re.sub(r"\D", "", phone)
    return f"+52{digits[3:]}" if len(digits) == MEXICAN_WITH_ONE and digits.startswith("521") else phone


def _international(phone: str) -> str:
    """The number as one with its country code; nothing where it begins with a trunk prefix, which no such number does."""
    bare = phone.strip().removeprefix("+").removeprefix("00").strip()
    return "" if bare.startswith("0") else f"+{bare}"


def locked_contact(session: Session, manychat_id: str) -> Contact:
    """The contact of that ManyChat id, made if it is new, held against other writers until the transaction ends."""
    named = {"manychat_id": manychat_id}
    contact = session.scalars(_CONTACT, named).one_or_none()
    if contact is None:
        insert_if_absent(session, Contact, "manychat_id", named)
        contact = session.scalars(_CONTACT, named).one()
    return contact


def channel_id(session: Session, name: str) -> int:
    """The channel of that name (whatever its case), made on first mention."""
    key = {"key": _channel_key(name)}
    found = session.scalars(_CHANNEL_ID, key).one_or_none()
    if found is None:
        insert_if_absent(session, Channel, "key", key | {"name": name.strip()})
        found = session.scalars(_CHANNEL_ID, key).one()
    return found


def _channel_key(name: str) -> str:
    return key_of(name.strip().casefold())


def merge_person(session: Session, contact: Contact, at: datetime, event_key: str, **said: Any) -> set[str]:
    """Let what an event says of a person count, where it is the newest word; the names of the facts that changed.

    `said` are facts of `contacts`, and `phone` and `channel` as people write them. A phone that is no possible number is kept
    as it was written, and does not replace a good one.
    """
    phone, channel = said.pop("phone", None), said.pop("channel", None)
    if phone is not None:
        said |= {"phone_original": phone, "phone": e164(phone, get_settings().default_phone_region)}
    if channel is not None:
        known = contact.channel  # it came with the contact
        said["channel_id"] = known.id if known and known.key == _channel_key(channel) else channel_id(session, channel)
    contact.last_event_at = max(contact.last_event_at or at, at)
    return facts.merge(contact, said, at, event_key)
