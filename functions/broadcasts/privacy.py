"""What broadcasts hold of people: recipients, and the rows of uploaded lists. Counts are kept; the rows are deleted."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.broadcasts.tables import Automation, Execution, Recipient, UploadRow
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.store.models import Contact

RECIPIENTS = Recipient.__tablename__


def subject_of(recipient_id: int) -> str:
    """By what messages and the action log name a recipient."""
    return f"recipient:{recipient_id}"


def identify(session: Session, person: Person) -> Person:
    """Their places in executions: by their numbers, by the contact that they are, or asked for by one of them."""
    contacts = select(Contact.id).where(Contact.manychat_id.in_(person.manychat_ids))
    theirs = or_(
        Recipient.phone_number.in_(person.phones),
        Recipient.contact_id.in_(contacts),
        Recipient.id.in_(person.of(RECIPIENTS)),
    )
    found = session.execute(select(Recipient.id, Recipient.phone_number).where(theirs)).all()
    person = person.with_rows(RECIPIENTS, (number for number, _phone in found)).with_phones(phone for _number, phone in found)
    return person.with_names(subject_of(number) for number, _phone in found)


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(Recipient, lambda person: Recipient.id.in_(person.of(RECIPIENTS))),
        Holding(UploadRow, lambda person: UploadRow.phone_number.in_(person.phones)),
    ),
    identify=identify,
)


def _shown(session: Session, rows: Sequence[Recipient]) -> Iterator[dict[str, Any]]:
    query = select(Execution.id, Automation.name).join(Automation, Automation.id == Execution.automation_id)
    names = {row.id: row.name for row in session.execute(query.where(Execution.id.in_({row.execution_id for row in rows})))}
    for row in rows:
        details = {"attempts": row.attempts, "outcome": row.flow_outcome}
        yield {"what": names[row.execution_id], "outcome": row.status, "reason": row.reason, "details": details}


TIMELINE = Source(
    "broadcast",
    Recipient,
    Recipient.created_at,
    lambda whose: Recipient.phone_number.in_(whose.values("phone")),
    _shown,
)
