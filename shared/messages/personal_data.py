"""What the tables of messages hold of people: what they wrote to us, and what they agreed to. All else is digests."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from shared.crm.timeline import Source
from shared.messages import consent
from shared.messages.digests import digests_of_address
from shared.messages.received import from_numbers
from shared.people import kinds
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.store.consent_models import Consent
from shared.store.message_models import ReceivedMessage
from shared.store.whatsapp_models import WhatsAppMove

USER = "whatsapp:"


def _stated_by(person: Person) -> ColumnElement[bool]:
    """What any of their identities has said; a stop outlives that, as a digest."""
    return Consent.identity_key.in_(sorted({one.key for one in _identities(person)}))


def _identities(person: Person) -> list[kinds.Identity]:
    named = [one for name in person.subjects for one in kinds.by_name(name)]
    addresses = [*kinds.identities_of("email", person.emails), *kinds.identities_of("phone", person.phones)]
    return list(dict.fromkeys([*named, *addresses]))


def _users(person: Person) -> list[str]:
    """WhatsApp's ids of them."""
    return sorted({name.removeprefix(USER) for name in person.subjects if name.startswith(USER)})


def _identify(session: Session, person: Person) -> Person:
    """Their ids at WhatsApp: whoever has written from a number of theirs with such an id has written under it alone as well."""
    query = select(ReceivedMessage.user_id).where(from_numbers(person.phones), ReceivedMessage.user_id.is_not(None)).distinct()
    return person.with_names(USER + str(user_id) for user_id in session.scalars(query).all())


def _written_by(person: Person) -> ColumnElement[bool]:
    """What came from their numbers, and under their ids at WhatsApp."""
    return or_(from_numbers(person.phones), ReceivedMessage.user_id.in_(_users(person)))


def _moved(person: Person) -> ColumnElement[bool]:
    """Where they moved to, and whence."""
    addresses = [*person.phones, *_users(person)]
    return or_(
        WhatsAppMove.moved_to.in_(addresses),
        WhatsAppMove.who.in_(sorted({digest for one in addresses for digest in digests_of_address(one)})),
    )


def _stops(session: Session, person: Person) -> dict[str, list[dict[str, Any]]]:
    """What they have asked us not to send: kept as digests, so found by their names and addresses."""
    found = consent.stops(session, _identities(person))
    shown = [{"kind": one.kind, "value": one.value, "channel": row.channel, "cause": row.cause} for one, row in found]
    return {"stops": [entry | {"since": row.changed_at.isoformat()} for entry, (_one, row) in zip(shown, found, strict=True)]}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(ReceivedMessage, _written_by),
        Holding(WhatsAppMove, _moved),
        Holding(Consent, _stated_by),
    ),
    exported=_stops,
    identify=_identify,
)


def _shown(_session: Session, rows: Sequence[ReceivedMessage]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": row.channel,
            "outcome": row.state,
            "reason": None,
            "occurred_at": row.received_at,
            "details": {"text": row.text, "media": row.media, "wish": row.wish, "sender_name": row.sender_name},
        }


TIMELINE = Source(
    "inbound_message",
    ReceivedMessage,
    ReceivedMessage.created_at,
    lambda whose: from_numbers(whose.numbers),
    _shown,
)
