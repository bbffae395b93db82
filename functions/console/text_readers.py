"""What is known of somebody, so that a text can be shown as they would get it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm.people import identities_of
from shared.journeys import load
from shared.messages import text_checks
from shared.messages.templates import Template
from shared.people import kinds
from shared.readers import phone
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.models import Contact
from shared.web.sorting import having_words

NEWEST = 20


@dataclass(frozen=True)
class TextReader:
    """Somebody for whom a text is filled in. `from_sample` names what is not known of them."""

    name: str
    values: Mapping[str, Any]
    from_sample: tuple[str, ...]


def find(session: Session, template: Template, asked: str) -> TextReader | None:
    """Whoever a text means (an address, a number, words of a name), with the variables that are known of them."""
    row = _contact(session, asked)
    if row is None:
        return None
    known = _of_contact(row) | _of_journeys(session, row, template.name)
    values = {name: value for name, value in known.items() if value not in (None, "")}
    lacking = tuple(sorted(text_checks.lacking(template, values)))
    return TextReader(" ".join(filter(None, (row.first_name, row.last_name))) or row.manychat_id, values, lacking)


def _contact(session: Session, asked: str) -> Contact | None:
    number = phone.searched(asked, default=get_settings().default_phone_region)
    if "@" in asked:
        condition = Contact.email == asked.strip().lower()
    elif number is not None:
        condition = Contact.phone.in_([number, *phone.spellings(number)])
    else:
        condition = having_words(Contact.search_text, asked.strip())
    return session.scalars(select(Contact).where(condition).order_by(Contact.id).limit(1)).first()


def _of_contact(row: Contact) -> dict[str, Any]:
    whole = " ".join(filter(None, (row.first_name, row.last_name)))
    return {
        "first_name": row.first_name,
        "last_name": row.last_name,
        "name": whole,
        "nombre": row.first_name or whole,
        "email": row.email,
        "phone": row.phone,
    }


def _of_journeys(session: Session, row: Contact, template: str) -> dict[str, Any]:
    """The data of their newest journey that sends this text: what it would be filled in with."""
    senders = journeys_with(template)
    names = [name for each in identities_of(row) for name in kinds.names_of(each)]
    if not senders or not names:
        return {}
    query = select(Enrolment.data).where(Enrolment.person.in_(names[:NEWEST]), Enrolment.journey.in_(senders))
    return dict(session.scalars(query.order_by(Enrolment.id.desc()).limit(1)).first() or {})


def journeys_with(template: str) -> list[str]:
    """The journeys that send a text, by their names."""
    ways = ((one.name, way) for one in load.definitions().values() for step in one.steps for way in step.ways())
    return sorted({journey for journey, way in ways if way.template == template})
