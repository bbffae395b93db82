"""Operator actions on an enrolment: end it for a person who asked a member of staff to."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import editing
from shared.errors import RefusedError
from shared.journeys import engine
from shared.store.dialect import locked
from shared.store.journey_models import Enrolment

EXIT = "enrolment.exit"


def end(session: Session, journey: str, enrolment_id: int, actor: str) -> Enrolment:
    """Let somebody leave for good: what is left is cancelled, with the actor for a reason, and the action log says so.

    Raises:
        RefusedError: 404, there is none of that number in the journey; 409, they have left it, or it is finished.
    """
    row = session.scalars(locked(select(Enrolment).where(Enrolment.id == enrolment_id), Enrolment)).one_or_none()
    if row is None or row.journey != journey:
        raise RefusedError(404, "no-such-enrolment", f"There is no enrolment {enrolment_id} in {journey}.")
    if not engine.exit(session, enrolment_id, f"by {actor}"):
        raise RefusedError(409, "enrolment-over", f"Enrolment {enrolment_id} is {row.state} already.", detail=row.reason or "")
    editing.log(session, actor, EXIT, row.person, journey)
    return row
