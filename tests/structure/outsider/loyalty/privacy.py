"""What loyalty holds of people."""

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


PERSONAL_DATA = PersonalData(holdings=(Holding(Member, lambda person: Member.id.in_(person.of(MEMBERS))),), identify=identify)
