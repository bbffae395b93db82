"""What loyalty holds of people."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.loyalty.tables import Member
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

MEMBERS = Member.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their rows, by their addresses; deliveries name a customer by the number of the row."""
    found = session.scalars(select(Member.id).where(Member.email.in_(person.emails))).all()
    return person.with_rows(MEMBERS, found).with_names(f"member:{number}" for number in found)


def at_stamps(session: Session, person: Person) -> Mapping[str, list[str]]:
    """The numbers of their cards: an operator deletes those at Stamps."""
    cards = session.scalars(select(Member.card).where(Member.id.in_(person.of(MEMBERS)), Member.card.is_not(None)))
    return {"cards at Stamps": [str(card) for card in cards]}


PERSONAL_DATA = PersonalData(
    holdings=(Holding(Member, lambda person: Member.id.in_(person.of(MEMBERS))),),
    identify=identify,
    outside=at_stamps,
)
