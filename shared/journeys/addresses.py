"""Digests of the addresses of people in journeys, because an inbound message names an address, not a person.

An enrolment keeps digests of its person's key and of every address it has had, so that a message from an older number still
finds it. One index seek leads from a digest to its people.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.messages.digests import digest_of_address, digest_of_person
from shared.store.journey_models import Enrolment, EnrolmentAddress

FIELDS = ("email", "phone", "manychat_id")


def note(session: Session, enrolment: Enrolment, known: Any = None) -> None:
    """Keep the digests of an enrolment's addresses; `known` is its data until now, whose addresses are kept already."""
    before = _digests(enrolment.person, known) if known is not None else set()
    new = _digests(enrolment.person, enrolment.data) - before
    if new and known is not None:  # one of them may have been theirs before the last
        query = select(EnrolmentAddress.who).where(EnrolmentAddress.enrolment_id == enrolment.id)
        new -= set(session.scalars(query))
    if new:
        session.execute(insert(EnrolmentAddress), [{"enrolment_id": enrolment.id, "who": who} for who in sorted(new)])


def people(session: Session, recipient_digests: Iterable[str]) -> list[str]:
    """The keys of all people with one of these digests; whoever entered a journey last comes first."""
    query = (
        select(Enrolment.person, Enrolment.id)
        .join(EnrolmentAddress, EnrolmentAddress.enrolment_id == Enrolment.id)
        .where(EnrolmentAddress.who.in_(sorted(set(recipient_digests))))
        .order_by(Enrolment.id.desc())
    )
    return list(dict.fromkeys(person for person, _id in session.execute(query)))


def _digests(person: str, data: Any) -> set[str]:
    addresses = {str(data[name]) for name in FIELDS if data.get(name) and str(data[name]).strip()}
    return {digest_of_person(person), *map(digest_of_address, addresses)}


__all__ = ["note", "people"]
