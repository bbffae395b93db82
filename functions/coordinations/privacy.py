"""What coordinations hold of people: what process and robot work on. It goes; that there was a run stays."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.coordinations.payloads import subject_of
from functions.coordinations.tables import Coordination
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.retention_rules import DaysOf, Rule

TABLE = Coordination.__tablename__
_DAYS = DaysOf("retention_coordination_days")


def identify(session: Session, person: Person) -> Person:
    """Their coordinations: those whose payload names one of their addresses or numbers."""
    rows = session.scalars(select(Coordination).where(_theirs(person))).all()
    names = [name for row in rows for name in (f"coordination:{row.id}", subject_of(row.business_key))]
    return person.with_rows(TABLE, [row.id for row in rows]).with_names(names)


def _theirs(person: Person) -> ColumnElement[bool]:
    named = (Coordination.email.in_(person.emails), Coordination.phone.in_(person.phones))
    return or_(*named, Coordination.id.in_(person.of(TABLE)))


def outside(session: Session, person: Person) -> Mapping[str, Sequence[int | str]]:
    """Processes in Flowable, which keeps its history: an operator deletes them there."""
    query = select(Coordination.process_id).where(_theirs(person), Coordination.process_id.is_not(None))
    found = [number for number in session.scalars(query) if number]
    return {"processes in Flowable": found} if found else {}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(
            Coordination,
            lambda person: Coordination.id.in_(person.of(TABLE)),
            lambda _person: {"payload": None, "result": None, "error": None, "email": None, "phone": None},
        ),
    ),
    identify=identify,
    outside=outside,
)


def _shown(_session: Session, rows: Sequence[Coordination]) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"process": row.process_key, "bot": row.bot, "process_id": row.process_id, "execution_id": row.execution_id}
        yield {"what": row.business_key, "outcome": row.state, "reason": row.reason, "details": details}


TIMELINE = Source(
    "coordination",
    Coordination,
    Coordination.created_at,
    lambda whose: or_(Coordination.email.in_(whose.values("email")), Coordination.phone.in_(sorted(whose.numbers))),
    _shown,
)


def _old(before: datetime) -> ColumnElement[bool]:
    return Coordination.ended_at < before


RULES: Mapping[str, Rule] = MappingProxyType({"coordinations": Rule(Coordination, Coordination.created_at, _DAYS, _old)})
